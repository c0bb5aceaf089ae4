"""The records that a partner has, by their digests: only changes go out, and a run goes on where one ended."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from gateway.sync.records import SyncRecord

TABLE = (
    "CREATE TABLE IF NOT EXISTS sent (id TEXT PRIMARY KEY, digest BLOB NOT NULL, run INTEGER NOT NULL) WITHOUT ROWID"
)
GONE_AT_ONCE = 1_000


class SentState:
    """One destination's table. A run that has seen every record knows which of those sent before are gone."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._rows = sqlite3.connect(path)
        self._rows.execute(TABLE)
        self._run = int(self._rows.execute("SELECT coalesce(max(run), 0) + 1 FROM sent").fetchone()[0])

    def is_sent(self, record: SyncRecord) -> bool:
        """Tell whether the partner has the record as it is, and note that it is still there."""
        row = self._rows.execute("SELECT digest FROM sent WHERE id = ?", (record.id,)).fetchone()
        if row is not None:
            self._rows.execute("UPDATE sent SET run = ? WHERE id = ?", (self._run, record.id))
        return row is not None and row[0] == digest_of(record)

    def note(self, records: Iterable[SyncRecord]) -> None:
        """Keep what a partner has taken, at once."""
        rows = [(record.id, digest_of(record), self._run) for record in records]
        self._rows.executemany("INSERT OR REPLACE INTO sent VALUES (?, ?, ?)", rows)
        self._rows.commit()

    def gone(self) -> Iterator[str]:
        """Ids that were sent before and are not among this run's records."""
        after = ""
        while True:
            wanted = "SELECT id FROM sent WHERE run < ? AND id > ? ORDER BY id LIMIT ?"
            ids = [row[0] for row in self._rows.execute(wanted, (self._run, after, GONE_AT_ONCE))]
            yield from ids
            if len(ids) < GONE_AT_ONCE:
                return
            after = ids[-1]

    def drop(self, ids: Iterable[str]) -> None:
        self._rows.executemany("DELETE FROM sent WHERE id = ?", [(each,) for each in ids])
        self._rows.commit()

    def close(self) -> None:
        self._rows.commit()
        self._rows.close()


def digest_of(record: SyncRecord) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(record, order="sorted"), digest_size=16).digest()
