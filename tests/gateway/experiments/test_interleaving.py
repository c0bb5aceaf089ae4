"""Interleaving's verdict, and how few users it needs: real rankers of different quality on MovieLens-100K."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from gateway.experiments.analysis.interleaving import preference, sign_test
from gateway.experiments.analysis.lift import Method, lift
from gateway.experiments.analysis.moments import Moments, of_values
from gateway.experiments.draft import team_draft
from tests.engine.measure.movielens import movielens

PLACES = 10
LOOKED_AT = 1 / np.log2(np.arange(2, PLACES + 2))  # the chance that a user looks at each place
POWER = 0.8
RUNS = 400
DRAFTS = 16  # team drafts kept of each user


def lists() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What two rankers would show each user, (users, 10) each, and what (users, items) he would like.

    Rankers learn from the earlier four fifths of each user's ratings: the control by how many liked an item, the
    challenger also by how often those did who liked what he liked (cosine); neither shows what he knows. He likes what
    he later rated with 4 or 5.
    """
    snapshot = movielens()
    user, item, people, items = snapshot.users, snapshot.items, snapshot.user_count, snapshot.item_count
    early = np.arange(len(user)) - snapshot.indptr[user] < 0.8 * np.diff(snapshot.indptr)[user]
    liked = snapshot.values >= 4
    known, likes, later = (np.zeros((people, items), np.float32) for _ in range(3))
    known[user[early], item[early]] = 1
    likes[user[early & liked], item[early & liked]] = 1
    later[user[~early & liked], item[~early & liked]] = 1
    popular = np.broadcast_to(likes.sum(axis=0), likes.shape)
    size = np.sqrt(likes.sum(axis=0)) + 1
    alike = likes.T @ likes / (size[:, None] * size)
    np.fill_diagonal(alike, 0)
    near = likes @ alike
    mixed = near / np.maximum(near.max(axis=1, keepdims=True), 1e-9) + 2.5 * popular / popular.max()
    control, challenger = (
        np.argsort(-np.where(known > 0, -np.inf, scores), axis=1, kind="stable")[:, :PLACES]
        for scores in (popular, mixed)
    )
    return control, challenger, later


