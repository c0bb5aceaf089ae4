"""irspack's RP3beta: random walks of three steps, popular items discounted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from loadtests.quality.peers._matrix import matrix
from loadtests.quality.peers.base import MINUTES, Peer
from loadtests.quality.task import Log
from loadtests.quality.tuning import Settings, Stage, Watch


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    from irspack import RP3betaRecommender

    model = RP3betaRecommender(matrix(log, "binary"), **settings)
    model.learn()
    yield "", lambda users, now: np.asarray(model.get_score(users), np.float32)


GRID = [
    {"beta": beta, "top_k": top, "normalize_weight": normalized}
    for normalized in (False, True)
    for beta, top in ((0.6, 100), (0.3, 100), (0.3, 400), (0.05, 400))
]
PEER = Peer("irspack RP3beta", fit, GRID, group="quality-irspack", weight=MINUTES)
