"""Users' vectors by their histories, and the mean and deviation of their products with the items', without making them.

Over all items x and biases b, the products x·v + b have mean m·(v, 1) and variance (v, 1)ᵀ C (v, 1), where m and C are
mean and covariance of the vectors (x, b). That is what standardises a query's scores without a pass over them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats, Ints

REMEMBERED = 20_000  # histories, about 600 bytes each with 64 dimensions
CHUNK = 65_536  # items whose moments are summed at once


class Vectors:
    """A cache by histories: the next event makes another history, and so another vector.

    `encode(histories) -> (b, dim)`. Any thread asks; two that ask for the same at once may both encode it.
    """

    def __init__(self, encode: Callable[[Sequence[Ints]], Floats], most: int = REMEMBERED) -> None:
        self._encode, self._most = encode, most
        self._vectors: dict[bytes, Floats] = {}  # the first was asked for longest ago
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, object]:
        """All but what it remembers: another process has a lock of its own."""
        return {name: value for name, value in vars(self).items() if name not in ("_vectors", "_lock")}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state, _vectors={}, _lock=threading.Lock())

    def of(self, histories: Sequence[Ints]) -> list[Floats]:
        """(dim,) each; not to be written to."""
        keys = [blake2b(history.tobytes(), digest_size=16).digest() for history in histories]
        vectors = self._remembered(keys)
        new = {key: history for key, history in zip(keys, histories, strict=True) if key not in vectors}
        if new:
            encoded = dict(zip(new, self._encode(list(new.values())), strict=True))
            self._remember(encoded)
            vectors |= encoded
        return [vectors[key] for key in keys]

    def _remembered(self, keys: Sequence[bytes]) -> dict[bytes, Floats]:
        vectors = {}
        with self._lock:
            for key in keys:
                vector = self._vectors.pop(key, None)
                if vector is not None:
                    vectors[key] = self._vectors[key] = vector
        return vectors

    def _remember(self, vectors: dict[bytes, Floats]) -> None:
        with self._lock:
            # copies, as a row would keep all others
            self._vectors.update((key, vector.copy()) for key, vector in vectors.items())
            while len(self._vectors) > self._most:
                del self._vectors[next(iter(self._vectors))]

    def __len__(self) -> int:
        return len(self._vectors)


def with_moments(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Arrays of "items" (n, dim) and their "bias" (n,), and "mean" (dim + 1,) and "covariance" (dim + 1, dim + 1)."""
    items, bias = arrays["items"], arrays["bias"]
    total = np.zeros(items.shape[1] + 1)
    squares = np.zeros((len(total), len(total)))
    for first in range(0, len(items), CHUNK):
        part = np.column_stack((items[first : first + CHUNK], bias[first : first + CHUNK])).astype(np.float64)
        total += part.sum(axis=0)
        squares += part.T @ part
    mean = total / max(len(items), 1)
    return {**arrays, "mean": mean, "covariance": squares / max(len(items), 1) - np.outer(mean, mean)}


def mean_and_deviation(arrays: Mapping[str, NDArray[Any]], vector: Floats) -> tuple[float, float]:
    """The mean and deviation of all items' products with a vector (dim,), biases added."""
    asked = np.ones(len(vector) + 1)
    asked[:-1] = vector
    variance = float(asked @ arrays["covariance"] @ asked)
    return float(arrays["mean"] @ asked), max(variance, 0.0) ** 0.5
