"""Promotions: some items are promised a share of the places, wherever relevance would put them (specification §5.1)."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from engine.data.columns import Ints


def mixed(promoted: int, total: int, seed: str) -> Ints:
    """(total,) of a list that begins with the promoted: which of it stands where; both kinds keep their order."""
    draw = np.random.default_rng(int.from_bytes(blake2b(seed.encode(), digest_size=8).digest()))
    is_promoted = np.zeros(total, np.bool_)
    is_promoted[draw.choice(total, promoted, replace=False)] = True
    return np.where(is_promoted, is_promoted.cumsum() - 1, promoted + (~is_promoted).cumsum() - 1).astype(np.int32)
