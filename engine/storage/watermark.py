"""The watermark of a database: a small file beside it, by which a database that ends too soon is found out.

SQLite takes a write-ahead log that was cut short or holds garbage for one that ends there, and says nothing. So each
transaction counts one up in the database, and what it has counted is written here after the commit and before anybody
hears of it. Without a sync: a process that is killed has written it; what a power cut leaves is an older count, which
is no lie. The database counts as whole where it has counted as far as the file says, or further.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import time
import weakref
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote
from zlib import crc32

from engine.errors import Damaged

_LAYOUT = struct.Struct("<8s16sQQ")  # magic, database, commits, seq; behind it their checksum
_SUM = struct.Struct("<I")
_MAGIC = b"recgate1"
_SIZE = _LAYOUT.size + _SUM.size
LOOK_TIMEOUT_S = 30.0
COUNT = (
    "UPDATE commits SET number = number + 1 "
    "RETURNING id, number, COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'log'), 0)"
)


class Mark(NamedTuple):
    """The progress of a database: which one it is, how many transactions it has committed, and the greatest sequence
    number of its log so far."""

    database: str  # 32 hexadecimal digits, drawn when it was made
    commits: int
    seq: int


class Watermark:
    """The file. `store` is for who holds the turn to write."""

    def __init__(self, path: Path) -> None:
        """Raises `OSError`."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.close = weakref.finalize(self, os.close, self._file)

    @classmethod
    def of(cls, database: Path) -> Watermark:
        return cls(database.with_name(f"{database.name}-watermark"))

    def read(self) -> Mark | None:
        """None where it says nothing: it is new, or a power cut has left half of it."""
        return _decoded(os.pread(self._file, _SIZE, 0))

    def store(self, mark: Mark) -> None:
        if not self.close.alive:  # the file's number may be another's by now
            return
        packed = _LAYOUT.pack(_MAGIC, bytes.fromhex(mark.database), mark.commits, mark.seq)
        with suppress(OSError):  # a mark that stays behind says nothing wrong, and the transaction is committed
            os.pwrite(self._file, packed + _SUM.pack(crc32(packed)), 0)

    def clear(self) -> None:
        """Say nothing until the next transaction."""
        os.ftruncate(self._file, 0)


def counted(connection: sqlite3.Connection) -> Mark | None:
    """Count the transaction under way; its mark, to be stored once it is committed. None where nothing was counted: the
    database has no number yet."""
    row = connection.execute(COUNT).fetchone()
    return None if row is None else Mark(*row)


def check(database: Path, mark: Mark | None) -> str:
    """Checks that the database has all that the mark, read before, says. Returns what is odd and no loss, or "".

    Nothing is written, so that what is left of a damaged write-ahead log stays. Raises `Damaged`.
    """
    if mark is None:
        return ""
    if not database.exists():
        raise Damaged(f"{database} is missing: {mark.seq} records were acknowledged in it. {way_out(database)}")
    there, last_at = _look(database)
    if there is None:
        raise Damaged(f"{database} is empty: {mark.seq} records were acknowledged in it. {way_out(database)}")
    if there.database != mark.database:
        return f"{database} is another database than the one that was here before"
    if there.commits < mark.commits:
        raise Damaged(f"{database} ends too soon: {_lost(there, mark, last_at)}. {_REASONS} {way_out(database)}")
    return ""


_REASONS = (
    "Its write-ahead log (the file that ends in -wal) was cut short, damaged or deleted, or an older copy of the "
    "database has taken its place."
)


def way_out(database: Path) -> str:
    return (
        "Restore a backup of the whole directory, or go on with what is left: "
        f"recgate check --data {database.parent} --accept"
    )


def _lost(there: Mark, mark: Mark, last_at: float | None) -> str:
    transactions = f"{mark.commits - there.commits} acknowledged transactions"
    records = mark.seq - there.seq
    what = f"{records} acknowledged records ({transactions}) are" if records > 0 else f"{transactions} are"
    if last_at is None:
        return f"{what} not in it"
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(last_at))
    return f"{what} not in it, all since record {there.seq} of {since}"


def _look(database: Path) -> tuple[Mark | None, float | None]:
    """The mark of a database, and when its log's last record was taken. Raises `Damaged`."""
    try:
        with closing(read_only(database)) as connection:
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'commits'").fetchone() is None:
                return None, None
            row = connection.execute("SELECT id, number FROM commits").fetchone()
            seq = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'log'").fetchone()
            last = connection.execute("SELECT at FROM log ORDER BY seq DESC LIMIT 1").fetchone()
    except sqlite3.Error as error:
        raise Damaged(f"{database} can't be read: {error}. {way_out(database)}") from error
    if row is None:
        return None, None
    return Mark(row[0], row[1], seq[0] if seq else 0), last[0] if last else None


def read_only(database: Path) -> sqlite3.Connection:
    """A connection that leaves everything as it is, the write-ahead log too. Raises `sqlite3.Error`."""
    return sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True, timeout=LOOK_TIMEOUT_S)


def _decoded(data: bytes) -> Mark | None:
    if len(data) != _SIZE:
        return None
    packed, (checksum,) = data[: _LAYOUT.size], _SUM.unpack(data[_LAYOUT.size :])
    magic, database, commits, seq = _LAYOUT.unpack(packed)
    return Mark(database.hex(), commits, seq) if magic == _MAGIC and crc32(packed) == checksum else None
