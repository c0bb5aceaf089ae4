"""Own frequency: what the user chose most often and lately, then what is popular. Only where lists keep seen items."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from loadtests.quality.peers.base import SECONDS, Peer
from loadtests.quality.task import Array, Log
from loadtests.quality.tuning import Settings, Stage, Watch

DECAYS = (1.0, 0.99, 0.97, 0.9)  # of an event's weight with each later event


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    counts = log.counts()
    ties = (1e-3 * counts / (counts.max() + 1)).astype(np.float32)
    for decay in DECAYS:

        def scores(users: Array, now: Array, decay: float = decay) -> Array:
            table = np.tile(ties, (len(users), 1))
            for row, user in zip(table, users.tolist(), strict=True):
                history = log.history(user)
                np.add.at(row, history, decay ** np.arange(len(history) - 1, -1, -1))
            return table

        yield f"decay {decay}", scores


PEER = Peer("own frequency", fit, weight=SECONDS, repeats_only=True)
