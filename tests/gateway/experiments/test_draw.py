"""The hash is the published one: all of GrowthBook's examples of it (cases.json, specification 0.8)."""

from __future__ import annotations

from bisect import bisect_right

import pytest
from growthbook.core import gbhash

from gateway.plan.draw import ends_of, older_share, share, share_in_group

VERSIONS = {1: older_share, 2: share}
HASHES = [
    ("", "a", 1, 0.22),
    ("", "b", 1, 0.077),
    ("b", "a", 1, 0.946),
    ("ef", "d", 1, 0.652),
    ("asdf", "8952klfjas09ujk", 1, 0.549),
    ("", "123", 1, 0.011),
    ("", '___)((*":&', 1, 0.563),
    ("seed", "a", 2, 0.0505),
    ("seed", "b", 2, 0.2696),
    ("foo", "ab", 2, 0.2575),
    ("foo", "def", 2, 0.2019),
    ("89123klj", "8952klfjas09ujkasdf", 2, 0.124),
    ("90850943850283058242805", "123", 2, 0.7516),
    ("()**(%$##$%#$#", '___)((*":&', 2, 0.0128),
    ("abc", "def", 99, None),
]


@pytest.mark.parametrize(("seed", "unit", "version", "place"), HASHES)
def test_the_hash_is_the_published_one(seed: str, unit: str, version: int, place: float | None) -> None:
    hashed = VERSIONS.get(version)
    assert (None if hashed is None else hashed(seed, unit)) == place


@pytest.mark.parametrize("unit", ["zoë", "Ελένη", "用户", "a\U0001f600b", "\ud83d", "", "plain", "\x00\x7f\x80\uffff"])
def test_units_of_any_script_are_where_the_sdk_has_them(unit: str) -> None:
    """Characters beyond the basic plane are two units of UTF-16 there; a lone half of one is a unit, too."""
    for seed in ("row", "reihe-ß", "\U0001f3b2"):
        assert share(seed, unit) == gbhash(seed, unit, 2)
        assert older_share(seed, unit) == gbhash(seed, unit, 1)


@pytest.mark.parametrize(
    ("unit", "group", "low", "high", "inside"),
    [
        ("1", "namespace1", 0, 0.4, False),
        ("1", "namespace1", 0.4, 1, True),
        ("2", "namespace1", 0, 0.4, False),
        ("2", "namespace1", 0.4, 1, True),
        ("4", "namespace1", 0, 0.4, False),
        ("4", "namespace1", 0.4, 1, True),
    ],
)
def test_a_group_of_exclusion_is_a_namespace_of_growthbook(
    unit: str, group: str, low: float, high: float, inside: bool
) -> None:
    assert (low <= share_in_group(group, unit) < high) is inside


@pytest.mark.parametrize(
    ("weights", "at", "index"),
    [((1, 1), 0.4999, 0), ((1, 1), 0.5, 1), ((0, 1), 0.0, 1), ((1, 0), 0.9999, 0), ((0.1, 0.2, 0.7, 0), 0.9999, 2)],
)
def test_a_place_falls_in_a_weight(weights: tuple[float, ...], at: float, index: int) -> None:
    assert bisect_right(ends_of(weights), at) == index
