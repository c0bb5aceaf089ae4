"""The sequence model as a member: trained by torch within a budget of arithmetic, read by numpy."""

from __future__ import annotations

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Member, Setting
from engine.ensemble.moments import with_moments
from engine.nn.forward import expected, logits
from engine.recipes.base import Progress, Query


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    from engine.nn.loop import trained  # torch takes a second to load: only training pays
    from engine.nn.transformer import Shape

    network = Shape(snapshot.item_count, int(shape["length"]), int(shape["dim"]))
    return with_moments(trained(snapshot, network, int(shape["epochs"]), seed, progress))


def vector(arrays: Arrays, query: Query) -> Floats:
    return expected(arrays, query.history)


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    return logits(arrays, query.history)


# whether to train one, and how long, is the plan's to say: see engine.ensemble.plan
MEMBER = Member("sequence", lambda snapshot: [], ({},), fit, read, vector=vector)
