"""One worker's folder: who holds it, how far each target has got, and which segments nobody needs any more."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from gateway.outbox.segments import START, Position, numbers, path_of, read
from gateway.targets.entry import head_of

log = logging.getLogger(__name__)

DEAD_LETTERS = "dead-letters"


class Cursor(msgspec.Struct, frozen=True):
    target: str
    segment: int
    offset: int


class Backlog(NamedTuple):
    """Records that a target has not got yet: how many, and when the oldest came, in epoch seconds."""

    records: int
    oldest: float


NO_BACKLOG = Backlog(0, 0.0)


class Folder:
    """A folder that is locked while it is open: no other process, and no other `Folder`, delivers from it."""

    def __init__(self, path: Path, lock: BinaryIO) -> None:
        self.path, self._lock = path, lock
        self._cursors = path / "cursors"
        self._cursors.mkdir(parents=True, exist_ok=True)
        self.cursors = dict(self._read_cursors())

    def end(self) -> Position:
        """The position where the next segment will begin: after all records, and after what any target has got."""
        return Position(max((*numbers(self.path), *(each.segment for each in self.cursors.values())), default=0) + 1, 0)

    def save(self, target: str, position: Position) -> None:
        """Replace a target's cursor as a whole: a crash leaves the old one or the new one."""
        path = self._cursor_path(target)
        partial = path.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(Cursor(target, *position)))
        partial.replace(path)
        self.cursors[target] = position

    def forget(self, target: str) -> None:
        self._cursor_path(target).unlink(missing_ok=True)
        self.cursors.pop(target, None)

    def backlogs(self) -> dict[str, Backlog]:
        """Backlogs by target; reads all that is left from before."""
        backlogs: dict[str, Backlog] = {}
        for after, data in read(self.path, START, self.end()):
            head = head_of(data)
            for target in head.targets:
                if after > self.cursors.get(target, START):
                    before = backlogs.get(target, Backlog(0, head.at))
                    backlogs[target] = before._replace(records=before.records + 1)
        return backlogs

    def drop_before(self, segment: int) -> None:
        for number in numbers(self.path):
            if number < segment:
                path_of(self.path, number).unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete an adopted folder, and let it go."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()

    def close(self) -> None:
        self._lock.close()

    def _read_cursors(self) -> Iterator[tuple[str, Position]]:
        for path in self._cursors.glob("*.json"):
            try:
                cursor = msgspec.json.decode(path.read_bytes(), type=Cursor)
            except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
                log.warning("%s can't be read; its target gets again what it may have got: %s", path, error)
                continue
            yield cursor.target, Position(cursor.segment, cursor.offset)

    def _cursor_path(self, target: str) -> Path:
        return self._cursors / f"{file_name(target)}.json"


def file_name(target: str) -> str:
    """A readable file name, unique for each target."""
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", target)[:80].strip("._")
    return f"{readable}-{hashlib.sha256(target.encode()).hexdigest()[:8]}"


def claim(base: Path, name: str) -> Folder | None:
    """Lock a worker's folder; None while somebody else holds it."""
    base.mkdir(parents=True, exist_ok=True)
    lock = (base / f"{name}.lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return Folder(base / name, lock)


def claim_own(base: Path, name: str) -> Folder:
    """Claim the folder of this name, or one like it while an adopter or a worker that is about to end holds that."""
    for number in range(1000):
        folder = claim(base, f"{name}.{number}" if number else name)
        if folder is not None:
            return folder
    raise OSError(f"all folders {name} under {base} are held")


def folder_names(base: Path) -> list[str]:
    """Names of all workers' folders, held or not."""
    paths = base.iterdir() if base.is_dir() else ()
    return sorted(path.name for path in paths if path.is_dir() and path.name != DEAD_LETTERS)


def bytes_under(base: Path) -> int:
    """Bytes of segments: what waits for targets."""
    total = 0
    for path in base.glob("*/*.log"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
