"""rectools' SASRec with the full softmax, which reads best of its losses on small catalogues, or many negatives."""

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
    {"n_factors": 256, "dropout_rate": 0.2, "loss": "softmax"},
]


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    from rectools.models import SASRecModel

    return trained(SASRecModel(**settings, session_max_len=length_of(log)), log, watch)


PEER = Peer("rectools SASRec", fit, GRID, group=GROUP, epochs=True, seeded=True)
