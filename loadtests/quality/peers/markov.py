"""Markov: what followed the user's last items, near successors weighing more, shrunk where an item had few."""

from __future__ import annotations

from collections.abc import Iterator

from loadtests.quality.peers._closed import transition_scores, transitions
from loadtests.quality.peers.base import MINUTES, Peer
from loadtests.quality.task import Log
from loadtests.quality.tuning import Settings, Stage, Watch

FADES = (0.8, 0.6, 0.4, 0.1)  # of a history's weight with each later event; .1: the last event almost alone


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    table = transitions(log, settings["decay"])
    for fade in FADES:
        yield f"history fades by {fade}", transition_scores(log, table, fade)


PEER = Peer("Markov", fit, [{"decay": decay} for decay in (0.8, 0.5, 0.9, 0.0)], weight=MINUTES)
