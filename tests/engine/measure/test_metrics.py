"""The checked examples of the specification, and ties."""

import numpy as np
import pytest

from engine.measure.metrics import METRICS, Outcome, mid_ranks, ndcg, without


def outcome(*places: list[int]) -> Outcome:
    """One case a list of places, counted from 1 as the specification does."""
    ranks = [np.array(place, float) - 1 for place in places]
    return Outcome(ranks, [np.array([0, 1, 2], np.int32)] * len(ranks), item_count=12)


ROWS = [
    ("mean_reciprocal_rank_at_25", outcome([4], [2], [6]), 0.3056),
    ("mean_reciprocal_rank_at_25", outcome([2, 5]), 0.5),
    ("mean_reciprocal_rank_at_25", outcome([26], [1]), 0.5),
    ("normalized_discounted_cumulative_gain_at_5", outcome([2, 5]), 0.6241),
    ("precision_at_5", outcome([2, 5]), 0.4),
    ("precision_at_10", outcome([2, 5]), 0.2),
    ("precision_at_25", outcome([2, 5, 26]), 0.08),
    ("normalized_discounted_cumulative_gain_at_10", outcome([11]), 0.0),
    ("normalized_discounted_cumulative_gain_at_25", outcome([1, 2, 3]), 1.0),
    ("coverage", outcome([1], [2]), 0.25),
]


@pytest.mark.parametrize(("name", "given", "expected"), ROWS)
def test_metric(name: str, given: Outcome, expected: float) -> None:
    assert round(METRICS[name](given), 4) == expected


@pytest.mark.parametrize("name", METRICS)
def test_no_cases_no_figure(name: str) -> None:
    assert METRICS[name](Outcome([], [], 3)) == 0


def test_names_are_those_of_the_service() -> None:
    at = [f"{name}_at_{k}" for name in ("normalized_discounted_cumulative_gain", "precision") for k in (5, 10, 25)]
    assert set(METRICS) == {"coverage", "mean_reciprocal_rank_at_25", *at}


def test_equal_scores_share_the_middle_of_their_places() -> None:
    scores = np.array([3, 1, 1, 1, 0], np.float32)
    np.testing.assert_array_equal(mid_ranks(scores, np.array([0, 2, 4])), [0, 2, 4])


def test_a_perfect_list_gains_one() -> None:
    assert ndcg(np.array([0.0, 1.0, 2.0]), 10) == pytest.approx(1)
    assert ndcg(np.arange(20.0), 10) == pytest.approx(1)


def test_seen_items_leave_the_ranking() -> None:
    scores = np.array([3, 2, 1], np.float32)
    np.testing.assert_array_equal(without(scores, np.array([0, 7])), [-np.inf, 2, 1])
    assert scores[0] == 3
