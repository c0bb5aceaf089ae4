"""How many items an arm's lists show, and how evenly, against lists whose truth is known."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from gateway.experiments.analysis.lists import covered, diversity, of_parts
from gateway.experiments.analysis.moments import Values
from gateway.experiments.arms import BUCKETS, PARTS, hashed


def parts(catalogue: int, lists: int, seed: int, weights: Values | None = None) -> list[tuple[int, Values]]:
    """Lists of ten items each, drawn by their weights."""
    draw, bucket = np.random.default_rng(seed), np.array([hashed(f"i{n}") % BUCKETS for n in range(catalogue)])
    items = bucket[draw.choice(catalogue, (PARTS, lists // PARTS * 10), p=weights)]
    return [(lists // PARTS, np.bincount(each, minlength=BUCKETS).astype(float)) for each in items]


@pytest.mark.parametrize("catalogue", [50, 500, 3_000, 8_000])
def test_as_many_items_as_there_are(catalogue: int) -> None:
    told = parts(catalogue, 10_000, 1)
    places = sum(each for _, each in told)
    truth = catalogue * (1 - (1 - 1 / catalogue) ** 50_000)
    assert covered(places, 50_000) == pytest.approx(truth, rel=0.05)
    assert diversity(places) == pytest.approx(catalogue, rel=0.25)


def test_arms_of_other_sizes_and_the_same_lists_are_alike() -> None:
    large, small = parts(1_000, 20_000, 2), parts(1_000, 1_000, 3)
    shown = 5_000.0
    for estimate in (partial(covered, shown=shown), diversity):
        one, two = of_parts(large, estimate), of_parts(small, estimate)
        assert one.mean == pytest.approx(two.mean, rel=0.03) and one.units == 20 * two.units
        assert one.error < two.error


def test_a_popular_few_are_less_diverse() -> None:
    weights = 1 / np.arange(1, 1_001)
    assert diversity(sum(each for _, each in parts(1_000, 5_000, 4, weights / weights.sum()))) < 40


def test_the_jackknife_tells_the_error() -> None:
    weights = 1 / np.arange(1, 1_001)
    weights /= weights.sum()
    for estimate in (partial(covered, shown=2_000.0), diversity):
        found = [of_parts(parts(1_000, 500, seed, weights), estimate) for seed in range(60)]
        spread = float(np.std([each.mean for each in found]))
        assert 0.7 * spread < float(np.mean([each.error for each in found])) < 1.5 * spread


def test_nothing_is_known_of_one_part() -> None:
    assert of_parts(parts(100, 100, 5)[:1], diversity).error == float("inf")
