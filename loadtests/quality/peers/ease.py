"""EASE: a ridge regression of every item on all others, in closed form."""

from __future__ import annotations

from collections.abc import Iterator

from loadtests.quality.peers._closed import regression, regression_scores
from loadtests.quality.peers.base import MINUTES, Peer
from loadtests.quality.task import Log
from loadtests.quality.tuning import Settings, Stage, Watch


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    yield "", regression_scores(log, regression(log, settings["ridge"]), 1.0)


PEER = Peer("EASE", fit, [{"ridge": ridge} for ridge in (200.0, 50.0, 500.0, 1_000.0)], weight=MINUTES)
