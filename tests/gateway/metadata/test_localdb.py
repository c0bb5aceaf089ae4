"""Item metadata from JSON Lines: what a line may be, where files may lie, when what is new counts, and what stays."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from litestar.testing import TestClient

import engine
from gateway.localdb.build import build, row_of
from gateway.localdb.synced import LocalDb, SyncedTable, Table
from tests.gateway.config.documents import faults_of
from tests.gateway.serve.world import CONFIG, SmallEngine, app_over
from tests.moto_server import moto_server, s3_environ

GOOD = [
    (b'{"id": "a", "price": 1}', ("a", {"price": 1})),
    (b'{"title": "x", "id": "a"}\n', ("a", {"title": "x"})),
    (b'{"id": 7, "n": -1.50}', ("7", {"n": -1.5})),
    (b'{"id": "a", "deep": {"b": [1, null]}}', ("a", {"deep": {"b": [1, None]}})),
    (b'{"id": "a"}', ("a", {})),
    (b"{}", None),
    (b"  \r\n", None),
]
BAD = [
    (b'{"price": 1}', "f.jsonl line 3: has no 'id'"),
    (b'{"id": ""}', "'id' has 1 to 256 characters"),
    (b'{"id": "%s", "a": 1}' % (b"x" * 257), "'id' has 1 to 256 characters, not 257"),
    (b'{"id": null, "a": 1}', "is no JSON object with an 'id' that is a text"),
    (b'{"id": true, "a": 1}', "is no JSON object with an 'id' that is a text"),
    (b'["a"]', "f.jsonl line 3: is no JSON object"),
    (b'{"id": "a"', "f.jsonl line 3: is no JSON object"),
    (b'{"id": "a", "n": NaN}', "f.jsonl line 3: is no JSON object"),
    (b'{"id": "a", "t": "\xff"}', "f.jsonl line 3: is no JSON object"),
    (b'{"id": "a"} {"id": "b"}', "f.jsonl line 3: is no JSON object"),
    (b'{"id": "a", "x": ' + b"[" * 100_000, "f.jsonl line 3: is no JSON object"),
    (b'{"id": "a", "x": "' + b"x" * 1024 * 1024, "is over 1048576 bytes"),
]


@pytest.mark.parametrize(("line", "row"), GOOD)
def test_a_line(line: bytes, row: Any) -> None:
    found = row_of(line, "f.jsonl line 3")
    assert (found and (found[0], json.loads(found[1]))) == row


def test_numbers_stay_as_they_are_written() -> None:
    assert row_of(b'{"id": "a", "n": -1.50, "big": 12345678901234567890}', "") == (
        "a",
        b'{"n":-1.50,"big":12345678901234567890}',
    )


@pytest.mark.parametrize(("line", "says"), BAD)
def test_a_bad_line_is_named(line: bytes, says: str) -> None:
    with pytest.raises(engine.InvalidInput) as refused:
        row_of(line, "f.jsonl line 3")
    assert says in str(refused.value)


def lines(**items: Any) -> bytes:
    return b"".join(json.dumps({"id": item, "price": price}).encode() + b"\n" for item, price in items.items())


LAYOUTS: list[tuple[str, str, dict[str, bytes], dict[str, int]]] = [
    ("a file", "items.jsonl", {"items.jsonl": lines(a=1), "more.jsonl": lines(b=2)}, {"a": 1}),
    ("a folder", "", {"x.jsonl": lines(a=1), "y.jsonl": lines(b=2)}, {"a": 1, "b": 2}),
    ("the last line of an item counts", "", {"x.jsonl": lines(a=1), "y.jsonl": lines(a=2)}, {"a": 2}),
    (
        "gzip by both names",
        "",
        {"x.jsonl.gz": gzip.compress(lines(a=1)), "y.jsonl.gzip": gzip.compress(lines(b=2))},
        {"a": 1, "b": 2},
    ),
    ("gzip under a plain name", "", {"x.jsonl": gzip.compress(lines(a=1))}, {"a": 1}),
    ("only JSON Lines", "", {"x.jsonl": lines(a=1), "x.csv": b"b", ".y.jsonl": b"no", "_z.jsonl": b"no"}, {"a": 1}),
    ("upstream's layout", "", {"import/shop/x.jsonl": lines(a=1), "import/other/x.jsonl": lines(b=2)}, {"a": 1}),
    ("upstream's layout wins", "", {"import/shop/x.jsonl": lines(a=1), "x.jsonl": lines(b=2)}, {"a": 1}),
    ("another's folders are not read", "", {"x.jsonl": lines(a=1), "import/other/x.jsonl": lines(b=2)}, {"a": 1}),
    ("a byte order mark", "", {"x.jsonl": b"\xef\xbb\xbf" + lines(a=1)}, {"a": 1}),
    ("an empty file is a snapshot of nothing", "", {"x.jsonl": b""}, {}),
]


def put(folder: Path, files: dict[str, bytes], age_s: float = 10.0) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        then = time.time() - age_s
        os.utime(path, (then, then))


def built(folder: Path) -> dict[str, int]:
    (path,) = folder.glob("*.db")
    assert not list(folder.glob("*.partial"))
    return {item: row["price"] for item, row in Table(path).of(["a", "b", "c"]).items()}


@pytest.mark.parametrize(("place", "files", "found"), [each[1:] for each in LAYOUTS], ids=[each[0] for each in LAYOUTS])
def test_where_files_may_lie(tmp_path: Path, place: str, files: dict[str, bytes], found: dict[str, int]) -> None:
    put(tmp_path / "in", files)
    build(f"{tmp_path}/in/{place}", "shop", tmp_path / "out")
    assert built(tmp_path / "out") == found


NOWHERE = [
    ({}, "", "there is no such file"),
    ({"x.csv": b""}, "", "holds no file named *.jsonl"),
    ({"x.csv": b""}, "y.jsonl", "there is no such file"),
    ({"x.jsonl": b'{"id": "a"}\n\n{"price": 1}'}, "", "x.jsonl line 3: has no 'id'"),
    ({"x.jsonl.gz": gzip.compress(lines(a=1))[:-9]}, "", "the gzip data is broken"),
]


@pytest.mark.parametrize(("files", "place", "says"), NOWHERE)
def test_what_can_t_be_built(tmp_path: Path, files: dict[str, bytes], place: str, says: str) -> None:
    put(tmp_path / "in", files)
    with pytest.raises(engine.InvalidInput) as refused:
        build(f"{tmp_path}/in/{place}", "shop", tmp_path / "out")
    assert says in str(refused.value)
    assert not list((tmp_path / "out").glob("*.db"))


def test_an_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with moto_server() as url:
        for name, value in s3_environ(url).items():
            monkeypatch.setenv(name, value)
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="shop")
        s3.put_object(Bucket="shop", Key="meta/import/shop/x.jsonl.gz", Body=gzip.compress(lines(a=1)))
        build("s3://shop/meta", "shop", tmp_path)
        assert built(tmp_path) == {"a": 1}
        s3.put_object(Bucket="shop", Key="meta/import/shop/x.jsonl.gz", Body=gzip.compress(lines(b=1)))
        build("s3://shop/meta/", "shop", tmp_path)
        assert built(tmp_path) == {"b": 1}
        build("s3://shop/meta/import/shop/x.jsonl.gz", "shop", tmp_path)
        assert built(tmp_path) == {"b": 1}
        with pytest.raises(engine.InvalidInput, match="holds no files"):
            build("s3://shop/other/", "shop", tmp_path)


# ---- kept up to date


class Keeping:
    def __init__(self, folder: Path) -> None:
        self.files, self._folder = folder / "in", folder / "out"
        self.one = self.opened()

    def opened(self) -> SyncedTable:
        of = LocalDb("shop", f"{self.files}/", 300)
        return SyncedTable(of, of.source, self._folder, itertools.count(1), time.time)

    def prices(self, kept: SyncedTable | None = None) -> dict[str, int] | None:
        table = (kept or self.one).table
        return None if table is None else {item: row["price"] for item, row in table.of(["a", "b", "c"]).items()}


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await work()

    asyncio.run(whole())


def test_what_changes_is_swapped_in_whole(tmp_path: Path) -> None:
    """Weakness 15 of the specification: no row of an upload before stays."""
    keeping = Keeping(tmp_path)
    put(keeping.files, {"x.jsonl": lines(a=1, b=2)})

    async def story() -> None:
        assert await keeping.one.look() == 300
        assert (keeping.prices(), keeping.one.version) == ({"a": 1, "b": 2}, 1)
        assert await keeping.one.look() == 300
        assert keeping.one.version == 1  # nothing has changed
        put(keeping.files, {"x.jsonl": lines(b=3)}, age_s=5)
        await keeping.one.look()
        assert (keeping.prices(), keeping.one.version) == ({"b": 3}, 2)  # what is not in the new file is gone
        put(keeping.files, {"y.jsonl": lines(c=4)})
        await keeping.one.look()
        assert keeping.prices() == {"b": 3, "c": 4}

    run(story)


def test_what_is_bad_leaves_the_old_in_use(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Weakness 33 of the specification: what failed is tried again soon."""
    keeping = Keeping(tmp_path)
    put(keeping.files, {"x.jsonl": lines(a=1)})

    async def story() -> None:
        await keeping.one.look()
        seen_at = keeping.one.seen_at
        put(keeping.files, {"x.jsonl": lines(b=2) + b'{"price": 3}\n'}, age_s=5)
        assert [await keeping.one.look() for _ in range(3)] == [5, 10, 20]  # sooner than the usual 300
        assert (keeping.prices(), keeping.one.version, keeping.one.faults) == ({"a": 1}, 1, 1)
        assert keeping.one.seen_at == seen_at
        assert caplog.text.count("x.jsonl line 2: has no 'id'; what was in use before stays") == 1
        (keeping.files / "x.jsonl").unlink()
        await keeping.one.look()
        assert (keeping.prices(), keeping.one.faults) == ({"a": 1}, 1)
        put(keeping.files, {"x.jsonl": lines(b=2)}, age_s=4)
        assert await keeping.one.look() == 300
        assert (keeping.prices(), keeping.one.faults) == ({"b": 2}, 0)

    run(story)


