"""An honest evaluation: hide, choose on validation only, refit, report once, beside tuned baselines.

Two splits, because they ask different questions: leave-last-out asks about a user in the middle of a visit (and lets
the future of others leak into training), the split in time about users who come back, or come for the first time,
after the model was trained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Floats, Ints
from engine.data.snapshot import Snapshot
from engine.evaluation.baselines import BASELINES, applies, fitted_baselines, tuned
from engine.evaluation.report import EvaluationReport, Interval, ReportPart, ReportRow
from engine.measure.metrics import mean, mid_ranks, ndcg, without
from engine.measure.split import EvaluationCase, Split, drawn, leave_last_out, repeat_share, tied_share, time_split
from engine.rank.topk import top_k
from engine.recipe import Model, Progress, Scorer, silent, stretch
from engine.recipes import RECIPES

DEFAULT = ("aws-user-personalization-v2",)
CUT = 10
MOST_CASES = 3_000
ENTRIES = 40_000_000  # scores a model gives: cases × items
RESAMPLES = 2_000
DRAWN = 16_000  # values at a time
RARE = 0.1  # repeats under which seen items are removed
BASKETS = 0.75  # tied rows from which on a target is a basket

Splitter = Callable[[Snapshot], Split]
RULES = [
    "the full catalogue is ranked; equal scores share the middle of their places",
    "equal timestamps keep the order in which they arrived",
    "settings are chosen on a validation split of the same kind inside the training part, then everything is refitted",
    "the target's own time is no input: now is the user's last event, or the moment of the split",
    "intervals are 95 %, by bootstrap over users; differences are paired",
]


@dataclass(frozen=True)
class ModelGains:
    """The gains of one model, an entry a case."""

    ndcg: NDArray[np.float64]
    hit: NDArray[np.float64]
    reciprocal: NDArray[np.float64]
    lists: list[Ints]


def evaluate(
    snapshot: Snapshot,
    names: Sequence[str] = DEFAULT,
    seed: int = 0,
    progress: Progress = silent,
    hyperparameters: Mapping[str, str] | None = None,
) -> EvaluationReport:
    """Recipes by name, and the baselines, on both splits; rows are compared with the first name's."""
    baskets = tied_share(snapshot) > BASKETS
    repeats = repeat_share(leave_last_out(snapshot, baskets=baskets).cases)
    last: Splitter = partial(leave_last_out, baskets=baskets)
    later: Splitter = partial(time_split, baskets=baskets)
    contest = ModelComparison(names, dict(hyperparameters or {}), seed, repeats < RARE, "basket" if baskets else "item")
    everyone = {"leave-last-out": lambda case: True}
    by_history = {
        "time split, returning users": lambda case: len(case.history) > 0,
        "time split, new users": lambda case: not len(case.history),
    }
    parts = contest.parts(last, everyone, snapshot, stretch(progress, 0.0, 0.55))
    parts += contest.parts(later, by_history, snapshot, stretch(progress, 0.55, 1.0))
    return EvaluationReport(
        interactions=len(snapshot.items),
        users=int((np.diff(snapshot.indptr) > 0).sum()),
        items=snapshot.item_count,
        last_two_tied=_last_two_tied(snapshot),
        repeats=repeats,
        parts=parts,
        rules=RULES,
    )


@dataclass(frozen=True)
class ModelComparison:
    """The models of one evaluation and the terms on which they meet."""

    names: Sequence[str]
    hyperparameters: dict[str, str]
    seed: int
    remove_seen: bool
    target: str

    def parts(
        self,
        splitter: Splitter,
        groups: Mapping[str, Callable[[EvaluationCase], bool]],
        snapshot: Snapshot,
        progress: Progress,
    ) -> list[ReportPart]:
        """One part for each group of cases, all of the same training."""
        split = splitter(snapshot)
        share, scorers = 0.75 / len(self.names), {}
        for at, name in enumerate(self.names):
            recipe, part = RECIPES[name], stretch(progress, at * share, (at + 1) * share)
            model = recipe.train(split.train, recipe.parse(self.hyperparameters), self.seed, part)
            scorers[name] = (recipe.ready(model), _account(model))
        validation = splitter(split.train)
        cases = sampled(validation.cases, snapshot.item_count, self.seed)
        chosen = tuned(validation, cases, self.remove_seen, self.seed, stretch(progress, 0.75, 0.85))
        baselines = fitted_baselines(chosen, split.train, self.seed, stretch(progress, 0.85, 0.95))
        for name, parts in chosen.items():
            scorers[name] = (baselines[name], " + ".join(f"{weight:g} {column}" for weight, column in parts))
        return [
            self._part(title, [case for case in split.cases if belongs(case)], split.train, scorers)
            for title, belongs in groups.items()
        ]

    def _part(
        self, title: str, cases: list[EvaluationCase], train: Snapshot, scorers: Mapping[str, tuple[Scorer, str]]
    ) -> ReportPart:
        if not cases:
            return ReportPart(title, 0, len(train.items), f"next {self.target}", self.remove_seen, [])
        cases = sampled(cases, train.item_count, self.seed)
        popularity = _percentiles(train)
        rows: list[ReportRow] = []
        first: ModelGains | None = None
        has_history = any(len(case.history) for case in cases)
        silent = {each.name for each in BASELINES if not applies(each, self.remove_seen, has_history)}
        for name, (score, settings) in scorers.items():
            if name in silent:  # it has nothing to say about these cases and would only show zeros
                continue
            gains = _gains(score, cases, self.remove_seen)
            rows.append(_row(name, settings, gains, first, popularity, self.seed))
            first = first or gains
        return ReportPart(title, len(cases), len(train.items), f"next {self.target}", self.remove_seen, rows)


