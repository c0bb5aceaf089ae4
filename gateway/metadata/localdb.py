"""JSON Lines of one's own, from a folder or S3, in a table that all workers share (specification §2.8)."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import sqlite3
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from gateway.dependencies import Dependencies
from gateway.document.remote import Enclosing
from gateway.document.values import SyncInterval
from gateway.errors import UpstreamProblem
from gateway.localdb.synced import LocalDb, SyncedTable
from gateway.metadata.base import Columns, MetadataPart, SourceType

if TYPE_CHECKING:
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
        self._tables: dict[LocalDb, SyncedTable] = {}
        self._versions = itertools.count(1)  # never the same for two tables, whatever the configuration names again
        self._tasks: dict[LocalDb, asyncio.Task[None]] = {}
        dependencies.telemetry.watch("recgate_metadata_faults", self._faults)
        dependencies.telemetry.watch("recgate_metadata_age_seconds", self._ages)

    def use(self, wanted: Collection[LocalDb]) -> None:
        for of in self._tables.keys() - set(wanted):
            del self._tables[of]
            self._tasks.pop(of).cancel()
        for of in set(wanted) - self._tables.keys():
            self._tables[of] = synced = self._opened(of)
            self._tasks[of] = asyncio.get_running_loop().create_task(synced.run())

    async def ready(self) -> None:
        looks = [asyncio.create_task(synced.looked.wait()) for synced in self._tables.values()]
        if looks:
            _, late = await asyncio.wait(looks, timeout=FIRST_S)
            for look in late:
                look.cancel()

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        self.use(())
        await asyncio.gather(*tasks, return_exceptions=True)

    def version(self, of: LocalDb) -> int:
        synced = self._tables.get(of)
        return 0 if synced is None else synced.version

    def tags(self, of: object) -> None:
        return None

    async def of(self, items: Sequence[str], columns: Sequence[str], of: LocalDb) -> list[Columns | None]:
        synced = self._tables.get(of)
        if synced is None or synced.table is None:
            return [None] * len(items)
        try:
            rows = await asyncio.get_running_loop().run_in_executor(self._threads, synced.table.of, items)
        except sqlite3.Error as error:
            message = f"the item metadata of {of.namespace} can't be read: {error}"
            raise UpstreamProblem(message, status=502, type="Metadata", code="UpstreamError") from error
        return [rows.get(item) for item in items]

    def _opened(self, of: LocalDb) -> SyncedTable:
        place = of.source or f"{self._data / 'metadata' / of.namespace}/"
        folder = self._data / "localdb" / of.namespace / hashlib.blake2b(place.encode(), digest_size=6).hexdigest()
        return SyncedTable(of, place, folder, self._versions, self._clock)

    def _faults(self) -> Rows:
        return [((synced.of.namespace,), [synced.faults]) for synced in list(self._tables.values())]

    def _ages(self) -> Rows:
        held = [synced for synced in list(self._tables.values()) if synced.table is not None]
        return [((synced.of.namespace,), [self._clock() - synced.seen_at]) for synced in held]


SOURCE = SourceType((LocalDbMetadata,), items_of, LocalDbSource, place=2)
