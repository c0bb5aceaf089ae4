"""The factor from scores to logits that makes the choices most likely by the softmax's probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.data.columns import Floats
from engine.ensemble.pool import Score
from engine.measure.ranks import without
from engine.measure.split import EvaluationCase

SCALES = np.geomspace(0.1, 12, 40)
ENTRIES = 3_000_000  # scores looked at


def fitted_scale(score: Score, cases: Sequence[EvaluationCase], remove_seen: bool) -> float:
    """The best of `SCALES` by log-likelihood; 1 where no case can tell."""
    loss, counted = np.zeros(len(SCALES)), 0
    for case in cases:
        scores = score(case.query)
        scores = without(scores, case.history) if remove_seen else scores
        own = scores[case.truth]
        own = own[np.isfinite(own)]
        if len(own) and counted < ENTRIES:
            counted += len(scores)
            loss += _losses(scores[np.isfinite(scores)], float(own.mean()))
    return float(SCALES[int(np.argmin(loss))]) if counted else 1.0


def _losses(scores: Floats, own: float) -> Floats:
    """(scales,) the negative log-likelihood of a choice that scored `own`."""
    top = float(scores.max())
    exponents = SCALES[:, None] * (scores - top)[None, :]  # (scales, items)
    return np.asarray(np.log(np.exp(exponents).sum(axis=1)) - SCALES * (own - top))
