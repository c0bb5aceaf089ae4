"""The price of diversity: a curve by strength and for caps, on a world where its ends are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine import DiversityCurve, DiversityStudy, InvalidInput, diversity_curve, save_diversity
from engine.data.columns import Tags, column_of
from engine.data.snapshot import Snapshot, snapshot_of

USERS, ITEMS = 40, 30


def world(*kinds: str) -> Snapshot:
    """Every user chose the popular items, i0 most; every third item has one kind."""
    draw = np.random.default_rng(0)
    rows = [(user, item) for user in range(USERS) for item in draw.permutation(ITEMS)[: 5 + user % 5]]
    users, items = np.array(rows, np.int32).T
    columns = {"KIND": column_of(Tags, [kinds[item % len(kinds)] for item in range(ITEMS)])} if kinds else {}
    return snapshot_of(
        users, items, np.arange(len(rows)), item_names=[f"i{n}" for n in range(ITEMS)], item_columns=columns
    )


@pytest.fixture(scope="module")
def curve() -> DiversityCurve:
    study = DiversityStudy("aws-popularity-count", strengths=(0.0, 0.5, 1.0), caps=(2, 4))
    return diversity_curve(world("a", "b", "c"), study)


def test_rows_by_strength_and_caps(curve: DiversityCurve):
    assert [row.name for row in curve.rows] == [
        "strength 0",
        "strength 0.5",
        "strength 1",
        "at most 2 of a KIND",
        "at most 4 of a KIND",
    ]
    plain, *_, two, four = curve.rows
    assert plain.lost == 0 and plain.lost_interval == (0, 0) and curve.users == USERS
    assert plain.diversity <= curve.rows[1].diversity <= curve.rows[2].diversity
    assert (two.short, four.short) == (1.0, 0.0) and two.values == 3.0
    assert [row["list"] for row in curve.table()] == [row.name for row in curve.rows]


def test_a_column_may_be_spelt_in_any_case(curve: DiversityCurve):
    study = DiversityStudy("aws-popularity-count", columns=("kind",), strengths=(0.0,), caps=(2,))
    lower = diversity_curve(world("a", "b", "c"), study)
    assert lower.column == "KIND" and [row.values for row in lower.rows] == [curve.rows[0].values, 3.0]


def test_it_is_drawn(curve: DiversityCurve, tmp_path: Path):
    save_diversity(curve, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_without_columns_there_is_nothing_to_measure():
    with pytest.raises(InvalidInput, match="no categorical column"):
        diversity_curve(world(), DiversityStudy("aws-popularity-count"))
