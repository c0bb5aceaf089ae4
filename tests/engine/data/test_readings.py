"""What an import makes of values and files that its schema does not foresee."""

from __future__ import annotations

import json
import math

import pytest

from engine.data.columns import Numbers
from engine.data.guess import grown_schema, guess_schema
from engine.data.importer import Imported, import_files
from engine.data.options import ImportOptions, options_of
from engine.data.schema import Schema, parse_schema
from engine.errors import InvalidInput
from tests.engine.data.test_importer import INTERACTIONS, rows, schema, silent, source

FILMS = schema("Items", ("ITEM_ID", "string"), ("GENRES", "string", "categorical"), ("YEAR", "int"), ("NEW", "boolean"))
HEADER = "ITEM_ID,GENRES,YEAR,NEW\n"
EVENTS = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,IMPRESSION\n"
NOW = 1_800_000_000


def load(schema: Schema, text: str, now: float = math.inf, **options: object) -> Imported:
    return import_files(source(a=text), schema, silent, ImportOptions(**options), now)


# ---- odd values


def test_an_odd_value_of_what_describes_something_is_null_and_counted():
    text = HEADER + "a,Drama,1999,1\nb,,2001-2002,maybe\nc,Noir,,0\nd,Noir,99999999999,0\n"
    imported = load(FILMS, text)
    assert rows(imported) == [
        ("a", "Drama", 1999, 1),
        ("b", None, None, None),
        ("c", "Noir", None, 0),
        ("d", "Noir", None, 0),
    ]
    report = imported.report
    assert (report.kept, report.bad, report.flaws, report.failure_reason()) == (4, 0, [], None)
    assert sorted((flaw.column, flaw.rule, flaw.count, *flaw.lines) for flaw in report.nulls) == [
        ("GENRES", "has no value where one is required", 1, "a:3"),
        ("NEW", "is neither True, False, 1 nor 0", 1, "a:3"),
        ("YEAR", "has no value where one is required", 1, "a:4"),
        ("YEAR", "is not a whole number", 1, "a:3"),
        ("YEAR", "is not between -2147483648 and 2147483647", 1, "a:5"),
    ]
    (note,) = report.notes()
    assert note.startswith("5 odd values read as null: ") and "such as '2001-2002': a:3" in note


def test_whole_numbers_stay_whole_where_none_is_odd():
    column = load(FILMS, HEADER + "a,D,1999,1\n").rows["YEAR"]
    assert isinstance(column, Numbers) and column.values.dtype.kind == "i"


@pytest.mark.parametrize(
    ("line", "words"),
    [(",Drama,1999,1", "ITEM_ID has no value"), (f"a,{'x' * 1001},1999,1", "more than 1000"), ("a,D,1", "fields")],
)
def test_what_is_more_than_odd_is_bad(line: str, words: str):
    reason = load(FILMS, f"{HEADER}{line}\n").report.failure_reason()
    assert reason is not None and words in reason


def test_milliseconds_are_no_oddity():
    items = schema("Items", ("ITEM_ID", "string"), ("X", "int"), ("CREATION_TIMESTAMP", ["null", "long"]))
    reason = load(items, "ITEM_ID,X,CREATION_TIMESTAMP\na,1,1700000000000\n").report.failure_reason()
    assert reason is not None and "milliseconds" in reason
    assert load(items, "ITEM_ID,X,CREATION_TIMESTAMP\na,1,soon\n").report.failure_reason() is None


def test_a_column_that_is_mostly_odd_is_refused():
    text = HEADER + "".join(f"f{n},Drama,{'unknown' if n % 3 else 1999},1\n" for n in range(30))
    reason = load(FILMS, text).report.failure_reason()
    assert reason is not None and reason.startswith("20 of 30 values of YEAR do not fit its type, nothing was imported")
    empty = HEADER + "".join(f"f{n},Drama,,1\n" for n in range(30))  # nothing is said, which is no mistake of the type
    assert load(FILMS, empty).report.failure_reason() is None


