from __future__ import annotations

import csv
import io
import json
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine.data.cells import column_kind
from engine.data.columns import Column, Labels, Numbers, Tags, Texts, load_columns, save_columns
from engine.data.importer import Imported, first_of_equals, import_files
from engine.data.report import ImportReport
from engine.data.rows import BLOCK, unescape
from engine.data.schema import Schema, parse_schema
from engine.data.source import ImportSource, SourceFile
from engine.errors import InvalidInput

NULL_STRING = ["null", "string"]


def schema(name: str, *fields: tuple[Any, ...]) -> Schema:
    rows = [{"name": field, "type": type_, **dict.fromkeys(flags, True)} for field, type_, *flags in fields]
    return parse_schema(json.dumps({"type": "record", "name": name, "fields": rows}))


INTERACTIONS = schema(
    "Interactions",
    ("USER_ID", "string"),
    ("ITEM_ID", "string"),
    ("TIMESTAMP", "long"),
    ("EVENT_TYPE", NULL_STRING),
    ("EVENT_VALUE", ["null", "float"]),
    ("IMPRESSION", NULL_STRING),
)
ITEMS = schema(
    "Items",
    ("ITEM_ID", "string"),
    ("GENRES", NULL_STRING, "categorical"),
    ("PRICE", ["null", "double"]),
    ("STOCK", "int"),
    ("YEAR", ["null", "int"]),
    ("TITLE", NULL_STRING),
    ("TEXT", NULL_STRING, "textual"),
    ("IS_NEW", ["null", "boolean"]),
)
ITEM_HEADER = "ITEM_ID,GENRES,PRICE,STOCK,YEAR,TITLE,TEXT,IS_NEW\n"
EVENT_HEADER = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,IMPRESSION\n"
PAIRS = schema("Items", ("ITEM_ID", "string"), ("TEXT", NULL_STRING, "categorical"))


class Bytes(io.RawIOBase):
    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._stream.readinto(buffer)


def source(**files: str | bytes) -> ImportSource:
    encoded = {name: data.encode() if isinstance(data, str) else data for name, data in files.items()}
    return ImportSource(
        "memory", tuple(SourceFile(name, len(data), lambda data=data: Bytes(data)) for name, data in encoded.items())
    )


def silent(fraction: float, message: str) -> None: ...


def load(schema: Schema, **files: str | bytes) -> Imported:
    return import_files(source(**files), schema, silent)


def rows(imported: Imported) -> list[tuple[Any, ...]]:
    return [tuple(column.get(row) for column in imported.rows.values()) for row in range(imported.report.kept)]


# ---- good data


def test_every_kind_of_column() -> None:
    text = ITEM_HEADER + 'a,x|y,1.5,3,1999,"A, title",long text,True\nb,,,4,,,,\nc,y,-2e3,5,2000,T,,0\n'
    imported = load(ITEMS, a=text)
    assert {name: type(column) for name, column in imported.rows.items()} == {
        field.name: column_kind(field) for field in ITEMS.fields
    }
    assert rows(imported) == [
        ("a", "x|y", 1.5, 3, 1999, "A, title", "long text", 1),
        ("b", None, None, 4, None, None, None, None),
        ("c", "y", -2000, 5, 2000, "T", None, 0),
    ]
    assert imported.report == ImportReport(rows=3, kept=3, files=["a"])
    stock, year = imported.rows["STOCK"], imported.rows["YEAR"]
    assert isinstance(stock, Numbers) and stock.values.dtype == np.int64
    assert isinstance(year, Numbers) and year.values.dtype == np.float64


def test_names_come_in_the_order_of_the_file() -> None:
    imported = load(INTERACTIONS, a=EVENT_HEADER + "u2,b,1,,,\nu1,a,2,,,\nu2,a,3,,,\n")
    users = imported.rows["USER_ID"]
    assert isinstance(users, Labels) and (users.names, users.codes.tolist()) == (["u2", "u1"], [0, 1, 0])


def test_columns_are_found_by_name_and_unknown_ones_passed_over() -> None:
    text = "\ufeffextra,timestamp,EVENT_TYPE,ItemId,USER_ID,event_value,IMPRESSION,\n9,5,View,i,u,2.5,i|j,8\n"
    imported = load(INTERACTIONS, a=text)
    assert rows(imported) == [("u", "i", 5, "View", 2.5, "i|j")]
    assert imported.report.ignored_columns == ["extra", ""]


