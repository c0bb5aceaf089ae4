"""What another policy would have earned, from answers that this one gave and their propensities: off-policy estimates.

A policy shows each item with some probability; an item that is shown earns its reward whatever stands beside it and
wherever it stands (the item-based model of Li et al., "Offline evaluation of ranking policies with click models",
2018). A value is what one answer earns on average: say, clicks.

- ips: every reward weighed by target / propensity (Horvitz and Thompson, 1952). Unbiased where all that the target
  shows could have been shown (`covered` is 1); high variance.
- snips: the weighed rewards as a share of the weights, times the target's places (Swaminathan and Joachims, "The
  self-normalized estimator for counterfactual learning", 2015). Slightly biased, lower variance.
- doubly_robust: what the items earn elsewhere, corrected by weighed errors (Dudík, Langford and Li, 2011), with
  items' mean rewards taken from the other half of the answers, so that no reward predicts itself.

Errors are standard errors over answers, which count as independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np

from engine.data.columns import Array, Ints

PRIOR = 2.0  # shows of the mean reward, that every item's own is mixed with


class Estimate(NamedTuple):
    value: float
    error: float  # standard

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, by the normal distribution."""
        return self.value - 1.96 * self.error, self.value + 1.96 * self.error


@dataclass(frozen=True)
class Shows:
    """What was shown, one row each (m,), and what the target would show, one row each (t,), in `answers` answers."""

    answers: int
    answer: Ints  # (m,) which answer, from 0
    item: Ints  # (m,)
    propensity: Array  # (m,) > 0
    reward: Array  # (m,)
    target: Array  # (m,) the target's probability of showing that item there
    target_answer: Ints  # (t,)
    target_item: Ints  # (t,)
    target_chance: Array  # (t,) > 0

    @property
    def weights(self) -> Array:
        return self.target / self.propensity

    @property
    def places(self) -> float:
        """That the target fills in an answer."""
        return float(self.target_chance.sum()) / self.answers

    @property
    def covered(self) -> float:
        """How much of what the target shows could have been shown: about 1, or rewards are missing."""
        return float(self.weights.sum()) / max(float(self.target_chance.sum()), 1e-12)

    def per_answer(self, values: Array) -> Array:
        """(answers,) sums of the values (m,) of what was shown."""
        return np.bincount(self.answer, values, self.answers)


class Estimates(NamedTuple):
    answers: int
    covered: float
    logged: Estimate  # what the answers that were given earned
    ips: Estimate
    snips: Estimate
    doubly_robust: Estimate
    gain: Estimate  # of the target over the policy that answered, by ips, paired


def estimates(shows: Shows) -> Estimates:
    """Raises `ValueError` where nothing was shown."""
    if shows.answers == 0:
        raise ValueError("no answers")
    return Estimates(
        shows.answers,
        shows.covered,
        logged=_mean(shows.per_answer(shows.reward)),
        ips=_mean(shows.per_answer(shows.weights * shows.reward)),
        snips=_self_normalised(shows),
        doubly_robust=_doubly_robust(shows),
        gain=_mean(shows.per_answer((shows.weights - 1) * shows.reward)),
    )


def _mean(values: Array) -> Estimate:
    n = len(values)
    return Estimate(float(values.mean()), float(values.std(ddof=1)) / sqrt(n) if n > 1 else float("inf"))


def _self_normalised(shows: Shows) -> Estimate:
    weights = shows.per_answer(shows.weights)
    if weights.sum() == 0:
        return Estimate(0.0, float("inf"))
    earned = shows.per_answer(shows.weights * shows.reward)
    rate = earned.sum() / weights.sum()
    error = _mean((earned - rate * weights) / weights.mean()).error  # by the delta method
    return Estimate(float(rate) * shows.places, error * shows.places)


def _doubly_robust(shows: Shows) -> Estimate:
    values = np.zeros(shows.answers)
    for half in (0, 1):
        expected = _mean_rewards(shows, shows.answer % 2 != half)
        here, there = shows.answer % 2 == half, shows.target_answer % 2 == half
        errors = shows.weights * (shows.reward - expected[shows.item])
        values += shows.per_answer(np.where(here, errors, 0.0))
        chances = np.where(there, shows.target_chance * expected[shows.target_item], 0.0)
        values += np.bincount(shows.target_answer, chances, shows.answers)
    return _mean(values)


def _mean_rewards(shows: Shows, rows: Array) -> Array:
    """(items,) of those rows, each drawn towards the mean of all."""
    count = int(max(shows.item.max(initial=-1), shows.target_item.max(initial=-1))) + 1
    items, rewards = shows.item[rows], shows.reward[rows]
    mean = float(rewards.mean()) if len(rewards) else 0.0
    sums, shown = np.bincount(items, rewards, count), np.bincount(items, minlength=count)
    found: Array = (sums + PRIOR * mean) / (shown + PRIOR)
    return found
