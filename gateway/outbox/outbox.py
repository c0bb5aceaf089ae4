"""One worker's outbox: takes events for the targets of the configuration, and delivers them. It also delivers what
ended workers left."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from gateway.errors import Busy
from gateway.outbox.delivery import Delivery, DeliveryContext, DeliveryCounts
from gateway.outbox.folder import NO_BACKLOG, Backlog, Folder, bytes_under, claim, claim_own, folder_names
from gateway.outbox.segments import START, Position
from gateway.outbox.writer import Writer
from gateway.plan.plan import EventTarget
from gateway.targets import TARGETS
from gateway.targets.base import Call, Failed, Message, RecordTarget, Target, TargetDependencies
from gateway.targets.entry import Entry, encoded, envelope
from gateway.telemetry import Rows

log = logging.getLogger(__name__)

SEGMENT_BYTES, SEGMENTS = 8 * 1024 * 1024, 64  # one is never more than this part of all
SMALLEST_SEGMENT = 4096
MEASURE_S = 1.0  # how old the known size of the folders may be
RETRY_AFTER_S = 5
DRAIN_S = 2.0  # what ending may take while deliveries go well
ADOPT_AFTER_S, ADOPT_EVERY_S = 10.0, 60.0  # by then the other workers have taken their own


class ReadyEntry(NamedTuple):
    """An entry that passed all checks, encoded."""

    entry: Entry
    data: bytes


class Outbox:
    """Costs nothing until the configuration has a target that needs it."""

    def __init__(
        self,
        base: Path,
        name: str,
        dependencies: TargetDependencies,
        clock: Callable[[], float],
        *,
        chance: Callable[[], float] = random.random,
        adopt_after_s: float = ADOPT_AFTER_S,
    ) -> None:
        self._base, self._name, self._dependencies, self._clock = base, name, dependencies, clock
        self._adopt_after_s = adopt_after_s
        self._context = DeliveryContext(base, self._target_of, self._drop_delivered, clock, chance)
        self._plans: dict[str, EventTarget] = {}
        self._targets: dict[str, Target] = {}
        self._counts: dict[str, DeliveryCounts] = {}
        self._running: dict[Delivery, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # held, or they may vanish
        self._folder: Folder | None = None
        self._writer: Writer | None = None
        self._closing = False
        self._max_bytes, self._used, self._measured = 0, 0, -MEASURE_S

    # ---- called by the gateway

    async def open(self, targets: Sequence[EventTarget], max_bytes: int) -> None:
        """Continue where an earlier worker of this name ended."""
        self._max_bytes = max_bytes
        if await asyncio.to_thread(self._base.is_dir):
            folder = claim_own(self._base, self._name)
            self._use_folder(folder, await asyncio.to_thread(folder.backlogs))
        self.use(targets, max_bytes)
        self._run_in_background(self._adopt_all())

    def use(self, targets: Sequence[EventTarget], max_bytes: int) -> None:
        """Start the deliveries of new targets, and end those of removed ones once they have what they are owed."""
        self._max_bytes = max_bytes
        for target in targets:
            if self._plans.get(target.key) != target:
                self._replace(target.key, TARGETS[target.type].open(self._dependencies, target.key, target.settings))
        self._plans = {target.key: target for target in targets}
        if self._plans and self._folder is None:
            folder = claim_own(self._base, self._name)
            self._use_folder(folder, folder.backlogs())
        own = {each.key: each for each in self._running if each.folder is self._folder}
        for key in self._plans.keys() - own.keys():
            self._start_own(key)
        for key, delivery in own.items():
            delivery.until = None if key in self._plans else delivery.until or delivery.end()
            delivery.wake.set()

    def ready(self, entry: Entry) -> ReadyEntry:
        """Raises a `Problem` where the entry can't be kept, or could never be delivered."""
        data = encoded(entry)
        for key in entry.targets:
            self._target_of(key).check(entry, len(data))
        if self._size() + len(data) > self._max_bytes:
            message = f"the outbox holds its {self._max_bytes} bytes: an event target does not take what it has"
            raise Busy("OutboxFull", message, RETRY_AFTER_S)
        return ReadyEntry(entry, data)

    async def append(self, ready: ReadyEntry) -> None:
        """Return once the entry is on disk. Raises `Busy` where it can't be."""
        assert self._writer is not None, "only a configuration with targets makes entries"
        waiting = [self._delivery_of(key) for key in ready.entry.targets]
        for delivery in waiting:
            delivery.expect(ready.entry.at)
        self._used += len(ready.data)
        try:
            await asyncio.wrap_future(self._writer.append(ready.data))
        except OSError as error:
            for delivery in waiting:
                delivery.pending -= 1
            raise Busy("OutboxUnavailable", f"the events can't be kept: {error.strerror}", RETRY_AFTER_S) from error

    async def close(self) -> None:
        self._closing = True
        for task in self._tasks:
            task.cancel()
        if self._writer is not None:
            await asyncio.to_thread(self._writer.close)
        for delivery in self._running:
            delivery.stop()
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for target in self._targets.values():
            await target.close()
        for folder in {delivery.folder for delivery in self._running} | {self._folder}:
            if folder is not None:
                folder.close()

    # ---- metrics

    def records(self) -> Rows:
        return self._gauge(lambda each: each.pending, sum)

    def oldest(self) -> Rows:
        return self._gauge(lambda each: max(0.0, self._clock() - each.oldest) if each.pending else 0.0, max)

    def counted(self, what: Callable[[DeliveryCounts], int]) -> Rows:
        return [((key,), [what(counts)]) for key, counts in list(self._counts.items())]

    def _gauge(self, value: Callable[[Delivery], float], join: Callable[[Iterable[float]], float]) -> Rows:
        rows: dict[str, list[float]] = {}
        for delivery in list(self._running):
            rows.setdefault(delivery.key, []).append(value(delivery))
        return [((key,), [join(values)]) for key, values in rows.items()]

    # ---- folders

    def _use_folder(self, folder: Folder, backlogs: Mapping[str, Backlog]) -> None:
        segment = min(SEGMENT_BYTES, max(SMALLEST_SEGMENT, self._max_bytes // SEGMENTS))
        wake = partial(asyncio.get_running_loop().call_soon_threadsafe, self._wake)
        self._folder = folder
        self._writer = Writer(folder.path, folder.end(), segment, wake)
        for key, backlog in backlogs.items():
            self._start_own(key, backlog)
        self._drop_delivered(folder)

    async def _adopt_all(self) -> None:
        """Adopt folders that no worker holds, now and then."""
        await asyncio.sleep(self._adopt_after_s)
        while True:
            try:
                for name in await asyncio.to_thread(folder_names, self._base):
                    if folder := claim(self._base, name):
                        await self._adopt(folder)
            except OSError:
                log.exception("folders that were left in %s can't be taken over yet", self._base)
            await asyncio.sleep(ADOPT_EVERY_S)

    async def _adopt(self, folder: Folder) -> None:
        backlogs = await asyncio.to_thread(folder.backlogs)
        end = folder.end()
        for key, backlog in backlogs.items():
            log.info("%d records for %s were left in %s", backlog.records, key, folder.path)
            self._start(key, folder, lambda: end, backlog).until = end
        if not backlogs:
            folder.remove()

    def _drop_delivered(self, folder: Folder) -> None:
        """Delete the segments that every target has got."""
        waiting = [each.position.segment for each in self._running if each.folder is folder]
        folder.drop_before(min(waiting, default=self._end_of_own().segment if folder is self._folder else 0))

    def _end_of_own(self) -> Position:
        assert self._writer is not None
        return self._writer.end

    def _wake(self) -> None:
        for delivery in self._running:
            delivery.wake.set()

    def _size(self) -> int:
        """Bytes of all workers' folders: measured now and then, and what this worker has added since."""
        if monotonic() - self._measured > MEASURE_S:
            self._used, self._measured = bytes_under(self._base), monotonic()
        return self._used

    # ---- deliveries

    def _delivery_of(self, key: str) -> Delivery:
        """The delivery from the own folder. It begins anew for a target that the configuration lost a moment ago."""
        delivery = next((each for each in self._running if each.key == key and each.folder is self._folder), None)
        if delivery is None:
            delivery = self._start_own(key)
            delivery.until = delivery.end()
        return delivery

    def _start_own(self, key: str, backlog: Backlog = NO_BACKLOG) -> Delivery:
        assert self._folder is not None
        return self._start(key, self._folder, self._end_of_own, backlog)

    def _start(self, key: str, folder: Folder, end: Callable[[], Position], backlog: Backlog) -> Delivery:
        counts = self._counts.setdefault(key, DeliveryCounts())
        start = folder.cursors.get(key, START if backlog.records else end())
        delivery = Delivery(key, folder, self._context, counts, start, end, *backlog)
        self._run(delivery)
        return delivery

    def _run(self, delivery: Delivery) -> None:
        task = self._running[delivery] = asyncio.create_task(delivery.run())
        task.add_done_callback(lambda _: self._on_end(delivery))

    def _on_end(self, delivery: Delivery) -> None:
        """Forget a delivery that has come to its end. It runs on where its target came back this moment."""
        if self._closing:
            return
        if delivery.until is None:
            self._run(delivery)
            return
        del self._running[delivery]
        folder = delivery.folder
        folder.forget(delivery.key)
        if not any(each.key == delivery.key for each in self._running) and delivery.key not in self._plans:
            self._replace(delivery.key, None)
        if any(each.folder is folder for each in self._running) or folder is self._folder:
            self._drop_delivered(folder)
        else:
            folder.remove()

    def _target_of(self, key: str) -> Target:
        return self._targets.get(key) or REMOVED_TARGET

    def _replace(self, key: str, target: Target | None) -> None:
        old = self._targets.pop(key, None)
        if old is not None:
            self._run_in_background(old.close())
        if target is not None:
            self._targets[key] = target

    def _run_in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _RemovedTarget(RecordTarget):
    """The target of events for targets that the configuration has no more: they become dead letters."""

    call = Call(messages=500, bytes=4 * 1024 * 1024)

    def messages(self, entry: Entry) -> list[Message]:
        return [Message(entry.id, entry.id, envelope(entry), entry)]

    async def send(self, call: Sequence[Message]) -> Sequence[Failed | None]:
        return [Failed("the configuration has no such target any more", for_good=True)] * len(call)


REMOVED_TARGET = _RemovedTarget()
