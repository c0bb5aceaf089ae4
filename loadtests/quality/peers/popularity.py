"""Popularity: what was chosen most often, the same list for everyone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from loadtests.quality.peers.base import SECONDS, Peer
from loadtests.quality.task import Log
from loadtests.quality.tuning import Settings, Stage, Watch


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    counts = log.counts().astype(np.float32)
    yield "", lambda users, now: np.tile(counts, (len(users), 1))


PEER = Peer("popularity", fit, weight=SECONDS)
