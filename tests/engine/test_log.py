"""The log: durable before it is acknowledged, in one order for all, and never stuck."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.data import log as log_module
from engine.data.doorbell import Doorbell
from engine.data.log import Log, LogEntry
from engine.errors import Throttled, Unavailable
from engine.storage.sql import Database, sqlite_url
from tests.server.preloaded import running_code


class World:
    def __init__(self, folder: Path) -> None:
        self.database = Database(sqlite_url(folder))
        self.bell = Doorbell(folder / "doorbell")
        self.log = Log(self.database, self.bell, lambda: 5.0)

    def close(self) -> None:
        self.log.close()
        self.database.close()

    def break_log(self) -> None:
        with self.database.write() as connection:
            connection.execute(sa.text("ALTER TABLE log RENAME TO gone"))

    def mend_log(self) -> None:
        with self.database.write() as connection:
            connection.execute(sa.text("ALTER TABLE gone RENAME TO log"))


@pytest.fixture
def open_world(tmp_path: Path) -> Iterator[Callable[[], World]]:
    opened: list[World] = []

    def open_one() -> World:
        opened.append(World(tmp_path))
        return opened[-1]

    yield open_one
    for world in opened:
        world.close()


@pytest.fixture
def world(open_world: Callable[[], World]) -> World:
    return open_world()


def entry(key: str, group: str = "g", once: bytes | None = None, **more: object) -> LogEntry:
    return LogEntry(group, "event", key, key.encode(), once, **more)  # type: ignore[arg-type]


def keys(log: Log, **how: object) -> list[str]:
    return [record.key for record in log.read(0, **how)]  # type: ignore[arg-type]


def test_an_append_is_there_when_it_is_acknowledged(world: World, open_world: Callable[[], World]):
    seq = world.log.append([entry("a"), entry("b")]).result(10)
    assert seq == world.log.last() == 2
    assert keys(open_world().log) == ["a", "b"]
    assert world.log.read(0)[0] == (1, "g", "event", "a", b"a", 5.0)


def test_records_are_read_by_group_and_part(world: World):
    world.log.append([entry("a"), entry("x", "other"), entry("b"), entry("c")]).result(10)
    assert keys(world.log, group="g") == ["a", "b", "c"]
    assert keys(world.log, group="g", upto=3) == ["a", "b"]
    assert keys(world.log, limit=2) == ["a", "x"]
    assert world.log.count_after_snapshot("g") == 3
    assert sorted(world.log.groups()) == ["g", "other"]


def test_what_is_the_same_is_stored_once_in_its_group(world: World):
    world.log.append([entry("a", once=b"1"), entry("b", once=b"1")]).result(10)
    assert world.log.append([entry("c", once=b"1")]).result(10) == world.log.last()
    world.log.append([entry("d", "other", once=b"1"), entry("e"), entry("e")]).result(10)
    assert keys(world.log) == ["a", "d", "e", "e"]


def test_an_append_rings_for_its_keys(world: World, open_world: Callable[[], World]):
    other = open_world()
    seq = world.log.append([entry("u", rings=("s",))]).result(10)
    assert (other.log.rung(), other.log.rung_for("g", "u"), other.log.rung_for("g", "s")) == (seq, seq, seq)
    assert other.log.rung_for("g", "nobody") == 0


def test_a_ring_of_an_undone_append_is_forgotten_when_the_log_is_opened(world: World, open_world: Callable[[], World]):
    with pytest.raises(ZeroDivisionError), world.database.write() as connection:
        world.log.append_within(connection, [entry("u")])
        raise ZeroDivisionError
    assert (world.log.last(), world.log.rung()) == (0, 1)
    assert open_world().log.rung() == 0


def test_an_append_can_not_be_cancelled(world: World):
    """A client that hangs up cancels its future: the writer must neither stumble nor stop."""
    with world.database.write():  # the writer waits
        futures = [world.log.append([entry(str(number))]) for number in range(20)]
        assert not any(future.cancel() for future in futures)
    assert [future.result(10) for future in futures] and not any(future.cancelled() for future in futures)
    assert world.log.append([entry("after")]).result(10) == 21


def test_a_failed_commit_is_unavailable_and_the_next_works(world: World):
    world.break_log()
    futures = [world.log.append([entry(str(number))]) for number in range(5)]
    for future in futures:
        with pytest.raises(Unavailable, match="no such table"):
            future.result(10)
    world.mend_log()
    assert world.log.append([entry("a")]).result(10) == 1


def test_one_that_can_not_be_stored_does_not_take_others_with_it(world: World):
    with world.database.write():  # all four are of one commit
        first = world.log.append([entry("first")])
        time.sleep(0.05)
        bad = world.log.append([entry("fine"), LogEntry("g", "event", "bad", None)])  # type: ignore[arg-type]
        good = [world.log.append([entry(f"good{number}")]) for number in range(2)]
    with pytest.raises(Unavailable):
        bad.result(10)
    assert first.result(10) and all(future.result(10) for future in good)
    assert keys(world.log) == ["first", "good0", "good1"]


def test_after_the_end_appends_are_unavailable(world: World):
    future = world.log.append([entry("a")])
    world.log.close()
    world.log.close()
    assert future.result(0) == 1
    with pytest.raises(Unavailable, match="stopping"):
        world.log.append([entry("b")]).result(0)


def test_close_writes_what_waits(world: World):
    with world.database.write():
        futures = [world.log.append([entry(str(number))]) for number in range(50)]
        closing = threading.Thread(target=world.log.close)
        closing.start()
    closing.join(10)
    assert all(future.result(0) for future in futures)


def test_what_comes_while_others_write_goes_along(world: World):
    with world.database.write():
        first = world.log.append([entry("a")])
        while world.log._waiting.qsize():  # until its writer waits for its turn
            time.sleep(0.001)
        others = [world.log.append([entry(key)]) for key in "bc"]
    assert [each.result(10) for each in (first, *others)] == [3, 3, 3]  # the last record of one transaction


def test_too_many_waiting_are_refused(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log_module, "BACKLOG_ROWS", 3)
    with world.database.write():
        waiting = [world.log.append([entry("a")] * 2) for _ in range(2)]
        with pytest.raises(Throttled):
            world.log.append([entry("b")])
    assert all(future.result(10) for future in waiting)
    world.log.append([entry("c")]).result(10)


def remove(world: World, portions: Iterator[list[int]]) -> None:
    for seqs in portions:
        with world.database.write() as within:
            world.log.remove(seqs, within)


def test_records_are_removed_in_parts(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log_module, "REMOVED_ROWS", 2)
    world.log.append([entry(str(number)) for number in range(7)] + [entry("x", "other")]).result(10)
    world.log.append([LogEntry("g", "item", "i", b""), entry("last")]).result(10)
    remove(world, world.log.doomed("g", 10, "event"))
    assert keys(world.log) == ["x", "i", "last"]
    remove(world, world.log.doomed("g", 11))
    assert keys(world.log) == ["x"]
    assert world.log.append([entry("new")]).result(10) == 11  # numbers are never given again


# ---- the database under it


def test_readers_do_not_wait_for_a_writer(world: World):
    world.log.append([entry("a")]).result(10)
    with world.database.write() as connection:
        world.log.append_within(connection, [entry("b")])
        started = time.monotonic()
        found: list[str] = []
        reader = threading.Thread(target=lambda: found.extend(keys(world.log)))
        reader.start()
        reader.join(5)
        assert found == ["a"]
        assert time.monotonic() - started < 2
    assert keys(world.log) == ["a", "b"]


def test_reading_takes_no_write_lock(world: World, open_world: Callable[[], World]):
    other = open_world()
    with world.database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM log")).scalar_one() == 0
        other.log.append([entry("a")]).result(5)
        assert connection.execute(sa.text("SELECT count(*) FROM log")).scalar_one() == 1


def test_a_transaction_that_raises_is_undone(world: World):
    with pytest.raises(KeyError), world.database.write() as connection:
        world.log.append_within(connection, [entry("a")])
        raise KeyError
    assert world.log.last() == 0


WRITER = """
import sys, threading
from pathlib import Path
from engine.data.doorbell import Doorbell
from engine.data.log import Log, LogEntry
from engine.storage.sql import Database, sqlite_url

