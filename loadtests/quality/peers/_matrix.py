"""What the factorising libraries take: users by items, how often each chose each."""

from __future__ import annotations

from typing import Any

import numpy as np

from loadtests.quality.ranking import Scorer
from loadtests.quality.task import Array, Log


def matrix(log: Log, scale: str = "counts") -> Any:
    """(users, items) sparse: how often, the logarithm of that (`log`), or 1 for each item chosen (`binary`)."""
    from scipy.sparse import csr_matrix

    shape = (log.user_count, log.item_count)
    counts = csr_matrix((np.ones(len(log.items), np.float32), (log.users, log.items)), shape)
    counts.sum_duplicates()
    if scale == "binary":
        counts.data[:] = 1
    elif scale == "log":
        counts.data = 1 + np.log(counts.data)
    return counts


def products(users: Array, items: Array) -> Scorer:
    """Scores as products of a user's and an item's vector."""
    return lambda asked, now: users[asked] @ items.T
