"""The trained sequence model's answer in numpy: no torch in a serving process.

The same network as `engine.nn.transformer`, for one history, and of the last layer only the last position.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    T, heads = len(weights["positions"]), int(weights["heads"][0])
    recent = history[-T:]
    x = weights["items"][recent] + weights["positions"][: len(recent)]  # (h, dim)
    layers = len(weights["qkv"])
    for layer in range(layers):
        asked = x[-1:] if layer == layers - 1 else x  # only the last position is read of the last layer
        x = asked + _attend(weights, layer, heads, x, len(asked))
        x = x + _feed(weights, layer, x)
    return _norm(x[-1], weights["norm"], 0)


def _attend(weights: Weights, layer: int, heads: int, x: Floats, asked: int) -> Floats:
    h, dim = x.shape
    y = _norm(x, weights["norm1"], layer)
    qkv = y @ weights["qkv"][layer].T + weights["qkv_bias"][layer]  # (h, 3 dim)
    q, k, v = qkv.reshape(h, 3, heads, dim // heads).transpose(1, 2, 0, 3)  # each (heads, h, dim / heads)
    score = q[:, h - asked :] @ k.transpose(0, 2, 1) / np.float32((dim // heads) ** 0.5)  # (heads, asked, h)
    future = np.arange(h)[None, :] > np.arange(h - asked, h)[:, None]
    score = np.where(future, -np.inf, score)
    share = np.exp(score - score.max(axis=-1, keepdims=True))
    share /= share.sum(axis=-1, keepdims=True)
    mixed = (share @ v).transpose(1, 0, 2).reshape(asked, dim)
    return np.asarray(mixed @ weights["out"][layer].T + weights["out_bias"][layer], np.float32)


def _feed(weights: Weights, layer: int, x: Floats) -> Floats:
    y = _norm(x, weights["norm2"], layer)
    hidden = np.maximum(y @ weights["up"][layer].T + weights["up_bias"][layer], 0)  # (h, 4 dim)
    return np.asarray(hidden @ weights["down"][layer].T + weights["down_bias"][layer], np.float32)


def _norm(x: Floats, gain: NDArray[Any], layer: int) -> Floats:
    centred = x - x.mean(axis=-1, keepdims=True)
    scale = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-5)
    return np.asarray(centred / scale * gain[layer, 0] + gain[layer, 1], np.float32)
