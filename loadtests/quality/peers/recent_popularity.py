"""Popularity of 7 days before the moment that is known, ties by all-time popularity."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from loadtests.quality.peers.base import SECONDS, Peer
from loadtests.quality.task import Array, Log
from loadtests.quality.tuning import Settings, Stage, Watch

WEEK = 7 * 86_400


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    order = np.argsort(log.times, kind="stable")
    times, items = log.times[order], log.items[order]
    counts = log.counts()
    ties = (counts / (counts.max() + 1)).astype(np.float32)

    def scores(users: Array, now: Array) -> Array:
        starts, stops = (np.searchsorted(times, moment) for moment in (now - WEEK, now + 1))
        windows = [np.bincount(items[a:b], minlength=log.item_count) for a, b in zip(starts, stops, strict=True)]
        return (np.stack(windows) + ties).astype(np.float32)

    yield "", scores


PEER = Peer("popularity of 7 days", fit, weight=SECONDS)