def test_a_name_in_its_own_spelling_wins() -> None:
    assert rows(load(PAIRS, a="item_id,ITEM_ID,TEXT\nx,y,z\n")) == [("y", "z")]


def test_several_files_and_blank_lines() -> None:
    imported = load(PAIRS, a="ITEM_ID,TEXT\na,1\n\nb,2\n", b="ITEM_ID,TEXT\r\nc,3\r\n\r\n", c="ITEM_ID,TEXT")
    assert rows(imported) == [("a", "1"), ("b", "2"), ("c", "3")]
    assert imported.report == ImportReport(rows=3, kept=3, blank_lines=2, files=["a", "b", "c"])


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("plain", "plain"),
        ('"a, b"', "a, b"),
        (r'"say \"hi\""', 'say "hi"'),
        ('"say ""hi"""', 'say "hi"'),
        (r'"back\\slash"', r"back\slash"),
        (r'"C:\temp"', r"C:\temp"),
        (r"C:\temp\\x", r"C:\temp\\x"),
        (r'"\\"', "\\"),
        (r'"\""', '"'),
        ('""', None),
        ('"two\nlines, \\"quoted\\""', 'two\nlines, "quoted"'),
        ('"two\r\nlines\\\\"', "two\r\nlines\\"),
        ('5" disc', '5" disc'),
        ("naïve 漢字 🎬", "naïve 漢字 🎬"),
    ],
)
def test_quoting(cell: str, value: str | None) -> None:
    imported = load(PAIRS, a=f"ITEM_ID,TEXT\na,{cell}\nb,next\n")
    assert imported.report.failure_reason() is None
    assert rows(imported) == [("a", value), ("b", "next")]


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0|"), max_size=12)


@settings(max_examples=75, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=20), st.booleans())
def test_odd_strings_survive(cells: list[str], backslashes: bool) -> None:
    stream = io.StringIO(newline="")
    if backslashes:
        for index, cell in enumerate(cells):
            escaped = cell.replace("\\", r"\\").replace('"', r"\"")
            stream.write(f'"{index}","{escaped}"\n')
    else:
        doubled = [cell.replace("\\", r"\\") for cell in cells]  # a backslash in quotes is always an escape
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(enumerate(doubled))
    imported = load(PAIRS, a="ITEM_ID,TEXT\n" + stream.getvalue())
    assert imported.report.failure_reason() is None
    assert [text for _, text in rows(imported)] == [cell or None for cell in cells]


@given(st.text('ab,"\\\n', max_size=30), st.booleans())
def test_unescape_leaves_text_without_escapes_alone(text: str, inside: bool) -> None:
    if '\\"' not in text and "\\\\" not in text:
        assert unescape(text, inside) == text


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.text('a,"\\\n\r1', max_size=60).map(str.encode))
def test_any_bytes_give_a_report_whose_sums_are_right(data: bytes) -> None:
    report = load(PAIRS, a=b"ITEM_ID,TEXT\n" + data).report
    assert report.rows == report.kept + report.duplicates + report.bad
    assert (report.failure_reason() is None) == (report.bad == 0)


def test_long_text_is_cut_silently() -> None:
    text = "é" * 20_001
    imported = load(ITEMS, a=ITEM_HEADER + f"a,,,1,,,{text},\n")
    assert imported.report.bad == 0
    assert imported.rows["TEXT"].get(0) == text[:-1]


# ---- duplicates


def test_equal_interactions_are_kept_once() -> None:
    lines = ["u,i,1,View,,", "u,i,1,View,2,", "u,i,1,View,,", "u,i,2,View,,", "u,j,1,View,,", "u,i,1,View,2.0,"]
    imported = load(INTERACTIONS, a=EVENT_HEADER + "\n".join(lines))
    assert rows(imported) == [
        ("u", "i", 1, "View", None, None),
        ("u", "i", 1, "View", 2.0, None),
        ("u", "i", 2, "View", None, None),
        ("u", "j", 1, "View", None, None),
    ]
    assert (imported.report.rows, imported.report.kept, imported.report.duplicates) == (6, 4, 2)


