"""The sequence model as a member: trained by torch within a budget of arithmetic, read by numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.data.columns import Floats, Ints
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays, Judge, Member, Setting
from engine.ensemble.vectors import with_moments
from engine.extras import TORCH, importing
from engine.nn.forward import expected_of_many, logits
from engine.recipe import Progress, Query

if TYPE_CHECKING:
    from engine.nn.transformer import TransformerShape

SELDOM = 30  # interactions an item, below which more is dropped out
SPARSE, DENSE = 0.5, 0.3
SEEDS_APART = 1_000_003  # so that trainings with neighbouring seeds share no network
RENEWING = 1 / 8  # of the epochs of a whole training, that a renewed one makes


def fit(snapshot: Snapshot, shape: Setting, seed: int, progress: Progress, judge: Judge | None = None) -> Arrays:
    """A judge may end the training sooner; "epochs" says after how many, whatever time it took. A "network" other than
    0 begins from another seed."""
    with importing(TORCH, "The sequence model is trained with"):
        from engine.nn.loop import trained  # torch takes a second to load: only training pays

    network = _network(snapshot, shape)
    epochs = int(shape["epochs"])
    return with_moments(trained(snapshot, network, epochs, _own(seed, shape), progress, _of_scores(judge)))


def renew(arrays: Arrays, snapshot: Snapshot, shape: Setting, seed: int, progress: Progress) -> Arrays:
    """Some more epochs on data that has grown: a fraction of those of a whole training."""
    with importing(TORCH, "The sequence model is trained with"):
        from engine.nn.loop import renewed

    epochs = max(round(RENEWING * shape["epochs"]), 1)
    own = _own(seed, shape)
    return with_moments(renewed(snapshot, _network(snapshot, shape), epochs, own, progress, dict(arrays)))


def _own(seed: int, shape: Setting) -> int:
    return seed + SEEDS_APART * int(shape.get("network", 0))


def _network(snapshot: Snapshot, shape: Setting) -> TransformerShape:
    from engine.nn.transformer import TransformerShape

    dropout = SPARSE if len(snapshot.items) < SELDOM * snapshot.item_count else DENSE
    return TransformerShape(snapshot.item_count, int(shape["length"]), int(shape["dim"]), dropout=dropout)


def _of_scores(judge: Judge | None) -> Callable[[Arrays], float] | None:
    return None if judge is None else lambda arrays: judge(lambda query: logits(arrays, query.history))


def vectors(arrays: Arrays, histories: Sequence[Ints]) -> Floats:
    """The histories' vectors, those of one length encoded together."""
    length, dim = arrays["positions"].shape
    lengths = np.array([min(len(history), length) for history in histories])
    encoded = np.empty((len(histories), dim), np.float32)
    for each in np.unique(lengths):
        places = np.flatnonzero(lengths == each).tolist()
        encoded[places] = expected_of_many(arrays, np.stack([histories[place][-length:] for place in places]))
    return encoded


def read(arrays: Arrays, reading: Setting, query: Query, items: int) -> Floats:
    return logits(arrays, query.history)


# whether to train one, and how long, is the plan's to say: see engine.ensemble.plan
MEMBER = Member("sequence", lambda snapshot: [], ({},), fit, read, vectors=vectors, judged=fit, renew=renew)
