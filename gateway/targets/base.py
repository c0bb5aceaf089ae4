"""The seam of event targets: a part of the document, and what sends events to the place that it names.

Down        nothing was taken, and later it may be
Refused     the call as it is will never be taken
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

from gateway.document.kinds import LAST
from gateway.document.remote import Enclosing
from gateway.document.values import Part
from gateway.errors import TooLarge, UpstreamProblem
from gateway.outbound import Outbound, OutboundRequest, OutboundResponse, Peer
from gateway.outbound.signing import Signer
from gateway.targets.entry import Entry, envelope

PASSING = frozenset({401, 403, 404, 407, 408, 421, 425, 429})  # of 4xx: about the target or the time, not the message


class Down(Exception):
    """`wait_s`: what the target itself asked for."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class Refused(Exception):
    pass


class Failed(NamedTuple):
    """One message of a call that was not taken."""

    why: str
    for_good: bool = False
    wait_s: float = 0.0


class Message(NamedTuple):
    """`session` is what keeps its order; `id` is the same when it is sent again. `entry` is what it was made of."""

    id: str
    session: str
    data: bytes
    entry: Entry


class Call(NamedTuple):
    """The limits of one call, and how many may be under way. `whole`: it is taken whole and in order, or not at all."""

    messages: int
    bytes: int
    at_once: int = 1
    whole: bool = False


class Target(Protocol):
    call: Call

    def check(self, entry: Entry, size: int) -> None:
        """Raises a `Problem` for what can never be delivered; `size` is that of the encoded entry, in bytes."""

    def messages(self, entry: Entry) -> list[Message]: ...

    async def send(self, call: Sequence[Message]) -> Sequence[Failed | None]:
        """A result a message, None for taken. Raises `Down` and `Refused` for all of them."""

    async def close(self) -> None: ...


class RecordTarget:
    """The common part of targets that take each entry's record as one message, and keep nothing open."""

    def check(self, entry: Entry, size: int) -> None:
        return

    def messages(self, entry: Entry) -> list[Message]:
        return [Message(entry.id, entry.session or entry.user or entry.id, envelope(entry), entry)]

    async def close(self) -> None:
        return


class EventTargetPart(Part, frozen=True, tag_field="type"):
    """An event target of a namespace; all but the engine's trackers get events from a buffer on disk."""

    name_field: ClassVar[str] = ""
    takes_exposures: ClassVar[bool] = False  # to experiments, instead of events

    @property
    def named(self) -> str:
        """The name of the target in its namespace, over restarts and in metrics: never a secret."""
        return str(getattr(self, self.name_field))


@dataclass(frozen=True)
class TargetDependencies:
    """Dependencies of event targets. `redis_url` is the server's own Redis, None for none."""

    outbound: Outbound
    signer: Signer
    redis_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class TargetType:
    """A kind of target. `settings` is what opens it, frozen: the part itself, or what the part means in the document
    around it. `open(dependencies, key, settings)` makes the target of that key."""

    part: type[EventTargetPart]
    open: Callable[[TargetDependencies, str, Any], Target]
    settings: Callable[[Any, Enclosing], object] = lambda part, enclosing: part
    place: int = LAST  # in the schema

    @property
    def name(self) -> str:
        return str(self.part.__struct_config__.tag)


def check_size(size: int, largest: int, what: str) -> None:
    if size > largest:
        raise TooLarge(f"the request is too large for {what}: its record has {size} bytes, and {largest} are the most")


async def exchange(outbound: Outbound, peer: Peer, request: OutboundRequest) -> OutboundResponse:
    """The peer's answer, whatever it says. Raises `Down` where there is none."""
    try:
        return await outbound.once(peer, request)
    except UpstreamProblem as problem:
        raise Down(problem.message) from problem


def check_status(response: OutboundResponse, why: str, passing: bool = False) -> None:
    """Raises `Refused` where the status is about the messages, and `Down` for any other failure."""
    if 200 <= response.status < 300:
        return
    if 400 <= response.status < 500 and response.status not in PASSING and not passing:
        raise Refused(why)
    wait_s = response.headers.get("retry-after", "")
    raise Down(why, float(wait_s) if wait_s.isdecimal() else 0.0)
