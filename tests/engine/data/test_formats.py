"""Imports of JSON Lines and Parquet, compressed or not: the same rows as the CSV's, and what of them is refused."""

from __future__ import annotations

import gzip
import io
import json
import math
import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow
import pytest
from hypothesis import given, strategies
from pyarrow import parquet

from engine.data.guess import guess_schema
from engine.data.importer import Imported, import_files
from engine.data.options import ImportOptions, options_of
from engine.data.schema import Schema
from engine.errors import InvalidInput
from tests.engine.data.test_importer import rows, schema, silent, source

FILMS = schema(
    "Items",
    ("ITEM_ID", "string"),
    ("GENRES", ["null", "string"], "categorical"),
    ("YEAR", ["null", "int"]),
    ("PRICE", ["null", "float"]),
    ("NEW", ["null", "boolean"]),
    ("CREATION_TIMESTAMP", ["null", "long"]),
)
CREATED = datetime(2024, 5, 1, 12, 30, 15, 250_000, tzinfo=UTC)
SECONDS = int(CREATED.timestamp())
RECORDS = [
    {
        "ITEM_ID": "a",
        "GENRES": ["Drama", "Noir"],
        "YEAR": 1999,
        "PRICE": 2.5,
        "NEW": True,
        "CREATION_TIMESTAMP": SECONDS,
    },
    {"ITEM_ID": "b", "GENRES": None, "YEAR": 2000.0, "PRICE": 3, "NEW": False, "CREATION_TIMESTAMP": None},
    {"ITEM_ID": "c", "GENRES": ["Comedy"]},
]
ROWS = [
    ("a", "Drama|Noir", 1999, 2.5, 1, SECONDS),
    ("b", None, 2000, 3, 0, None),
    ("c", "Comedy", None, None, None, None),
]