def _gains(score: Scorer, cases: list[EvaluationCase], remove_seen: bool) -> ModelGains:
    ranks, lists = [], []
    for case in cases:
        scores = ranked_by(score, case, remove_seen)
        ranks.append(mid_ranks(scores, case.truth))
        lists.append(top_k(scores, CUT))
    best = np.array([places.min() for places in ranks])
    gained = np.array([ndcg(places, CUT) for places in ranks])
    return ModelGains(gained, (best < CUT).astype(float), 1 / (best + 1), lists)


def ranked_by(score: Scorer, case: EvaluationCase, remove_seen: bool) -> Floats:
    """(items,) the scores of a case; its list are the greatest, equal ones by the items' ids."""
    scores = score(case.query)
    return without(scores, case.history) if remove_seen else scores


def _row(
    name: str, settings: str, gains: ModelGains, first: ModelGains | None, popularity: Floats, seed: int
) -> ReportRow:
    shown = np.concatenate(gains.lists).astype(np.int64)
    ahead = None if first is None else first.ndcg - gains.ndcg
    return ReportRow(
        model=name,
        settings=settings,
        ndcg_at_10=mean(gains.ndcg),
        interval=bootstrap(gains.ndcg, seed),
        hit_rate_at_10=mean(gains.hit),
        mean_reciprocal_rank=mean(gains.reciprocal),
        coverage_at_10=len(np.unique(shown)) / max(len(popularity), 1),
        popularity=mean(popularity[shown].astype(np.float64)),
        ahead=None if ahead is None else mean(ahead),
        ahead_interval=None if ahead is None else bootstrap(ahead, seed),
    )


def bootstrap(values: NDArray[np.float64], seed: int) -> Interval:
    """The 95 % interval of the mean of values (n,), at least one, from resampled means."""
    draw, count = np.random.default_rng(seed), len(values)
    rows = max(DRAWN // count, 1)
    blocks = [min(rows, RESAMPLES - done) for done in range(0, RESAMPLES, rows)]
    means = np.concatenate([values[draw.integers(count, size=(block, count))].mean(axis=1) for block in blocks])
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def _percentiles(snapshot: Snapshot) -> Floats:
    """(items,) the share of items that are less popular, equals sharing the middle."""
    counts = np.bincount(snapshot.items, minlength=snapshot.item_count)
    ordered = np.sort(counts)
    middle = (np.searchsorted(ordered, counts, "left") + np.searchsorted(ordered, counts, "right") - 1) / 2
    return (middle / max(len(counts) - 1, 1)).astype(np.float32)


def sampled(cases: list[EvaluationCase], items: int, seed: int) -> list[EvaluationCase]:
    most = max(min(MOST_CASES, ENTRIES // max(items, 1)), 200)
    return [cases[at] for at in drawn(np.arange(len(cases)), most, seed)]


def _account(model: Model) -> str:
    """The model's account of what it chose, in one line."""
    blends = model.about.get("chosen", {}).get("blends", {})
    return "; ".join(
        f"{situation}: {' + '.join(f'{weight:.2g} {name}' for name, weight in blend['weights'].items())}"
        for situation, blend in blends.items()
    )


def _last_two_tied(snapshot: Snapshot) -> float:
    ends = snapshot.indptr[1:][np.diff(snapshot.indptr) > 1]
    return mean((snapshot.times[ends - 1] == snapshot.times[ends - 2]).astype(np.float64))
