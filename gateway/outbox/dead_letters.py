"""Dead letters, which a target refuses for good: a line each, with its reason, for a person to look at."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from gateway.outbox.folder import DEAD_LETTERS, file_name
from gateway.targets import Message


def add_dead_letter(base: Path, target: str, message: Message, why: str, now: float) -> Path:
    """Append a message to its target's dead letters, and return once it is on disk. `now` is epoch seconds."""
    folder = base / DEAD_LETTERS
    folder.mkdir(exist_ok=True)
    path = folder / f"{file_name(target)}.jsonl"
    letter = {"target": target, "id": message.id, "at": message.entry.at, "deadAt": now, "why": why}
    line = msgspec.json.encode({**letter, "message": msgspec.Raw(message.data.strip())}) + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    return path
