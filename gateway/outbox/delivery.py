"""One target's way through one folder: read, send, send again what was not taken, and remember how far it got."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from gateway.outbox.dead_letters import add_dead_letter
from gateway.outbox.folder import Folder
from gateway.outbox.segments import Position, read
from gateway.targets.base import Call, Down, Failed, Message, Refused, Target
from gateway.targets.entry import entry_of, head_of

log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 60.0
GATHER_S = 0.03  # after the first record, for others to go with it
WARN_EVERY_S = 60.0  # between two log lines on one target
LAST_REFUSAL = 2  # of a message on its own: it becomes a dead letter
READ_BYTES = 16 * 1024 * 1024  # at a time, of records for whatever target


@dataclass
class DeliveryCounts:
    """Counters of one target, over all folders."""

    delivered: int = 0
    retried: int = 0
    dead: int = 0


@dataclass(frozen=True)
class DeliveryContext:
    """The common part of an outbox's deliveries. `chance` gives numbers from 0 to 1."""

    base: Path
    target_of: Callable[[str], Target]
    drop_delivered: Callable[[Folder], None]
    clock: Callable[[], float]
    chance: Callable[[], float]


class Batch(NamedTuple):
    messages: list[Message]
    records: int
    oldest: float
    after: Position


class Stopped(Exception):
    pass


