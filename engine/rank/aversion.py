"""Aversion: what a user does not want to see now, and how far the odds of other items are lowered for it.

What is not wanted never comes, and what is like it comes at lower odds. What the user is tired of comes after all
others, or at lower odds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from engine.data.columns import NO_IDS, Floats, Ints

LoweredBy = Literal["unwantedAlike", "fatigue"]


class Lowering(NamedTuple):
    """Items (k,) whose odds are multiplied, each once, and why; `item` is the one that they are like."""

    cause: LoweredBy
    items: Ints
    odds: Floats  # (k,) in (0, 1)
    item: int = -1


@dataclass(frozen=True)
class Aversion:
    """`gone` never come; `last` come after all others; of what is lowered for several reasons the odds multiply."""

    gone: Ints = field(default_factory=lambda: NO_IDS)
    last: Ints = field(default_factory=lambda: NO_IDS)
    lowerings: tuple[Lowering, ...] = ()

    def __bool__(self) -> bool:
        return bool(len(self.gone) or len(self.last) or self.lowerings)

    @property
    def touched(self) -> Ints:
        """(k,) all that it says anything of, each once."""
        return np.unique(np.concatenate((self.gone, self.last, self.lowered[0])))

    def odds_of(self, items: Ints) -> Floats:
        """(k,) what the odds of these are multiplied by."""
        lowered, odds = self.lowered
        of_items = np.ones(len(items), np.float32)
        if len(lowered):
            place = np.searchsorted(lowered, items).clip(max=len(lowered) - 1)
            of_items = np.where(lowered[place] == items, odds[place], np.float32(1))
        of_items[np.isin(items, self.absent)] = 0
        return of_items

    @cached_property
    def absent(self) -> Ints:
        """Those that nothing may bring in but want of others."""
        return np.concatenate((self.gone, self.last))

    @cached_property
    def lowered(self) -> tuple[Ints, Floats]:
        """(k,) items, each once, and what their odds are multiplied by."""
        if not self.lowerings:
            return NO_IDS, np.zeros(0, np.float32)
        items, place = np.unique(np.concatenate([each.items for each in self.lowerings]), return_inverse=True)
        odds = np.ones(len(items), np.float32)
        np.multiply.at(odds, place, np.concatenate([each.odds for each in self.lowerings]))
        return items.astype(np.int32), odds

    def of(self, scores: Floats, are_logits: bool) -> Floats:
        """(items,) the scores with this user's aversion; they may have fewer items than it names."""
        finite = scores > -np.inf
        if not finite.any():
            return scores
        averse = scores.copy()
        low, high = float(scores[finite].min()), float(scores.max())
        items, odds = self.lowered
        odds, items = odds[items < len(scores)], items[items < len(scores)]
        if are_logits:
            averse[items] += np.log(odds)
        else:
            averse[items] = np.where(finite[items], low + odds * (scores[items] - low), -np.inf)
        last = self.last[self.last < len(scores)]
        averse[last] -= np.float32(high - min(low, float(averse[finite].min())) + 1)
        averse[self.gone[self.gone < len(scores)]] = -np.inf
        return averse

    def nearest(self, items: Ints, logits: Floats) -> Ints:
        """The best by an index (k,) in their new order, as far as no item beside them can be better."""
        odds = self.odds_of(items)
        items, averse = items[odds > 0], logits[odds > 0] + np.log(odds[odds > 0])
        order = np.lexsort((items, -averse))
        sure = int(np.count_nonzero(averse >= logits.min(initial=np.inf)))
        return items[order][:sure]
