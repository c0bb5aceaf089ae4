"""The metrics of PERSONALIZED_ACTIONS: hidden users ask with what they did first; their last outcomes answer (§6).

Precision, recall and the area under the curve see only the actions that a user is known to have met among the hidden
outcomes: what was never offered could not be taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats, Ints
from engine.data.snapshot import Snapshot
from engine.measure.metrics import LONGEST, METRICS, Outcome, mean, mid_ranks
from engine.propensity.outcomes import TAKEN, kinds_of
from engine.rank.topk import top_k
from engine.recipe import Query, Scorer

SHARE = 0.1  # of users who test, and of their outcomes that are hidden
MOST_CASES = 2_000
RECOMMENDED = 5  # actions of an answer, as GetActionRecommendations gives unless told
RANKED = ("coverage", *(f"normalized_discounted_cumulative_gain_at_{cut}" for cut in (5, 10, 25)))


@dataclass(frozen=True)
class ActionCase:
    """One user at the moment when the hidden outcomes begin."""

    query: Query
    met: Ints  # actions among the hidden outcomes
    taken: Ints  # those of them that were taken


def action_metrics(score: Scorer, cases: list[ActionCase], count: int) -> dict[str, float]:
    """Every metric by its AWS name, over `count` actions."""
    scores = [_ranked(score, case) for case in cases]
    ranks = [mid_ranks(each, case.taken) for each, case in zip(scores, cases, strict=True) if len(case.taken)]
    outcome = Outcome(ranks, [top_k(each, LONGEST) for each in scores], count)
    return {**{name: METRICS[name](outcome) for name in RANKED}, **_of_offers(cases, scores, count)}


def action_split(snapshot: Snapshot, actions: Snapshot, seed: int) -> tuple[Snapshot, list[ActionCase]]:
    """The rest to train on, and the cases: a tenth of the users with at least two outcomes, hidden whole."""
    able = np.flatnonzero(np.diff(actions.indptr) > 1)
    count = min(max(round(SHARE * len(able)), 1), len(able), MOST_CASES)
    chosen = np.sort(np.random.default_rng(seed).choice(able, count, replace=False))
    kinds = kinds_of(actions.event_types)
    cases = [_case(snapshot, actions, int(user), kinds) for user in chosen]
    left = actions.take(~np.isin(actions.users, chosen))
    return replace(snapshot.take(~np.isin(snapshot.users, chosen)), actions=left), cases


def _case(snapshot: Snapshot, actions: Snapshot, user: int, kinds: Ints) -> ActionCase:
    first, stop = int(actions.indptr[user]), int(actions.indptr[user + 1])
    start = stop - max(int((stop - first) * SHARE), 1)
    moment = actions.times[start]
    items, times = snapshot.history(user)
    before = times < moment
    query = Query(
        items[before],
        times[before],
        now=float(moment),
        user=user,
        actions=actions.items[first:start],
        action_types=actions.types[first:start],
    )
    hidden = slice(start, stop)
    taken = kinds[actions.types[hidden]] == TAKEN
    return ActionCase(query, np.unique(actions.items[hidden]), np.unique(actions.items[hidden][taken]))


def _ranked(score: Scorer, case: ActionCase) -> Floats:
    """(actions,) -inf for those that have no score."""
    scores = score(case.query)
    return np.where(scores > 0, scores, np.float32(-np.inf))


def _of_offers(cases: list[ActionCase], scores: list[Floats], count: int) -> dict[str, float]:
    """The metrics of offers: means over the actions where there is something to divide by."""
    shape = (len(cases), count)
    met, taken, shown = (np.zeros(shape, np.bool_) for _ in range(3))
    for place, (case, each) in enumerate(zip(cases, scores, strict=True)):
        met[place, case.met], taken[place, case.taken], shown[place, top_k(each, RECOMMENDED)] = True, True, True
    right = (shown & taken).sum(axis=0)
    table = np.array(scores).reshape(shape)
    areas = (area_under_curve(table[met[:, a], a], taken[met[:, a], a]) for a in range(count))
    return {
        "precision": _mean_ratio(right, (shown & met).sum(axis=0)),
        "recall": _mean_ratio(right, taken.sum(axis=0)),
        "area_under_curve": mean([area for area in areas if area is not None]),
    }


def area_under_curve(scores: Floats, taken: NDArray[np.bool_]) -> float | None:
    """The share of pairs of a taken and another in which the taken has the higher score, equals half; None: no pair."""
    yes, no = scores[taken], np.sort(scores[~taken])
    if not len(yes) or not len(no):
        return None
    return float((no.searchsorted(yes, "left") + no.searchsorted(yes, "right")).mean() / (2 * len(no)))


def _mean_ratio(above: NDArray[np.int64], below: NDArray[np.int64]) -> float:
    there = below > 0
    return mean((above[there] / below[there]).tolist())