def test_a_server_that_starts_over_bad_files_has_the_last_good_ones(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path)
    put(keeping.files, {"x.jsonl": lines(a=1)})

    async def story() -> None:
        await keeping.one.look()
        put(keeping.files, {"x.jsonl": b"no"}, age_s=5)
        later = keeping.opened()
        task = asyncio.create_task(later.run())
        await asyncio.wait_for(later.looked.wait(), 20)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (keeping.prices(later), later.faults) == ({"a": 1}, 1)

    run(story)


def test_a_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path)
    put(keeping.files, {"x.jsonl": lines(a=1)}, age_s=0)
    written = time.time()

    async def write_on() -> None:
        await asyncio.sleep(0.5)
        put(keeping.files, {"x.jsonl": lines(a=1, b=2)}, age_s=0)

    async def story() -> None:
        await asyncio.gather(keeping.one.look(), write_on())
        assert keeping.prices() == {"a": 1, "b": 2}
        assert time.time() - written >= 1.5

    run(story)


def test_the_building_process_loads_neither_sql_nor_numpy() -> None:
    """It is started for every change; to load all of the engine takes ten times as long."""
    code = "import sys, gateway.localdb.build; print({'sqlalchemy', 'numpy', 'engine.engine'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_one_process_builds_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeping = Keeping(tmp_path)
    put(keeping.files, {"x.jsonl": lines(a=1)})
    others = [keeping.opened() for _ in range(2)]

    async def story() -> None:
        await asyncio.gather(keeping.one.look(), *(other.look() for other in others))
        assert [keeping.prices(each) for each in (keeping.one, *others)] == [{"a": 1}] * 3

    run(story)
    inodes = {path.stat().st_ino for path in (tmp_path / "out").glob("*.db")}
    assert len(inodes) == 1