def test_of_an_item_the_last_row_is_kept() -> None:
    imported = load(PAIRS, a="ITEM_ID,TEXT\na,1\nb,2\na,3\n", b="ITEM_ID,TEXT\nc,4\nb,5\n")
    assert rows(imported) == [("a", "3"), ("c", "4"), ("b", "5")]
    assert imported.report.duplicates == 2


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 1.0, float("nan")])), max_size=40))
def test_first_of_equals_is_what_a_set_says(pairs: list[tuple[int, float]]) -> None:
    seen: dict[str, int] = {}
    for row, pair in enumerate(pairs):
        seen.setdefault(repr(pair), row)
    columns = [np.array([a for a, _ in pairs], np.int32), np.array([b for _, b in pairs], np.float64)]
    assert first_of_equals(columns).tolist() == list(seen.values())


# ---- bad rows: line 2 of each file is good

EVENT, ITEM = "u,i,1,View,1,", "z,a,1,1,1,t,t,1"
BAD_ROWS = [  # schema, header, a good row, a bad row, the column, words of the rule
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,i,1", None, "number of fields"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,i,1,View,1,,", None, "number of fields"),
    (INTERACTIONS, EVENT_HEADER, EVENT, ",i,1,View,1,", "USER_ID", "no value"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,,1,View,1,", "ITEM_ID", "no value"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,i,,View,1,", "TIMESTAMP", "no value"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,i,soon,View,1,", "TIMESTAMP", "not a whole number"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,i,1.5,View,1,", "TIMESTAMP", "not a whole number"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,i,1_0,View,1,", "TIMESTAMP", "not a whole number"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,i,٣,View,1,", "TIMESTAMP", "not a whole number"),
    (INTERACTIONS, EVENT_HEADER, EVENT, f"u,i,{'9' * 5000},View,1,", "TIMESTAMP", "not a whole number"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,i,-1,View,1,", "TIMESTAMP", "negative"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,i,1700000000000,View,1,", "TIMESTAMP", "millisecond"),
    (INTERACTIONS, EVENT_HEADER, EVENT, f"u,i,{10**30},View,1,", "TIMESTAMP", "millisecond"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,i,1,View,much,", "EVENT_VALUE", "not a number"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,i,1,View,nan,", "EVENT_VALUE", "not a number"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,i,1,View,1e999,", "EVENT_VALUE", "too large"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u,i,1,View,1,a||b", "IMPRESSION", "item without a name"),
    (INTERACTIONS, EVENT_HEADER, EVENT, f"u,i,1,View,1,{'x' * 257}|b", "IMPRESSION", "more than 256 characters"),
    (INTERACTIONS, EVENT_HEADER, EVENT, f"u,i,1,View,1,{'ab|' * 334}a", "IMPRESSION", "more than 1000 characters"),
    (INTERACTIONS, EVENT_HEADER, EVENT, f"{'x' * 257},i,1,View,1,", "USER_ID", "more than 256 characters for USER_ID."),
    (INTERACTIONS, EVENT_HEADER, EVENT, f"u,i,1,{'x' * 1001},1,", "EVENT_TYPE", "more than 1000 characters"),
    (INTERACTIONS, EVENT_HEADER, EVENT, b"u\xff,i,1,View,1,", None, "not UTF-8"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u\0,i,1,View,1,", None, "NUL bytes"),
    (INTERACTIONS, EVENT_HEADER, EVENT, "u\r,i,1,View,1,", None, "carriage return"),
    (INTERACTIONS, EVENT_HEADER, EVENT, '"u"x,i,1,View,1,', None, "text follows a closing quote"),
    (INTERACTIONS, EVENT_HEADER, EVENT, '"u,i,1,View,1,', None, "never closed"),
    (ITEMS, ITEM_HEADER, ITEM, f"a,{'x' * 1001},1,1,1,t,t,1", "GENRES", "more than 1000 characters for GENRES."),
    (ITEMS, ITEM_HEADER, ITEM, "a,a,1,,1,t,t,1", "STOCK", "no value"),
    (ITEMS, ITEM_HEADER, ITEM, "a,a,1,2147483648,1,t,t,1", "STOCK", "not between"),
    (ITEMS, ITEM_HEADER, ITEM, "a,a,1,1,1.5,t,t,1", "YEAR", "not a whole number"),
    (ITEMS, ITEM_HEADER, ITEM, "a,a,cheap,1,1,t,t,1", "PRICE", "not a number"),
    (ITEMS, ITEM_HEADER, ITEM, "a,a,1,1,1,t,t,yes", "IS_NEW", "neither True, False, 1 nor 0"),
]


