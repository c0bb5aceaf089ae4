"""POST /events/{namespace}: everything is checked before anything is delivered (specification §1.7)."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from engine import Event, in_words, nul_in
from gateway.auth import allowed
from gateway.auth.authenticator import QUERY_KEY
from gateway.caller import Caller
from gateway.context.position import POSITION
from gateway.errors import Invalid
from gateway.events.record import EventBatch, Recorder
from gateway.experiments.outcomes import Conversion
from gateway.plan.plan import ApiKeys, Namespace
from gateway.routes.parsing import decode, decoded, segments
from gateway.routes.replies import LARGEST_BODY, NO_STORE, POST, AnyRequest, Front, Sending, SentResponse
from gateway.telemetry import Telemetry

log = logging.getLogger(__name__)

MOST_EVENTS = 100
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
LATEST_S = 100_000_000_000  # the year 5138: a greater sentAt is in milliseconds
LOG_S = 60.0  # between two lines about the same refusal
TAKES_TURNS = frozenset({408, 429})  # refused for another reason than what they are

Id = Annotated[str, Meta(min_length=1, max_length=256)]


class Attribution(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    event_attribution_source: Annotated[str, Meta(max_length=1024)]


class EventBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    event_type: Id
    sent_at: Annotated[float, Meta(ge=0)] | None = None
    event_id: Id | None = None
    item_id: Id | None = None
    event_value: float | None = None
    properties: Annotated[str, Meta(max_length=1024)] | None = None
    recommendation_id: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    impression: Annotated[tuple[Id, ...], Meta(max_length=25)] = ()
    metric_attribution: Attribution | None = None


class EventsBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`apiKey` is a publishable key: a beacon brings no header."""

    session_id: Id | None = None
    user_id: Id | None = None
    event_list: Annotated[list[EventBody], Meta(max_length=MOST_EVENTS)] = []
    experiment_conversions: Any = None
    api_key: str | None = None


class KeyOfBody(msgspec.Struct, frozen=True, rename="camel"):
    api_key: str = ""


_read = msgspec.json.Decoder(EventsBody).decode
_read_key = msgspec.json.Decoder(KeyOfBody).decode


def events_routes(front: Front, recorder: Recorder) -> list[HTTPRouteHandler]:
    async def take(request: AnyRequest, caller: Caller) -> Sending:
        waits = keys_come_in_bodies(front, caller)
        if not waits:
            caller = await front.admit(caller)
        (name,) = segments(request, "events", 1)
        key = decoded(name, "namespace")
        namespace = None if waits else namespace_for(front, caller, key)
        recorder.check_room(caller)  # before the body is read, and it is whole before it takes a place
        async with front.bodies.of(request, caller.share, LARGEST_BODY) as body, recorder.room(caller):
            if namespace is None:
                caller = await front.admit(with_key_of(body, caller))
                namespace = namespace_for(front, caller, key)
            moment = front.gateway.moment(caller)
            try:
                batch = batch_of(body, moment.now.timestamp())
            except Invalid as problem:
                raise of_a_form(problem, caller.headers.get("content-type", "")) from problem
            if namespace.elsewhere:
                batch = batch._replace(body=timed(body, batch.events))
            position = await recorder.record(namespace, batch, moment)
        if position is None:
            return Sending(media_type=b"text/plain")
        return Sending(media_type=b"text/plain", headers=(NO_STORE, (POSITION.encode(), b"%d" % position)))

    @front.route("/events/{rest:path}", POST)
    async def events(request: AnyRequest) -> SentResponse:
        sent = await front.answer("events", request, take)
        if sent.status >= 400:
            name = request.scope["raw_path"].rpartition(b"/")[2].decode("latin-1")
            rejections.note(name if name in front.gateway.config.namespaces else "", sent)
        return sent

    rejections = Rejections(front.telemetry, front.gateway.clock)
    return [events]


def namespace_for(front: Front, caller: Caller, key: str) -> Namespace:
    """The namespace that takes this caller's events. Raises `Denied`, and what `Config.namespace` does."""
    allowed(caller.principal, key, "events", None)
    return front.gateway.config.namespace(key)


def keys_come_in_bodies(front: Front, caller: Caller) -> bool:
    """True of a request without a key, where one may be in its body."""
    auth = front.gateway.config.auth
    brings_one = "x-api-key" in caller.headers or "authorization" in caller.headers or QUERY_KEY in caller.query
    return isinstance(auth, ApiKeys) and auth.are_in_bodies and not brings_one


def with_key_of(body: bytes, caller: Caller) -> Caller:
    try:
        return msgspec.structs.replace(caller, body_key=_read_key(body).api_key)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return caller