def test_interactions_are_strict_unless_told_otherwise():
    text = EVENTS + f"u,i,{NOW},View,much,\n"
    reason = load(INTERACTIONS, text).report.failure_reason()
    assert reason is not None and "EVENT_VALUE is not a number" in reason
    lenient = load(INTERACTIONS, text, odd_values="tolerate")
    assert rows(lenient) == [("u", "i", NOW, "View", None, None)] and lenient.report.failure_reason() is None
    assert load(INTERACTIONS, EVENTS + "u,i,soon,View,,\n", odd_values="tolerate").report.bad == 1
    strict = load(FILMS, HEADER + "a,D,x,1\n", odd_values="refuse").report.failure_reason()
    assert strict is not None and "YEAR is not a whole number" in strict


# ---- bad rows


def test_bad_rows_are_left_out_up_to_a_number():
    text = EVENTS + "u,i,1,,,\nu,i\nv,i,2,,,\n,i,3,,,\n"
    imported = load(INTERACTIONS, text, skip_bad_rows=2)
    assert [row[0] for row in rows(imported)] == ["u", "v"]
    assert (imported.report.bad, imported.report.failure_reason()) == (2, None)
    (note,) = imported.report.notes()
    assert note.startswith("2 bad rows left out: ") and "a:3" in note and "a:5" in note
    reason = load(INTERACTIONS, text, skip_bad_rows=1).report.failure_reason()
    assert reason is not None
    assert reason.startswith("2 of 4 rows are bad and at most 1 may be left out, nothing was imported. ")


# ---- times


@pytest.mark.parametrize(
    ("spelling", "cell", "seconds"),
    [
        ("seconds", "881250949.0", 881_250_949),
        ("milliseconds", "1700000000999", 1_700_000_000),
        ("decimal", "1.6e9", 1_600_000_000),
        ("decimal", "881250949.75", 881_250_949),
        ("iso", "2020-09-13T12:26:40Z", 1_600_000_000),
        ("iso", "2020-09-13 12:26:40", 1_600_000_000),
        ("iso", "2020-09-13T14:26:40.5+02:00", 1_600_000_000),
        ("iso", "2020-09-13", 1_599_955_200),
    ],
)
def test_spellings_of_a_time(spelling: str, cell: str, seconds: int):
    imported = load(INTERACTIONS, f"{EVENTS}u,i,{cell},,,\n", timestamps=spelling)
    assert imported.report.failure_reason() is None, imported.report
    assert imported.rows["TIMESTAMP"].get(0) == seconds


@pytest.mark.parametrize(
    ("spelling", "cell", "words"),
    [
        ("seconds", "1.6e9", "--timestamps decimal"),
        ("seconds", "881250949.5", "recgate:timestamps=decimal"),
        ("seconds", "2020-09-13T12:26:40Z", "--timestamps iso"),
        ("seconds", "2020-09-13", "recgate:timestamps=iso"),
        ("iso", "1969-01-01", "negative"),
        ("seconds", str(NOW + 367 * 86_400), "more than a year in the future"),
        ("iso", "2100-01-01", "future"),
        ("iso", "1700000000", "not an ISO 8601 time"),
        ("iso", "2020-02-30", "not an ISO 8601 time"),
        ("decimal", "1e999", "not a number of seconds"),
        ("milliseconds", "soon", "not a whole number of milliseconds"),
    ],
)
def test_times_that_nothing_happens_at(spelling: str, cell: str, words: str):
    reason = load(INTERACTIONS, f"{EVENTS}u,i,{cell},,,\n", NOW, timestamps=spelling).report.failure_reason()
    assert reason is not None and words in reason


@pytest.mark.parametrize(
    ("spelling", "cell", "words"),
    [
        ("seconds", "0", "1 interaction with TIMESTAMP 0"),
        ("decimal", "0.5", "1 interaction with TIMESTAMP 0"),
        ("iso", "1970-01-01", "1 interaction with TIMESTAMP 0"),
        ("seconds", str(NOW + 30 * 86_400), "1 interaction dated in the future"),
    ],
)
def test_times_that_are_kept_and_said(spelling: str, cell: str, words: str):
    report = load(INTERACTIONS, f"{EVENTS}u,i,{cell},,,\n", NOW, timestamps=spelling).report
    assert report.failure_reason() is None and report.kept == 1
    assert any(words in note for note in report.notes())


def test_only_interactions_are_of_the_past():
    items = schema("Items", ("ITEM_ID", "string"), ("X", "int"), ("CREATION_TIMESTAMP", "long"))
    text = f"ITEM_ID,X,CREATION_TIMESTAMP\na,1,{NOW + 10**8}\nb,1,0\n"
    assert load(items, text, NOW).report == load(items, text).report
    assert not load(items, text, NOW).report.nulls


