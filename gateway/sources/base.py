"""The seam of event sources: a part of the document, and what reads messages from the place that it names.

SourceDown    nothing can be read now, and later it may be
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from engine import PartitionBounds
from gateway.document.kinds import LAST
from gateway.document.values import Key, Part


class SourceDown(Exception):
    pass


class SourceMessage(NamedTuple):
    """`at` is when it was written, in epoch seconds, None where it does not say."""

    partition: int
    offset: int
    at: float | None
    value: bytes


Begin = Callable[[Mapping[int, PartitionBounds]], Mapping[int, int]]  # partitions -> the offsets to read on from


class SourceReader(Protocol):
    """A reader of one source, used by one thread. Partitions come and go while it is asked, as several readers share
    them. Methods raise `SourceDown`, and what `Begin` raises."""

    def read(self, wait_s: float) -> list[SourceMessage]:
        """The next messages, in order within a partition; none where none come in this time."""

    def partitions(self) -> Mapping[int, int]:
        """Its partitions, each with the offset of the next message that is to come there, whoever writes it."""

    def rewind(self) -> None:
        """Ask `Begin` again for the offsets of all its partitions before the next message is read."""

    def taken(self, offsets: Mapping[int, int]) -> None:
        """Hears that messages before these offsets are durable."""

    def close(self) -> None: ...


class EventSourcePart(Part, frozen=True, tag_field="type", kw_only=True):
    """An event source of a namespace. A message is a body of `POST /events`, or a record as event targets write it; of
    records, those of the namespace `recordsOf` count, its own if not said."""

    records_of: Key | None = None

    @property
    def place(self) -> str:
        """The name of what it reads from, as an event target that writes to it is named."""
        return ""

    @property
    def named(self) -> str:
        """The name of the source, over restarts and in metrics: never a secret."""
        return self.place


@dataclass(frozen=True)
class EventSourceType:
    """A kind of source. `open(key, part, begin)` makes the reader of that key."""

    part: type[EventSourcePart]
    open: Callable[[str, Any, Begin], SourceReader]
    place: int = LAST  # in the schema

    @property
    def name(self) -> str:
        return str(self.part.__struct_config__.tag)
