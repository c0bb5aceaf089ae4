"""implicit's alternating least squares."""

from __future__ import annotations

from collections.abc import Iterator

from loadtests.quality.peers._matrix import matrix, products
from loadtests.quality.peers.base import MINUTES, Peer
from loadtests.quality.task import Log
from loadtests.quality.tuning import Settings, Stage, Watch

ROUNDS = (5, 5, 5, 10)


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(**settings, random_state=watch.seed)
    done = 0
    for rounds in ROUNDS:
        model.iterations = rounds
        model.fit(matrix(log, "log"), show_progress=False)  # goes on from the factors that it has
        done += rounds
        yield f"{done} rounds", products(model.user_factors, model.item_factors)


GRID = [
    {"factors": factors, "regularization": regularization, "alpha": alpha}
    for factors, regularization, alpha in (
        (64, 0.1, 10.0),
        (64, 10.0, 10.0),
        (128, 10.0, 10.0),
        (64, 10.0, 2.0),
        (128, 1.0, 2.0),
        (128, 30.0, 10.0),
        (128, 10.0, 40.0),
        (32, 1.0, 10.0),
    )
]
PEER = Peer("implicit ALS", fit, GRID, group="quality-implicit", epochs=True, seeded=True, weight=MINUTES)
