"""A cache of users' vectors by their histories: the next event makes another history, and so another vector."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from hashlib import blake2b

from engine.data.columns import Floats, Ints

REMEMBERED = 20_000  # histories, about 600 bytes each with 64 dimensions


class Vectors:
    """`encode(histories) -> (b, dim)`. Any thread asks; two that ask for the same at once may both encode it."""

    def __init__(self, encode: Callable[[Sequence[Ints]], Floats], most: int = REMEMBERED) -> None:
        self._encode, self._most = encode, most
        self._vectors: dict[bytes, Floats] = {}  # the first was asked for longest ago
        self._lock = threading.Lock()

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
            self._vectors.update(
                (key, vector.copy()) for key, vector in vectors.items()
            )  # not a row that keeps all others
            while len(self._vectors) > self._most:
                del self._vectors[next(iter(self._vectors))]

    def __len__(self) -> int:
        return len(self._vectors)
