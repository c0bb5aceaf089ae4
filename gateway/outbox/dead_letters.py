"""Events that a target refuses for good, and messages of a source that are none: a file each for a person to see, the
newest of it."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from pathlib import Path

import msgspec

from gateway.outbox.folder import DEAD_LETTERS, file_name
from gateway.targets.base import Message

log = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024 * 1024  # of a file; the one before it is kept, too


def add_dead_letter(base: Path, target: str, message: Message, why: str, now: float) -> Path:
    """Append a line, and return once it is on disk. `now` is epoch seconds."""
    letter = {"target": target, "id": message.id, "at": message.entry.at, "deadAt": now, "why": why}
    line = msgspec.json.encode({**letter, "message": msgspec.Raw(message.data.strip())}) + b"\n"
    return append_letters(base, target, line)


def append_letters(base: Path, name: str, lines: bytes) -> Path:
    """Append whole lines to the file of that name, and return once they are on disk."""
    folder = base / DEAD_LETTERS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file_name(name)}.jsonl"
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)  # other workers write and turn the file over as well
        _turn_over(path)
        _append(path, lines)
        os.fsync(held)  # or a new file may not be there after a power cut
    finally:
        os.close(held)
    return path


def _turn_over(path: Path) -> None:
    if not path.exists() or path.stat().st_size < MOST_BYTES:
        return
    earlier = path.with_suffix(".earlier.jsonl")
    if earlier.exists():
        log.error("%s has reached %d bytes: the letters before it are deleted", path, MOST_BYTES)
    path.replace(earlier)


def _append(path: Path, lines: bytes) -> None:
    """Append all of it, or raise `OSError` and leave the file as it was."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if os.write(descriptor, lines) < len(lines):
            os.ftruncate(descriptor, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
