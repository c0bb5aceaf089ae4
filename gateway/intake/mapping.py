"""The mapping of a partner's messages: one table a partner, of which the configuration may replace any part."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError

from engine import Event
from gateway.document.report import Report, checks, inside
from gateway.document.values import JmesPath, Part, Text
from gateway.intake.records import Dropped, Mapped, MappedEvent, MappedRow, PartnerRecord

LONGEST_ID = 256
LONGEST_LIST = 40  # characters of a recommendationId
MOST_SHOWN = 25  # items of an impression
PATHS = ("each", "item_id", "value", "properties", "impression", "recommendation_id", "updated_at")


class EventMapping(Part, frozen=True, kw_only=True):
    """The meaning of an event. `type` is what it is stored as. `each` leads to what it is about: an object, or a list
    whose entries are events of their own. The other expressions read from there, where `message` is the whole message;
    of several numbers `value` is the product. `putItems` and `putUsers` store the `properties` as a row. Where the
    schema has a column UPDATED_AT, it keeps `updatedAt`, and no older row is stored over a newer one."""

    operation: Literal["putEvents", "putItems", "putUsers", "drop"] | None = None
    type: Text | None = None
    each: JmesPath | None = None
    item_id: JmesPath | None = None
    value: JmesPath | None = None
    properties: JmesPath | None = None
    impression: JmesPath | None = None
    recommendation_id: JmesPath | None = None
    updated_at: JmesPath | None = None


class PartnerMapping(EventMapping, frozen=True, kw_only=True):
    """The mapping of a partner's messages, over the partner's own table. `events` has what single events mean, by the
    partner's names: a type, or more. `others` says what becomes of names that are not listed. Whose they are and which
    event is the same as another is read from the message."""

    events: dict[Text, Text | EventMapping] = {}
    others: Literal["pass", "drop"] | None = None
    user_id: JmesPath | None = None
    session_id: JmesPath | None = None
    event_id: JmesPath | None = None


@checks
def check_event_mapping(part: EventMapping, place: str, report: Report) -> None:
    for name in part.__struct_fields__:
        text = getattr(part, name)
        if isinstance(text, str) and (name in PATHS or name in ("user_id", "session_id", "event_id")):
            try:
                jmespath.compile(text)
            except JMESPathError as error:
                report.refuse(
                    inside(place, type(part).__struct_encode_fields__[part.__struct_fields__.index(name)]),
                    f"is no JMESPath expression: {error}",
                )


def over(base: EventMapping, part: EventMapping) -> Any:
    """The base with what the part says."""
    said_fields = {name: value for name in part.__struct_fields__ if (value := getattr(part, name)) is not None}
    return msgspec.structs.replace(base, **said_fields)


def like(rule: EventMapping, **fields: str) -> EventMapping:
    """The rule with other fields."""
    return msgspec.structs.replace(rule, **fields)


def rule_of(entry: str | EventMapping) -> EventMapping:
    return EventMapping(type=entry) if isinstance(entry, str) else entry


def merged(table: PartnerMapping, part: PartnerMapping) -> PartnerMapping:
    """A partner's table with what the configuration says."""
    events = {name: rule_of(entry) for name, entry in table.events.items()}
    for name, entry in part.events.items():
        events[name] = over(events.get(name, EventMapping()), rule_of(entry))
    result: PartnerMapping = over(table, part)
    return msgspec.structs.replace(result, events=dict(events))


class Expressions:
    """The compiled expressions of one event's mapping."""

    def __init__(self, rule: EventMapping) -> None:
        self.rule = rule
        self._compiled = {name: jmespath.compile(text) for name in PATHS if (text := getattr(rule, name))}

    def find(self, name: str, data: Any) -> Any:
        """None, too, where there is no such expression or it can't be searched in this data."""
        return search(self._compiled.get(name), data)

    @cached_property
    def fields(self) -> frozenset[str]:
        """The names that the expressions read, which are no properties of their own."""
        return frozenset(name for each in self._compiled.values() for name in _names_in(each.parsed))


