"""irspack's iALS++ as "Revisiting the Performance of iALS on Item Recommendation Benchmarks" (2021) sets it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from loadtests.quality.peers._matrix import matrix
from loadtests.quality.peers.base import MINUTES, Peer
from loadtests.quality.task import Log
from loadtests.quality.tuning import Settings, Stage, Watch

EPOCHS, STAGES = 4, 8


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    from irspack import IALSRecommender

    model = IALSRecommender(matrix(log, "binary"), **settings, random_seed=watch.seed)
    model.start_learning()
    for stage in range(STAGES):
        for _ in range(EPOCHS):
            model.run_epoch()
        yield f"{(stage + 1) * EPOCHS} epochs", lambda users, now: np.asarray(model.get_score(users), np.float32)


GRID = [
    {"n_components": components, "alpha0": alpha, "reg": reg}
    for components, alpha, reg in (
        (64, 0.1, 0.003),
        (64, 0.3, 0.01),
        (128, 0.1, 0.01),
        (64, 0.03, 0.003),
        (128, 0.3, 0.003),
        (32, 0.1, 0.01),
    )
]
PEER = Peer("irspack iALS", fit, GRID, group="quality-irspack", epochs=True, seeded=True, weight=MINUTES)
