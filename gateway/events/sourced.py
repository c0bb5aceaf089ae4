"""Messages of event sources as events: what `POST /events` would make of them, without targets beside the engine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from engine import SourceBatch, UnitOutcome, in_words
from gateway.cache.purge import KIND, Purge, encoded
from gateway.caller import Caller
from gateway.context.autocontext import properties_of
from gateway.errors import Invalid
from gateway.events.record import EventBatch
from gateway.experiments.outcomes import Conversion, outcomes_of, resolved
from gateway.plan.plan import Moment, Namespace

Parse = Callable[[bytes, float], EventBatch]  # the body of a POST /events, and the time for events that have none


class SourceRecord(msgspec.Struct, frozen=True, rename="camel"):
    """A record as `gateway.targets.entry.envelope` writes it."""

    id: str = ""
    namespace: str = ""
    headers: dict[str, str] = {}
    query_string_parameters: dict[str, str] = {}
    body: msgspec.Raw = msgspec.Raw(b"")


class EventsTaken(NamedTuple):
    events: int
    conversions: Sequence[Conversion]


_read = msgspec.json.Decoder(SourceRecord).decode


def record_of(message: bytes) -> SourceRecord:
    """The record of a message; a message without a `body` is itself the body. Raises `Invalid`."""
    try:
        record = _read(message)
    except msgspec.ValidationError as error:
        raise Invalid("ValidationError", f"neither a body of POST /events nor a record: {in_words(error)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # whoever reads the body says what is wrong
        return SourceRecord(body=msgspec.Raw(message))
    return record if bytes(record.body) else SourceRecord(body=msgspec.Raw(message))


def add_record(batch: SourceBatch, record: SourceRecord, namespace: Namespace, parse: Parse, at: float) -> EventsTaken:
    """Adds what a record says, or nothing where it raises `Invalid` or `InvalidInput`. `at` is when it was written, in
    epoch seconds."""
    sent = parse(bytes(record.body), at)
    conversions = resolved(namespace, sent.conversions)
    query = urlencode(record.query_string_parameters).encode()
    moment = Moment(Caller(record.headers, query), datetime.fromtimestamp(at, UTC))
    if sent.events:
        batch.add(sent.session, sent.user, sent.events, properties_of(namespace.event_context, moment))
        if namespace.asks_elsewhere:
            batch.announce(KIND, encoded(Purge(namespace.key, user=sent.user or sent.session)))
    outcomes = outcomes_of(namespace, sent.session, sent.user, sent.events, conversions, at)
    batch.add_outcomes(_once(outcomes, record.id) if record.id else outcomes)
    return EventsTaken(len(sent.events), conversions)


def _once(outcomes: Sequence[UnitOutcome], record: str) -> list[UnitOutcome]:
    """A target may write a record twice: what names no event of its own is known by the record and its place there."""
    return [
        each if each.once is not None else each._replace(once=_digest(f"{record}\n{place}"))
        for place, each in enumerate(outcomes)
    ]


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
