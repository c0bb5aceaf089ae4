"""Baselines beside every model: closed-form scorers, each tuned on validation as carefully as the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.choice import candidates
from engine.ensemble.fits import fitted, reader
from engine.ensemble.member import Score, ScorerColumn
from engine.ensemble.plan import Options
from engine.ensemble.pool import own_ndcg
from engine.measure.split import EvaluationCase, Split
from engine.recipe import Progress, Query

MIXES = (0.2, 0.35, 0.5, 0.65, 0.8)  # EASE's share beside Markov
MEMBERS_USED = ("popularity", "recent", "own", "knn", "ease", "markov")


@dataclass(frozen=True)
class Baseline:
    """The columns to choose from; with two members, the best column of each, mixed in the best of MIXES."""

    name: str
    may_be: Callable[[ScorerColumn], bool]
    mixed: bool = False


BASELINES = (
    Baseline("popularity", lambda column: column.member == "popularity"),
    Baseline("popularity of 7 days", lambda column: column.member == "recent" and column.reading["days"] == 7),
    Baseline("own frequency", lambda column: column.member == "own"),
    Baseline("ItemKNN", lambda column: column.member == "knn" and column.reading["power"] == 0),
    Baseline("EASE", lambda column: column.member == "ease" and column.reading["power"] == 0),
    Baseline("Markov", lambda column: column.member == "markov"),
    Baseline("EASE + Markov", lambda column: column.member in ("ease", "markov"), mixed=True),
)

Tuned = tuple[tuple[float, ScorerColumn], ...]  # weights and columns of a tuned baseline


def applies(baseline: Baseline, remove_seen: bool, has_history: bool) -> bool:
    """The baseline can say something: own frequency can't where seen items are removed."""
    if baseline.name == "own frequency" and remove_seen:
        return False
    return has_history or baseline.name.startswith("popularity")


def tuned(
    split: Split, cases: Sequence[EvaluationCase], remove_seen: bool, seed: int, progress: Progress
) -> dict[str, Tuned]:
    """The settings of each baseline, chosen by NDCG@10 on the cases of a validation split."""
    columns = [column for column in candidates(split.train, Options(epochs=0)) if column.member in MEMBERS_USED]
    scores = scorers(columns, split.train, seed, progress)
    own = own_ndcg(scores, cases, remove_seen)
    chosen: dict[str, Tuned] = {}
    for baseline in BASELINES:
        allowed = [place for place, column in enumerate(columns) if baseline.may_be(column)]
        if not allowed:  # own frequency, where nobody chooses an item again
            continue
        if not baseline.mixed:
            chosen[baseline.name] = ((1.0, columns[max(allowed, key=lambda place: own[place])]),)
            continue
        members = {columns[place].member for place in allowed}
        best = [max((p for p in allowed if columns[p].member == m), key=lambda p: own[p]) for m in sorted(members)]
        mixes = [_mixed([scores[p] for p in best], (share, 1 - share)) for share in MIXES]
        share = MIXES[int(np.argmax(own_ndcg(mixes, cases, remove_seen)))]
        chosen[baseline.name] = ((share, columns[best[0]]), (1 - share, columns[best[1]]))
    return chosen


def fitted_baselines(chosen: dict[str, Tuned], snapshot: Snapshot, seed: int, progress: Progress) -> dict[str, Score]:
    """The tuned baselines, fitted on other data; each maps a query to scores."""
    columns = list({str(column): column for recipe in chosen.values() for _, column in recipe}.values())
    by_name = dict(zip(map(str, columns), scorers(columns, snapshot, seed, progress), strict=True))
    return {
        name: _mixed([by_name[str(column)] for _, column in recipe], [weight for weight, _ in recipe])
        for name, recipe in chosen.items()
    }


def scorers(columns: Sequence[ScorerColumn], snapshot: Snapshot, seed: int, progress: Progress) -> list[Score]:
    fits = fitted(columns, snapshot, seed, progress)
    return [reader(column, fits[column.fit], snapshot.item_count) for column in columns]


def _mixed(scores: Sequence[Score], weights: Sequence[float]) -> Score:
    def score(query: Query) -> Floats:
        return np.asarray(sum(w * s(query) for w, s in zip(weights, scores, strict=True)), np.float32)

    return score
