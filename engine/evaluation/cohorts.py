"""Cohorts of a model beside each user's own list: what one list for many costs in quality and gains in hits.

Two figures for quality, because users differ: those whose own history is in the list that they get, which flatters
where a cohort has few members, and those whose list was made of other users alone (the cohorts of the even users are
asked for the odd ones, and the other way round, so that such lists have half of the members).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.cohorts.cohorts import EVERYONE, CohortLists, cohorts_of
from engine.cohorts.training import with_cohorts
from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.errors import InvalidInput
from engine.evaluation.evaluate import BASKETS, CUT, DEFAULT, RARE, bootstrap, sampled
from engine.evaluation.report import Interval, span
from engine.measure.metrics import mid_ranks, ndcg, without
from engine.measure.split import EvaluationCase, Split, leave_last_out, repeat_share, tied_share
from engine.recipe import Model, Progress, Scorer, silent, stretch
from engine.recipes import RECIPES

COUNTS = (1, 4, 16, 64, 256)
WARM = 0.2  # of the requests, before hits are counted

Gains = NDArray[np.float64]


class Traffic(msgspec.Struct, frozen=True):
    """The users of a shared cache: the k-th most active asks k ** -exponent times as often as the first."""

    users: int = 100_000
    requests: int = 300_000
    per_second: float = 50.0
    exponent: float = 1.0
    max_age_s: float = 60.0  # that a list is fresh
    lists: int = 5_000  # that the cache has room for, the least recently used goes


class Lists(msgspec.Struct, frozen=True):
    """One way to give users lists: `made` cohorts where so many were asked for; None for each user's own."""

    cohorts: int | None
    made: int | None
    ndcg_at_10: float  # after what the user knows is left out
    interval: Interval
    lost: float  # of each user's own list's NDCG@10, over the same users
    lost_interval: Interval
    as_cached: float  # NDCG@10 of the list as it is, with what the user knows
    of_others: float | None  # NDCG@10 where the list was made of other users alone
    hit_rate: float

    @property
    def name(self) -> str:
        if self.cohorts is None:
            return "each user's own"
        return "one for all" if self.made == 1 else f"{self.made} cohorts"


class Curve(msgspec.Struct, frozen=True):
    recipe: str
    interactions: int
    users: int  # that were asked for
    training_s: float
    cohorts_s: float  # more, for the cohorts that every model has
    traffic: Traffic
    rows: list[Lists]

    def to_json(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2)

    def table(self) -> list[dict[str, str]]:
        """One row of texts a number of cohorts."""
        return [_texts(row) for row in self.rows]


@dataclass(frozen=True)
class CohortStudy:
    """The settings of a cohort curve: the recipe and its hyperparameters, counts of cohorts, the traffic of a cache."""

    recipe: str = DEFAULT[0]
    seed: int = 0
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    counts: Sequence[int] = COUNTS
    traffic: Traffic = field(default_factory=Traffic)


def cohort_curve(
    snapshot: Snapshot, clock: Callable[[], float], study: CohortStudy, progress: Progress = silent
) -> Curve:
    """Hide the last item (or basket) of each user, as leave-last-out has it, and rank the whole catalogue.

    Raises `InvalidInput` where there is no user to hide anything of.
    """
    split = leave_last_out(snapshot, baskets=tied_share(snapshot) > BASKETS)
    if not split.cases:
        raise InvalidInput("No user has an interaction to hide and another to learn from: there is nothing to measure.")
    recipe, seed, traffic, began = RECIPES[study.recipe], study.seed, study.traffic, clock()
    model = recipe.train(split.train, recipe.parse(study.hyperparameters), seed, stretch(progress, 0.0, 0.8))
    trained = clock()
    scorer = recipe.ready(model)
    with_cohorts(model, scorer, split.train, seed, stretch(progress, 0.8, 0.85))
    divided = clock()
    trial = _CohortTrial(split, model, scorer, sampled(split.cases, snapshot.item_count, seed), seed)
    rows = []
    for place, count in enumerate(study.counts):
        progress(0.85 + 0.15 * place / len(study.counts), f"{count} cohorts")
        rows.append(trial.row(count, traffic))
    rows.append(trial.row(None, traffic))
    progress(1.0, "measured")
    return Curve(
        recipe=study.recipe,
        interactions=len(snapshot.items),
        users=len(trial.cases),
        training_s=trained - began,
        cohorts_s=divided - trained,
        traffic=traffic,
        rows=rows,
    )


