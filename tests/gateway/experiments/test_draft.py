"""Team drafts: nothing twice, both teams alike, and the same list for the same unit."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings, strategies as st

from gateway.experiments.draft import Pick, first, orders, team_draft

ITEMS = st.lists(st.sampled_from([f"i{number}" for number in range(12)]), unique=True, max_size=10)


def names(lists: list[list[str]], picks: list[Pick]) -> list[str]:
    return [lists[team][place] for team, place in picks]


@settings(max_examples=150)
@given(st.lists(ITEMS, min_size=2, max_size=4), st.integers(0, 15), st.text(max_size=8))
def test_a_draft_is_of_the_lists_with_nothing_twice(lists: list[list[str]], most: int, unit: str) -> None:
    picks = team_draft(lists, most, "seed", unit)
    shown = names(lists, picks)
    everything = {item for items in lists for item in items}
    assert len(shown) == len(set(shown)) == min(most, len(everything))
    assert picks == team_draft(lists, most, "seed", unit)
    longer = team_draft(lists, most + 3, "seed", unit)
    assert longer[: len(picks)] == picks
    for number, (team, place) in enumerate(picks):  # each places the best that it has left
        assert set(lists[team][:place]) <= set(shown[:number])


@settings(max_examples=100)
@given(st.lists(st.permutations([f"i{number}" for number in range(12)]), min_size=2, max_size=4), st.text(max_size=8))
def test_every_round_has_each_team_once(lists: list[list[str]], unit: str) -> None:
    teams = [pick.team for pick in team_draft(lists, 12, "seed", unit)]
    rounds = [teams[at : at + len(lists)] for at in range(0, 12, len(lists))]
    assert all(len(set(each)) == len(each) for each in rounds)
    assert teams[0] == first(len(lists), "seed", unit)


@pytest.mark.parametrize("teams", [2, 3])
def test_each_team_begins_as_many_lists_and_rounds(teams: int) -> None:
    """Within 4 standard errors; the rounds of a unit are drawn independently, and so are those of another seed."""
    units, rounds = 6_000, 4
    drawn = [[order[0] for order in orders(teams, rounds, "seed", f"u{unit}")] for unit in range(units)]
    reach = 4 * (units / teams * (1 - 1 / teams)) ** 0.5
    for number in range(rounds):
        counts = Counter(each[number] for each in drawn)
        assert all(abs(counts[team] - units / teams) < reach for team in range(teams))
    again = sum(each[0] == each[1] for each in drawn)
    other = sum(first(teams, "seed", f"u{unit}") == first(teams, "other", f"u{unit}") for unit in range(units))
    assert abs(again - units / teams) < reach and abs(other - units / teams) < reach


def test_whoever_has_nothing_left_is_passed_over() -> None:
    lists = [["a"], ["a", "b", "c", "d"]]
    assert sorted(names(lists, team_draft(lists, 9, "s", "u"))) == ["a", "b", "c", "d"]
    assert team_draft([[], []], 5, "s", "u") == [] == team_draft(lists, 0, "s", "u")
