"""Off-policy estimates: what another policy would have earned, from this one's answers and their propensities.

A policy shows each item with some probability; an item that is shown earns its reward whatever stands beside it and
wherever it stands (the item-based model of Li et al., "Offline evaluation of ranking policies with click models",
2018). A value is what one answer earns on average: say, clicks.

- ips: every reward weighed by target / propensity (Horvitz and Thompson, 1952). Unbiased where all that the target
  shows could have been shown (`covered` is 1); high variance.
- snips: the weighed rewards as a share of the weights, times the target's places (Swaminathan and Joachims, "The
  self-normalized estimator for counterfactual learning", 2015). Slightly biased, lower variance.
- doubly_robust: what the items earn elsewhere, corrected by weighed errors (Dudík, Langford and Li, 2011), with
  items' mean rewards taken from the other half of the answers, so that no reward predicts itself.

Errors are standard errors over answers, which count as independent. They say nothing of what is not covered, so an
estimate comes with `warnings`; where there are any there is no `gain`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np

from engine.data.columns import Array, Ints

LEAST_COVERED, MOST_COVERED = 0.9, 1.1  # of what the target shows; 1 is due
LEAST_EFFECTIVE = 30  # answers, fewer of which say little about a mean
PRIOR = 2.0  # shows of the mean reward, that every item's own is mixed with


class Estimate(NamedTuple):
    value: float
    error: float  # standard

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval, by the normal distribution."""
        return self.value - 1.96 * self.error, self.value + 1.96 * self.error


@dataclass(frozen=True)
class Shows:
    """Items shown, a row each (m,), and items that the target would show, a row each (t,), in `answers` answers."""

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
        """The places that the target fills in an answer."""
        return float(self.target_chance.sum()) / self.answers

    @property
    def covered(self) -> float:
        """The share of the target's items that could have been shown: about 1, or rewards are missing."""
        return float(self.weights.sum()) / max(float(self.target_chance.sum()), 1e-12)

    @property
    def effective(self) -> float:
        """The number of answers of equal weights that say as much (Kish, "Survey sampling", 1965)."""
        weights = self.per_answer(self.weights)
        return float(weights.sum() ** 2 / max(float((weights**2).sum()), 1e-12))

    def per_answer(self, values: Array) -> Array:
        """(answers,) sums of the values (m,) of the items shown."""
        return np.bincount(self.answer, values, self.answers)


class Estimates(NamedTuple):
    answers: int
    covered: float
    logged: Estimate  # what the answers that were given earned
    ips: Estimate
    snips: Estimate
    doubly_robust: Estimate
    gain: Estimate | None  # of the target over the policy that answered, by ips, paired; None with warnings
    effective: float  # how many answers of equal weights say as much
    warnings: tuple[str, ...]  # why the estimates are not to be relied on, and what to do

    @property
    def trusted(self) -> bool:
        return not self.warnings


def estimates(shows: Shows) -> Estimates:
    """Raises `ValueError` where nothing was shown."""
    if shows.answers == 0:
        raise ValueError("no answers")
    by_name = {
        "ips": _mean(shows.per_answer(shows.weights * shows.reward)),
        "snips": _self_normalised(shows),
        "doubly_robust": _doubly_robust(shows),
    }
    warnings = tuple(_warnings(shows, by_name))
    return Estimates(
        shows.answers,
        shows.covered,
        logged=_mean(shows.per_answer(shows.reward)),
        **by_name,
        gain=None if warnings else _mean(shows.per_answer((shows.weights - 1) * shows.reward)),
        effective=shows.effective,
        warnings=warnings,
    )


def _warnings(shows: Shows, by_name: dict[str, Estimate]) -> Iterator[str]:
    if not shows.reward.any():
        yield (
            "No event names one of the answers, so there is nothing to estimate from: send the recommendationId with"
            " events, or ask for another event type."
        )
        return
    if shows.covered < LEAST_COVERED:
        yield (
            f"Only {shows.covered:.0%} of what the other model would show could have been shown; what the rest would"
            " earn is in no log. ips counts it as nothing, snips as much as what is covered, doubly_robust guesses it"
            " from what the items earned elsewhere. Let the model that answers explore (explorationWeight above 0) for"
            " a while and ask again, or try both models in an experiment."
        )
    if shows.covered > MOST_COVERED:
        yield (
            f"{shows.covered:.0%} is covered where 100% is due: the answers are too few, or items and models have"
            " changed since they were given. Ask again with more and newer answers."
        )
    if shows.effective < LEAST_EFFECTIVE:
        yield (
            f"{shows.answers:,} answers say as much as {shows.effective:.0f} of equal weight: a few of them decide."
            " Wait for more answers, or let the model that answers explore more."
        )
    intervals = [each.interval for each in by_name.values()]
    if max(low for low, _ in intervals) > min(high for _, high in intervals):  # some two have nothing in common
        yield (
            f"The 95% intervals of {', '.join(by_name)} do not all overlap: the estimates contradict each other, and"
            " none of them can be relied on."
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
    """(items,) mean rewards of those rows, each drawn towards the mean of all."""
    count = int(max(shows.item.max(initial=-1), shows.target_item.max(initial=-1))) + 1
    items, rewards = shows.item[rows], shows.reward[rows]
    mean = float(rewards.mean()) if len(rewards) else 0.0
    sums, shown = np.bincount(items, rewards, count), np.bincount(items, minlength=count)
    means: Array = (sums + PRIOR * mean) / (shown + PRIOR)
    return means
