"""rectools' HSTU without attention to times, which would have to be told when the answer is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from loadtests.quality.peers._rectools import GROUP, length_of, trained
from loadtests.quality.peers.base import Peer
from loadtests.quality.task import Log
from loadtests.quality.tuning import Settings, Stage, Watch

GRID = [
    {"n_factors": 64, "dropout_rate": 0.3, "loss": "softmax"},
    {"n_factors": 128, "dropout_rate": 0.2, "loss": "softmax"},
    {"n_factors": 128, "dropout_rate": 0.5, "loss": "softmax"},
    {"n_factors": 64, "dropout_rate": 0.3, "loss": "sampled_softmax", "n_negatives": 256},
]


def fit(log: Log, settings: Settings, watch: Watch, *, times: bool = False) -> Iterator[Stage]:
    from rectools.models import HSTUModel

    model = HSTUModel(**settings, session_max_len=length_of(log), relative_time_attention=times)
    return trained(model, log, watch, context=times)


PEER = Peer("rectools HSTU", fit, GRID, group=GROUP, epochs=True, seeded=True)
