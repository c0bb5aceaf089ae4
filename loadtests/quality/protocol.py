"""How a data set becomes a task: the last events hidden, or all from a moment on; validation in the same manner.

The whole catalogue is ranked. Events of equal times keep their order of arrival; where most of a user's share their
time, the target is a basket. Where targets often repeat, lists keep what the user has had. Settings are chosen on a
split of the training part, then everything is refitted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from engine.data.snapshot import Snapshot
from engine.measure.split import EvaluationCase, Split, drawn, leave_last_out, repeat_share, tied_share, time_split
from loadtests.quality.task import Log, Questions, Task, Trial

BASKETS = 0.75  # tied rows from which on a target is a basket
REPEATS = 0.1  # share of targets that the user has had, under which lists leave out such items
TEST_QUESTIONS, VALIDATION_QUESTIONS = 5_000, 2_000  # at most, drawn
SEED = 20_261_201

SPLITS: dict[str, Callable[..., Split]] = {"last": leave_last_out, "time": time_split}
TITLES = {"last": "leave-last-out", "time": "time split, returning users"}


@dataclass(frozen=True)
class Manner:
    """The manner in which a data set is asked about."""

    baskets: bool
    hide_seen: bool

    @property
    def words(self) -> str:
        seen = "removed" if self.hide_seen else "allowed"
        return f"next {'basket' if self.baskets else 'item'}, seen items {seen}"

    @classmethod
    def of(cls, snapshot: Snapshot) -> Manner:
        baskets = tied_share(snapshot) > BASKETS
        return cls(baskets, repeat_share(leave_last_out(snapshot, baskets=baskets).cases) < REPEATS)


def task_of(snapshot: Snapshot, split: str, manner: Manner) -> Task:
    """Raises `ValueError` where a split leaves nobody to ask about."""
    splitter = partial(SPLITS[split], baskets=manner.baskets)
    test = splitter(snapshot)
    trials = [
        _trial(splitter(test.train), test.train, manner, VALIDATION_QUESTIONS),
        _trial(test, snapshot, manner, TEST_QUESTIONS),
    ]
    if not all(len(trial.questions) for trial in trials):
        raise ValueError(f"{TITLES[split]}: nobody is left to ask about")
    return Task(*trials)


def _trial(split: Split, whole: Snapshot, manner: Manner, most: int) -> Trial:
    able = [case for case in split.cases if len(case.history)]
    cases = [able[place] for place in drawn(np.arange(len(able)), most, SEED)]
    train = split.train
    counts = (train.user_count, train.item_count)
    log = Log(train.users, train.items, train.times, *counts, manner.baskets, manner.hide_seen)
    return Trial(log, _questions(cases, whole))


def _questions(cases: Sequence[EvaluationCase], whole: Snapshot) -> Questions:
    asked = [whole.history(case.user)[1][len(case.history)] for case in cases]
    return Questions(
        users=np.array([case.user for case in cases], np.int64),
        now=np.array([int(case.now) for case in cases], np.int64),
        asked=np.array(asked, np.int64),
        truth=np.concatenate([np.empty(0, np.int64), *(case.truth for case in cases)]).astype(np.int64),
        indptr=np.concatenate([[0], np.cumsum([len(case.truth) for case in cases])]).astype(np.int64),
    )
