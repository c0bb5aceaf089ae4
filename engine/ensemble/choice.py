"""The choice of a plan: hide the last events, fit every candidate on the rest, keep what helps, account for it.

Three situations are validated each in its own manner: a user in the middle of a visit by the last events of every
user, whose history is fresh; a returning user by a split in time, where the history is as stale as it will be in
production; a new one by splits at several moments, because what is in demand at one of them can be a season's whim. A
returning user gets what everyone does, and a new one popularity, unless something else is clearly better; any blend
does without the columns of items, users and interactions, unless they make it clearly better.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from engine.cost import Sizes
from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.blend import bagged, clearly_better, fitted_scale, ndcg_of
from engine.ensemble.cost import networks_of, parts_of
from engine.ensemble.fits import Fits, fitted, reader
from engine.ensemble.likelihood import likeliest, log_likelihoods
from engine.ensemble.member import Arrays, Judge, Score, ScorerColumn
from engine.ensemble.members import MEMBERS
from engine.ensemble.plan import Blend, EnsemblePlan, Options, readings_of
from engine.ensemble.pool import CandidatePool, blended_ndcg, joined, own_ndcg, pool_of
from engine.extras import TORCH, importing
from engine.measure.split import (
    EvaluationCase,
    Split,
    drawn,
    leave_last_out,
    new_users_split,
    repeat_share,
    tied_share,
    time_split,
)
from engine.recipe import Progress, silent, spans

ENTRIES = 50_000_000  # scores a column gives on validation: cases × items
MOST_CASES, FEWEST_CASES = 4_000, 400
JUDGING = 1_000  # cases by which the sequence model is judged after every epoch
JUDGED_PLACES = 1_000  # of a ranking: more of them than the ten best tell one epoch from the next
ENOUGH = 20  # cases without which nothing is chosen
RARE = 0.1  # share of repeats under which people are taken not to choose the same thing twice
BASKETS = 0.75  # share of tied rows from which on they are taken to come in baskets
MOMENTS = (0.6, 0.7, 0.8, 0.9)  # shares of the rows that train when what everyone gets is validated
AGES = (0, 7, 31)  # days, of a model when its returning users come
FOLDS = 5  # of cases, each judging weights that were fitted to the others
DAY = 86_400
LIGHT = ("popularity", "recent", "own", "visit", "markov", "people", "context")
FLOOR = 0.01  # weight that popularity always has, to order what no other column knows


@dataclass(frozen=True)
class FittedSplit:
    """A split with every candidate fitted on its training part; none is where there are too few cases to choose by."""

    columns: list[ScorerColumn]
    scores: list[Score]
    cases: list[EvaluationCase]
    remove_seen: bool

    @property
    def pool(self) -> CandidatePool:
        return pool_of(self.scores, self.cases, self.remove_seen)

    def judged(self, pool: CandidatePool) -> CandidatePool:
        """Its pool with a little popularity under every column: whatever the weights, the blend has it too. Weights are
        not fitted by it: a column that tells nothing would stand for popularity."""
        popular = [place for place, column in enumerate(self.columns) if column.member == "popularity"]
        return pool.above(np.float32(FLOOR) * pool.scores[popular].sum(axis=0))


def choose(snapshot: Snapshot, options: Options, seed: int, progress: Progress) -> EnsemblePlan:
    """The plan for data like this snapshot's. Deterministic for a seed."""
    baskets = tied_share(snapshot) > BASKETS
    hidden = 2 if snapshot.user_count < most_cases(snapshot.item_count) else 1  # of each user: as many as are used
    split = leave_last_out(snapshot, baskets=baskets, last=hidden)
    repeats = repeat_share(split.cases)
    later = _of_returning(time_split(snapshot, baskets=baskets), seed)
    columns = candidates(split.train, options)
    cost = parts_of(snapshot, columns, most_cases(snapshot.item_count))
    fitting, reading, fitting_later, reading_later, last = spans(progress, cost[:-1])
    trial = _fit_split(columns, split, repeats < RARE, seed, fitting, set(MEMBERS) - set(LIGHT))
    columns = trial.columns
    reading(0.0, f"trying {len(columns)} scorers on {len(trial.cases)} cases")
    active, own = _active_blend(trial)
    reading(1.0, f"blended for users in a visit: NDCG@10 {active.ndcg:.4f}")
    returning = active
    if later.cases and (fitting_later(0.0, "fitting for returning users") or 0.0) < 1:
        plain = [column for column in columns if column.member != "sequence"]  # too dear to train once more
        timed = _fit_split(plain, later, repeats < RARE, seed, fitting_later)
        reading_later(0.0, "blending for returning users")
        returning = _returning_blend(timed, active, _alike(snapshot, plain, baskets, repeats < RARE, seed))
    last(0.0, "blending for new users")
    new = _new_blend(snapshot, columns, baskets, seed)
    progress(1.0, f"blended for returning users: NDCG@10 {returning.ndcg:.4f}; new ones: {new.ndcg:.4f}")
    return averaged(_plan(columns, (active, returning, new), repeats, own), Sizes.of(snapshot))


