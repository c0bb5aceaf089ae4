"""recgate import: which files it takes, what it says of odd ones, and how a dataset's schema follows."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner, Result

from engine import Engine, Settings
from gateway.__main__ import main
from tests.moto_server import moto_server, s3_environ

EVENTS = "USER_ID,ITEM_ID,TIMESTAMP\n"
ITEMS = "ITEM_ID,GENRES,YEAR\na,Drama,1999\nb,Comedy,2000\nc,Drama,2001\n"
WIDER = "ITEM_ID,GENRES,YEAR,COLOR\na,Drama,1999,red\nb,Comedy,2000,blue\nc,Drama,2001,red\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory; the data directory is `data` in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def imports(*arguments: str, type_: str = "interactions", stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["import", *arguments, "--type", type_, "--data", "data"], input=stdin)


def refused(*arguments: str, type_: str = "interactions") -> str:
    """What is said, on one line."""
    result = imports(*arguments, type_=type_)
    assert result.exit_code != 0 and (result.exception is None or isinstance(result.exception, SystemExit)), result
    return " ".join(result.output.split())


def users(folder: Path, group: str = "main") -> list[str]:
    engine = Engine.open(Settings.of(folder / "data", {}, read_only=True))
    try:
        return sorted(
            engine.resources.snapshot(f"arn:aws:personalize:us-east-1:000000000000:dataset-group/{group}").user_names
        )
    finally:
        engine.close()


def schema(*fields: tuple[str, object], name: str = "Items") -> str:
    return json.dumps({"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields]})


# ---- files


def test_several_files_globs_gzip_and_standard_input(shop: Path):
    for name in "abc":
        (shop / f"{name}.csv").write_text(f"{EVENTS}{name},i,1700000000\n")
    (shop / "z.csv.gz").write_bytes(gzip.compress(f"{EVENTS}z,i,1700000000\n".encode()))
    assert imports("a.csv", "[bc].csv", "z.csv.gz").exit_code == 0
    assert users(shop) == ["a", "b", "c", "z"]
    piped = imports("-", "--group", "piped", stdin=f"{EVENTS}p,i,1700000000\n")
    assert piped.exit_code == 0, piped.output
    assert users(shop, "piped") == ["p"]
    assert not list((shop / "data").glob("import-*"))  # what was put together is gone


def test_rows_of_one_item_count_in_the_order_of_the_arguments(shop: Path):
    for name, genre in (("b", "first"), ("a", "last")):
        (shop / f"{name}.csv").write_text(f"ITEM_ID,GENRES,YEAR\nx,{genre},1\ny,o,1\n")
    assert imports("b.csv", "a.csv", type_="items").exit_code == 0
    engine = Engine.open(Settings.of(shop / "data", {}, read_only=True))
    snapshot = engine.resources.snapshot("arn:aws:personalize:us-east-1:000000000000:dataset-group/main")
    engine.close()
    assert snapshot.item_columns["GENRES"].get(list(snapshot.item_names).index("x")) == "last"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with moto_server() as url:
        for name, value in s3_environ(url).items():
            monkeypatch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="shop")
        yield "shop"


def test_files_and_schemas_in_s3(shop: Path, bucket: str):
    s3 = boto3.client("s3")
    for name in "abc":
        s3.put_object(Bucket=bucket, Key=f"in/{name}.csv", Body=f"{EVENTS}{name},i,1700000000\n".encode())
    wanted = schema(("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"), name="Interactions")
    s3.put_object(Bucket=bucket, Key="schema.json", Body=wanted.encode())
    for group, files, expected in (
        ("one", ["s3://shop/in/a.csv"], ["a"]),
        ("folder", ["s3://shop/in/"], ["a", "b", "c"]),
        ("glob", ["s3://shop/in/[ab].csv"], ["a", "b"]),
        ("several", ["s3://shop/in/c.csv", "s3://shop/in/a.csv"], ["a", "c"]),
    ):
        result = imports(*files, "--group", group, "--schema", "s3://shop/schema.json")
        assert result.exit_code == 0, result.output
        assert users(shop, group) == expected
    assert "Invalid Data location. s3://shop/none.csv" in refused("s3://shop/none.csv")
    assert "no object matches s3://shop/in/*.tsv" in refused("s3://shop/in/*.tsv")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("wide.csv", (EVENTS + "u,i,1700000000\n").encode("utf-16"), "wide.csv is UTF-16: save it as UTF-8"),
        ("a.parquet", b"PAR1\0\0", "a.parquet is a Parquet file that can't be read"),
        ("a.jsonl", b'{"USER_ID":"u"}\n', "missing the following columns:[ITEM_ID, TIMESTAMP]"),
        ("semi.csv", b"USER_ID;ITEM_ID;TIMESTAMP\nu;i;1\n", "semi.csv is separated by semicolons"),
        ("bare.csv", b"u,i,1700000000\n", "if it is data, write a header line above it, such as USER_ID,ITEM_ID,TIMES"),
        ("big.csv", b"USER_ID,ITEM_ID,TIMESTAMP\nu," + b"x" * 10_000_000 + b",1\n", "longer than 4,194,304 bytes"),
        ("iso.csv", b"USER_ID,ITEM_ID,TIMESTAMP\nu,i,2026-01-01T00:00:00Z\n", "--timestamps iso"),
        ("ms.csv", b"USER_ID,ITEM_ID,TIMESTAMP\nu,i,1700000000000\n", "--timestamps milliseconds"),
        ("future.csv", b"USER_ID,ITEM_ID,TIMESTAMP\nu,i,4102444800\nu,j,0\n", "more than a year in the future"),
    ],
)
def test_what_can_not_be_read_is_said_and_nothing_is_kept(shop: Path, name: str, data: bytes, words: str):
    (shop / name).write_bytes(data)
    assert words in refused(name)


def test_places_without_files(shop: Path):
    (shop / "empty").mkdir()
    assert "holds no files" in refused("empty")
    assert "there is no file or folder none.csv" in refused("none.csv")
    assert "no file matches *.tsv" in refused("*.tsv")


def test_a_name_that_breaks_the_rule_is_told_in_plain_words(shop: Path):
    (shop / "a.csv").write_text(f"{EVENTS}u,i,1700000000\n")
    said = refused("a.csv", "--group", "My shop!")
    assert "'My shop!' can't be a name: a name has letters, digits, - and _" in said and "regex" not in said
    trained = CliRunner().invoke(main, ["train", "for you", "--data", "data"])
    assert trained.exit_code != 0 and "'for you' can't be a name" in trained.output
    longest = "g" * 63
    assert imports("a.csv", "--group", longest).exit_code == 0


# ---- odd values and rows


def test_odd_values_are_null_and_bad_rows_left_out(shop: Path):
    (shop / "films.csv").write_text("ITEM_ID,GENRES,YEAR\na,Drama,1999\nb,Noir,unknown\nc,Noir,\n")
    (shop / "films.json").write_text(schema(("ITEM_ID", "string"), ("GENRES", "string"), ("YEAR", "int")))
    films = imports("films.csv", "--schema", "films.json", type_="items")
    assert films.exit_code == 0, films.output
    assert (
        "2 odd values read as null: YEAR is not a whole number (1 row, such as 'unknown': films.csv:3)" in films.output
    )
    assert "YEAR is not a whole number" in refused("films.csv", "--odd-values", "refuse", type_="items")
    (shop / "events.csv").write_text(f"{EVENTS}u,i,1700000000\nv,i\nw,i,1700000000\n")
    assert "--skip-bad N" in refused("events.csv")
    assert imports("events.csv", "--skip-bad", "1").exit_code == 0
    assert users(shop) == ["u", "w"]


def test_a_full_import_of_nothing_does_not_empty_a_dataset(shop: Path):
    (shop / "a.csv").write_text(f"{EVENTS}u,i,1700000000\n")
    (shop / "none.csv").write_text(EVENTS)
    assert imports("a.csv").exit_code == 0
    assert "would empty the INTERACTIONS dataset" in refused("none.csv") and users(shop) == ["u"]
    assert imports("none.csv", "--allow-empty").exit_code == 0
    assert imports("none.csv", "--mode", "INCREMENTAL").exit_code == 0


# ---- schemas


def test_columns_that_came_later_are_named_and_taken_in_when_asked(shop: Path):
    (shop / "items.csv").write_text(ITEMS)
    (shop / "wider.csv").write_text(WIDER)
    assert imports("items.csv", type_="items").exit_code == 0
    left_out = imports("wider.csv", type_="items")
    assert left_out.exit_code == 0 and "1 column not in the schema left out: COLOR." in left_out.output
    assert "recgate import wider.csv --type items --group main --data data --add-columns" in left_out.output
    assert "COLOR" not in columns(shop)
    grown = imports("wider.csv", "--add-columns", type_="items")
    assert grown.exit_code == 0 and "left out" not in grown.output.splitlines()[-1]
    assert "COLOR" in columns(shop)


def columns(folder: Path) -> set[str]:
    engine = Engine.open(Settings.of(folder / "data", {}, read_only=True))
    try:
        return set(
            engine.resources.snapshot("arn:aws:personalize:us-east-1:000000000000:dataset-group/main").item_columns
        )
    finally:
        engine.close()


def test_a_new_schema_updates_the_dataset_or_is_refused(shop: Path):
    (shop / "wider.csv").write_text(WIDER)
    base = (("ITEM_ID", "string"), ("GENRES", "string"), ("YEAR", "int"))
    (shop / "old.json").write_text(schema(*base))
    (shop / "new.json").write_text(schema(*base, ("COLOR", ["null", "string"])))
    (shop / "strict.json").write_text(schema(*base, ("COLOR", "string")))
    assert imports("wider.csv", "--schema", "old.json", type_="items").exit_code == 0
    assert "must allow null: ['COLOR']" in refused("wider.csv", "--schema", "strict.json", type_="items")
    assert "COLOR" not in columns(shop)
    assert imports("wider.csv", "--schema", "new.json", type_="items").exit_code == 0
    assert "COLOR" in columns(shop)
    assert "removed: ['COLOR']" in refused("wider.csv", "--schema", "old.json", type_="items")


def test_the_schema_of_interactions_stays_once_there_are_some(shop: Path):
    (shop / "events.csv").write_text("USER_ID,ITEM_ID,TIMESTAMP,DEVICE\nu,i,1700000000,tv\n")
    base = (("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"))
    (shop / "old.json").write_text(schema(*base, name="Interactions"))
    (shop / "new.json").write_text(schema(*base, ("DEVICE", ["null", "string"]), name="Interactions"))
    first = imports("events.csv", "--schema", "old.json")
    assert first.exit_code == 0 and "a new dataset group (--group NAME) takes all columns" in first.output
    assert "which can't change" in refused("events.csv", "--schema", "new.json")


def test_an_import_that_failed_does_not_fix_the_schema(shop: Path):
    (shop / "events.csv").write_text("USER_ID,ITEM_ID,TIMESTAMP,AGE\nu,i,soon,1\n")
    refused("events.csv")
    (shop / "events.csv").write_text("USER_ID,ITEM_ID,TIMESTAMP,AGE\nu,i,1700000000,old\n")
    again = imports("events.csv")
    assert again.exit_code == 0, again.output


# ---- databases


def database(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "shop.db")) as shop, shop:
        shop.execute("CREATE TABLE clicks (customer TEXT, sku TEXT, at INTEGER, price REAL)")
        shop.executemany(
            "INSERT INTO clicks VALUES (?, ?, ?, ?)", [("u1", "a", 1700000000, 2.0), ("u2", "b", 1700000001, None)]
        )
    return "sqlite:///shop.db"


def test_rows_of_a_query_are_imported(shop: Path) -> None:
    url = database(shop)
    result = imports(
        url, "--query", "SELECT customer AS USER_ID, sku, at AS TIMESTAMP FROM clicks", "--column", "ITEM_ID=sku"
    )
    assert result.exit_code == 0, result.output
    assert users(shop) == ["u1", "u2"]
    assert not list((shop / "data").glob("import-*"))


@pytest.mark.parametrize(
    ("url", "query", "words"),
    [
        ("sqlite:///shop.db", "SELECT * FROM absent", "no such table: absent"),
        ("sqlite:///shop.db", "SELECT x'00' AS USER_ID FROM clicks", "the query gives bytes values"),
        ("nodatabase://user:secret@host/shop", "SELECT 1", "no database can be asked by this URL"),
        ("postgresql+psycopg://user:secret@127.0.0.1:9/shop", "SELECT 1", "refuses the query"),
    ],
)
def test_a_query_that_can_not_be_asked_is_refused_without_the_password(
    shop: Path, url: str, query: str, words: str
) -> None:
    database(shop)
    output = refused(url, "--query", query)
    assert words in output and "secret" not in output


def test_a_query_asks_one_database(shop: Path) -> None:
    assert "--query asks one database" in refused("a.csv", "b.csv", "--query", "SELECT 1")
