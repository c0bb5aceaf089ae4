"""irspack's EDLAE: a linear autoencoder with dropout that does not overfit towards the identity (Steck 2020)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from loadtests.quality.peers._matrix import matrix
from loadtests.quality.peers.base import MINUTES, Peer
from loadtests.quality.task import Log
from loadtests.quality.tuning import Settings, Stage, Watch


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    from irspack import EDLAERecommender

    model = EDLAERecommender(matrix(log, "binary"), **settings)
    model.learn()
    yield "", lambda users, now: np.asarray(model.get_score(users), np.float32)


GRID = [
    {"reg": reg, "dropout_p": dropout}
    for reg, dropout in ((200.0, 0.3), (200.0, 0.7), (50.0, 0.5), (1_000.0, 0.3), (20.0, 0.1))
]
PEER = Peer("irspack EDLAE", fit, GRID, group="quality-irspack", weight=MINUTES)
