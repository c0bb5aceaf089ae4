"""The metric, the same for all: the full catalogue is ranked, equal scores share the middle of their places.

A scorer is asked for many users at once: (b,) user ids and (b,) moments of asking → (b, items) scores. One that answers
with lists instead of scores has them turned into scores by `scores_of_lists`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from loadtests.quality.task import Array, Trial

CUT = 10
BATCH_SCORES = 8_000_000  # users × items asked for at once

Scorer = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Gains:
    """An entry a question."""

    ndcg: Array  # (q,) NDCG@10
    hits: Array  # (q,) 1 where one of the first ten is right
    shown: Array  # (items,) how often each was among someone's first ten


def measure(scorer: Scorer, trial: Trial, *, request_time: bool = False) -> Gains:
    """Gains of a scorer that was fitted on the trial's log. With `request_time`, it is told when each is asked."""
    questions, log = trial.questions, trial.log
    now = questions.asked if request_time else questions.now
    batch = int(np.clip(BATCH_SCORES // max(log.item_count, 1), 16, 1_024))
    ndcg, hits, shown = np.zeros(len(questions)), np.zeros(len(questions)), np.zeros(log.item_count, np.int64)
    for start in range(0, len(questions), batch):
        part = slice(start, start + batch)
        for place, row in enumerate(scorer(questions.users[part], now[part]), start):
            scores = np.array(row, np.float32)
            scores[np.isnan(scores)] = -np.inf  # of a training that diverged: NaN would pass for the first place
            if log.hide_seen:
                scores[log.history(int(questions.users[place]))] = -np.inf
            ranks = mid_ranks(scores, questions.truth[questions.indptr[place] : questions.indptr[place + 1]])
            ndcg[place], hits[place] = ndcg_at(ranks, CUT), ranks.min() < CUT
            shown[first(scores, CUT)] += 1
    return Gains(ndcg, hits, shown)


def mid_ranks(scores: Array, truth: Array) -> Array:
    """(r,) rank from 0 of each true item among all scores (items,)."""
    own = scores[truth][:, None]
    return (scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) / 2


def ndcg_at(ranks: Array, cut: int) -> float:
    """Discounted gain of the true items within the first `cut` places over that of a perfect list."""
    ideal = (1 / np.log2(np.arange(min(len(ranks), cut)) + 2)).sum()
    return float((1 / np.log2(ranks[ranks < cut] + 2)).sum() / ideal)


def first(scores: Array, count: int) -> Array:
    """The ids of the highest scores, in any order."""
    return np.argpartition(-scores, min(count, len(scores) - 1))[:count]


def scores_of_lists(lists: dict[int, Array], users: Array, otherwise: Array) -> Array:
    """(b, items) scores that rank a user's list first, and what is not on it by `otherwise` (items,)."""
    scores = np.tile(otherwise / (otherwise.max() + 1.0), (len(users), 1)).astype(np.float32)
    for row, user in zip(scores, users.tolist(), strict=True):
        items = lists.get(user)
        if items is not None:
            row[items] = 2 + np.arange(len(items), 0, -1)
    return scores