@pytest.mark.parametrize(("schema", "header", "good", "bad", "column", "words"), BAD_ROWS)
def test_bad_rows(schema: Schema, header: str, good: str, bad: str | bytes, column: str | None, words: str) -> None:
    raw = bad if isinstance(bad, bytes) else bad.encode()
    imported = load(schema, part=header.encode() + good.encode() + b"\n" + raw + b"\n" + good.encode() + b"\n")
    report = imported.report
    (flaw,) = report.flaws
    assert (flaw.column, flaw.count, flaw.lines) == (column, 1, ["part:3"])
    assert words in flaw.rule
    assert (report.rows, report.kept, report.duplicates, report.bad) == (3, 1, 1, 1)
    reason = report.failure_reason()
    assert reason is not None
    assert words in reason and (column or "") in reason and "part:3" in reason


def test_a_whole_number_may_be_written_with_a_point() -> None:
    imported = load(INTERACTIONS, a=EVENT_HEADER + "u,i,1600000000.0,,,\n")
    assert rows(imported) == [("u", "i", 1_600_000_000, None, None, None)]


def test_an_unclosed_quote_spoils_one_row_only() -> None:
    lines = [f"{i},text" for i in range(5000)]
    lines[10] = '10,"open'
    lines[20] = '20,"fine"'
    lines[30] = '30,"two\nlines"'
    report = load(PAIRS, a="ITEM_ID,TEXT\n" + "\n".join(lines)).report
    assert (report.rows, report.bad, [flaw.lines for flaw in report.flaws]) == (5000, 1, [["a:12"]])
    lines[4000] = "4000,too,many"
    report = load(PAIRS, a="ITEM_ID,TEXT\n" + "\n".join(lines)).report
    assert sorted(flaw.lines[0] for flaw in report.flaws) == ["a:12", "a:4003"]


def test_a_quote_is_not_followed_for_ever() -> None:
    text = 'ITEM_ID,TEXT\na,"open\n' + "".join(f"{i},{'x' * 100}\n" for i in range(3000))
    report = load(PAIRS, a=text).report
    assert (report.rows, report.bad, report.flaws[0].lines) == (3001, 1, ["a:2"])


def test_a_line_without_end() -> None:
    report = load(PAIRS, a="ITEM_ID,TEXT\na," + "x" * 9_000_000 + "\nb,1\n").report
    assert (report.rows, report.bad, report.flaws[0].lines) == (2, 1, ["a:2"])
    assert "longer than" in report.flaws[0].rule


def test_one_row_may_break_several_rules_and_counts_once() -> None:
    report = load(INTERACTIONS, a=EVENT_HEADER + ",,soon,,,\n").report
    assert (report.rows, report.bad, len(report.flaws)) == (1, 1, 3)


def test_ten_lines_of_each_kind_over_all_files() -> None:
    bad = "u,i,1700000000000,View,,\n"
    report = load(INTERACTIONS, a=EVENT_HEADER + bad * 7, b=EVENT_HEADER + "\n" + bad * 7).report
    (flaw,) = report.flaws
    assert flaw.count == 14
    assert flaw.lines == [f"a:{line}" for line in range(2, 9)] + [f"b:{line}" for line in range(3, 6)]
    assert report.failure_reason() == (
        "14 of 14 rows are bad, nothing was imported. TIMESTAMP looks like milliseconds: seconds since 1970 are due,"
        " so divide it by 1000 (14 rows, such as '1700000000000': a:2, a:3, a:4, a:5, a:6, a:7, a:8, b:3, b:4, b:5, …)."
    )


def test_the_reason_names_the_column_even_if_its_name_is_a_word() -> None:
    numbers = schema("Items", ("ITEM_ID", "string"), ("a", "int"))
    reason = load(numbers, f="ITEM_ID,a\nx,y\n").report.failure_reason()
    assert reason == "1 of 1 rows are bad, nothing was imported. a is not a whole number (1 row, such as 'y': f:2)."


