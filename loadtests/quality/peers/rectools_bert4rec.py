"""rectools' BERT4Rec."""

from __future__ import annotations

from collections.abc import Iterator

from loadtests.quality.peers._rectools import GROUP, length_of, trained
from loadtests.quality.peers.base import Peer
from loadtests.quality.task import Log
from loadtests.quality.tuning import Settings, Stage, Watch

GRID = [
    {"n_factors": 64, "dropout_rate": 0.1, "mask_prob": 0.2},
    {"n_factors": 128, "dropout_rate": 0.2, "mask_prob": 0.15},
    {"n_factors": 128, "dropout_rate": 0.2, "mask_prob": 0.4},
]


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    from rectools.models import BERT4RecModel

    return trained(BERT4RecModel(**settings, session_max_len=length_of(log)), log, watch)


PEER = Peer("rectools BERT4Rec", fit, GRID, group=GROUP, epochs=True, seeded=True)