def lines(records: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


def parquet_of(table: pyarrow.Table) -> bytes:
    out = io.BytesIO()
    parquet.write_table(table, out)
    return out.getvalue()


def films_table() -> pyarrow.Table:
    columns = {name: [record.get(name) for record in RECORDS] for name in RECORDS[0]}
    kinds = {"YEAR": pyarrow.float64(), "CREATION_TIMESTAMP": pyarrow.timestamp("ns", "UTC")}
    columns["CREATION_TIMESTAMP"] = [CREATED, None, None]
    return pyarrow.table({name: pyarrow.array(values, kinds.get(name)) for name, values in columns.items()})


def zstandard(data: bytes) -> bytes:
    out = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    packed: bytes = out.getvalue().to_pybytes()
    return packed


def load(data: bytes, wanted: Schema = FILMS, **options: object) -> Imported:
    return import_files(source(a=data), wanted, silent, ImportOptions(**options), math.inf)


def refusal(data: bytes, wanted: Schema = FILMS, **options: object) -> str:
    with pytest.raises(InvalidInput) as error:
        load(data, wanted, **options)
    return error.value.message


FORMATS = {"JSON Lines": lines(RECORDS), "Parquet": parquet_of(films_table())}
PACKING = {"plain": bytes, "gzip": gzip.compress, "zstandard": zstandard}


@pytest.mark.parametrize("packing", PACKING)
@pytest.mark.parametrize("form", FORMATS)
def test_rows_are_those_of_a_csv(form: str, packing: str) -> None:
    data = PACKING[packing](FORMATS[form])
    imported = load(data)
    assert rows(imported) == ROWS
    assert (imported.report.rows, imported.report.bad, imported.report.flaws) == (3, 0, [])
    guessed = json.loads(guess_schema(source(a=data), "ITEMS"))
    assert [field["name"] for field in guessed["fields"]] == list(RECORDS[0])
    assert {field["name"]: field["type"] for field in guessed["fields"]}["YEAR"] in ("long", ["null", "long"])


def test_a_bad_line_is_named_and_the_others_stay() -> None:
    bad = [
        b"{not json}",
        b"[1]",
        b'{"ITEM_ID": {"id": "x"}}',
        b'{"ITEM_ID": "x", "GENRES": ["a|b"]}',
        b'{"ITEM_ID": "x\\u0000"}',
        b"",
    ]
    report = load(lines(RECORDS) + b"\n".join(bad) + b'\n{"ITEM_ID": "d"}', skip_bad_rows=9).report
    assert (report.kept, report.bad, report.blank_lines) == (4, 5, 1)
    assert {(line, flaw.rule[:24]) for flaw in report.flaws for line in flaw.lines} == {
        ("a:4", "the line is no JSON obje"),
        ("a:5", "the line is no JSON obje"),
        ("a:6", "a value is an object: on"),
        ("a:7", "a text of a list holds '"),
        ("a:8", "the row holds NUL charac"),
    }


def test_a_column_that_comes_late_is_refused_where_it_comes() -> None:
    first = lines([{"ITEM_ID": f"i{n}"} for n in range(8192)])
    report = load(first + lines([{"ITEM_ID": "late", "COLOUR": "red"}]), skip_bad_rows=1).report
    (flaw,) = report.flaws
    assert flaw.lines == ["a:8193"] and "none of the first 8,192 rows" in flaw.rule
    early = load(lines([{"ITEM_ID": "a", "COLOUR": "red"}])).report
    assert early.ignored_columns == ["COLOUR"] and early.kept == 1


def test_files_of_json_may_order_and_lack_members() -> None:
    imported = import_files(
        source(a=lines([{"ITEM_ID": "a", "YEAR": 1999}]), b=lines([{"GENRES": "Noir", "ITEM_ID": "b"}])), FILMS, silent
    )
    assert [row[:3] for row in rows(imported)] == [("a", None, 1999), ("b", "Noir", None)]


@pytest.mark.parametrize(
    ("timestamps", "expected"),
    [("seconds", SECONDS), ("milliseconds", SECONDS), ("decimal", SECONDS), ("iso", SECONDS)],
)
def test_typed_times_are_read_whatever_is_said_of_texts(timestamps: str, expected: int) -> None:
    assert rows(load(FORMATS["Parquet"], timestamps=timestamps))[0][-1] == expected


def test_other_types_of_parquet() -> None:
    table = pyarrow.table(
        {
            "ITEM_ID": pyarrow.array(["a", "b"]).dictionary_encode(),
            "GENRES": pyarrow.array([["x"], None], pyarrow.large_list(pyarrow.string())),
            "YEAR": pyarrow.array([1999, None], pyarrow.int16()),
            "PRICE": pyarrow.array([Decimal("2.50"), None]),
            "NEW": pyarrow.array([None, True]),
            "CREATION_TIMESTAMP": pyarrow.array([date(2024, 5, 1), None]),
        }
    )
    midnight = int(datetime(2024, 5, 1, tzinfo=UTC).timestamp())
    assert rows(load(parquet_of(table))) == [("a", "x", 1999, 2.5, None, midnight), ("b", None, None, None, 1, None)]


def test_parquet_that_can_not_be_imported() -> None:
    inner = pyarrow.table({"ITEM_ID": ["a"], "GENRES": [{"name": "x"}]})
    assert "Column GENRES of a is of type struct<name: string>" in refusal(parquet_of(inner))
    listed = pyarrow.table({"ITEM_ID": ["a"], "GENRES": [["x|y"]]})
    assert "a, rows 1 to 1: a text of a list holds '|'" in refusal(
        parquet_of(listed), schema("Items", ("ITEM_ID", "string"), ("GENRES", "string", "categorical"))
    )
    assert "missing the following columns:[GENRES" in refusal(parquet_of(pyarrow.table({"ITEM_ID": ["a"]})))


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for data in (FORMATS["Parquet"], zstandard(b"ITEM_ID\na\n")):
        assert "recgate[feeds]" in refusal(data)


# ---- columns of other names


@pytest.mark.parametrize("form", ["csv", "json"])
def test_columns_of_other_names_fill_fields(form: str) -> None:
    wanted = schema("Items", ("ITEM_ID", "string"), ("YEAR", "int"))
    text = b"sku,ITEM_ID,made in\na,7,1999\n"
    data = text if form == "csv" else lines([{"sku": "a", "ITEM_ID": 7, "made in": 1999}])
    options = options_of({"recgate:columns": "ITEM_ID=sku/YEAR=made in"})
    imported = import_files(source(a=data), wanted, silent, options)
    assert rows(imported) == [("a", 1999)]
    assert imported.report.ignored_columns == ["ITEM_ID (not mapped)"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("ITEM_ID", "'ITEM_ID' is not FIELD=COLUMN"),
        ("ITEM_ID=", "'ITEM_ID=' is not FIELD=COLUMN"),
        ("ITEM_ID=a/ITEM_ID=b", "ITEM_ID is named twice"),
        ("ITEM_ID=a/YEAR=a", "a is named twice"),
    ],
)
def test_a_mapping_that_is_none_is_refused(columns: str, words: str) -> None:
    with pytest.raises(InvalidInput) as error:
        options_of({"recgate:columns": columns})
    assert words in error.value.message


def test_a_mapped_column_that_is_not_there_is_named() -> None:
    assert "a has no column 'sku' to fill ITEM_ID; it has ITEM_ID, YEAR" in refusal(
        b"ITEM_ID,YEAR\na,1\n", columns="ITEM_ID=sku"
    )


CELLS = strategies.text(strategies.characters(exclude_characters="\0\r\n", codec="utf-8"), min_size=1, max_size=8)


@given(strategies.lists(strategies.tuples(CELLS, strategies.integers(-(2**31), 2**31 - 1)), min_size=1, max_size=20))
def test_any_texts_and_numbers_come_through_both(pairs: list[tuple[str, int]]) -> None:
    wanted = schema("Items", ("ITEM_ID", "string"), ("YEAR", "int"))
    records = [{"ITEM_ID": name, "YEAR": number} for name, number in pairs]
    table = pyarrow.table({"ITEM_ID": [name for name, _ in pairs], "YEAR": [number for _, number in pairs]})
    expected = dict(pairs)
    for data in (lines(records), parquet_of(table)):
        assert dict(rows(load(data, wanted))) == expected
