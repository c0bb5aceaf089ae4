"""EASE + Markov: a regression whose history fades, and transitions, the best simple blend that is known."""

from __future__ import annotations

from collections.abc import Iterator

from loadtests.quality.peers._closed import (
    mixed,
    regression,
    regression_scores,
    remembered,
    transition_scores,
    transitions,
)
from loadtests.quality.peers.base import MINUTES, Peer
from loadtests.quality.task import Log
from loadtests.quality.tuning import Settings, Stage, Watch

FADES = (0.9, 0.8, 0.6)  # of a history's weight with each later event, in the regression
STEPS = (0.8, 0.6, 0.3)  # and in the transitions
SHARES = (0.2, 0.35, 0.5, 0.65, 0.8)


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    ease, markov = regression(log, settings["ridge"]), transitions(log, settings["decay"])
    successors = {step: remembered(transition_scores(log, markov, step)) for step in STEPS}
    for fade in FADES:
        likes = remembered(regression_scores(log, ease, fade))
        for step, share in ((step, share) for step in STEPS for share in SHARES):
            yield f"{share} EASE, histories fade by {fade} and {step}", mixed(likes, successors[step], share)


PEER = Peer("EASE + Markov", fit, [{"ridge": ridge, "decay": 0.8} for ridge in (200.0, 500.0, 1_000.0)], weight=MINUTES)
