"""Rows of which some columns are sent: those that fit the schema, over what was there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine import ColumnChange, PartialRow
from engine.data.entries import read_row
from engine.data.schema import Field, Schema
from engine.feed.partial_rows import fitting
from tests.engine.shop import Shop

FIELDS = (
    Field(name="ITEM_ID", type="string"),
    Field(name="NAME", type="string", nullable=True),
    Field(name="GENRES", type="string", nullable=True, categorical=True),
    Field(name="YEAR", type="int", nullable=True),
    Field(name="PRICE", type="float", nullable=True),
    Field(name="ADULT", type="boolean", nullable=True),
    Field(name="CREATION_TIMESTAMP", type="long", nullable=True),
)
ITEMS = Schema("items", "ITEMS", FIELDS)


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("name", 788032119674292922, {"NAME": "788032119674292922"}),
        ("Name", True, {"NAME": "true"}),
        ("genres", ["a", 7], {"GENRES": "a|7"}),
        ("year", "1999", {"YEAR": 1999}),
        ("year", "1999.0", {"YEAR": 1999}),
        ("price", "19.90", {"PRICE": 19.9}),
        ("PRICE", None, {"PRICE": None}),
        ("adult", "true", {"ADULT": True}),
        ("creationTimestamp", "2023-11-15T22:13:20Z", {"CREATION_TIMESTAMP": 1_700_086_400}),
        ("creation_timestamp", 1_700_086_400_123, {"CREATION_TIMESTAMP": 1_700_086_400}),
    ],
)
def test_values_are_typed_where_it_is_no_matter_of_taste(name: str, value: Any, stored: dict[str, Any]):
    fitted = fitting(ITEMS, {name: value})
    assert (dict(fitted.values), fitted.omitted) == (stored, [])


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("colour", "red", "unknown"),
        ("itemId", "i9", "unknown"),  # the row has its name beside the columns
        ("year", "MCMXCIX", "unfit"),
        ("year", 1999.5, "unfit"),
        ("price", float("nan"), "unfit"),
        ("name", {"en": "x"}, "unfit"),
        ("creationTimestamp", "soon", "unfit"),
    ],
)
def test_what_does_not_fit_is_omitted_by_name(name: str, value: Any, reason: str):
    fitted = fitting(ITEMS, {name: value})
    assert (dict(fitted.values), [tuple(each) for each in fitted.omitted]) == ({}, [(reason, name)])


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with closing(Shop(tmp_path)) as shop:
        yield shop.furnish()


def merged(shop: Shop, *rows: PartialRow, dataset: str = "ITEMS") -> list[tuple[str, str]]:
    result = shop.engine.feed.merge_rows([shop.tracking], dataset, rows)
    if result.appended is not None:
        result.appended.result(30)
    shop.engine.feed.catch_up()
    return [tuple(each) for each in result.omitted]


def test_columns_that_are_not_sent_stay(shop: Shop):
    shop.load("ITEMS", ["ITEM_ID,GENRES,YEAR,PRICE", "i1,Drama,1999,9.5", "i2,Comedy,,"])  # in a snapshot
    assert merged(shop, PartialRow("i1", {"price": 8}), PartialRow("i1", {"genres": ["New"]})) == []
    assert merged(shop, PartialRow("i2", {"price": "3"}), PartialRow("i3", {"year": 2000, "x": 1})) == [
        ("unknown", "x")
    ]
    rows = [read_row(each.body) for each in shop.engine.log.read(0) if each.kind == "item"]
    assert [(each.name, each.values) for each in rows] == [
        ("i1", {"GENRES": "Drama", "YEAR": 1999, "PRICE": 8}),
        ("i1", {"GENRES": "New", "YEAR": 1999, "PRICE": 8}),
        ("i2", {"GENRES": "Comedy", "PRICE": 3}),
        ("i3", {"YEAR": 2000}),
    ]
    assert all(isinstance(each.values.get("YEAR", 0), int) for each in rows)


def test_a_row_of_the_same_name_for_once_is_stored_once(shop: Shop):
    old, new = PartialRow("i1", {"price": 1}, "m1"), PartialRow("i1", {"price": 2}, "m2")
    for row in (old, new, old):
        assert merged(shop, row) == []
    assert shop.row("i1") == {"PRICE": 2}


def test_a_row_that_lacks_a_required_column_is_incomplete(tmp_path: Path):
    with closing(Shop(tmp_path)) as shop:
        shop.furnish("INTERACTIONS")
        assert merged(shop, PartialRow("i1", {"price": 1})) == [("noDataset", "ITEMS")]
        fields = [{"name": "ITEM_ID", "type": "string"}, {"name": "KIND", "type": "string"}]
        shop.add_dataset("ITEMS", [*fields, {"name": "PRICE", "type": ["null", "float"]}])
        assert merged(shop, PartialRow("i1", {"price": 1})) == [("incomplete", "KIND")]
        assert merged(shop, PartialRow("i1", {"kind": "a"}), PartialRow("i1", {"price": 1})) == []
        assert shop.row("i1") == {"KIND": "a", "PRICE": 1}


def test_changes_are_by_what_was_there_before(shop: Shop):
    changes = (
        ColumnChange("setOnce", "year", 1999),
        ColumnChange("add", "price", 2.5),
        ColumnChange("append", "genres", "Drama"),
        ColumnChange("add", "colour", 1),
    )
    assert merged(shop, PartialRow("i1", {}, "m1", changes)) == [("unknown", "colour")]
    assert shop.row("i1") == {"YEAR": 1999, "PRICE": 2.5, "GENRES": "Drama"}
    again = (
        ColumnChange("setOnce", "year", 2000),
        ColumnChange("add", "price", "0.5"),
        ColumnChange("prepend", "genres", ["New"]),
        ColumnChange("union", "genres", ["Drama", "Noir"]),
    )
    assert merged(shop, PartialRow("i1", {}, "m2", again)) == []
    assert shop.row("i1") == {"YEAR": 1999, "PRICE": 3.0, "GENRES": "New|Drama|Noir"}
    removed = (ColumnChange("remove", "genres", ["New", "Noir"]), ColumnChange("remove", "year", 1999))
    assert merged(shop, PartialRow("i1", {}, "m3", removed[:1]), PartialRow("i2", {}, None, removed[:1])) == []
    assert (shop.row("i1")["GENRES"], shop.row("i2")) == ("Drama", None)
    assert merged(shop, PartialRow("i1", {}, None, (ColumnChange("remove", "genres", "Drama"),))) == []
    assert shop.row("i1").get("GENRES") is None


def test_a_change_that_comes_again_counts_once_beside_others(shop: Shop):
    one, two = (PartialRow("i1", {}, once, (ColumnChange("add", "price", 1),)) for once in ("m1", "m2"))
    assert merged(shop, one, one) == []
    assert merged(shop, one, two) == []
    assert shop.row("i1") == {"PRICE": 2}


def test_an_older_row_is_not_stored_over_a_newer_one(tmp_path: Path):
    with closing(Shop(tmp_path)) as shop:
        shop.furnish("INTERACTIONS")
        columns = [{"name": "PRICE", "type": ["null", "float"]}, {"name": "UPDATED_AT", "type": ["null", "double"]}]
        shop.add_dataset("ITEMS", [{"name": "ITEM_ID", "type": "string"}, *columns])
        older, newer = (PartialRow("i1", {"price": at}, updated_at=at) for at in (1.5, 2.5))
        assert merged(shop, newer, older) == merged(shop, older) == [("outdated", "UPDATED_AT")]
        assert merged(shop, PartialRow("i1", {"price": 3})) == []  # which does not say when
        assert shop.row("i1") == {"PRICE": 3, "UPDATED_AT": 2.5}
        assert merged(shop, PartialRow("i1", {"price": 4}, updated_at=2.5)) == []
        assert shop.row("i1") == {"PRICE": 4, "UPDATED_AT": 2.5}
