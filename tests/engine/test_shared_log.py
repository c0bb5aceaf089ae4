"""A log that machines share (PostgreSQL): one order for all readers, and no acknowledgement before it is heard."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.data.doorbell import NEVER, SharedDoorbell
from engine.data.fan_out import FanOut, NoFanOut
from engine.data.log import Log, LogEntry
from engine.data.replicas import Replicas
from engine.data.shared_append import TURN
from engine.errors import Unavailable
from engine.storage.sql import Database, with_driver
from tests.services import PostgresServer, postgres_server

LEASE_S = 0.2
WRITERS, EACH = 8, 40


class Machine:
    """A process of a machine of its own."""

    def __init__(self, folder: Path, url: str, fan_out: FanOut | None = None, lease_s: float = LEASE_S) -> None:
        folder.mkdir(exist_ok=True)
        self.database = Database(url)
        self.bell = SharedDoorbell(folder / "doorbell")
        self.replicas = Replicas(self.database, self.bell, fan_out or NoFanOut(), f"{folder}-{id(self)}", lease_s)
        self.log = Log(self.database, self.bell, time.time, replicas=self.replicas)

    def close(self) -> None:
        self.log.close()
        self.replicas.close()
        self.database.close()


class Wire:
    """A fan-out within this process; `is_cut`: it loses everything."""

    def __init__(self) -> None:
        self.takers: list[tuple[tuple[str, ...], Callable[[bytes], None]]] = []
        self.is_cut = False

    def open(self, names: tuple[str, ...], take: Callable[[bytes], None]) -> None:
        self.takers.append((names, take))

    def send(self, name: str, message: bytes) -> None:
        for names, take in () if self.is_cut else self.takers:
            if name in names:
                take(message)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def machine(postgres: PostgresServer, tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    opened: list[Machine] = []

    def open_one(name: str = "a", fan_out: FanOut | None = None, lease_s: float = LEASE_S) -> Machine:
        opened.append(Machine(tmp_path / name, postgres.url, fan_out, lease_s))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def entry(key: str, once: bytes | None = None, **more: object) -> LogEntry:
    return LogEntry("g", "event", key, key.encode(), once, **more)  # type: ignore[arg-type]


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_follower_skips_nothing_of_eight_writers(machine: Callable[..., Machine]) -> None:
    machines = [machine(f"m{number}") for number in range(WRITERS)]
    follower = machine("follower").log
    start = follower.last()

    def write(number: int) -> None:
        """By both ways: of its own, and within a transaction that takes its time."""
        one = machines[number]
        for count in range(EACH):
            if count % 4 == number % 4:
                with one.database.write() as connection:
                    one.log.append_within(connection, [entry(f"{number}-{count}")])
                    time.sleep(0.001 * (number % 3))
            else:
                one.log.append([entry(f"{number}-{count}")]).result(20)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for each in writers:
        each.start()
    seen, applied = [], start
    while len(seen) < WRITERS * EACH:
        are_writing = any(each.is_alive() for each in writers)  # looked at first: they may end after a read
        records = follower.read(applied)
        seen += [record.key for record in records]
        applied = records[-1].seq if records else applied
        assert records or are_writing, "what is missing was skipped"
    assert sorted(seen) == sorted(f"{number}-{count}" for number in range(WRITERS) for count in range(EACH))
    for number in range(WRITERS):  # each writer's own in the order in which it sent them
        own = [key for key in seen if key.startswith(f"{number}-")]
        assert own == [f"{number}-{count}" for count in range(EACH)]


def test_who_is_stopped_with_the_turn_holds_nobody_up_for_long(
    machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.storage.sql.HELD_MS", 200)
    stopped, other = machine("a"), machine("b")
    with pytest.raises(Unavailable), stopped.database.write() as connection:
        stopped.database.wait_turn(connection, TURN)
        other.log.append([entry("k")]).result(5)  # while the first one does nothing
        stopped.log.append_within(connection, [entry("late")])
    assert "late" not in [each.key for each in other.log.read(0)]


def test_what_is_sent_again_is_stored_once(machine: Callable[..., Machine]) -> None:
    """Its acknowledgement may have been lost, and the other machine asked next."""
    one, other = machine("a").log, machine("b").log
    start = one.last()
    one.append([entry("u", b"1"), entry("u", b"2"), entry("u", b"2")]).result(10)
    assert other.append([entry("u", b"2"), entry("u", b"3")]).result(10) == other.last()
    assert [record.body for record in other.read(start)] == [b"u"] * 3
    assert other.append([entry("u", b"1")]).result(10) == other.last()


def test_a_bell_tells_another_machine_whose_events_are_new(machine: Callable[..., Machine]) -> None:
    one, other = machine("a"), machine("b")
    other.replicas.start()
    seq = one.log.append([entry("bell-user", rings=("bell-session",))]).result(10)
    assert other.log.rung_for("g", "bell-user") >= seq
    assert other.log.rung_for("g", "bell-session") >= seq
    assert other.log.rung_for("g", "somebody") < seq <= other.log.rung()


def test_without_a_lease_nothing_is_known(machine: Callable[..., Machine], postgres: PostgresServer) -> None:
    one = machine("a")
    assert one.log.owed_to("g", "u") == one.log.owed() == NEVER
    one.replicas.start()
    until(lambda: one.log.owed_to("g", "u") != NEVER)
    one.replicas.close()
    assert one.log.owed_to("g", "u") == NEVER


def test_an_append_waits_for_those_who_may_not_have_heard(machine: Callable[..., Machine]) -> None:
    wire = Wire()
    one, other = machine("a", wire), machine("b", wire, lease_s=1.0)
    other.replicas.start()
    began = time.monotonic()
    seq = one.log.append([entry("told-user")]).result(10)
    assert time.monotonic() - began < 0.5  # it has confirmed
    assert other.log.rung_for("g", "told-user") >= seq


def test_who_hears_by_looking_confirms_in_the_database(machine: Callable[..., Machine]) -> None:
    wire = Wire()
    wire.is_cut = True
    one, other = machine("a", wire), machine("b", wire, lease_s=3.0)
    one.replicas.start()
    other.replicas.start()
    for number in range(5):
        began = time.monotonic()
        seq = one.log.append([entry(f"looked-{number}")]).result(10)
        assert time.monotonic() - began < 1.5
        assert other.log.rung_for("g", f"looked-{number}") >= seq


def test_without_a_confirmation_a_lease_is_waited_for(machine: Callable[..., Machine]) -> None:
    one, other = machine("a"), machine("b", lease_s=1.0)  # one does not look
    other.replicas.start()
    began = time.monotonic()
    seq = one.log.append([entry("untold-user")]).result(10)
    assert time.monotonic() - began >= 1.0  # the lease, in which the other has looked
    assert other.log.rung_for("g", "untold-user") >= seq


def test_workers_of_one_machine_do_not_wait_for_each_other(machine: Callable[..., Machine]) -> None:
    one, sibling = machine("a", lease_s=3.0), machine("a", lease_s=3.0)
    one.replicas.start()
    sibling.replicas.start()
    began = time.monotonic()
    seq = one.log.append([entry("shared-user")]).result(10)
    assert sibling.log.rung_for("g", "shared-user") == seq and time.monotonic() - began < 1.0


def test_bells_that_were_removed_make_everything_new(machine: Callable[..., Machine]) -> None:
    one, other = machine("a"), machine("b", lease_s=0.0)
    other.replicas.start()
    with one.database.write() as connection:  # the other can't look between these
        connection.execute(sa.text("LOCK TABLE bells IN ACCESS EXCLUSIVE MODE"))
        one.log.append_within(connection, [entry("early-user")])
        connection.execute(sa.text("DELETE FROM bells"))
        connection.execute(
            sa.text("INSERT INTO bells (seq, prior, buckets) SELECT max(seq), max(seq) - 1, '' FROM log")
        )
        connection.execute(sa.text("UPDATE bells SET seq = seq + 1, prior = seq"))
    until(lambda: other.log.rung_for("g", "early-user") >= one.log.last())


def test_a_database_that_may_lose_what_it_acknowledges_is_refused(postgres: PostgresServer) -> None:
    with pytest.raises(Unavailable, match="synchronous_commit is off"):
        Database(f"{postgres.url}?options=-csynchronous_commit%3Doff")


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("postgresql://u:p@a:1/db", "postgresql+psycopg://u:p@a:1/db"),
        ("postgres://a:1,b:2/db", "postgresql+psycopg:///db?host=a:1&host=b:2&target_session_attrs=read-write"),
        (
            "postgresql://u:p@a,b/db?x=1",
            "postgresql+psycopg://u:p@/db?host=a&host=b&x=1&target_session_attrs=read-write",
        ),
        ("postgresql://a,b?target_session_attrs=any", "postgresql+psycopg:///?host=a&host=b&target_session_attrs=any"),
    ],
)
def test_a_url_of_several_hosts(url: str, meant: str) -> None:
    assert with_driver(url) == meant
