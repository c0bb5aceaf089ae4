"""Merchandising rules: what a shop pins to a place, boosts or buries, and when. What they do to a list is in
`engine.rank.merchandising`.

They are spelled the same in the gateway's document, and in the tag `recgate:rules` of a campaign or recommender.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import inf
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from engine.errors import InvalidInput
from engine.rules.timetable import RuleSchedule, Timetable

MOST_RULES = 100  # of one list
MOST_PINNED = 100  # items of one rule
MOST_PLACE = 500  # as many as an answer may have
GREATEST = 1_000_000.0  # by which a score is multiplied or divided

RuleName = Annotated[str, Meta(max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*\Z")]
Place = Annotated[int, Meta(ge=1, le=MOST_PLACE)]
Times = Annotated[float, Meta(gt=1, le=GREATEST)]
ItemId = Annotated[str, Meta(min_length=1, max_length=256)]
RuleValue = Annotated[str, Meta(max_length=1000)]
Text = Annotated[str, Meta(min_length=1)]
Condition = Literal["user-required"]


class RuleBase(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", rename="camel", forbid_unknown_fields=True):
    """The common part. A `filter`, by ARN or bare name, or an `expression` in place says which items are meant."""

    name: RuleName
    filter: Text | None = msgspec.field(name="filterArn", default=None)
    expression: Text | None = None
    filter_values: dict[str, RuleValue] = {}
    condition: Condition | None = None
    schedule: RuleSchedule | None = None

    @property
    def needs_user(self) -> bool:
        """Tells that the rule is for questions that name a user."""
        return self.condition is not None


class Pin(RuleBase, frozen=True, kw_only=True, tag="pin"):
    """These `items`, or the best `count` that the filter includes, stand at `place` (from 1) and those after it."""

    place: Place
    items: Annotated[tuple[ItemId, ...], Meta(max_length=MOST_PINNED)] = ()
    count: Annotated[int, Meta(ge=1, le=MOST_PINNED)] = 1
    even_if_filtered: bool = False

    @property
    def places(self) -> range:
        return range(self.place, self.place + (len(self.items) or self.count))


class Boost(RuleBase, frozen=True, kw_only=True, tag="boost"):
    """What the filter includes is so many times more likely."""

    times: Times


class Bury(RuleBase, frozen=True, kw_only=True, tag="bury"):
    """What the filter includes is so many times less likely."""

    times: Times


ListRule = Pin | Boost | Bury


class RuleFault(NamedTuple):
    """The fault of one rule, by its number in the list and the member that is wrong; "" for the whole rule."""

    number: int  # from 0
    member: str
    message: str


class RulesInForce(NamedTuple):
    """The rules that hold from one moment until another, in epoch seconds: for a user, and where there is none."""

    since: float
    until: float
    for_users: tuple[ListRule, ...]
    for_nobody: tuple[ListRule, ...]

    def of(self, user: str | None) -> tuple[ListRule, ...]:
        return self.for_nobody if user is None else self.for_users


class RuleBook:
    """The rules of one list with their timetables. Any thread reads."""

    def __init__(self, rules: Sequence[ListRule]) -> None:
        self.rules = tuple(rules)
        self._tables = [_timetable(each) for each in self.rules]
        self._current = RulesInForce(inf, -inf, (), ())

    def in_force(self, now: float) -> RulesInForce:
        current = self._current
        if current.since <= now < current.until:
            return current
        tables = [table for table in self._tables if table is not None]
        holding = tuple(
            rule for rule, table in zip(self.rules, self._tables, strict=True) if table is None or table.holds(now)
        )
        until = min((table.until(now) for table in tables), default=inf)
        current = RulesInForce(now, until, holding, tuple(each for each in holding if not each.needs_user))
        self._current = current
        return current


# ---- checks


def check_rules(rules: Sequence[ListRule], what: str) -> None:
    """Raises `InvalidInput` for the first fault; its message begins with `what` they are."""
    for fault in rule_faults(rules):
        member = f".{fault.member}" if fault.member else ""
        raise InvalidInput(f"{what}[{fault.number}]{member}: {fault.message}.")


def rule_faults(rules: Sequence[ListRule]) -> Iterator[RuleFault]:
    """What the rules' types can't say, of each and of all together."""
    if len(rules) > MOST_RULES:
        yield RuleFault(MOST_RULES, "", f"is one of {len(rules)}; a list has {MOST_RULES} rules at most")
        return
    sound = True
    for index, rule in enumerate(rules):
        for member, message in _faults_of(rule):
            sound = False
            yield RuleFault(index, member, message)
    names: dict[str, int] = {}
    for index, rule in enumerate(rules):
        if names.setdefault(rule.name, index) != index:
            yield RuleFault(index, "name", f"has the name of rule {names[rule.name]}: give each its own")
    if sound:
        yield from _clashes(rules)


def _faults_of(rule: ListRule) -> Iterator[tuple[str, str]]:
    if rule.filter and rule.expression:
        yield "", "has both 'filterArn' and 'expression': give one of them"
    chosen = rule.filter or rule.expression
    if isinstance(rule, Pin):
        yield from _faults_of_pin(rule)
    else:
        if not chosen:
            yield "", "needs 'filterArn' or 'expression'"
        if not 1 < rule.times <= GREATEST:
            yield "times", f"must be above 1 and at most {GREATEST:g}, not {rule.times}"
    if rule.schedule is not None:
        for member, message in rule.schedule.faults():
            yield f"schedule.{member}" if member else "schedule", message


def _faults_of_pin(rule: Pin) -> Iterator[tuple[str, str]]:
    chosen = rule.filter or rule.expression
    if chosen and rule.items:
        yield "items", "has 'items' and a filter: give one of them"
    if not chosen and not rule.items:
        yield "", "needs 'items', 'filterArn' or 'expression'"
    if rule.items and rule.count != 1:
        yield "count", "has 'items', which are counted already: leave 'count' to pins by a filter"
    if len(set(rule.items)) < len(rule.items):
        twice = next(item for place, item in enumerate(rule.items) if item in rule.items[:place])
        yield "items", f"has {twice!r} twice: an item stands at one place"
    if rule.places[-1] > MOST_PLACE:
        yield "place", f"reaches beyond place {MOST_PLACE}, the last of the longest list"


def _clashes(rules: Sequence[ListRule]) -> Iterator[RuleFault]:
    """Two pins that may hold at the same time, and want one place or place one item twice."""
    pins = [(index, rule, _timetable(rule)) for index, rule in enumerate(rules) if isinstance(rule, Pin)]
    for (_, first, one), (index, second, other) in combinations(pins, 2):
        places = sorted(set(first.places) & set(second.places))
        items = [item for item in second.items if item in first.items]
        if not (places or items) or not (one is None or other is None or one.meets(other)):
            continue
        when = "" if one is None and other is None else ", and both may hold at the same time"
        if places:
            message = f"wants place {places[0]}, where the rule {first.name} pins another{when}: pin one elsewhere"
            yield RuleFault(index, "place", message)
        else:
            yield RuleFault(index, "items", f"pins {items[0]!r}, as the rule {first.name} does{when}: pin it once")


def _timetable(rule: ListRule) -> Timetable | None:
    return None if rule.schedule is None else Timetable.of(rule.schedule)