class Rejections:
    """Bodies that were refused: counted, and told in the log, since a page that sends a beacon never learns."""

    def __init__(self, telemetry: Telemetry, clock: Callable[[], float]) -> None:
        self._telemetry, self._clock = telemetry, clock
        self._lines: dict[tuple[str, str], tuple[float, int]] = {}  # when it was last said, how often it was since

    def note(self, namespace: str, sent: SentResponse) -> None:
        """`namespace` is a configured one, or ""."""
        if 400 <= sent.status < 500:
            problem = msgspec.json.decode(sent.body)
            self.note_refusal(namespace, sent.status, str(problem["code"]), str(problem["message"]))

    def note_refusal(self, namespace: str, status: int, code: str, message: str) -> None:
        if not 400 <= status < 500 or status in TAKES_TURNS:
            return
        self._telemetry.events_rejected(namespace, code)
        now, key = self._clock(), (namespace, code)
        said_at, count = self._lines.get(key, (float("-inf"), 0))
        if now - said_at < LOG_S:
            self._lines[key] = (said_at, count + 1)
            return
        self._lines[key] = (now, 0)
        more = f"; {count} more since the last such line" if count else ""
        log.warning("events of namespace %r were refused: %s: %r%s", namespace, code, message[:300], more)


def of_a_form(problem: Invalid, content_type: str) -> Invalid:
    """Tell the sender of a form, as beacons send of FormData and URLSearchParams, what to send instead."""
    kind = content_type.partition(";")[0].strip().lower()
    if problem.code != "InvalidJSONRequestPayload" or kind not in FORMS:
        return problem
    return Invalid(problem.code, f"the body is a form ({kind}), not JSON: send what JSON.stringify gives, of any type")


def batch_of(body: bytes, now: float) -> EventBatch:
    sent = _read_body(body)
    conversions = _conversions(sent.experiment_conversions)
    if not sent.event_list and not conversions:
        raise Invalid("ValidationError", "eventList or experimentConversions is required, with one entry at least")
    if sent.event_list and sent.session_id is None:
        raise Invalid("ValidationError", "sessionId is required")
    if conversions and sent.user_id is None:
        raise Invalid("UserIdRequired", "experimentConversions need a userId")
    events = [_event(event, place, now) for place, event in enumerate(sent.event_list)]
    return EventBatch(sent.session_id or "", sent.user_id, events, conversions)


def timed(body: bytes, events: Sequence[Event]) -> bytes:
    """Add a time to every event that was sent: it is the same whenever it is delivered."""
    sent = msgspec.json.decode(body)
    sent.pop("apiKey", None)
    if not events:
        return msgspec.json.encode(sent)
    times = [int(each.sent_at) if each.sent_at.is_integer() else each.sent_at for each in events]
    timed = [{**each, "sentAt": time} for each, time in zip(sent["eventList"], times, strict=True)]
    return msgspec.json.encode({**sent, "eventList": timed})


def _read_body(body: bytes) -> EventsBody:
    try:
        if fault := nul_in(body):
            raise Invalid("ValidationError", fault)
        return _read(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # the longer way says what is wrong
        members = decode(body, dict[str, Any], "a JSON object")
    present = {name: value for name, value in members.items() if value is not None}  # null is as good as absent
    try:
        return msgspec.convert(present, EventsBody)
    except msgspec.ValidationError as error:
        raise Invalid("ValidationError", in_words(error)) from error


def _conversions(members: Any) -> list[Conversion]:
    if members is None:
        return []
    try:
        return msgspec.convert(members, list[Conversion])
    except msgspec.ValidationError as error:
        raise Invalid(
            "InvalidExperimentConversions", f"experimentConversions is an array of conversions: {in_words(error)}"
        ) from error


def _event(sent: EventBody, place: int, now: float) -> Event:
    where = f"eventList[{place}]"
    source = sent.metric_attribution
    return Event(
        event_type=sent.event_type,
        sent_at=float(math.floor(now)) if sent.sent_at is None else _seconds(sent.sent_at, where),
        event_id=sent.event_id,
        item_id=sent.item_id,
        event_value=sent.event_value,
        properties=_properties(sent.properties, where),
        recommendation_id=sent.recommendation_id,
        impression=sent.impression,
        metric_attribution={"eventAttributionSource": source.event_attribution_source} if source else {},
    )


def _seconds(sent_at: float, where: str) -> float:
    if sent_at < LATEST_S:
        return sent_at
    message = f"{where}.sentAt is in seconds since 1970, and {sent_at:.0f} looks like milliseconds"
    raise Invalid("ValidationError", message)


def _properties(text: str | None, where: str) -> dict[str, object]:
    if not text:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except msgspec.ValidationError as error:
        raise Invalid(
            "ValidationError", f"{where}.properties is a string that holds a JSON object: {in_words(error)}"
        ) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid("ValidationError", f"{where}.properties is a string that holds JSON: {error}") from error
