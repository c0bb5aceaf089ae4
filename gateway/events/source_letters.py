"""Messages of event sources that are no events, a line each in the source's dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from gateway.outbox.dead_letters import append_letters
from gateway.sources.base import SourceMessage


class DeadMessage(NamedTuple):
    message: SourceMessage
    why: str


def add_dead_messages(base: Path, source: str, dead: Sequence[DeadMessage], now: float) -> Path:
    """Appends them, and returns once they are on disk. `now` is epoch seconds. Raises `OSError`."""
    return append_letters(base, source, b"".join(_line(source, each, now) for each in dead))


def _line(source: str, dead: DeadMessage, now: float) -> bytes:
    message = dead.message
    letter = {
        "source": source,
        "partition": message.partition,
        "offset": message.offset,
        "at": message.at,
        "deadAt": now,
        "why": dead.why,
        "message": message.value.decode("utf-8", "backslashreplace"),
    }
    return msgspec.json.encode(letter) + b"\n"