# ---- in answers

LOCAL = CONFIG.replace(
    "{type: engine, itemColumns: [PRICE]}", "{type: localdb, source: PLACE, itemColumns: [PRICE, title_de]}"
)
HOME = "/recommend-items/shop/home/u1?numResults=2"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[..., TestClient[Any]]]:
    clients: list[TestClient[Any]] = []

    def opened(config: str = LOCAL) -> TestClient[Any]:
        app = app_over(SmallEngine(tmp_path), config=config.replace("PLACE", f'"{tmp_path}/in"'), clock=time.time)  # type: ignore[arg-type]
        clients.append(TestClient(app))
        return clients[-1].__enter__()

    yield opened
    for client in clients:
        client.__exit__(None, None, None)


def test_answers_have_what_the_file_says(world: Any, tmp_path: Path) -> None:
    row = {"id": "i0", "price": 1.5, "titleDe": "Lampe", "stock": 3}
    put(tmp_path / "in", {"x.jsonl": json.dumps(row).encode() + b'\n{"id": "i9"}'})
    client = world()
    assert client.get(HOME).json()["itemList"] == [
        {"itemId": "i0", "score": 1.0, "metadata": {"price": 1.5, "titleDe": "Lampe"}},
        {"itemId": "i1", "score": 0.5},
    ]
    page = client.get("/metrics").text
    assert 'recgate_metadata_faults{namespace="shop"} 0.0' in page
    assert 'recgate_metadata_age_seconds{namespace="shop"} ' in page


