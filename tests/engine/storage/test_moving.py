"""Records and log move to another database while events come: none is lost, and the old place takes no more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from engine import InvalidInput, Settings, Unavailable, accept_moved, database_url, move_data
from engine.storage import handover
from engine.storage.sql import sqlite_url, with_driver
from gateway.__main__ import main
from tests.engine.shop import Shop
from tests.services import postgres_server

CLICKS = ("u1 a 1", "u1 b 2", "u2 a 3", "u3 a 4", "u3 b 5", "u3 c 6")
Places = dict[str, str]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as server:
        yield with_driver(server.url)


@pytest.fixture
def places(server: str, tmp_path: Path) -> Places:
    """The URLs of the data directory's own database and of an empty one in PostgreSQL."""
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "to_{tmp_path.name}"')
    engine.dispose()
    return {"file": sqlite_url(tmp_path / "data"), "postgres": f"{server.rpartition('/')[0]}/to_{tmp_path.name}"}


def moved(
    shop: Shop, source: str, url: str, progress: Callable[[float, str], None] = lambda *_: None
) -> dict[str, int]:
    return move_data(Settings.of(shop.folder / "data", {}, database_url=source), url, progress).rows


@pytest.mark.parametrize(("start", "end"), [("file", "postgres"), ("postgres", "file")])
def test_events_come_while_everything_moves(
    start: str, end: str, places: Places, open_shop: Callable[..., Shop]
) -> None:
    shop = open_shop(database_url=places[start]).furnish()
    shop.load_clicks(*CLICKS)
    shop.deploy(shop.train())
    acknowledged: list[str] = []
    refused: list[str] = []

    def send() -> None:
        try:
            while True:
                item = f"i{len(acknowledged)}"
                shop.click("u9", item, len(acknowledged))
                acknowledged.append(item)
                time.sleep(0.001)
        except Unavailable as error:
            refused.append(error.message)

    removed = shop.click("u8", "a")
    sender = threading.Thread(target=send)

    def watch(fraction: float, what: str) -> None:
        if what == "log" and fraction == 1.0 and not sender.ident:  # copied, as far as it went
            sender.start()
            with shop.engine.database.write() as within:
                shop.engine.log.remove([removed], within)
            while len(acknowledged) < 50:
                assert not refused
                time.sleep(0.01)

    rows = moved(shop, places[start], places[end], watch)
    sender.join(20)
    assert len(acknowledged) >= 50 and "it has moved" in refused[0]
    last = shop.engine.log.last()
    with pytest.raises(Unavailable, match=r"has moved to .*start with that"):
        open_shop(database_url=places[start])

    there = open_shop(database_url=places[end])
    there.tracking = shop.tracking
    assert there.history("u9") == acknowledged
    assert there.ask("u1", num_results=3) == shop.ask("u1", num_results=3)
    assert there.engine.log.last() == last and rows["log"] == len(there.engine.log.read(0))
    assert removed not in {record.seq for record in there.engine.log.read(0)}
    assert there.click("u9", "a") > last


def test_there_and_back(places: Places, open_shop: Callable[..., Shop]) -> None:
    shop = open_shop().furnish()
    shop.load_clicks(*CLICKS)
    shop.close()
    data = shop.folder / "data"
    moved(shop, places["file"], places["postgres"])
    there = open_shop(database_url=places["postgres"])
    there.tracking = shop.tracking
    there.click("u1", "c", 10)
    moved(shop, places["postgres"], database_url(str(data), data))
    back = open_shop()
    back.tracking = shop.tracking
    assert back.history("u1") == ["a", "b", "c"]
    back.click("u1", "d", 11)
    moved(shop, places["file"], places["postgres"])  # into what has moved away from there
    assert open_shop(database_url=places["postgres"]).history("u1") == ["a", "b", "c", "d"]


def test_interrupted_nothing_has_moved_and_it_can_be_begun_again(
    places: Places, open_shop: Callable[..., Shop]
) -> None:
    shop = open_shop().furnish()
    shop.load_clicks(*CLICKS)

    def interrupt(_: float, what: str) -> None:
        if what == "the rest: records":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moved(shop, places["file"], places["postgres"], interrupt)
    with pytest.raises(Unavailable, match=r"recgate migrate still copies it, or was interrupted"):
        open_shop(database_url=places["postgres"])
    shop.click("u1", "c", 10)
    moved(shop, places["file"], places["postgres"])
    assert open_shop(database_url=places["postgres"]).history("u1") == ["a", "b", "c"]


def test_killed_between_the_two_databases_it_is_ended_by_the_next(
    places: Places, open_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop().furnish()

    def kill(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(handover, "end_incoming", kill)
        moved(shop, places["file"], places["postgres"])
    for place in places.values():
        with pytest.raises(Unavailable):
            open_shop(database_url=place)
    assert moved(shop, places["file"], places["postgres"])["records"] > 0
    open_shop(database_url=places["postgres"])


@pytest.mark.parametrize("start", ["file", "postgres"])
def test_the_old_place_serves_again_if_told_so(start: str, places: Places, open_shop: Callable[..., Shop]) -> None:
    shop = open_shop(database_url=places[start]).furnish()
    settings = Settings.of(shop.folder / "data", {}, database_url=places[start])
    assert not accept_moved(settings)
    moved(shop, places[start], places["postgres" if start == "file" else "file"])
    assert accept_moved(settings)
    shop.click("u1", "a")
    assert open_shop(database_url=places[start]).history("u1") == ["a"]


def test_a_database_in_use_is_no_target(places: Places, open_shop: Callable[..., Shop]) -> None:
    open_shop(database_url=places["postgres"]).furnish()
    shop = open_shop().furnish()
    with pytest.raises(InvalidInput, match=r"is in use: its table \w+ has rows; choose an empty database"):
        moved(shop, places["file"], places["postgres"])
    with pytest.raises(InvalidInput, match="is there already"):
        moved(shop, places["file"], places["file"])
    shop.click("u1", "a")


@pytest.mark.parametrize(
    ("place", "reason"), [("mysql://h/d", "no database that recgate works with"), ("/elsewhere", "another folder")]
)
def test_a_place_that_is_none_is_refused(place: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=reason):
        database_url(place, tmp_path)


def test_the_command_says_what_was_moved_and_what_to_set(places: Places, open_shop: Callable[..., Shop]) -> None:
    data = open_shop().furnish().folder / "data"
    done = CliRunner().invoke(main, ["migrate", "--to", places["postgres"], "--data", str(data)])
    assert done.exit_code == 0, done.output
    assert "Nobody could write for " in done.output
    assert "records" in done.output and "set RECGATE_DATABASE_URL to postgresql+psycopg://recgate:***@" in done.output
    again = CliRunner().invoke(main, ["migrate", "--to", places["postgres"], "--data", str(data)])
    assert again.exit_code == 1 and "start with that" in again.output
