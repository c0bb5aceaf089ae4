"""Training of one model for all actions: shared weights, each action's own drawn towards them, and the calibration.

How strongly an action's weights are drawn, and how scores become probabilities, come from users held out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Array, Floats
from engine.propensity.calibration import Calibration, calibrated, fitted, log_loss
from engine.propensity.outcomes import Episodes
from engine.recipe import Progress

FOLDS = 5
STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)  # of an action's pull towards what all share
LOOSE = 0.1  # that of the intercept: actions differ in it most
MOST_SHARED = 100_000  # episodes that the shared weights are learned from
MOST_OWN = 30_000  # and an action's own
MOST_TRIED = 40  # actions that the held-out users are asked about


class PropensityWeights(NamedTuple):
    """The parts of an episode's score, made from (d,) standardised features, of which the last is always 1."""

    own: Floats  # (actions, d)
    calibration: Calibration
    strength: float
    held_out: dict[str, float]  # mean log loss on users held out, by strength


class EpisodeRows(NamedTuple):
    """The episodes of the actions to learn, with their features."""

    features: Array  # (m, d)
    actions: Array  # (m,)
    users: Array  # (m,)
    taken: NDArray[np.bool_]  # (m,)

    def take(self, rows: Array) -> EpisodeRows:
        return EpisodeRows(*(column[rows] for column in self))

    @classmethod
    def of(cls, episodes: Episodes, features: Array) -> EpisodeRows:
        return cls(features, episodes.begun.actions, episodes.begun.users, episodes.taken)


def learned(rows: EpisodeRows, able: Array, count: int, seed: int, progress: Progress) -> PropensityWeights:
    """Weights of `count` actions; those that aren't `able` (a,) have none and score 0."""
    draw = np.random.default_rng(seed)
    tried = draw.choice(able, MOST_TRIED, replace=False) if len(able) > MOST_TRIED else able
    scores, truth = _held_out(rows, tried, draw, progress)
    losses = {strength: log_loss(held, truth) for strength, held in scores.items()}
    strength = min(losses, key=lambda each: losses[each]) if losses else 30.0
    calibration = calibrated(scores[strength], truth) if len(truth) else Calibration()
    own = np.zeros((count, rows.features.shape[1]), np.float32)
    shared = _shared(rows, draw)
    for place, (action, weights) in enumerate(_each(rows, able, shared, strength, draw)):
        own[action] = weights
        progress(0.7 + 0.3 * place / len(able), f"action {place + 1} of {len(able)}")
    return PropensityWeights(own, calibration, strength, {f"{each:g}": round(loss, 4) for each, loss in losses.items()})


def _held_out(
    rows: EpisodeRows, tried: Array, draw: np.random.Generator, progress: Progress
) -> tuple[dict[float, Array], NDArray[np.bool_]]:
    """Every episode of the tried actions, scored by weights that its user had no part in; and what came of it."""
    rows = rows.take(np.flatnonzero(np.isin(rows.actions, tried)))
    fold = draw.integers(FOLDS, size=int(rows.users.max(initial=0)) + 1)[rows.users]
    scores = {strength: np.zeros(len(rows.taken)) for strength in STRENGTHS}
    for held in range(FOLDS):
        progress(0.7 * held / FOLDS, f"learning without users of part {held + 1} of {FOLDS}")
        rest, out = rows.take(np.flatnonzero(fold != held)), np.flatnonzero(fold == held)
        shared = _shared(rest, draw)
        for strength in STRENGTHS:
            for action, weights in _each(rest, tried, shared, strength, draw):
                mine = out[rows.actions[out] == action]
                scores[strength][mine] = rows.features[mine] @ weights
    return scores, rows.taken


def _shared(rows: EpisodeRows, draw: np.random.Generator) -> Array:
    rows = _some(rows, MOST_SHARED, draw)
    d = rows.features.shape[1]
    return fitted(rows.features, rows.taken, np.zeros(d), np.append(np.ones(d - 1), LOOSE))


def _each(
    rows: EpisodeRows, actions: Array, shared: Array, strength: float, draw: np.random.Generator
) -> Iterator[tuple[int, Array]]:
    order = np.argsort(rows.actions, kind="stable")
    bounds = rows.actions[order].searchsorted([actions, np.asarray(actions) + 1])
    strengths = np.append(np.full(len(shared) - 1, strength), LOOSE)
    for action, start, stop in zip(actions.tolist(), *bounds.tolist(), strict=True):
        mine = _some(rows.take(order[start:stop]), MOST_OWN, draw)
        yield action, fitted(mine.features, mine.taken, shared, strengths)


def _some(rows: EpisodeRows, most: int, draw: np.random.Generator) -> EpisodeRows:
    if len(rows.taken) <= most:
        return rows
    return rows.take(np.sort(draw.choice(len(rows.taken), most, replace=False)))