@dataclass(eq=False)
class Delivery:
    """A target's delivery from a folder. `end` gives the last position to read; `until` is where the delivery ends."""

    key: str
    folder: Folder
    context: DeliveryContext
    counts: DeliveryCounts
    position: Position
    end: Callable[[], Position]
    pending: int = 0
    oldest: float = 0.0
    until: Position | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _warned_at: float = 0.0
    _refusals: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Deliver until it is stopped, or has come to where it is to end."""
        tries = 0
        while not self._finished():
            try:
                await self._step()
                tries = 0
            except Stopped:
                return
            except Exception:
                log.exception("delivery to %s failed; it goes on", self.key)
                tries += 1
                if await self._stopped_within(wait_s(tries, self.context.chance())):
                    return

    def stop(self) -> None:
        """Deliver what there is as long as all goes well, and end."""
        self.until = self.until or self.end()
        self._stopping.set()
        self.wake.set()

    def expect(self, at: float) -> None:
        """A record is on its way to the folder."""
        self.oldest = self.oldest if self.pending else at
        self.pending += 1

    def _finished(self) -> bool:
        reached = self.until is not None and self.position >= self.until
        return reached and (self.pending <= 0 or self._stopping.is_set())

    async def _step(self) -> None:
        end = self.end()
        if self.position >= end:
            self.wake.clear()
            if not self._stopping.is_set():
                await self.wake.wait()
                await self._stopped_within(GATHER_S)
            return
        target = self.context.target_of(self.key)
        batch = await asyncio.to_thread(read_batch, self.folder.path, self.key, target, self.position, end)
        if batch.records:
            self.oldest = batch.oldest
        await self._send_all(batch.messages)
        await self._advance(batch)

    async def _advance(self, batch: Batch) -> None:
        left = self.position.segment
        self.position = batch.after
        self.pending -= batch.records
        self._refusals.clear()
        if batch.records or batch.after.segment != left:
            await asyncio.to_thread(self.folder.save, self.key, batch.after)
            self.context.drop_delivered(self.folder)

    # ---- sending

    async def _send_all(self, messages: Sequence[Message]) -> None:
        """Return once every message is delivered or dead."""
        pending, tries = list(messages), 0
        while pending:
            call = self.context.target_of(self.key).call
            calls = list(split(pending if call.whole else first_of_each(pending), call))[: call.at_once]
            results = await asyncio.gather(*(self._send(each) for each in calls))
            settled = {each for done, _ in results for each in done}
            failures = [failed for _, failed in results if failed is not None]
            pending = [each for each in pending if each.id not in settled]
            if not failures:
                tries = 0
                continue
            self.counts.retried += sum(len(each) for each in calls) - len(settled)
            self._warn(failures[0].why)
            tries = 1 if settled else tries + 1
            longest = max(failed.wait_s for failed in failures)
            if await self._stopped_within(max(wait_s(tries, self.context.chance()), min(longest, LONGEST_WAIT_S))):
                raise Stopped

    def _warn(self, why: str) -> None:
        now = self.context.clock()
        if now - self._warned_at > WARN_EVERY_S:
            log.warning("%s does not take events, they are kept: %s", self.key, why)
            self._warned_at = now

    async def _send(self, call: Sequence[Message]) -> tuple[set[str], Failed | None]:
        """Send one call; the ids of settled messages, and the first failure of the others."""
        try:
            results = await self.context.target_of(self.key).send(call)
        except Down as down:
            return set(), Failed(str(down), wait_s=down.wait_s)
        except Refused as refused:
            if len(call) > 1:
                return await self._send_halves(call)
            return await self._count_refusal(call[0], str(refused))
        settled, first = set[str](), None
        for message, failed in zip(call, results, strict=True):
            if failed is None:
                self.counts.delivered += 1
            elif failed.for_good:
                await self._give_up(message, failed.why)
            else:
                first = first or failed
                continue
            settled.add(message.id)
        return settled, first

    async def _send_halves(self, call: Sequence[Message]) -> tuple[set[str], Failed | None]:
        """Send each half alone: one refused message must not hold up the others."""
        middle = len(call) // 2
        settled, failed = await self._send(call[:middle])
        if failed is not None:
            return settled, failed
        more, failed = await self._send(call[middle:])
        return settled | more, failed

    async def _count_refusal(self, message: Message, why: str) -> tuple[set[str], Failed | None]:
        self._refusals[message.id] += 1
        if self._refusals[message.id] < LAST_REFUSAL:
            return set(), Failed(why)
        await self._give_up(message, why)
        return {message.id}, None

    async def _give_up(self, message: Message, why: str) -> None:
        path = await asyncio.to_thread(add_dead_letter, self.context.base, self.key, message, why, self.context.clock())
        self.counts.dead += 1
        log.error("%s refuses %s for good, it is kept in %s: %s", self.key, message.id, path, why)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True


def wait_s(tries: int, chance: float) -> float:
    """Seconds before another try: twice as long each time, with jitter, at most a minute."""
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(tries, 20))
    return longest * (0.5 + chance / 2)


def read_batch(folder: Path, key: str, target: Target, start: Position, end: Position) -> Batch:
    """Read what one round of calls may hold. A record is never in two batches."""
    call = target.call
    most, most_bytes = call.messages * call.at_once, call.bytes * call.at_once
    messages: list[Message] = []
    records, size, seen, oldest, after = 0, 0, 0, 0.0, start
    for position, data in read(folder, start, end):
        head = head_of(data)
        if key in head.targets:
            own = target.messages(entry_of(data))
            more = sum(size_of(each) for each in own)
            if messages and (len(messages) + len(own) > most or size + more > most_bytes):
                break
            messages += own
            records, size, oldest = records + 1, size + more, oldest or head.at
        after, seen = position, seen + len(data)
        if seen > READ_BYTES:
            break
    else:
        after = end
    return Batch(messages, records, oldest, after)


def first_of_each(messages: Iterable[Message]) -> list[Message]:
    """The first message of every session: none overtakes another of its session, whatever fails."""
    first: dict[str, Message] = {}
    for message in messages:
        first.setdefault(message.session, message)
    return list(first.values())


def split(messages: Iterable[Message], call: Call) -> Iterator[list[Message]]:
    """Divide messages into calls within the target's limits, in order."""
    held: list[Message] = []
    size = 0
    for message in messages:
        more = size_of(message)
        if held and (len(held) == call.messages or size + more > call.bytes):
            yield held
            held, size = [], 0
        held.append(message)
        size += more
    if held:
        yield held


def size_of(message: Message) -> int:
    """Bytes of a message as Kinesis counts: with the key."""
    return len(message.data) + len(message.session.encode())