def test_the_default_place_is_in_the_data_folder(world: Any, tmp_path: Path) -> None:
    put(tmp_path / "metadata" / "shop", {"x.jsonl": lines(i0=4)})
    client = world(LOCAL.replace("source: PLACE, ", ""))
    assert client.get(HOME).json()["itemList"][0]["metadata"] == {"price": 4}


def test_items_are_hidden_by_it(world: Any, tmp_path: Path) -> None:
    put(tmp_path / "in", {"x.jsonl": b'{"id": "i0", "in_stock": false}\n{"id": "i1", "in_stock": true, "price": 2}'})
    hide = "    hide: [{field: in_stock, operator: equals, value: 'false'}]\n    recommenders:\n"
    client = world(LOCAL.replace("    recommenders:\n", hide, 1))
    assert client.get(HOME).json()["itemList"] == [
        {"itemId": "i1", "score": 0.5, "metadata": {"price": 2}},
        {"itemId": "i2", "score": 1 / 3},
    ]


def test_without_files_answers_go_undecorated(world: Any) -> None:
    client = world()
    assert client.get(HOME).json()["itemList"] == [{"itemId": "i0", "score": 1.0}, {"itemId": "i1", "score": 0.5}]
    assert 'recgate_metadata_faults{namespace="shop"} 1.0' in client.get("/metrics").text


def test_a_failed_look_up_is_not_kept(world: Any, tmp_path: Path) -> None:
    others = {f"a{number:06}": number for number in range(20_000)}  # so that i0 is in no page that was read already
    put(tmp_path / "in", {"x.jsonl": lines(i0=4, **others)})
    client = world()
    (path,) = tmp_path.glob("localdb/shop/*/*.db")
    whole = path.read_bytes()
    with path.open("r+b") as file:
        file.write(b"\0" * len(whole))
    answer = client.get(HOME)
    assert (answer.status_code, answer.json()["itemList"][0]) == (200, {"itemId": "i0", "score": 1.0})
    assert 'recgate_undecorated_total{namespace="shop"} 1.0' in client.get("/metrics").text
    path.write_bytes(whole)
    answer = client.get(HOME)
    assert (answer.headers["x-cache"], answer.json()["itemList"][0]["metadata"]) == ("hit", {"price": 4})


def test_a_new_file_shows_in_cached_lists(world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.localdb.synced.RETRY_S", 0.05)
    client = world()
    assert "metadata" not in client.get(HOME).json()["itemList"][0]
    put(tmp_path / "in", {"x.jsonl": lines(i0=4)})
    deadline = time.monotonic() + 10
    while "metadata" not in (answer := client.get(HOME)).json()["itemList"][0] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (answer.headers["x-cache"], answer.json()["itemList"][0]["metadata"]) == ("hit", {"price": 4})


def test_a_refresh_holds_up_no_request(world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weakness 32 of the specification: while a build goes on, answers have what was there before."""
    monkeypatch.setattr("gateway.localdb.synced.RETRY_S", 0.05)
    put(tmp_path / "in", {"x.jsonl": b"no"})
    client, building = world(), threading.Event()

    async def never(_: SyncedTable) -> None:
        building.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(SyncedTable, "_build", never)
    assert building.wait(10)
    began = time.monotonic()
    assert client.get(HOME).status_code == 200
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ("{type: localdb, syncInterval: 4}", "inferenceItemMetadata.syncInterval: must be whole seconds, 5 to 3600"),
        ("{type: localdb, syncInterval: 3601}", "inferenceItemMetadata.syncInterval: must be whole seconds, 5 to 3600"),
        ("{type: localdb, model: m}", "inferenceItemMetadata: unknown key 'model'"),
        ("{type: localdb, source: 7}", "inferenceItemMetadata.source: must be a text"),
    ],
)
def test_a_wrong_configuration(metadata: str, says: str) -> None:
    (fault,) = faults_of(f"namespaces: {{}}\ninferenceItemMetadata: {metadata}")
    assert fault.startswith(says)