def _texts(row: Lists) -> dict[str, str]:
    return {
        "list": row.name,
        "NDCG@10": f"{row.ndcg_at_10:.4f} {span(row.interval)}",
        "lost": f"{row.lost:.4f} {span(row.lost_interval)}" if row.cohorts is not None else "",
        "known items not left out": f"{row.as_cached:.4f}",
        "list made of others": "" if row.of_others is None else f"{row.of_others:.4f}",
        "hit rate": f"{row.hit_rate:.1%}",
    }


@dataclass(frozen=True)
class _CohortTrial:
    split: Split
    model: Model
    scorer: Scorer
    cases: list[EvaluationCase]
    seed: int

    @cached_property
    def own(self) -> Gains:
        known_left_out = self._leaves_out_known
        return np.array([_gain(self.scorer(case.query), case, known_left_out) for case in self.cases])

    def row(self, count: int | None, traffic: Traffic) -> Lists:
        """The figures of so many cohorts, or of each user's own list."""
        gains = as_cached = self.own
        cohorts, shares = None, None
        if count is not None:
            cohorts = self._cohorts_of(self.split.train, count)
            gains = self._gains(cohorts, self.cases, leave_out=self._leaves_out_known)
            as_cached = self._gains(cohorts, self.cases, leave_out=False)
            _, sizes = np.unique([cohorts.name_of(case.history) for case in self.cases], return_counts=True)
            shares = sizes / sizes.sum()
        return Lists(
            cohorts=count,
            made=None if cohorts is None else len(cohorts.centres),
            ndcg_at_10=float(gains.mean()),
            interval=bootstrap(gains, self.seed),
            lost=float((self.own - gains).mean()),
            lost_interval=bootstrap(self.own - gains, self.seed),
            as_cached=float(as_cached.mean()),
            of_others=None if count is None else self._of_others(count),
            hit_rate=hit_rate(traffic, shares, self.seed),
        )

    def _of_others(self, count: int) -> float:
        train, gains = self.split.train, []
        for half in (0, 1):
            cohorts = self._cohorts_of(train.take(train.users % 2 == half), count)
            others = [case for case in self.cases if case.user % 2 != half]
            gains.append(self._gains(cohorts, others, leave_out=self._leaves_out_known))
        return float(np.concatenate(gains).mean())

    def _cohorts_of(self, members: Snapshot, count: int) -> CohortLists:
        model = with_cohorts(self.model, self.scorer, members, self.seed, silent, (count,))
        return replace(cohorts_of(model, self.scorer, "")[count], extension=None)

    def _gains(self, cohorts: CohortLists, cases: Sequence[EvaluationCase], *, leave_out: bool) -> Gains:
        scores = cache(lambda name: cohorts.base if name == EVERYONE else cohorts.scores(cohorts.number_of(name) or 0))
        return np.array([_gain(scores(cohorts.name_of(case.history)), case, leave_out) for case in cases])

    @property
    def _leaves_out_known(self) -> bool:
        return repeat_share(self.cases) < RARE


def _gain(scores: Floats, case: EvaluationCase, leave_out: bool) -> float:
    return ndcg(mid_ranks(without(scores, case.history) if leave_out else scores, case.truth), CUT)


def hit_rate(traffic: Traffic, shares: Gains | None, seed: int) -> float:
    """The share of requests that a cache answers, after it has warmed up. `shares` (c,) says how much of the users each
    cohort has; None: everyone has a list of their own, which no click is taken to outdate."""
    draw = np.random.default_rng(seed)
    chance = np.arange(1, traffic.users + 1, dtype=np.float64) ** -traffic.exponent
    asking = draw.choice(traffic.users, traffic.requests, p=chance / chance.sum())
    if shares is not None:
        asking = draw.choice(len(shares), traffic.users, p=shares)[asking]
    fresh_until: OrderedDict[int, float] = OrderedDict()
    hits, first = 0, int(WARM * traffic.requests)
    for place, who in enumerate(asking.tolist()):
        now = place / traffic.per_second
        if fresh_until.get(who, -np.inf) > now:
            fresh_until.move_to_end(who)
            hits += place >= first
            continue
        fresh_until.pop(who, None)
        fresh_until[who] = now + traffic.max_age_s
        if len(fresh_until) > traffic.lists:
            fresh_until.popitem(last=False)
    return hits / max(traffic.requests - first, 1)
