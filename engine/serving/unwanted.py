"""Items that are like an unwanted one, by the model itself: those that it would show after that one alone, more than
after any other item."""

from __future__ import annotations

from functools import cached_property
from threading import Lock

import numpy as np

from engine.data.columns import NO_IDS, Floats, Ints
from engine.rank.aversion import Lowering
from engine.recipe import Query, RecipeType, Scorer, scored

NEAREST = 100  # items that are lowered with another
REFERENCES = 16  # items spread over the catalogue, which any other is compared with
MOST_REMEMBERED = 10_000  # items whose like a model remembers
PULL = 2.0  # logits that the nearest loses, as with the sensitivity HIGH of an objective


class AlikeItems:
    """The items like another one by a model's own scores, remembered. Safe to use from many threads."""

    def __init__(self, scorer: Scorer, kind: RecipeType, *, gives_logits: bool) -> None:
        self._scorer, self._is_related, self._gives_logits = scorer, kind == "RELATED_ITEMS", gives_logits
        self._near: dict[int, tuple[Ints, Floats]] = {}
        self._lock = Lock()

    def __getstate__(self) -> dict[str, object]:
        """All but what it remembers: another process has a lock of its own."""
        return {name: value for name, value in vars(self).items() if name not in ("_near", "_lock")}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state, _near={}, _lock=Lock())

    def lowering(self, item: int, strength: float) -> Lowering:
        """The lowering of what is like an unwanted item."""
        items, ties = self._near_of(item)
        return Lowering("unwantedAlike", items, np.exp(np.float32(-PULL * strength) * ties), item)

    def _near_of(self, item: int) -> tuple[Ints, Floats]:
        near = self._near.get(item)
        if near is None:
            near = self._find(item)
            with self._lock:
                if len(self._near) >= MOST_REMEMBERED:
                    self._near.clear()
                self._near[item] = near
        return near

    def _find(self, item: int) -> tuple[Ints, Floats]:
        """(k,) the nearest, and how near each is: 1 for the first, above 0 for all."""
        has_ties = self._is_related or self._gives_logits
        if not has_ties or not 0 <= item < len(self._unrelated):
            return NO_IDS, np.zeros(0, np.float32)
        ties = self._ties(item)
        ties[item] = 0
        some = np.flatnonzero(ties > 0)
        near = some[np.argsort(-ties[some], kind="stable")[:NEAREST]].astype(np.int32)
        return near, np.asarray(ties[near] / max(float(ties.max(initial=0)), 1e-9), np.float32)

    def _ties(self, item: int) -> Floats:
        """(items,) above 0 for what is like the item."""
        if self._is_related:
            near = self._scorer(Query(item=item))
            is_known = np.any(np.delete(near != self._unrelated, item))  # else these are what is popular
            return np.maximum(near, np.float32(0)) if is_known else np.zeros(len(near), np.float32)
        scores = self._scorer(_after(item))
        usual, ties = self._usual, np.zeros(len(scores), np.float32)
        both = np.isfinite(scores) & np.isfinite(usual)
        ties[both] = scores[both] - usual[both]
        return ties

    @cached_property
    def _unrelated(self) -> Floats:
        """(items,) the scores for nobody and beside nothing."""
        return self._scorer(Query())

    @cached_property
    def _usual(self) -> Floats:
        """(items,) the mean score after any item."""
        count = len(self._unrelated)
        references = np.unique(np.linspace(0, max(count - 1, 0), REFERENCES).astype(np.int32)) if count else ()
        scores = scored(self._scorer, [_after(int(each)) for each in references])
        return np.mean(scores, axis=0, dtype=np.float32) if scores else np.zeros(0, np.float32)


def _after(item: int) -> Query:
    return Query(history=np.array([item], np.int32), times=np.zeros(1, np.int64))
