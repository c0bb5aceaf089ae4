"""The answer of related-items recipes: an item's neighbours, then the popular ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats
from engine.neighbours.table import mix
from engine.recipe import Query, Scorer

ONE = np.ones(1, np.float32)


def related_or_popular(table: Mapping[str, NDArray[Any]], users: Floats) -> Scorer:
    """Scores of the current item's row; items without a tie to it, and all items for an unknown or thin one, follow in
    order of popularity, below 0. The current item itself is never an answer.
    """
    count = len(users)
    popular: Floats = (users / (users.max(initial=0) + 1) - 1).astype(np.float32)  # (items,) in -1..0

    def score(query: Query) -> Floats:
        if not 0 <= query.item < count:
            return popular
        near = mix(table, np.array([query.item]), ONE, count)
        scores: Floats = np.where(near > 0, near, popular)
        scores[query.item] = -np.inf
        return scores

    return score
