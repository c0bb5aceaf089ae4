"""The metrics of user segmentation: the newest fifth of every user's interactions tests (specification §6)."""

from __future__ import annotations

import numpy as np

from engine.measure.ranks import without
from engine.measure.split import Halves
from engine.rank.topk import top_k
from engine.recipe import Scorer
from engine.segments.cases import Cases, known_before

MOST_CASES = 1_000


def segment_metrics(score: Scorer, cases: Cases, split: Halves, seed: int) -> dict[str, float]:
    """Metrics of the users who rank first for an item (or attribute), 1 % of all: how many came (hits), the share of
    those who came that they are (recall), and the share of all users who rank first for anything (coverage).

    Where people rarely choose the same twice, those who had chosen it before are passed over.
    """
    users = split.hidden.user_count
    most = max(round(users / 100), 1)
    asked = cases(split.hidden, MOST_CASES, seed)
    passed = known_before(split.train, asked)
    first = [
        top_k(without(score(case.query), users_before), most) for case, users_before in zip(asked, passed, strict=True)
    ]
    hits = [np.isin(ranked, case.truth).sum() for ranked, case in zip(first, asked, strict=True)]
    recalls = [hit / len(case.truth) for hit, case in zip(hits, asked, strict=True)]
    shown = np.unique(np.concatenate([*first, np.empty(0, np.int32)]))
    return {
        "coverage": len(shown) / max(users, 1),
        "hits_at_1_percent": float(np.mean(hits or [0])),
        "recall_at_1_percent": float(np.mean(recalls or [0])),
    }