def clicked(later: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """(users, 10) chances of a click: a user looks at a place or does not (less the lower it is), and clicks what he
    likes there with 0.6, anything else with 0.05 (a position-based model)."""
    return LOOKED_AT * np.where(np.take_along_axis(later, shown, axis=1) > 0, 0.6, 0.05)


def totals(chances: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """(21,) how likely a user drawn at random ends at -10 to 10, where each click moves him by its step: exactly."""
    found = np.zeros((len(chances), 2 * PLACES + 1))
    found[:, PLACES] = 1
    rows = np.arange(2 * PLACES + 1)
    for place in range(PLACES):
        moved = np.take_along_axis(found, (rows - steps[:, [place]]) % len(rows), axis=1)
        found += chances[:, [place]] * (moved - found)
    return found.mean(axis=0)


def needed(power: dict[int, float]) -> float:
    """Users at which the power is reached, on a line between the tried numbers."""
    return float(np.interp(POWER, np.maximum.accumulate(list(power.values())), list(power)))


def test_interleaving_needs_a_fifth_of_the_users():
    """Both with their fixed-horizon tests at 5 %: Welch's of clicks a user, the sign test of users' votes."""
    draw = np.random.default_rng(51)
    *rankers, later = lists()
    people, one = len(later), np.ones((len(later), PLACES), int)
    chances = [clicked(later, each) for each in rankers]
    shares = [totals(each, one)[PLACES:] for each in chances]
    clicks = np.arange(PLACES + 1)

    def moments(counts: np.ndarray) -> Moments:
        return of_values(np.repeat(clicks, counts).astype(float)).moments

    split = {
        users: float(
            np.mean(
                [
                    lift(*(moments(draw.multinomial(users // 2, each)) for each in shares), method="fixed").sure
                    for _ in range(RUNS)
                ]
            )
        )
        for users in (500, 1_000, 2_000, 4_000, 8_000, 16_000)
    }

    mixed, teams = np.empty((2, DRAFTS, people, PLACES), int)
    for user, pair in enumerate(zip(*(each.tolist() for each in rankers), strict=True)):
        for number in range(DRAFTS):
            picks = team_draft(pair, PLACES, f"draft {number}", str(user))
            mixed[number, user] = [pair[team][place] for team, place in picks]
            teams[number, user] = [team for team, _ in picks]
    ends = np.mean([totals(clicked(later, mixed[k]), 2 * teams[k] - 1) for k in range(DRAFTS)], axis=0)
    vote = ends[:PLACES].sum(), ends[PLACES], ends[PLACES + 1 :].sum()
    votes = {}
    for users in (100, 200, 400, 800, 1_600, 3_200):
        losses, _, wins = draw.multinomial(users, vote, RUNS).T
        votes[users] = float(np.mean([sign_test(*each) < 0.05 for each in zip(wins, losses, strict=True)]))

    better = chances[1].sum() / chances[0].sum() - 1
    print(f"{people} tastes, {better:+.1%} clicks. Power of an A/B test {split}, of interleaving {votes}")
    fewer = needed(split) / needed(votes)
    print(f"{POWER:.0%} with {needed(split):.0f} and {needed(votes):.0f} users: {fewer:.1f} times fewer")
    assert 0.02 < better < 0.5 and min(votes.values()) < POWER < max(votes.values())
    assert fewer >= 5


def ballots(wins: int, losses: int, ties: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat([2, 0, 1], [wins, losses, ties]), np.repeat([1, 3, 1], [wins, losses, ties])


@pytest.mark.parametrize(("wins", "losses", "p"), [(8, 2, 0.109375), (5, 5, 1.0), (0, 0, 1.0), (10, 0, 2 / 1024)])
def test_the_sign_test_is_the_binomials(wins: int, losses: int, p: float):
    assert sign_test(wins, losses) == pytest.approx(p)
    assert sign_test(losses, wins) == sign_test(wins, losses)


def test_many_votes_go_by_the_normal_law():
    exact = 2 * sum(comb(1_002, k) for k in range(471)) / 2**1_002
    assert sign_test(470, 532) == pytest.approx(exact, rel=0.02)


@settings(max_examples=200)
@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 400), st.sampled_from(["always", "fixed", "bayesian"]))
def test_preferences_turn_with_the_rankers(wins: int, losses: int, ties: int, method: Method):
    credit = ballots(wins, losses, ties)
    found, turned = preference(*credit, method, draws=2_000), preference(*credit[::-1], method, draws=2_000)
    assert found.low <= found.value <= found.high and found.users == wins + losses + ties
    assert (found.wins, found.value) == (turned.losses, -turned.value)
    assert (found.low, found.high) == pytest.approx((-turned.high, -turned.low), abs=0.1)
    assert found == preference(*ballots(wins, losses, ties), method, draws=2_000)
    if method == "always":
        more = preference(*ballots(4 * wins, 4 * losses), method)
        assert more.high - more.low <= found.high - found.low
    if method == "bayesian" and found.chance_to_win is not None:
        assert (found.chance_to_win > 0.5) == (wins > losses) or abs(wins - losses) < 3


def test_rankers_alike_are_seldom_told_apart_though_one_looks_forty_times():
    votes = np.random.default_rng(52).binomial(25, 0.5, (500, 40)).cumsum(axis=1)
    alarms, naive = [], []
    for each in votes.tolist():
        found = [preference(*ballots(n, 25 * (k + 1) - n)).sure for k, n in enumerate(each)]
        alarms.append(any(found))
        naive.append(any(sign_test(n, 25 * (k + 1) - n) < 0.05 for k, n in enumerate(each)))
    print(f"rankers alike, 40 looks: told apart in {np.mean(alarms):.3f}, by sign tests in {np.mean(naive):.3f}")
    assert np.mean(alarms) <= 0.05 < np.mean(naive)


def test_three_rankers_share_the_error_rate():
    draw = np.random.default_rng(53)
    clicks = draw.poisson([1.0, 1.0, 1.6], (2_000, 3))
    same, better = (preference(clicks[:, ranker], clicks[:, 0], among=2) for ranker in (1, 2))
    assert better.sure and not same.sure
    alone = preference(clicks[:, 2], clicks[:, 0])
    assert (better.wins, better.losses) == (alone.wins, alone.losses) and better.low < alone.low


def test_few_votes_say_nothing():
    found = preference(*ballots(24, 0, 1_000))
    assert (found.enough, found.low, found.high, found.p) == (False, -1, 1, 1.0)
    assert preference(*ballots(60, 10)).sure and preference(*ballots(200, 0)).sure