def candidates(snapshot: Snapshot, options: Options) -> list[ScorerColumn]:
    """Every column worth a try on data of this size."""
    columns = [
        ScorerColumn(member.name, dict(shape), reading)
        for member in MEMBERS.values()
        if not options.light or member.name in LIGHT
        for shape in member.shapes(snapshot)
        for reading in readings_of(member.name, options.recency)
    ]
    epochs = _affordable(snapshot, options)
    if epochs:
        shape = {"dim": float(options.dim), "length": float(options.length), "epochs": float(epochs)}
        columns.append(ScorerColumn("sequence", shape, {}))
    return columns


def _affordable(snapshot: Snapshot, options: Options) -> int:
    if not options.epochs or not len(snapshot.items):
        return 0
    with importing(TORCH, "The sequence model is trained with"):
        from engine.nn.loop import affordable_epochs
        from engine.nn.transformer import TransformerShape

    network = TransformerShape(snapshot.item_count, options.length, options.dim)
    return affordable_epochs(snapshot, network, options.gigaflops, options.epochs, options.most_epochs)


def _fit_split(
    columns: list[ScorerColumn],
    split: Split,
    remove_seen: bool,
    seed: int,
    progress: Progress,
    optional: Collection[str] = (),
) -> FittedSplit:
    cases = _sample(split, seed)
    if not cases:  # nothing is to be chosen by it
        return FittedSplit(columns, [], [], remove_seen)
    judge = _judge_by(cases[:: -(-len(cases) // JUDGING)], remove_seen)
    fits: Fits = fitted(columns, split.train, seed, progress, optional, judge)
    columns = [column for column in columns if column.fit in fits]
    scores = [reader(column, fits[column.fit], split.train.item_count) for column in columns]
    columns = [_as_trained(column, fits[column.fit]) for column in columns]
    return FittedSplit(columns, scores, cases, remove_seen)


def _judge_by(cases: list[EvaluationCase], remove_seen: bool) -> Judge:
    return lambda score: float(own_ndcg([score], cases, remove_seen, JUDGED_PLACES)[0])


def _as_trained(column: ScorerColumn, arrays: Arrays) -> ScorerColumn:
    """The column with the number of epochs that its training was worth."""
    if "epochs" not in arrays:
        return column
    return replace(column, shape={**column.shape, "epochs": float(arrays["epochs"][0])})


def most_cases(items: int) -> int:
    """The number of validation cases in a catalogue of so many items."""
    return int(np.clip(ENTRIES // max(items, 1), FEWEST_CASES, MOST_CASES))


def _sample(split: Split, seed: int) -> list[EvaluationCase]:
    if len(split.cases) < ENOUGH:
        return []
    most = most_cases(split.train.item_count)
    return [split.cases[place] for place in drawn(np.arange(len(split.cases)), most, seed)]


def _of_returning(split: Split, seed: int) -> Split:
    """The split with a sample of its cases, those of users who have a history; with none where they are too few."""
    warm = [case for case in _sample(split, seed) if len(case.history)]
    return Split(split.train, warm if len(warm) >= ENOUGH else [])


def _default_columns(columns: Sequence[ScorerColumn]) -> list[int]:
    """The columns to blend evenly when there is too little data to choose by: the first of each of some members."""
    first = {column.member: place for place, column in reversed(list(enumerate(columns)))}
    return [first[member] for member in ("popularity", "ease", "markov") if member in first]


def _active_blend(trial: FittedSplit) -> tuple[Blend, NDArray[np.float64]]:
    """The blend, an even one without cases; and (columns,) the NDCG@10 of every column alone."""
    weights = np.zeros(len(trial.columns), np.float32)
    if not trial.cases:
        chosen = _default_columns(trial.columns)
        weights[chosen] = 1 / len(chosen)
        return Blend(tuple(weights.tolist()), 1.0, 0.0, 0), np.zeros(len(weights))
    pool = trial.pool
    bare = [place for place, column in enumerate(trial.columns) if not MEMBERS[column.member].metadata]
    every = likeliest(pool)
    default = likeliest(pool, bare) if len(bare) < len(every) else every
    judged = trial.judged(pool)
    weights = _departure(judged, default, every)
    own = own_gains(judged)
    means = np.array([gains.mean() for gains in own], np.float64)
    return _blend(trial, *best_column_or(weights, judged, own)), means


def _returning_blend(timed: FittedSplit, active: Blend, alike: Floats | None) -> Blend:
    """The blend of users with a history that is not fresh: what everyone gets, if weights of it could be chosen, unless
    the active blend, or one of their own, is clearly better. As cases are few, that is judged by those that it was not
    fitted to."""
    pool = timed.pool
    judged = timed.judged(pool)
    weights = np.array(active.weights[: len(timed.columns)], np.float32)  # the sequence column, if any, is the last
    gains = ndcg_of(judged, weights)
    if alike is not None and not clearly_better(gains, usual := ndcg_of(judged, alike)):
        weights, gains = alike, usual
    own = likeliest(pool)
    fitted_to = ndcg_of(judged, own)
    # cases it was not fitted to can't speak for it where those that it was fitted to don't
    if clearly_better(fitted_to, gains) and clearly_better(_crossed(pool, judged), gains):
        weights, gains = own, fitted_to
    return _blend(timed, weights, float(gains.mean()))


def _crossed(pool: CandidatePool, judged: CandidatePool) -> Floats:
    """(cases,) NDCG@10 of the likeliest weights, each case judging those that were fitted to other folds."""
    gains, fold = np.zeros(len(pool.ideal), np.float32), np.arange(len(pool.ideal)) % FOLDS
    for each in range(FOLDS):
        inside, outside = np.flatnonzero(fold != each), np.flatnonzero(fold == each)
        gains[outside] = ndcg_of(judged.of(outside), likeliest(pool.of(inside)))
    return gains


def _alike(
    snapshot: Snapshot, columns: list[ScorerColumn], baskets: bool, remove_seen: bool, seed: int
) -> Floats | None:
    """(columns,) weights of what everyone gets, by users who come back at several moments to models of several ages;
    None where they are too few."""
    places = [place for place, column in enumerate(columns) if MEMBERS[column.member].hears == "nobody"]
    constant = [columns[place] for place in places]
    pools = []
    for split in (time_split(snapshot, share=share, baskets=baskets) for share in MOMENTS):
        warm = _of_returning(split, seed).cases[: most_cases(snapshot.item_count) // len(MOMENTS)]
        for age in AGES if warm else ():
            train = snapshot.take(snapshot.times < warm[0].now - age * DAY)
            trial = _fit_split(constant, Split(train, warm), remove_seen, seed, silent)
            pools += [trial.pool] if len(train.items) else []
    if not pools:
        return None
    weights = np.zeros(len(columns), np.float32)
    weights[places] = bagged(joined(pools), seed)
    return weights


def _new_blend(snapshot: Snapshot, columns: list[ScorerColumn], baskets: bool, seed: int) -> Blend:
    """The blend of users without a history: popularity, unless something recent was clearly better over the moments."""
    places = [place for place, column in enumerate(columns) if MEMBERS[column.member].hears != "history"]
    constant = [columns[place] for place in places]
    popular = np.array([column.member == "popularity" for column in constant], np.float32)
    trials = []
    for share in MOMENTS:
        split = new_users_split(snapshot, share=share, baskets=baskets)
        trials.append(_fit_split(constant, split, False, seed, silent))
    trials = [trial for trial in trials if trial.cases]
    weights = np.zeros(len(columns), np.float32)
    if not trials:
        weights[places] = popular
        return Blend(tuple(weights.tolist()), 1.0, 0.0, 0)
    pool = joined([pool_of(trial.scores, trial.cases, False) for trial in trials])
    shares = _departure(pool, popular, bagged(pool, seed))
    ndcg = float(ndcg_of(pool, shares).mean())
    last = _blend(trials[-1], shares, ndcg)
    weights[places] = shares
    return Blend(tuple(weights.tolist()), last.scale, ndcg, len(pool.ideal))


def _departure(pool: CandidatePool, default: Floats, weights: Floats) -> Floats:
    """Weights of the pool's columns: the default, unless others are clearly better, or as good and what was chosen is
    clearly likelier: that tells of items too many to be among the ten best."""
    if np.array_equal(weights, default):
        return default
    gains, usual = ndcg_of(pool, weights), ndcg_of(pool, default)
    better = clearly_better(gains, usual) or (
        gains.mean() >= usual.mean() and clearly_better(log_likelihoods(pool, weights), log_likelihoods(pool, default))
    )
    return weights if better else default


def own_gains(pool: CandidatePool) -> list[Floats]:
    """(cases,) NDCG@10 of every column alone."""
    return [blended_ndcg(pool, column) for column in pool.scores]


def best_column_or(weights: Floats, pool: CandidatePool, own: Sequence[Floats]) -> tuple[Floats, float]:
    """The weights and their NDCG@10, unless a column alone, which has the gains (cases,) `own`, is clearly better."""
    best = int(np.argmax([gains.mean() for gains in own]))
    gains = ndcg_of(pool, weights)
    if clearly_better(own[best], gains):
        return np.eye(len(own), dtype=np.float32)[best], float(own[best].mean())
    return weights, float(gains.mean())


def _blend(trial: FittedSplit, weights: Floats, ndcg: float) -> Blend:
    score = mixture(trial.columns, trial.scores, weights)
    scale = fitted_scale(score, trial.cases, trial.remove_seen)
    return Blend(tuple(float(f"{weight:.4g}") for weight in weights), scale, ndcg, len(trial.cases))


def mixture(columns: Sequence[ScorerColumn], scores: Sequence[Score], weights: Sequence[float] | Floats) -> Score:
    """The weighted sum of columns, with a little popularity under it."""
    parts = [(np.float32(weight), score) for weight, score in zip(weights, scores, strict=True) if weight]
    parts += [(np.float32(FLOOR), s) for c, s in zip(columns, scores, strict=True) if c.member == "popularity"]
    return lambda query: np.sum([weight * score(query) for weight, score in parts], axis=0)


def _plan(
    columns: list[ScorerColumn], blends: Sequence[Blend], repeats: float, own: NDArray[np.float64]
) -> EnsemblePlan:
    """The plan with only the columns that some blend uses; popularity always stays."""
    weights = [blend.weights + (0.0,) * (len(columns) - len(blend.weights)) for blend in blends]
    used = [
        place
        for place, column in enumerate(columns)
        if column.member == "popularity" or any(each[place] for each in weights)
    ]
    active, returning, new = (
        replace(blend, weights=tuple(each[place] for place in used))
        for blend, each in zip(blends, weights, strict=True)
    )
    tried = {str(column): float(value) for column, value in zip(columns, own, strict=True)}
    penalty = float(np.log(1 / max(repeats, 1e-3))) if repeats < RARE else 0.0
    return EnsemblePlan(tuple(columns[place] for place in used), active, returning, new, penalty, repeats, tried)


def averaged(plan: EnsemblePlan, sizes: Sizes) -> EnsemblePlan:
    """The plan with several networks for one, where they pay. Validation has one: two gave no steadier weights."""
    shares = [
        (place, each, len(networks))
        for place, column in enumerate(plan.columns)
        for networks in [networks_of(column, sizes) if column.member == "sequence" else [column]]
        for each in networks
    ]
    active, returning, new = (
        replace(blend, weights=tuple(blend.weights[place] / count for place, _, count in shares))
        for blend in (plan.active, plan.returning, plan.new)
    )
    columns = tuple(column for _, column, _ in shares)
    return replace(plan, columns=columns, active=active, returning=returning, new=new)
