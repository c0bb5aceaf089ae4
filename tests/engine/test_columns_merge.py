"""Every kind of column is a list of plain values: taking, stacking, storing don't change them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from engine.data.columns import (
    MANY,
    Column,
    Labels,
    MappedNames,
    Numbers,
    Tags,
    Texts,
    column_of,
    load_columns,
    missing,
    save_columns,
    stack,
)

KINDS = (Numbers, Labels, Tags, Texts)

words = st.text("abä ", min_size=1, max_size=4)
VALUES = {
    Numbers: st.none() | st.floats(allow_nan=False),
    Labels: st.none() | words,
    Tags: st.none() | st.lists(words, min_size=1, max_size=3).map("|".join),
    Texts: st.none() | words,
}


def values_of(column: Column) -> list[Any]:
    return [column.get(row) for row in range(len(column))]


@st.composite
def columns(draw: st.DrawFn, count: int) -> tuple[type[Column], list[list[Any]]]:
    kind = draw(st.sampled_from(KINDS))
    return kind, [draw(st.lists(VALUES[kind], max_size=8)) for _ in range(count)]


@given(columns(1), st.data())
def test_a_column_gives_and_takes_its_values(drawn: tuple[type[Column], list[list[Any]]], data: st.DataObject):
    kind, (values,) = drawn
    column = column_of(kind, values)
    assert values_of(column) == values
    rows = data.draw(st.lists(st.sampled_from(range(len(values))), max_size=10)) if values else []
    assert values_of(column.take(np.array(rows, np.int64))) == [values[row] for row in rows]


@given(columns(3))
def test_stacked_columns_are_lists_joined(drawn: tuple[type[Column], list[list[Any]]]):
    kind, (first, second, third) = drawn
    stacked = stack(stack(column_of(kind, first), column_of(kind, second)), column_of(kind, third))
    assert values_of(stacked) == [*first, *second, *third]


@given(columns(1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_columns_on_disk_are_the_same(tmp_path: Path, drawn: tuple[type[Column], list[list[Any]]]):
    kind, (values,) = drawn
    save_columns(tmp_path / "t", {"C": column_of(kind, values)})
    loaded = load_columns(tmp_path / "t")["C"]
    assert type(loaded) is kind
    assert values_of(loaded) == values
    assert values_of(stack(loaded, loaded)) == values * 2


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_missing_columns_stack(kind: type[Column]):
    assert values_of(missing(kind, 3)) == [None] * 3
    assert values_of(stack(missing(kind, 1), missing(kind, 0))) == [None]


def test_a_stack_is_of_the_newer_kind():
    assert values_of(stack(Numbers(np.array([1999.0, np.nan])), column_of(Labels, ["x"]))) == ["1999.0", None, "x"]
    assert values_of(stack(column_of(Labels, ["a|b"]), column_of(Tags, ["b"]))) == ["a|b", "b"]
    assert values_of(stack(column_of(Texts, ["7", "x", None]), column_of(Numbers, [1]))) == [7.0, None, None, 1.0]


def test_whole_numbers_stay_exact_where_none_is_missing():
    column = Numbers(np.array([2**60 + 1], np.int64))
    assert values_of(stack(column, column).take(np.array([0]))) == [2**60 + 1]


def test_many_names_stay_in_their_file(tmp_path: Path):
    titles = column_of(Labels, [f"Ärger {number}" for number in range(MANY)] + [None])
    genres = column_of(Tags, [f"g{number}|h{number}" for number in range(MANY)])
    save_columns(tmp_path, {"TITLE": titles, "GENRES": genres, "FEW": column_of(Labels, ["a"])})
    loaded = load_columns(tmp_path)
    first, second, few = (loaded[name] for name in ("TITLE", "GENRES", "FEW"))
    assert isinstance(first, Labels) and isinstance(second, Tags) and isinstance(few, Labels)
    assert isinstance(first.names, MappedNames) and isinstance(second.names, MappedNames) and few.names == ["a"]
    assert [first.get(row) for row in (0, MANY - 1, MANY)] == ["Ärger 0", f"Ärger {MANY - 1}", None]
    assert second.get(7) == "g7|h7" and first.names[1:3] == ["Ärger 1", "Ärger 2"]
    assert isinstance(titles, Labels) and list(first.names) == list(titles.names)
    (tmp_path / "mapped.json").unlink()  # as version 0.1.0 does not know of it
    whole = load_columns(tmp_path)["TITLE"]
    assert isinstance(whole, Labels) and whole.names == titles.names
    grown = stack(first, column_of(Labels, ["new", "Ärger 5"]))
    assert isinstance(grown, Labels) and grown.get(MANY + 1) == "new" and grown.codes[MANY + 2] == 5
    save_columns(tmp_path / "again", {"TITLE": stack(first, missing(Labels, 1))})
    assert load_columns(tmp_path / "again")["TITLE"].get(5) == "Ärger 5"
