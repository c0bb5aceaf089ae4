"""The trained sequence model's answer in numpy: no torch in a serving process.

The same network as `engine.nn.transformer`, and of the last layer only the last position.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats, Ints

Weights = Mapping[str, NDArray[Any]]


def logits(weights: Weights, history: Ints) -> Floats:
    """(items,) the next item's logits after `history` (h,), oldest first, h ≥ 1; its latest T items are read."""
    return np.asarray(weights["items"] @ expected(weights, history) + weights["bias"], np.float32)


def expected(weights: Weights, history: Ints) -> Floats:
    """(dim,) what comes next as a vector: its product with each item's, and that item's bias, is the item's logit."""
    vector: Floats = expected_of_many(weights, history[None])[0]
    return vector


def expected_of_many(weights: Weights, histories: Ints) -> Floats:
    """(b, dim) the same for (b, h) histories of one length, for less: to the bit what each has alone."""
    T, heads = len(weights["positions"]), int(weights["heads"][0])
    recent = histories[:, -T:]
    x = weights["items"][recent] + weights["positions"][: recent.shape[1]]  # (b, h, dim)
    layers = len(weights["qkv"])
    for layer in range(layers):
        asked = x[:, -1:] if layer == layers - 1 else x  # only the last position is read of the last layer
        x = asked + _attend(weights, layer, heads, x, asked.shape[1])
        x = x + _feed(weights, layer, x)
    return _norm(x[:, -1], weights["norm"], 0)


def _attend(weights: Weights, layer: int, heads: int, x: Floats, asked: int) -> Floats:
    b, h, dim = x.shape
    y = _norm(x, weights["norm1"], layer)
    qkv = y @ weights["qkv"][layer].T + weights["qkv_bias"][layer]  # (b, h, 3 dim)
    q, k, v = qkv.reshape(b, h, 3, heads, dim // heads).transpose(2, 0, 3, 1, 4)  # each (b, heads, h, dim / heads)
    score = q[:, :, h - asked :] @ k.transpose(0, 1, 3, 2) / np.float32((dim // heads) ** 0.5)  # (b, heads, asked, h)
    if asked > 1:  # the last position has all behind it
        score = score + _future(h)
    share = np.exp(score - score.max(axis=-1, keepdims=True))
    share /= share.sum(axis=-1, keepdims=True)
    mixed = (share @ v).transpose(0, 2, 1, 3).reshape(b, asked, dim)
    return np.asarray(mixed @ weights["out"][layer].T + weights["out_bias"][layer], np.float32)


@lru_cache(8)
def _future(h: int) -> Floats:
    """(h, h) 0 for what each position has seen, -inf for what comes after it."""
    return np.triu(np.full((h, h), -np.inf, np.float32), 1)


def _feed(weights: Weights, layer: int, x: Floats) -> Floats:
    y = _norm(x, weights["norm2"], layer)
    hidden = np.maximum(y @ weights["up"][layer].T + weights["up_bias"][layer], 0)  # (h, 4 dim)
    return np.asarray(hidden @ weights["down"][layer].T + weights["down_bias"][layer], np.float32)


def _norm(x: Floats, gain: NDArray[Any], layer: int) -> Floats:
    centred = x - x.mean(axis=-1, keepdims=True)
    scale = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-5)
    return np.asarray(centred / scale * gain[layer, 0] + gain[layer, 1], np.float32)
