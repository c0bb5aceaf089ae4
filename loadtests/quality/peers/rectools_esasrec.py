"""rectools' eSASRec: SASRec with LiGR layers and sampled softmax."""

from __future__ import annotations

from collections.abc import Iterator

from loadtests.quality.peers._rectools import GROUP, length_of, trained
from loadtests.quality.peers.base import Peer
from loadtests.quality.task import Log
from loadtests.quality.tuning import Settings, Stage, Watch

GRID = [
    {"n_factors": 64, "dropout_rate": 0.3, "n_negatives": 256},
    {"n_factors": 128, "dropout_rate": 0.2, "n_negatives": 256},
    {"n_factors": 128, "dropout_rate": 0.5, "n_negatives": 256},
]


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    from rectools.models import SASRecModel
    from rectools.models.nn.transformers.ligr import LiGRLayers

    layers = {"transformer_layers_type": LiGRLayers, "loss": "sampled_softmax"}
    return trained(SASRecModel(**settings, **layers, session_max_len=length_of(log)), log, watch)


PEER = Peer("rectools eSASRec", fit, GRID, group=GROUP, epochs=True, seeded=True)
