"""Mean and deviation of products without making them.

Over all items x and biases b, the products x·v + b have mean m·(v, 1) and variance (v, 1)ᵀ C (v, 1), where m and C are
mean and covariance of the vectors (x, b). That is what standardises a query's scores without a pass over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats

CHUNK = 65_536  # items whose moments are summed at once


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
