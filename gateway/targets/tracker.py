"""Event trackers of Amazon Personalize: PutEvents, ten events at most in each (personalize specification §2.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway.errors import Invalid
from gateway.plan import plan
from gateway.targets.aws import Place, called
from gateway.targets.base import Call, Failed, Means, Message, TargetType
from gateway.targets.entry import Entry

MOST_EVENTS = 10
LARGEST_EVENT = 10_240
LONGEST_PROPERTIES = 1024
AT_ONCE = 16


class TrackerTarget:
    call = Call(messages=1, bytes=1024 * 1024, at_once=AT_ONCE)

    def __init__(self, means: Means, target: plan.Tracker) -> None:
        origin = target.origin
        assert origin is not None
        self._means, self._target = means, target
        self._place = Place("personalize-events", origin.region, origin.endpoint_url, origin.limits.timeout_s)

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
        common = {"trackingId": self._target.tracking_id, "sessionId": entry.session, **user}
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
            await called(self._means, self._target.key, self._place, "/events", headers, message.data)
        return [None] * len(call)

    async def close(self) -> None:
        return


def events_of(entry: Entry) -> list[dict[str, Any]]:
    """As PutEvents takes them. Those without an id get one, which makes them harmless when they come twice."""
    body = msgspec.json.decode(entry.body)
    return [
        {
            "eventId": f"{entry.id}-{place}",
            **{name: value for name, value in event.items() if value is not None and name != "properties"},
            **with_automatic(event.get("properties"), entry.automatic),
        }
        for place, event in enumerate(body.get("eventList") or ())
    ]


def with_automatic(given: str | None, automatic: Mapping[str, Any]) -> dict[str, str]:
    """The caller's own properties win; the automatic ones that would make them too long are left out."""
    said: dict[str, Any] = msgspec.json.decode(given) if given else {}
    text = given or ""
    for name, value in automatic.items():
        longer = {name: value, **said}
        tried = msgspec.json.encode(longer).decode()
        if name not in said and len(tried) <= LONGEST_PROPERTIES:
            said, text = longer, tried
    return {"properties": text} if text else {}


TARGET = TargetType("personalize-event-tracker", TrackerTarget)