def test_a_reason_stays_readable() -> None:
    many = schema("Items", ("ITEM_ID", "string"), *((f"N{i}", "int") for i in range(15)))
    header = "ITEM_ID," + ",".join(f"N{i}" for i in range(15))
    reason = load(many, f=header + "\na" + ",x" * 15 + "\n").report.failure_reason()
    assert reason is not None and reason.endswith("; and 5 more kinds of errors.")


def test_lines_are_right_after_many_blocks() -> None:
    lines = [f"{i},x" for i in range(3 * BLOCK)]
    lines[2 * BLOCK + 5] = ",x"
    report = load(PAIRS, a="ITEM_ID,TEXT\n" + "\n".join(lines)).report
    assert report.flaws[0].lines == [f"a:{2 * BLOCK + 7}"]


# ---- headers


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a": "USER_ID,TIMESTAMP\n"}, "Input CSV is missing the following columns:[ITEM_ID, TEXT]."),
        ({"a": ""}, "Input CSV is missing the following columns:[ITEM_ID, TEXT]."),
        ({"a": "ITEM_ID,TEXT\n", "b": "TEXT,ITEM_ID\n"}, "The header of b differs from that of a"),
        ({"a": "ITEM_ID,TEXT\n", "b": "1,2\n"}, "The header of b differs"),
        ({"a": "ITEM_ID,TEXT,TEXT\n"}, "names TEXT more than once"),
        ({"a": b"ITEM_ID,TEXT\xff\n"}, "not UTF-8"),
        ({"a": '"ITEM_ID,TEXT\n'}, "is not CSV"),
    ],
)
def test_bad_headers(files: Mapping[str, str | bytes], words: str) -> None:
    with pytest.raises(InvalidInput) as error:
        load(PAIRS, **files)
    assert words in error.value.message


# ---- progress, storage, speed


def test_progress_follows_the_bytes_and_may_stop_the_import() -> None:
    text = "ITEM_ID,TEXT\n" + "".join(f"{i},{'x' * 90}\n" for i in range(3 * BLOCK))
    seen: list[float] = []
    import_files(source(a=text, b=text), PAIRS, lambda fraction, message: seen.append(fraction))
    assert seen == sorted(seen) and seen[-1] == 1 and 0.1 < seen[0] < 0.3

    def stop(fraction: float, message: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_files(source(a=text), PAIRS, stop)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (ITEMS, ITEM_HEADER + "a,x|y,1.5,3,1999,T,text,True\nb,,,4,,,,\n"),
        (ITEMS, ITEM_HEADER),
        (INTERACTIONS, EVENT_HEADER + "u,i,1,View,,\nu,i,1,View,,\nu,i,x,,,\n"),
    ],
)
def test_what_is_saved_is_loaded(tmp_path: Path, schema: Schema, text: str) -> None:
    imported = load(schema, a=text)
    save_columns(tmp_path / "import", imported.rows)
    report = msgspec.json.decode(msgspec.json.encode(imported.report), type=ImportReport)
    again = Imported(load_columns(tmp_path / "import"), report)
    assert (rows(again), again.report) == (rows(imported), imported.report)
    assert msgspec.convert(msgspec.to_builtins(imported.report), ImportReport) == imported.report


@pytest.mark.parametrize(
    ("field", "kind"), [("ITEM_ID", Labels), ("GENRES", Tags), ("PRICE", Numbers), ("TEXT", Texts), ("IS_NEW", Numbers)]
)
def test_column_kind(field: str, kind: type[Column]) -> None:
    found = ITEMS.field_for(field)
    assert found is not None and column_kind(found) is kind


def test_speed_and_memory() -> None:
    """1,000,000 rows are promised in 20 s and well below 1 GB; a fifth of them here, with room for a busy machine."""
    lines = (
        f"user{i * 7919 % 20_000},item{i * 104_729 % 5000},{1_600_000_000 + i},View,{i % 9}," for i in range(200_000)
    )
    given = source(a=EVENT_HEADER + "\n".join(lines))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    imported = import_files(given, INTERACTIONS, silent)
    assert time.process_time() - start < 8
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB
    assert imported.report.kept == 200_000
