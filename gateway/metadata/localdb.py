"""JSON Lines of one's own, from a folder or S3, in a table that all workers share (specification §2.8)."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import sqlite3
from collections.abc import Collection, Sequence

from gateway.dependencies import Dependencies
from gateway.document.remote import Enclosing
from gateway.document.values import SyncInterval
from gateway.errors import UpstreamProblem
from gateway.localdb.kept import Kept, LocalDb
from gateway.metadata.base import Columns, MetadataPart, SourceType
from gateway.telemetry import Rows

FIRST_S = 10.0  # the longest that a server waits for its first tables


class LocalDbMetadata(MetadataPart, frozen=True, tag="localdb"):
    """JSON Lines, each an object with an `id`: a file, folder or `s3://` prefix, looked after every so many seconds.
    A folder is the union of its files named *.jsonl, *.jsonl.gz or *.jsonl.gzip, or of those in import/NAMESPACE/."""

    source: str = ""
    sync_interval: SyncInterval = 300


def items_of(part: LocalDbMetadata, enclosing: Enclosing) -> LocalDb:
    return LocalDb(enclosing.namespace, part.source, part.sync_interval)


class LocalDbSource:
    def __init__(self, dependencies: Dependencies) -> None:
        self._data, self._threads = dependencies.engine.settings.data_dir, dependencies.threads
        self._clock = dependencies.clock
        self._kept: dict[LocalDb, Kept] = {}
        self._versions = itertools.count(1)  # never the same for two tables, whatever the configuration names again
        self._tasks: dict[LocalDb, asyncio.Task[None]] = {}
        dependencies.telemetry.watch("recgate_metadata_faults", self._faults)
        dependencies.telemetry.watch("recgate_metadata_age_seconds", self._ages)

    def use(self, wanted: Collection[LocalDb]) -> None:
        for of in self._kept.keys() - set(wanted):
            del self._kept[of]
            self._tasks.pop(of).cancel()
        for of in set(wanted) - self._kept.keys():
            self._kept[of] = kept = self._opened(of)
            self._tasks[of] = asyncio.get_running_loop().create_task(kept.run())

    async def ready(self) -> None:
        looks = [asyncio.create_task(kept.looked.wait()) for kept in self._kept.values()]
        if looks:
            _, late = await asyncio.wait(looks, timeout=FIRST_S)
            for look in late:
                look.cancel()

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        self.use(())
        await asyncio.gather(*tasks, return_exceptions=True)

    def version(self, of: LocalDb) -> int:
        kept = self._kept.get(of)
        return 0 if kept is None else kept.version

    def tags(self, of: object) -> None:
        return None

    async def of(self, items: Sequence[str], columns: Sequence[str], of: LocalDb) -> list[Columns | None]:
        kept = self._kept.get(of)
        if kept is None or kept.table is None:
            return [None] * len(items)
        try:
            rows = await asyncio.get_running_loop().run_in_executor(self._threads, kept.table.of, items)
        except sqlite3.Error as error:
            message = f"the item metadata of {of.namespace} can't be read: {error}"
            raise UpstreamProblem(message, status=502, type="Metadata", code="UpstreamError") from error
        return [rows.get(item) for item in items]

    def _opened(self, of: LocalDb) -> Kept:
        place = of.source or f"{self._data / 'metadata' / of.namespace}/"
        folder = self._data / "localdb" / of.namespace / hashlib.blake2b(place.encode(), digest_size=6).hexdigest()
        return Kept(of, place, folder, self._versions, self._clock)

    def _faults(self) -> Rows:
        return [((kept.of.namespace,), [kept.faults]) for kept in list(self._kept.values())]

    def _ages(self) -> Rows:
        held = [kept for kept in list(self._kept.values()) if kept.table is not None]
        return [((kept.of.namespace,), [self._clock() - kept.seen_at]) for kept in held]


SOURCE = SourceType((LocalDbMetadata,), items_of, LocalDbSource, place=2)
