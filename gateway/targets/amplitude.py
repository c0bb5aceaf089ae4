"""Amplitude: each unit's first exposure to an experiment, as the `$exposure` event of its analysis of experiments."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec

from gateway.document.values import Duration, Secret, Url
from gateway.outbound import OutboundRequest, OutboundResponse, Peer
from gateway.plan.plan import Limits
from gateway.targets.base import (
    Call,
    Down,
    EventTargetPart,
    Failed,
    Message,
    Refused,
    TargetDependencies,
    TargetType,
    check_status,
    exchange,
)
from gateway.targets.entry import Entry, exposures_of

MOST, LARGEST = 1000, 900_000  # events and bytes of a request; Amplitude refuses more than 2,000, or 1 MiB
THROTTLED_S = 30.0  # what Amplitude asks for before a throttled event comes again
JSON = {"content-type": "application/json", "accept": "application/json"}
BY_FIELD = ("events_with_invalid_fields", "events_with_missing_fields", "events_with_invalid_id_lengths")
OVER_QUOTA = ("exceeded_daily_quota_users", "exceeded_daily_quota_devices")


class AmplitudeExposures(EventTargetPart, frozen=True, tag="amplitude", kw_only=True):
    """Amplitude's HTTP V2 API. It gets each unit's first exposure to an experiment as an event `$exposure`, and nothing
    else. `https://api.eu.amplitude.com/2/httpapi` is the `url` of projects in the European Union."""

    takes_exposures: ClassVar[bool] = True

    api_key: Secret
    url: Url = "https://api2.amplitude.com/2/httpapi"
    timeout: Duration = 10

    @property
    def named(self) -> str:
        url = urlsplit(self.url)
        digest = hashlib.sha256(self.api_key.encode()).hexdigest()[:8]
        return f"{url.netloc.rpartition('@')[2]}{url.path}#{digest}"


class AmplitudeTarget:
    call = Call(MOST, LARGEST)

    def __init__(self, dependencies: TargetDependencies, key: str, part: AmplitudeExposures) -> None:
        self._outbound, self._key, self._url = dependencies.outbound, key, part.url
        self._head = b'{"api_key":%s,"options":{"min_id_length":1},"events":[' % msgspec.json.encode(part.api_key)
        self._peer = Peer(key, "Exposures", Limits(timeout_s=part.timeout))

    def check(self, entry: Entry, size: int) -> None:
        return

    def messages(self, entry: Entry) -> list[Message]:
        """An event for each exposure. Its `insert_id` is fixed: Amplitude takes what is sent again for the same."""
        return [
            Message(
                each.id,
                each.unit,
                msgspec.json.encode(
                    {
                        "event_type": "$exposure",
                        "user_id" if each.unit_is == "user" else "device_id": each.unit,
                        "time": int(each.at * 1000),
                        "insert_id": each.id,
                        "event_properties": {"flag_key": each.flag, "variant": each.variation},
                    }
                ),
                entry,
            )
            for each in exposures_of(entry)
        ]

    async def send(self, call: Sequence[Message]) -> Sequence[Failed | None]:
        body = self._head + b",".join(message.data for message in call) + b"]}"
        response = await exchange(self._outbound, self._peer, OutboundRequest("POST", self._url, JSON, body))
        members = _members(response)
        why = f"{self._key} answers with status {response.status}: {members.get('error', '')}"[:300]
        if response.status == 400:
            return _without_faulty(call, members, why)
        if response.status == 429:
            return _without_over_quota(call, members, why, response.headers.get("retry-after", ""))
        check_status(response, why)
        return [None] * len(call)

    async def close(self) -> None:
        return


def _members(response: OutboundResponse) -> Mapping[str, Any]:
    try:
        members = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return members if isinstance(members, dict) else {}


def _without_faulty(call: Sequence[Message], members: Mapping[str, Any], why: str) -> Sequence[Failed | None]:
    """Nothing was taken: the events that are named never will be, the others at once. An unknown key is a matter of the
    configuration, so that everything waits."""
    if str(members.get("error", "")).startswith("Invalid API key"):
        raise Down(why)
    by_field = [index for name in BY_FIELD for listed in _values(members.get(name)) for index in _listed(listed)]
    faulty = {*by_field, *_listed(members.get("silenced_events"))}
    silenced = set(_listed(members.get("silenced_devices")))
    dropped = [index in faulty or message.session in silenced for index, message in enumerate(call)]
    if not any(dropped):
        raise Refused(why)
    return [Failed(why, for_good=each) for each in dropped]


def _without_over_quota(
    call: Sequence[Message], members: Mapping[str, Any], why: str, retry_after: str
) -> Sequence[Failed | None]:
    """Nothing was taken: events of units beyond their daily quota never will be, the others after a while."""
    wait_s = float(retry_after) if retry_after.isdecimal() else THROTTLED_S
    over = {unit for name in OVER_QUOTA for unit in _listed(members.get(name))}
    return [Failed(why, for_good=message.session in over, wait_s=wait_s) for message in call]


def _values(members: Any) -> Iterable[Any]:
    return members.values() if isinstance(members, dict) else ()


def _listed(values: Any) -> Iterable[Any]:
    """The numbers and texts of a list, or an object's names."""
    return [each for each in values if isinstance(each, int | str)] if isinstance(values, list | dict) else ()


TARGET = TargetType(AmplitudeExposures, AmplitudeTarget, place=7)
