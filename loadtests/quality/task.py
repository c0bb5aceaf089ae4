"""A task: interactions to learn from and users to ask about, as plain arrays that every environment can read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Log:
    """Interactions in the order (user, time, arrival); every id below the counts may lack some."""

    users: Array  # (n,) int32
    items: Array  # (n,) int32
    times: Array  # (n,) int64, epoch seconds
    user_count: int
    item_count: int
    baskets: bool  # most of a user's rows share their time with another
    hide_seen: bool  # lists leave out what the user has had

    @cached_property
    def indptr(self) -> Array:
        """(users + 1,) where each user's rows begin."""
        return np.concatenate([[0], np.cumsum(np.bincount(self.users, minlength=self.user_count))])

    def history(self, user: int) -> Array:
        """(h,) the user's items, oldest first."""
        return self.items[self.indptr[user] : self.indptr[user + 1]]

    def history_times(self, user: int) -> Array:
        return self.times[self.indptr[user] : self.indptr[user + 1]]

    def counts(self) -> Array:
        """(items,) how often each was chosen."""
        return np.bincount(self.items, minlength=self.item_count)


@dataclass(frozen=True)
class Questions:
    """Users asked about, each with the items that turned out right."""

    users: Array  # (q,)
    now: Array  # (q,) the last moment known to whoever asks: the user's last event, or that of the split
    asked: Array  # (q,) the moment of the right answer, which a live server knows
    truth: Array  # right items, one question after the other
    indptr: Array  # (q + 1,) where each question's begin

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True)
class Trial:
    log: Log
    questions: Questions


@dataclass(frozen=True)
class Task:
    """`validation` chooses settings; its questions lie within the log of `test`, which trains what is reported."""

    validation: Trial
    test: Trial

    def save(self, file: Path) -> None:
        np.savez(file, **_arrays(self))

    @classmethod
    def load(cls, file: Path) -> Task:
        with np.load(file) as stored:
            return cls(_trial(stored, "validation"), _trial(stored, "test"))

    def fingerprint(self) -> str:
        """Results are comparable where it is the same."""
        digest = hashlib.sha256()
        for name, array in sorted(_arrays(self).items()):
            digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


def _arrays(task: Task) -> dict[str, Array]:
    return {
        f"{name}.{part}.{each.name}": np.asarray(getattr(owner, each.name))
        for name, trial in (("validation", task.validation), ("test", task.test))
        for part, owner in (("log", trial.log), ("questions", trial.questions))
        for each in fields(owner)
    }


def _trial(stored: Mapping[str, Array], name: str) -> Trial:
    log = {each.name: stored[f"{name}.log.{each.name}"] for each in fields(Log)}
    scalars = {key: value.item() for key, value in log.items() if not value.ndim}
    questions = {each.name: stored[f"{name}.questions.{each.name}"] for each in fields(Questions)}
    return Trial(Log(**{**log, **scalars}), Questions(**questions))
