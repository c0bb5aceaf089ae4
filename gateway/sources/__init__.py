"""Event sources: a kind a file, which ends with `EVENT_SOURCE = EventSourceType(...)`.

A source reads messages; how far it has come is kept with the events that were in them.
"""

from typing import TYPE_CHECKING

from gateway.document.kinds import kinds_in, union
from gateway.sources.base import EventSourcePart, EventSourceType

_kinds: list[EventSourceType] = kinds_in(__name__, __path__, "EVENT_SOURCE")
EVENT_SOURCES = {kind.name: kind for kind in _kinds}

if TYPE_CHECKING:
    AnyEventSource = EventSourcePart
else:
    AnyEventSource = union(kind.part for kind in _kinds)

__all__ = ["EVENT_SOURCES", "AnyEventSource", "EventSourcePart"]
