"""The cohorts of a deployed model: the cohort that a history belongs to, and its list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import msgspec
import numpy as np

from engine.cohorts.training import VECTORS, embedded
from engine.data.columns import Floats, Ints
from engine.ensemble.extension import Extension
from engine.recipe import Model, Query, Scorer

EVERYONE = "c0"  # who has no history, or none that the model knows; the same in all models
SPELLED = re.compile(r"c([1-9][0-9]{0,5})-([0-9a-f]{8})")


class Cohort(msgspec.Struct, frozen=True):
    """A user's cohort, of so many. The name belongs to one trained model: another's cohorts are other people."""

    cohort: str
    count: int
    model: str


@dataclass(frozen=True)
class CohortLists:
    """One division of a model's users."""

    tag: str
    vectors: Floats  # (items, d)
    centres: Floats  # (n, d)
    items: Ints  # (n, k)
    logits: Floats  # (n, k)
    typical: Ints  # (n, h) a history for each, -1 before it
    scorer: Scorer
    base: Floats  # (items,) logits for people without a history
    extension: Extension | None  # by items that came after training

    def name_of(self, history: Ints) -> str:
        """The cohort of a history (h,) of items of today's catalogue, oldest first."""
        items = len(self.vectors)
        if self.extension is not None:
            history = self.extension.with_stand_ins(history, items)
        vector = embedded(self.vectors, history[(history >= 0) & (history < items)])
        return f"c{int(np.argmax(self.centres @ vector)) + 1}-{self.tag}" if vector.any() else EVERYONE

    def number_of(self, name: str) -> int | None:
        """The place of its list; None for a cohort that is not of this division."""
        match = SPELLED.fullmatch(name)
        if match is None or match[2] != self.tag or int(match[1]) > len(self.centres):
            return None
        return int(match[1]) - 1

    def scores(self, number: int) -> Floats:
        """(catalogue of the model,) logits. Items that are not in the list come after it, as for people without a
        history; those that came after training have the share that a typical member gives them."""
        listed, logits = self.items[number], self.logits[number]
        rest = self.base.copy()
        rest[listed] = -np.inf
        if len(listed) < len(rest):
            left = max(1 - float(np.exp(logits).sum()), 1e-9)
            top = rest.max()
            rest += np.float32(np.log(left) - top - np.log(np.exp(rest - top).sum()))
            np.minimum(rest, logits[-1], out=rest)
        rest[listed] = logits
        return rest if self.extension is None else np.concatenate((rest, self._newer(number)))

    def _newer(self, number: int) -> Floats:
        """(new,) not by the list, in which what members know already is low: what is like it need not be."""
        history = self.typical[number]
        scores = self.scorer(Query(history[history >= 0]))
        top = scores.max()
        newer: Floats = scores[len(self.base) :] - top - np.log(np.exp(scores - top).sum())
        return newer


def cohorts_of(model: Model, scorer: Scorer, name: str) -> Mapping[int, CohortLists]:
    """A model's cohorts by the count asked for in training; none where it was trained without. `name` is its name."""
    counts = model.about.get("cohorts", [])
    if not counts:
        return {}
    vectors = model.arrays[VECTORS]
    base, extension = scorer(Query())[: len(vectors)], Extension.of(model)
    return {
        count: CohortLists(
            tag=blake2b(f"{name}\0{count}".encode(), digest_size=4).hexdigest(),
            vectors=vectors,
            centres=model.arrays[f"cohort_centres_{count}"],
            items=model.arrays[f"cohort_items_{count}"],
            logits=model.arrays[f"cohort_logits_{count}"],
            typical=model.arrays[f"cohort_typical_{count}"],
            scorer=scorer,
            base=base,
            extension=extension,
        )
        for count in counts
    }
