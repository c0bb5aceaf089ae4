"""Event trackers: the built-in engine's, which the outbox passes over, and those of Amazon Personalize: PutEvents, ten
events at most in each (personalize specification §2.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from gateway.document.remote import AwsOrigin, Enclosing
from gateway.document.report import Report, checks, inside
from gateway.document.values import TrackingId
from gateway.errors import Invalid
from gateway.plan.plan import EngineTracker
from gateway.targets.aws import AwsPlace, AwsTarget
from gateway.targets.base import Call, EventTargetPart, Failed, Message, TargetType
from gateway.targets.entry import Entry

MOST_EVENTS = 10
LARGEST_EVENT = 10_240
LONGEST_PROPERTIES = 1024
AT_ONCE = 16
TRACKING_ID = re.compile(r"[A-Za-z0-9-]+")


class EventTracker(EventTargetPart, frozen=True, tag="personalize-event-tracker"):
    """An event tracker: the built-in engine's, or Amazon Personalize's where `origins.personalize` is of type aws."""

    name_field: ClassVar[str] = "tracking_id"

    tracking_id: TrackingId


@checks
def check_tracker(part: EventTracker, place: str, report: Report) -> None:
    if not TRACKING_ID.fullmatch(part.tracking_id):
        report.warn(inside(place, "trackingId"), f"{part.tracking_id!r} is no tracking id: letters, digits and -")


def tracker(part: EventTracker, enclosing: Enclosing) -> AwsPlace | EngineTracker:
    origin = enclosing.personalize
    if isinstance(origin, AwsOrigin):
        return AwsPlace(part.tracking_id, origin.region or enclosing.region, origin.endpoint_url, origin.timeout)
    return EngineTracker(part.tracking_id)


class TrackerTarget(AwsTarget):
    service = "personalize-events"
    call = Call(messages=1, bytes=1024 * 1024, at_once=AT_ONCE)

    def check(self, entry: Entry, size: int) -> None:
        if size <= LARGEST_EVENT:
            return
        for place, event in enumerate(events_of(entry)):
            if len(msgspec.json.encode(event)) > LARGEST_EVENT:
                raise Invalid("ValidationError", f"eventList[{place}] has more than {LARGEST_EVENT} bytes")

    def messages(self, entry: Entry) -> list[Message]:
        """A request without events, that is with conversions alone, is none of a tracker's."""
        events = events_of(entry)
        user = {"userId": entry.user} if entry.user is not None else {}
        common = {"trackingId": self._place.name, "sessionId": entry.session, **user}
        return [
            Message(
                id=f"{entry.id}-{first}",
                session=entry.session,
                data=msgspec.json.encode({**common, "eventList": events[first : first + MOST_EVENTS]}),
                entry=entry,
            )
            for first in range(0, len(events), MOST_EVENTS)
        ]

    async def send(self, call: Sequence[Message]) -> Sequence[Failed | None]:
        headers = {"content-type": "application/json"}
        for message in call:
            await self._call("/events", headers, message.data)
        return [None] * len(call)


def events_of(entry: Entry) -> list[dict[str, Any]]:
    """Events as PutEvents takes them. Those without an id get one, which makes them harmless when they come twice."""
    body = msgspec.json.decode(entry.body)
    return [
        {
            "eventId": f"{entry.id}-{place}",
            **{name: value for name, value in event.items() if value is not None and name != "properties"},
            **with_automatic(event.get("properties"), entry.automatic),
        }
        for place, event in enumerate(body.get("eventList") or ())
    ]


def with_automatic(properties: str | None, automatic: Mapping[str, Any]) -> dict[str, str]:
    """The caller's own properties win; the automatic ones that would make them too long are left out."""
    members: dict[str, Any] = msgspec.json.decode(properties) if properties else {}
    text = properties or ""
    for name, value in automatic.items():
        longer = {name: value, **members}
        tried = msgspec.json.encode(longer).decode()
        if name not in members and len(tried) <= LONGEST_PROPERTIES:
            members, text = longer, tried
    return {"properties": text} if text else {}


TARGET = TargetType(EventTracker, TrackerTarget, tracker, place=1)
