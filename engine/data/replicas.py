"""The processes that answer from one log, on several machines: none answers from before an acknowledged event.

Each looks at the bells of the log every few milliseconds, and may answer for `lease_s` after the beginning of its last
look. Whoever has committed an append acknowledges it when every process of another place that is registered has
confirmed its bell, or when the lease that it may still have has run out. So, if an answer is begun after an
acknowledgement, the process either has heard of the event, or has looked after its commit, or has no lease: then it
reads the log before it answers. No clocks are compared; they need to run at one speed, within a tenth.

A process registers under the log's lock: an append that does not see it was committed before its first look. A row is
removed when its beat has stood still for `DEAD_S`; a process whose beat is older than `BEAT_HOLDS_S` has no lease.

The fan-out carries bells and confirmations faster than looking does. What it loses costs time, and nothing else: a
process that has heard of a bell by looking writes so into its row, where whoever waits looks as well. With each beat it
writes what it has heard of in either way, for those who look at how far it is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import getnode

import msgspec
import sqlalchemy as sa

from engine.data.doorbell import SharedDoorbell
from engine.data.fan_out import FanOut
from engine.data.shared_append import LOCK, Appended, buckets_in
from engine.errors import Unavailable
from engine.storage.sql import Database

log = logging.getLogger(__name__)

LOOK_S = 0.015  # between two looks at the bells
WAIT_LOOK_S = 0.005  # the same while an append waits to be heard
DRIFT = 1.1  # how much faster another machine's clock may run
BEAT_S, BEAT_HOLDS_S, DEAD_S = 1.0, 5.0, 10.0
SAID_S = 2 * BEAT_S  # a process says what it has heard with each beat at the latest
TIDY_S = 2.5
KEPT = "10 minutes"  # of bells, which are looked at within a second or not at all
RETRY_S = 0.1

NEWS = """
SELECT bells.seq, bells.prior, bells.buckets
FROM replicas LEFT JOIN bells ON bells.seq > %s WHERE replicas.id = %s ORDER BY bells.seq
"""
REGISTER = """
INSERT INTO replicas (id, place, lease_s, beat) VALUES (%s, %s, %s, 1)
ON CONFLICT (id) DO UPDATE SET beat = replicas.beat + 1
"""
LAST = "SELECT GREATEST((SELECT max(seq) FROM bells), (SELECT max(seq) FROM log), 0)"
CONFIRM = "UPDATE replicas SET heard = %s WHERE id = %s"
CONFIRMED = "SELECT id, heard FROM replicas WHERE place <> %s"
ENTRIES = """
SELECT id, place, lease_s, heard, COALESCE((SELECT max(seq) FROM bells WHERE at < now() - %s * interval '1 second'), 0)
FROM replicas ORDER BY place, id
"""
BEAT = "UPDATE replicas SET beat = beat + 1, heard = GREATEST(heard, %s) WHERE id = %s"
OTHERS = "SELECT id, beat FROM replicas WHERE id <> %s"
FORGET = "DELETE FROM replicas WHERE id = %s AND beat = %s"
LEAVE = "DELETE FROM replicas WHERE id = %s"
TIDY = f"DELETE FROM bells WHERE at < now() - interval '{KEPT}' AND seq < (SELECT max(seq) FROM bells)"


class Bell(msgspec.Struct, frozen=True, array_like=True, tag=True):
    ringer: str
    seq: int
    buckets: list[int]


class Confirmation(msgspec.Struct, frozen=True, array_like=True, tag=True):
    replica: str
    seq: int


class ReplicaEntry(NamedTuple):
    """A process that answers from the log, as it has registered. `heard` is the last bell that it says it has heard,
    `due` the last one that it must have said by now if it lives and looks."""

    id: str
    place: str
    lease_s: float
    heard: int
    due: int


class Unheard(msgspec.Struct):
    """An append that somebody may not have heard of yet."""

    seq: int
    until: float
    silent: set[str]
    acknowledge: Callable[[], None]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Bell | Confirmation).decode


class Replicas:
    """This process among them. `place` is what it shares its doorbell's page with."""

    def __init__(
        self,
        database: Database,
        doorbell: SharedDoorbell,
        fan_out: FanOut,
        name: str,
        lease_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self.doorbell, self._fan_out, self._monotonic = database, doorbell, fan_out, monotonic
        self.name, self.place, self._lease_s = name, place_of(doorbell.path), lease_s
        self._heard = 0  # all bells up to there
        self._fanned_out = 0  # the last bell that the fan-out has brought
        self._beaten = float("-inf")
        self._others: dict[str, tuple[int, float]] = {}  # their beats, and since when they are so
        self._unheard: list[Unheard] = []
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._acknowledge_in_time, name="replicas-acknowledge", daemon=True),
            threading.Thread(target=self._look_forever, name="replicas-look", daemon=True),
        ]
        self._threads[0].start()
        self._ring_name = f"{database.identity()}/bells"
        self._fan_out.open((self._ring_name, name), self._take)

    def start(self) -> None:
        """Answer from here on. Raises `Unavailable`."""
        self._register()
        self._threads[1].start()

    def close(self) -> None:
        self._stop.set()
        with self._changed:
            self._changed.notify()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self.doorbell.trust(0.0)  # before it is no longer waited for
        if self._beaten > 0:
            try:
                with self._database.write() as connection:
                    connection.exec_driver_sql(LEAVE, (self.name,))
            except Unavailable:  # its beat stands still: the others remove it
                pass
        self._fan_out.close()

    def entries(self) -> list[ReplicaEntry]:
        """All that are registered, this one too. Raises `Unavailable`."""
        with self._database.read() as connection:
            return [ReplicaEntry(*row) for row in connection.exec_driver_sql(ENTRIES, (SAID_S,))]

    # ---- appends of this process

    def acknowledge(self, appended: Appended, acknowledge: Callable[[], None]) -> None:
        """Calls `acknowledge` once no process answers from before the append, which is committed."""
        if not appended.others:
            acknowledge()
            return
        until = self._monotonic() + DRIFT * max(appended.others.values())
        with self._changed:
            self._unheard.append(Unheard(appended.seq, until, set(appended.others), acknowledge))
            self._changed.notify()
        self._fan_out.send(self._ring_name, _encode(Bell(self.name, appended.seq, appended.buckets)))

    def _acknowledge_in_time(self) -> None:
        while True:
            with self._changed:
                now = self._monotonic()
                due = [each for each in self._unheard if each.until <= now]
                if due:
                    self._unheard = [each for each in self._unheard if each.until > now]
                elif self._unheard:
                    self._changed.wait(min(each.until for each in self._unheard) - now)
                elif self._stop.is_set():
                    return
                else:
                    self._changed.wait()
            for each in due:
                each.acknowledge()

    # ---- what other processes append

    def _take(self, message: bytes) -> None:
        try:
            said = _decode(message)
        except msgspec.DecodeError:
            log.warning("a message between replicas can't be read: are they of one release?")
            return
        if isinstance(said, Bell):
            if said.ringer != self.name:
                self.doorbell.hear(said.buckets, said.seq)
                self._fanned_out = said.seq
                self._fan_out.send(said.ringer, _encode(Confirmation(self.name, said.seq)))
            return
        self._take_confirmations({said.replica: range(said.seq, said.seq + 1)})

    def _take_confirmations(self, heard: Mapping[str, range]) -> None:
        """`heard`: the bells that a process has heard, by its id."""
        with self._changed:
            for each in self._unheard:
                each.silent -= {name for name in each.silent if each.seq in heard.get(name, ())}
            done = [each for each in self._unheard if not each.silent]
            self._unheard = [each for each in self._unheard if each.silent] if done else self._unheard
        for each in done:
            each.acknowledge()

    def _look_forever(self) -> None:
        while not self._stop.is_set():
            try:
                with self._database.read() as connection:
                    connection.exec_driver_sql("SELECT 1")  # an end to what is said of a database that was away
                with self._database.read() as connection:
                    self._look_on(connection)
            except Unavailable:  # which the database has logged
                self._stop.wait(RETRY_S)
            except Exception:
                log.exception("the other replicas can't be heard")
                self._stop.wait(1.0)

    def _look_on(self, connection: sa.Connection) -> None:
        """Look at the bells by one connection, until it fails or this process ends."""
        connection.detach()
        connection.exec_driver_sql("SET synchronous_commit = off")  # of beats, which nobody must wait for
        tidied = self._monotonic()
        while not self._stop.wait(WAIT_LOOK_S if self._unheard else LOOK_S):
            began = self._monotonic()
            rows = connection.exec_driver_sql(NEWS, (self._heard, self.name)).all()
            if not rows:  # removed, while it could not beat
                self._register()
                continue
            bells = [(seq, prior, rung) for seq, prior, rung in rows if seq is not None]
            self._hear(bells)
            if bells and self._heard > self._fanned_out:
                connection.exec_driver_sql(CONFIRM, (self._heard, self.name))
            if self._unheard:
                confirmed = connection.exec_driver_sql(CONFIRMED, (self.place,))
                self._take_confirmations({name: range(seq + 1) for name, seq in confirmed})
            if began - self._beaten < BEAT_HOLDS_S:
                self.doorbell.trust(began + self._lease_s)
            if began - self._beaten >= BEAT_S:
                beaten = connection.exec_driver_sql(BEAT, (self._heard, self.name)).rowcount == 1
                self._beaten = began if beaten else self._beaten
            if began - tidied >= TIDY_S:
                tidied = began
                self._tidy(connection)

    def _hear(self, rows: Sequence[tuple[int, int, bytes]]) -> None:
        for seq, prior, buckets in rows:
            if prior <= self._heard:
                self.doorbell.hear(buckets_in(buckets), seq)
            else:  # bells between were removed
                self.doorbell.hear_all(seq)
            self._heard = seq

    def _register(self) -> None:
        began = self._monotonic()
        with self._database.write() as connection:
            connection.exec_driver_sql(LOCK)
            connection.exec_driver_sql(REGISTER, (self.name, self.place, self._lease_s))
            self._heard = int(connection.exec_driver_sql(LAST).scalar_one())
            connection.exec_driver_sql(CONFIRM, (self._heard, self.name))
        self.doorbell.hear_all(self._heard)
        self._beaten = began

    def _tidy(self, connection: sa.Connection) -> None:
        """Remove old bells, and processes whose beat has stood still."""
        connection.exec_driver_sql(TIDY)
        now, before = self._monotonic(), self._others
        beats = {row.id: row.beat for row in connection.exec_driver_sql(OTHERS, (self.name,))}
        self._others = {
            name: before[name] if name in before and before[name][0] == beat else (beat, now)
            for name, beat in beats.items()
        }
        dead = [(name, beat) for name, (beat, since) in self._others.items() if now - since > DEAD_S]
        if dead:
            with self._database.write() as writing:
                writing.exec_driver_sql(LOCK)
                for each in dead:
                    writing.exec_driver_sql(FORGET, each)


def place_of(doorbell: Path) -> str:
    """The memory that a doorbell's page lies in: its file, on the kernel that runs now."""
    file, boot = doorbell.stat(), Path("/proc/sys/kernel/random/boot_id")
    kernel = boot.read_text().strip() if boot.exists() else f"{getnode()}"
    return f"{kernel}/{file.st_dev}/{file.st_ino}"
