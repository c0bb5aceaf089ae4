"""One namespace's table, kept up to date: looked after every so many seconds, never inside a request. What is new is
swapped in whole; while it is bad, what was there before stays, and the reason is told once."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import engine
from gateway.body import columns_of
from gateway.localdb.build import REFUSED, TableFiles, table_at, table_files

log = logging.getLogger(__name__)

SETTLED_S = 1.0  # after its last change a file counts as written
RETRY_S = 5.0  # after a failure; then twice as long, until it is the usual time
MAPPED = 1 << 40  # bytes of the file that may be read without a call


@dataclass(frozen=True)
class LocalDb:
    """JSON Lines: a file, a folder or an `s3://` prefix; "": `metadata/<namespace>/` in the data folder."""

    namespace: str
    source: str = ""
    sync_interval_s: int = 300


class Table:
    """The rows of one file, read only, for any thread: they cost the page cache's memory, once for all workers.
    The file is open as long as somebody holds the table."""

    def __init__(self, path: Path) -> None:
        """Raises `sqlite3.Error`."""
        where = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        self._rows = sqlite3.connect(where, uri=True, check_same_thread=False)
        self._rows.execute(f"PRAGMA mmap_size={MAPPED}")
        self._rows.execute("SELECT row FROM items LIMIT 1").fetchall()

    def of(self, items: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Columns by item id; unknown items are absent. Raises `sqlite3.Error`."""
        places = ",".join("?" * len(items))
        rows = self._rows.execute(f"SELECT id, row FROM items WHERE id IN ({places})", items)
        return {item: columns_of(row) for item, row in rows}

    def __del__(self) -> None:
        if hasattr(self, "_rows"):
            self._rows.close()


class SyncedTable:
    """`table` is None as long as there never was a good one; with each, `version` is the next of `versions`. `faults`
    is 1 while what lies there can't be used. `seen_at`: epoch seconds when the table was last what lies there."""

    def __init__(
        self, of: LocalDb, place: str, folder: Path, versions: Iterator[int], clock: Callable[[], float]
    ) -> None:
        self.of, self.version, self.faults, self.seen_at = of, 0, 0, 0.0
        self.table: Table | None = None
        self.looked = asyncio.Event()  # once, with whatever result
        self._place, self._folder, self._versions, self._clock = place, folder, versions, clock
        self._fingerprint, self._last_reason = "", ""
        self._failures = 0

    async def run(self) -> None:
        """Look for another version until cancelled."""
        await asyncio.to_thread(self._open_last)
        while True:
            wait_s = await self.look()
            self.looked.set()
            await asyncio.sleep(wait_s)

    async def look(self) -> float:
        """Take what is new; the seconds until the next look."""
        try:
            files = await self._settled()
            if files.fingerprint != self._fingerprint:
                await self._take(files)
        except (engine.InvalidInput, OSError, sqlite3.Error) as error:
            return self._failed(str(error))
        self.seen_at, self.faults, self._failures, self._last_reason = self._clock(), 0, 0, ""
        return float(self.of.sync_interval_s)

    async def _settled(self) -> TableFiles:
        while True:
            files = await asyncio.to_thread(table_files, self._place, self.of.namespace)
            wait_s = files.written_at + SETTLED_S - self._clock()
            if not 0 < wait_s <= SETTLED_S:  # a file from the future is as good as any
                return files
            await asyncio.sleep(wait_s)

    async def _take(self, files: TableFiles) -> None:
        path = table_at(self._folder, files.fingerprint)
        if not path.exists():
            await self._build()
        if not path.exists():
            raise engine.InvalidInput(f"{files.source.location} changed while it was read.")
        self._use(await asyncio.to_thread(Table, path), files.fingerprint)
        log.info("item metadata of %s: %s is in use", self.of.namespace, files.source.location)

    async def _build(self) -> None:
        command = (sys.executable, "-m", "gateway.localdb.build", self._place, self.of.namespace, str(self._folder))
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        try:
            _, errors = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode:
            reason = errors.decode(errors="replace").strip()
            if process.returncode != REFUSED:
                reason = f"the build ended with status {process.returncode}: {reason[-500:]}"
            raise engine.InvalidInput(reason)

    def _open_last(self) -> None:
        """Serve the table that an earlier server built last, until a newer one is known to be good."""
        try:
            tables = sorted(self._folder.glob("*.db"), key=lambda path: path.stat().st_mtime)
            if tables:
                self._use(Table(tables[-1]), tables[-1].stem)
                self.seen_at = tables[-1].stat().st_mtime
        except (OSError, sqlite3.Error) as error:
            log.warning("item metadata of %s from before can't be read: %s", self.of.namespace, error)

    def _use(self, table: Table, fingerprint: str) -> None:
        self.table, self._fingerprint = table, fingerprint
        self.version = next(self._versions)

    def _failed(self, reason: str) -> float:
        self.faults = 1
        if reason != self._last_reason:
            stays = "none is in use" if self.table is None else "what was in use before stays"
            log.error("item metadata of %s: %s; %s", self.of.namespace, reason, stays)
            self._last_reason = reason
        self._failures += 1
        return float(min(self.of.sync_interval_s, RETRY_S * 2 ** min(self._failures - 1, 10)))
