"""An index for a large catalogue: made in training, measured with users that it was not made for, kept if it is good.

Good means that of the best 25 items by the whole blend it finds at least 98 % on average, and that the sum over the
catalogue, which scores are shares of (specification §9.2), is nearly always right to 2 %. A question looks at the
smallest share of the items at which that holds. How deep the lists may be read is measured as well: a filter that needs
more is answered by the exact scan. For some models no index is good enough; then the exact scan answers everything.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.data.columns import Floats, Ints
from engine.data.snapshot import Snapshot
from engine.ensemble.members import MEMBERS
from engine.ensemble.plan import IN_SESSION
from engine.ensemble.scorer import PREFIX, Ensemble, vectors_of
from engine.ensemble.training import plan_of
from engine.nearest.cells import Arrays, Index, built
from engine.rank.topk import top_k
from engine.recipe import Model, Progress, Query, stretch

FEWEST = 100_000  # items: below, the exact scan costs about as little
SHARES = (0.005, 0.01, 0.02, 0.04, 0.08)  # of the items, looked at for one question
DEPTHS = (25, 50, 100, 250)
RECALL = 0.98
SURE = 0.95  # of the users, for whom the sum is right to...
ERROR = 0.02
USERS = 200  # to make it for, and as many to measure it with
ENOUGH = 20
AWAY_S = 4 * IN_SESSION  # half of them are asked for as they will be some time after their last event


_TestQuery = tuple[Floats, Query]  # the vector of a question, and the question


class Measured(NamedTuple):
    share: float
    recall: dict[int, float]  # at each of `DEPTHS`
    error: float  # of the sum over the catalogue, relative, that `SURE` of the users do not exceed

    @property
    def depth(self) -> int:
        """The greatest depth that is good; 0 where none is."""
        good = [depth for depth in DEPTHS if self.recall[depth] >= RECALL]
        return max(good) if self.error <= ERROR and self.recall[DEPTHS[0]] >= RECALL else 0

    def account(self) -> dict[str, object]:
        recall = {f"recall_at_{depth}": round(value, 4) for depth, value in self.recall.items()}
        return {
            "used": self.depth > 0,
            "share": self.share,
            "depth": self.depth,
            **recall,
            "error": round(self.error, 4),
        }


def indexed(model: Model, snapshot: Snapshot, seed: int, progress: Progress) -> Model:
    """The model with an index, if its catalogue is large and the index good; and with an account of it in any case."""
    if int(model.about["items"]) < FEWEST:
        return model
    plan = plan_of(model)
    weighed = zip(plan.columns, plan.active.weights, plan.returning.weights, strict=True)
    hears = {MEMBERS[column.member].hears for column, *weights in weighed if any(weights)}
    if hears & {"user", "context"}:  # with them a question is no product of vectors
        return _with_account(model, {"used": False, "reason": "columns of users or of interactions weigh in the blend"})
    plain = Ensemble(model)
    vectors = vectors_of(model, plain.mixtures)
    if vectors is None:
        return _with_account(model, {"used": False, "reason": "there is no sequence model in the blend"})
    making, testing = _users(snapshot, plain, vectors.shape[1], seed)
    if len(testing) < ENOUGH:
        return _with_account(model, {"used": False, "reason": "too few users with a history to measure it with"})
    arrays = built(vectors, np.stack([vector for vector, _ in making]), seed, stretch(progress, 0.0, 0.7))
    del vectors  # of millions of items more than a gigabyte
    measurement = measured(model, arrays, [query for _, query in testing], stretch(progress, 0.7, 1.0))
    if not measurement.depth:
        return _with_account(model, measurement.account())
    index = {"index": {"share": measurement.share, "depth": measurement.depth}}
    stored = {PREFIX + name: array for name, array in arrays.items()}
    return _with_account(Model({**model.arrays, **stored}, {**model.about, **index}), measurement.account())


def measured(model: Model, arrays: Arrays, users: list[Query], progress: Progress) -> Measured:
    """The index measured at the smallest share that is good to the greatest depth, else at the greatest share."""
    exact = Ensemble(model)
    truths = []
    for at, query in enumerate(users):
        logits = exact(query)
        top = logits.max()
        truths.append((top_k(logits, DEPTHS[-1]), float(top) + float(np.log(np.exp(logits - top).sum()))))
        progress(at / len(users), "measuring an index of items")
    for share in SHARES:
        measurement = _measured_at(Ensemble(model, Index(arrays, share, DEPTHS[-1])), users, truths)
        if measurement.depth == DEPTHS[-1]:
            break
    return measurement


def _measured_at(listed: Ensemble, users: list[Query], truths: list[tuple[Ints, float]]) -> Measured:
    assert listed.index is not None
    hits, errors = np.zeros(len(DEPTHS)), []
    for query, (best, total) in zip(users, truths, strict=True):
        shortlist = listed.shortlist(query)
        assert shortlist is not None  # users who say no more than their history
        hits += [np.isin(best[:depth], shortlist.best[:depth]).mean() for depth in DEPTHS]
        errors.append(abs(np.expm1(shortlist.log_total - total)))
    recall = dict(zip(DEPTHS, (hits / len(users)).tolist(), strict=True))
    return Measured(listed.index.share, recall, float(np.quantile(errors, SURE)))


def _users(snapshot: Snapshot, ensemble: Ensemble, width: int, seed: int) -> tuple[list[_TestQuery], list[_TestQuery]]:
    """Different users for making an index and for measuring it, every other one as after some time away."""
    active = np.flatnonzero(np.diff(snapshot.indptr) > 0)
    drawn = np.random.default_rng(seed).permutation(active)[: 2 * USERS]
    asked = []
    for place, user in enumerate(drawn.tolist()):
        items, times = snapshot.history(user)
        query = Query(items, times, now=float(times[-1]) + (AWAY_S if place % 4 > 1 else 0.0))
        vector = ensemble.vector(query, width)
        if vector is not None:
            asked.append((vector, query))
    return asked[::2], asked[1::2]


def _with_account(model: Model, account: dict[str, object]) -> Model:
    return Model(model.arrays, {**model.about, "chosen": {**model.about.get("chosen", {}), "index": account}})