# ---- files that are no CSV


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("USER_ID,ITEM_ID\n".encode("utf-16"), "a is UTF-16: save it as UTF-8"),
        ("USER_ID,ITEM_ID\n".encode("utf-16-be"), "a is UTF-16 without a byte order mark: save it as UTF-8"),
        ("USER_ID,ITEM_ID\n".encode("utf-32"), "a is UTF-32"),
        (b"PAR1\x15\x04", "a is a Parquet file that can't be read"),
        (b"PK\x03\x04\x14\0", "a is a ZIP archive or a spreadsheet"),
        (b"\x28\xb5\x2f\xfdxx", "a: the Zstandard data is broken"),
        (b"\x01\x02\x00binary", "a is binary"),
        (b'{"USER_ID": "u"}\n{"USER_ID": "v"}\n', "missing the following columns:[ITEM_ID, TIMESTAMP]"),
        (b'{\n"USER_ID": "u"}\n', "a has no record: the line is no JSON object"),
        (b'\xef\xbb\xbf[{"USER_ID": "u"}]', "a is JSON: write it as JSON Lines"),
        (b"<html>", "a is HTML or XML"),
        (b"USER_ID;ITEM_ID;TIMESTAMP\nu;i;1\n", "a is separated by semicolons (';')"),
        (b"USER_ID\tITEM_ID\tTIMESTAMP\n", "a is separated by tabs"),
        (b"u,i,1700000000\n", "The first line of a, 'u,i,1700000000', names none of the columns: if it is data,"),
        (b"USER_ID,ITEM,TIMESTAMP\n", "missing the following columns:[ITEM_ID]. The header of a is 'USER_ID,ITEM,T"),
        (b"", "a is empty, or its first line is."),
        (b"\n", "a is empty, or its first line is."),
        (b"x" * 10_000_000, "longer than"),
        (b'USER_ID,ITEM_ID,TIMESTAMP,"' + b"x" * 200_000 + b'"\n', "longer than 131,072 characters"),
    ],
)
def test_a_file_that_is_no_csv_is_called_what_it_is(data: bytes, words: str):
    for read in (
        lambda: import_files(source(a=data), schema("Interactions", *_PLAIN), silent),
        lambda: guess_schema(source(a=data), "INTERACTIONS"),
    ):
        with pytest.raises(InvalidInput) as error:
            read()
        assert words in error.value.message


_PLAIN = (("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"))


def test_a_header_may_begin_as_another_format_does():
    orchards = schema("Items", ("ITEM_ID", "string"), ("ORCHARD", "int"))
    assert load(orchards, "ORCHARD,ITEM_ID\n1,a\n").report.kept == 1


# ---- schemas


def test_a_schema_grows_by_the_columns_it_lacks():
    old = json.dumps({"type": "record", "name": "Items", "fields": [{"name": "ITEM_ID", "type": "string"}, _YEAR]})
    grown = parse_schema(grown_schema(old, source(a="item_id,YEAR,COLOR,PRICE\na,1,red,2.5\nb,2,blue,1\n")))
    assert [(field.name, field.type, field.nullable) for field in grown.fields] == [
        ("ITEM_ID", "string", False),
        ("YEAR", "int", False),
        ("COLOR", "string", True),
        ("PRICE", "double", True),
    ]


_YEAR = {"name": "YEAR", "type": "int"}


# ---- options


def test_options_are_tags():
    tags = {"team": "x", "recgate:skipBadRows": "7", "recgate:oddValues": "tolerate", "recgate:allowEmpty": "true"}
    assert options_of(tags) == ImportOptions(skip_bad_rows=7, odd_values="tolerate", allow_empty=True)
    assert options_of({"recgate:timestamps": "iso"}) == ImportOptions(timestamps="iso")


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"recgate:skipBad": "1"}, "no option recgate:skipBad; use one of recgate:skipBadRows"),
        ({"recgate:skipBadRows": "some"}, "skipBadRows"),
        ({"recgate:skipBadRows": "-1"}, "skipBadRows"),
        ({"recgate:timestamps": "minutes"}, "timestamps"),
    ],
)
def test_options_that_are_none(tags: dict[str, str], words: str):
    with pytest.raises(InvalidInput) as error:
        options_of(tags)
    assert words in error.value.message
