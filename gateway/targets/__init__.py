"""Event targets: a kind a file, which ends with `TARGET = TargetType(...)`.

A target has no state but its connections: what is delivered, and when again, is the outbox's affair.
"""

from typing import TYPE_CHECKING

from gateway.document.kinds import kinds_in, union
from gateway.targets.base import EventTargetPart, TargetType

_kinds: list[TargetType] = kinds_in(__name__, __path__, "TARGET")
TARGETS = {kind.name: kind for kind in _kinds}

if TYPE_CHECKING:
    AnyEventTarget = EventTargetPart
else:
    AnyEventTarget = union(kind.part for kind in _kinds)

__all__ = ["TARGETS", "AnyEventTarget", "EventTargetPart"]
