"""implicit's Bayesian personalized ranking."""

from __future__ import annotations

from collections.abc import Iterator

from loadtests.quality.peers._matrix import matrix, products
from loadtests.quality.peers.base import MINUTES, Peer
from loadtests.quality.task import Log
from loadtests.quality.tuning import Settings, Stage, Watch

ROUNDS, STAGES = 25, 12


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(**settings, iterations=ROUNDS, random_state=watch.seed)
    for stage in range(STAGES):
        model.fit(matrix(log, "binary"), show_progress=False)  # goes on from the factors that it has
        yield f"{(stage + 1) * ROUNDS} rounds", products(model.user_factors, model.item_factors)


GRID = [
    {"factors": factors, "learning_rate": rate, "regularization": regularization}
    for factors, rate, regularization in ((64, 0.05, 0.01), (64, 0.01, 0.01), (128, 0.05, 0.03), (64, 0.05, 0.001))
]
PEER = Peer("implicit BPR", fit, GRID, group="quality-implicit", epochs=True, seeded=True, weight=MINUTES)