folder, name, threads, appends = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
database = Database(sqlite_url(folder))
log = Log(database, Doorbell(folder / "doorbell"), lambda: 0.0)

def write(thread):
    for number in range(appends):
        if number % 10:
            log.append([LogEntry("g", "event", f"{name}-{thread}-{number}", b"x")]).result(60)
        else:
            with database.write() as connection:
                log.append_within(connection, [LogEntry("g", "event", f"{name}-{thread}-{number}", b"x")])

running = [threading.Thread(target=write, args=(thread,)) for thread in range(threads)]
for thread in running: thread.start()
for thread in running: thread.join()
log.close()
"""


def test_many_threads_of_several_processes_write_at_once(world: World, tmp_path: Path):
    """From nothing: all of them make the tables, too."""
    threads, appends = 30, 20
    others = [running_code(WRITER, tmp_path, name, threads, appends) for name in "ab"]
    assert [other.wait(120) for other in others] == [0, 0]
    written = keys(world.log)
    assert len(written) == len(set(written)) == 2 * threads * appends


def test_many_processes_open_a_new_directory_at_once(tmp_path: Path):
    others = [running_code(WRITER, tmp_path, "x", 1, 1) for _ in range(6)]
    assert [other.wait(120) for other in others] == [0] * 6


FULL = """
import resource, sys
from pathlib import Path
from engine.data.doorbell import Doorbell
from engine.data.log import Log, LogEntry
from engine.errors import Unavailable
from engine.storage.sql import Database, sqlite_url

folder = Path(sys.argv[1])
database = Database(sqlite_url(folder))
log = Log(database, Doorbell(folder / "doorbell"), lambda: 0.0)
log.append([LogEntry("g", "event", "before", b"x")]).result(30)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
try:
    log.append([LogEntry("g", "event", "large", b"x" * 1_000_000)]).result(30)
except Unavailable as error:
    print("unavailable")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.append([LogEntry("g", "event", "after", b"x")]).result(30)
print([record.key for record in log.read(0)])
log.close()
"""


def test_a_full_disk_is_unavailable_until_there_is_room(tmp_path: Path):
    said = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], check=True, capture_output=True, text=True, timeout=60
    )
    assert said.stdout.splitlines() == ["unavailable", "['before', 'after']"]


def test_a_database_that_can_only_be_read_is_unavailable_to_appends(world: World, tmp_path: Path):
    world.log.append([entry("a")]).result(10)
    database = Database(f"sqlite:///file:{tmp_path / 'recgate.db'}?mode=ro&uri=true")
    log = Log(database, world.bell, lambda: 0.0)
    with pytest.raises(Unavailable, match="readonly"):
        log.append([entry("b")]).result(10)
    assert keys(log) == ["a"]
    log.close()
    database.close()


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path):
    with pytest.raises(Unavailable, match="can't be opened"):
        Database(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")