class Mapper:
    """A partner's table, compiled."""

    def __init__(self, table: PartnerMapping) -> None:
        usual = msgspec.structs.replace(table, operation=table.operation or "putEvents", type=None)
        self._rules = {name: Expressions(over(usual, rule_of(rule))) for name, rule in table.events.items()}
        self._others = None if table.others == "drop" else Expressions(usual)
        self._user, self._session, self._event_id = (
            None if text is None else jmespath.compile(text)
            for text in (table.user_id, table.session_id, table.event_id)
        )

    def user(self, message: Any) -> str | None:
        return id_of(search(self._user, message))

    def session(self, message: Any) -> str | None:
        return id_of(search(self._session, message))

    def event_id(self, message: Any) -> str | None:
        return id_of(search(self._event_id, message))

    def map(self, message: Mapping[str, Any], name: str, at: float) -> Mapped:
        """The records of a message about the event of this name, which happened `at` an epoch second."""
        expressions = self._rules.get(name, self._others)
        if expressions is None:
            return [Dropped("unmapped", name)]
        if expressions.rule.operation == "drop":
            return [Dropped("configured", name)]
        return list(self._mapped(expressions, message, name, at))

    def _mapped(
        self, expressions: Expressions, message: Mapping[str, Any], name: str, at: float
    ) -> Iterator[PartnerRecord | Dropped]:
        things = message if expressions.rule.each is None else expressions.find("each", message)
        is_list, event_id = isinstance(things, list), self.event_id(message)
        for place, thing in enumerate(things if isinstance(things, list) else [things]):
            once = f"{event_id}-{place}" if is_list and event_id is not None else event_id
            data = {**(thing if isinstance(thing, dict) else {"value": thing}), "message": message}
            properties = self._properties(expressions, data)
            match expressions.rule.operation:
                case "putItems":
                    row_id = id_of(expressions.find("item_id", data))
                    row = None if row_id is None else MappedRow("ITEMS", row_id, properties, once)
                    yield Dropped("noItem", name) if row is None else _dated(row, expressions, data)
                case "putUsers":
                    row_id = self.user(message)
                    row = None if row_id is None else MappedRow("USERS", row_id, properties, once)
                    yield Dropped("noUser", name) if row is None else _dated(row, expressions, data)
                case _:
                    event = _event(expressions, data, name, at)
                    event = msgspec.structs.replace(event, event_id=once, properties=properties)
                    yield self.event(message, event, name)
        if is_list and not things:
            yield Dropped("noItem", name)

    def event(self, message: Any, event: Event, name: str) -> MappedEvent | Dropped:
        """The event with whose it is, by the message."""
        user = self.user(message)
        session = self.session(message) or user
        if session is None:
            return Dropped("noUser", name)
        if event.item_id is None and not event.impression:
            return Dropped("noItem", name)
        return MappedEvent(session, user, event)

    def _properties(self, expressions: Expressions, data: Mapping[str, Any]) -> dict[str, Any]:
        if expressions.rule.properties is not None:
            chosen = expressions.find("properties", data)
            return dict(chosen) if isinstance(chosen, dict) else {}
        return {name: value for name, value in data.items() if name != "message" and name not in expressions.fields}


def _dated(row: MappedRow, expressions: Expressions, data: Mapping[str, Any]) -> MappedRow:
    moment = expressions.find("updated_at", data)
    return row._replace(updated_at=epoch_of(moment) if isinstance(moment, str) else number_of(moment))


def _event(expressions: Expressions, data: Mapping[str, Any], name: str, at: float) -> Event:
    shown = expressions.find("impression", data)
    items = [item for each in shown if (item := id_of(each)) is not None] if isinstance(shown, list) else []
    list_id = id_of(expressions.find("recommendation_id", data))
    return Event(
        event_type=(expressions.rule.type or name)[:LONGEST_ID],
        sent_at=at,
        item_id=id_of(expressions.find("item_id", data)),
        event_value=number_of(expressions.find("value", data)),
        recommendation_id=None if list_id is None or len(list_id) > LONGEST_LIST else list_id,
        impression=tuple(items[:MOST_SHOWN]),
    )


def search(expression: Any, data: Any) -> Any:
    if expression is None:
        return None
    try:
        return expression.search(data)
    except (JMESPathError, TypeError, ValueError):  # of data that a function in it does not take
        return None


def id_of(value: Any) -> str | None:
    """An id from what a message has in its place: numbers, however large, become texts; None for what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, float) and value.is_integer():
        value = str(int(value))
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_ID and "\0" not in value else None


def object_of(value: Any) -> dict[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def by_now(at: float, received_at: float) -> float:
    """The time, in epoch seconds; the future is now."""
    return max(0.0, min(at, received_at))


def number_of(value: Any) -> float | None:
    """A number, as a text too; of a list the product; None for what is none."""
    if isinstance(value, list):
        factors = [number_of(each) for each in value]
        numbers = [factor for factor in factors if factor is not None]
        return math.prod(numbers) if numbers and len(numbers) == len(factors) else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def epoch_of(text: Any) -> float | None:
    """Epoch seconds of an ISO 8601 time; one without a zone is in UTC."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _names_in(node: Any) -> Iterator[str]:
    if node["type"] == "field":
        yield node["value"]
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _names_in(child)
