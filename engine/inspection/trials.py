"""Filters and rules tried before they are used: what is wrong with them and where, and what they would leave."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from engine.control.lifecycle import shown
from engine.data.group import Group
from engine.doctor.filtered import placeholders_of, sampled_users
from engine.engine import Engine
from engine.errors import InvalidInput
from engine.filters import Candidates, CompiledFilter, UserCandidates
from engine.inspection.cards import Cards, Inspected, ItemCard
from engine.inspection.looks import look, looked_up
from engine.question import Question
from engine.records import FilterRecord
from engine.rules.rules import ListRule, rule_faults
from engine.serving.ranking import LiveState
from engine.words import in_words

RULE: Any = ListRule
EXAMPLES = 5
SAMPLED = 100  # users
_PLACE = re.compile(r"at line (\d+), column (\d+):\n(.*)\n( *)\^\n(.*)", re.DOTALL)


class FilterFault(Inspected, frozen=True, kw_only=True):
    """What is wrong, and where: line and column from 1, the offset in the text from 0; None where it has no place."""

    message: str
    line: int | None = None
    column: int | None = None
    offset: int | None = None
    shown: str  # the whole message, with the caret


class LeftItems(Inspected, frozen=True, kw_only=True):
    """The items that a filter keeps; the mean over users where it differs between them."""

    of: int
    kept: float
    kept_examples: list[ItemCard]
    dropped_examples: list[ItemCard]


class EmptiedUser(Inspected, frozen=True, kw_only=True):
    user_id: str
    kept: int


class EmptiedAnswers(Inspected, frozen=True, kw_only=True):
    """Sampled users whose answers would be empty, or shorter than `num_results`."""

    of: int
    num_results: int
    empty: int
    short: int
    examples: list[EmptiedUser]


class LeftUsers(Inspected, frozen=True, kw_only=True):
    of: int
    kept: int
    examples: list[str]


class FilterTrial(Inspected, frozen=True, kw_only=True):
    """`missing` are parameters without a value: nothing can be previewed then."""

    valid: bool
    fault: FilterFault | None = None
    target: str | None = None
    needs_user: bool = False
    needs_item: bool = False
    placeholders: list[str] = msgspec.field(default_factory=list)
    missing: list[str] = msgspec.field(default_factory=list)
    items: LeftItems | None = None
    users: EmptiedAnswers | None = None
    user_filter: LeftUsers | None = None


class FilterTrialRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`user_id`: preview for this user alone."""

    group: str
    expression: str
    values: dict[str, str] = {}
    user_id: str | None = None
    item_id: str | None = None  # the current one
    users: int = SAMPLED
    num_results: int = 25


def try_filter(engine: Engine, group_arn: str, asked: FilterTrialRequest) -> FilterTrial:
    """Raises `NotFound` where there is no such group; a fault of the filter is the answer."""
    cards = Cards.of(engine, group_arn)
    try:
        compiled = engine.directory.expression(asked.expression, group_arn, engine.settings.quotas)
    except InvalidInput as error:
        return FilterTrial(valid=False, fault=fault_of(error.message, asked.expression))
    names = placeholders_of(compiled)
    about: dict[str, Any] = {
        "valid": True,
        "target": compiled.target,
        "needs_user": compiled.needs_user,
        "needs_item": compiled.needs_item,
        "placeholders": names,
        "missing": [name for name in names if name not in asked.values],
    }
    if about["missing"] or (compiled.needs_item and asked.item_id is None):
        return FilterTrial(**about)
    try:
        if compiled.target == "UserID":
            return FilterTrial(**about, user_filter=_left_users(compiled, cards.group, asked.values))
        if compiled.target == "ItemID":
            items, users = _left(compiled, cards, asked)
            return FilterTrial(**about, items=items, users=users)
    except InvalidInput as error:
        return FilterTrial(**{**about, "valid": False}, fault=fault_of(error.message, asked.expression))
    return FilterTrial(**about)


def fault_of(message: str, text: str) -> FilterFault:
    """The fault of a filter's text, as the language's own refusal tells it."""
    place = _PLACE.search(message)
    if place is None:
        return FilterFault(message=message, shown=message)
    line, column = int(place[1]), int(place[2])
    before = sum(len(each) + 1 for each in text.split("\n")[: line - 1])
    return FilterFault(message=place[5], line=line, column=column, offset=before + column - 1, shown=message)


def _left(compiled: CompiledFilter, cards: Cards, asked: FilterTrialRequest) -> tuple[LeftItems, EmptiedAnswers]:
    group = cards.group
    users: list[str | None] = [asked.user_id]
    if asked.user_id is None and compiled.needs_user:
        users = [*sampled_users(group, asked.users)]
    masks = [_mask(compiled, group, user, asked) for user in users]
    counts = [int(mask.sum()) for mask in masks]
    first = masks[0] if masks else np.ones(len(group.items), np.bool_)
    kept, dropped = np.flatnonzero(first)[:EXAMPLES], np.flatnonzero(~first)[:EXAMPLES]
    pairs = sorted(zip(counts, map(str, users), strict=True)) if users != [None] else []
    short = [EmptiedUser(user_id=user, kept=count) for count, user in pairs if count < asked.num_results]
    items = LeftItems(
        of=len(group.items),
        kept=round(float(np.mean(counts)), 1) if counts else 0.0,
        kept_examples=cards.cards(group.items.names(kept)),
        dropped_examples=cards.cards(group.items.names(dropped)),
    )
    return items, EmptiedAnswers(
        of=len(counts),
        num_results=asked.num_results,
        empty=counts.count(0),
        short=sum(0 < count < asked.num_results for count in counts),
        examples=short[:EXAMPLES],
    )


def _mask(compiled: CompiledFilter, group: Group, user: str | None, asked: FilterTrialRequest) -> Any:
    live = LiveState.of(group, user)
    return compiled.mask(Candidates(group, live.item_count, live.history, user, asked.item_id), asked.values)[:-1]


def _left_users(compiled: CompiledFilter, group: Group, values: Mapping[str, str]) -> LeftUsers:
    count = len(group.users)
    mask = compiled.mask(UserCandidates(group, count, LiveState.of(group, None).history), values)[:-1]
    kept = np.flatnonzero(mask)
    return LeftUsers(of=count, kept=len(kept), examples=group.users.names(kept[:EXAMPLES]))


# ---- rules


class RuleTrialFault(Inspected, frozen=True, kw_only=True):
    """What is wrong with one rule, by its place in the list from 0 and its member; both None for the whole list."""

    index: int | None
    rule: str | None
    member: str | None = None
    message: str
    fault: FilterFault | None = None  # of its expression


class MovedItem(Inspected, frozen=True, kw_only=True):
    """An item that the rules put elsewhere; None: it is not in that list."""

    item: ItemCard
    before: int | None
    after: int | None


class RuleTrial(Inspected, frozen=True, kw_only=True):
    faults: list[RuleTrialFault]
    before: list[ItemCard] = msgspec.field(default_factory=list)
    after: list[ItemCard] = msgspec.field(default_factory=list)
    moved: list[MovedItem] = msgspec.field(default_factory=list)


class RuleTrialRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`rules` in place of those that are in force, whatever their schedules say."""

    model: str
    rules: list[Any]
    user_id: str | None = None
    item_id: str | None = None
    num_results: int = 25


def try_rules(engine: Engine, asked: RuleTrialRequest) -> RuleTrial:
    """The list of a user (or somebody new) without rules and with these. Raises `NotFound` for a model that is not
    there, and as answering does."""
    deployed = looked_up(engine, asked.model)
    rules, faults = _rules_of(asked.rules)
    faults += (
        [_fault(each.number, rules, each.member, each.message) for each in rule_faults(rules)] if not faults else []
    )
    if not faults:
        for rule, message in engine.answers.rule_faults(deployed.campaign.arn, rules):
            faults.append(_fault(rules.index(rule), rules, None, message))
    if faults:
        return RuleTrial(faults=faults)
    question = Question(
        campaign=deployed.campaign.arn,
        account=deployed.campaign.account,
        user=asked.user_id or "nobody in particular",
        item=asked.item_id,
        num_results=asked.num_results,
        rules=(),
    )
    before = look(engine, question, deployed).items
    after = look(engine, msgspec.structs.replace(question, rules=tuple(rules)), deployed).items
    cards = Cards.of(engine, deployed.group_arn)
    both = dict.fromkeys((*after, *before))
    places = {item: (_place(item, before), _place(item, after)) for item in both}
    moved = [
        MovedItem(item=cards.card(item), before=old, after=new) for item, (old, new) in places.items() if old != new
    ]
    return RuleTrial(faults=[], before=cards.cards(before), after=cards.cards(after), moved=moved)


def _place(item: str, items: Sequence[str]) -> int | None:
    return items.index(item) + 1 if item in items else None


def _rules_of(written: Sequence[Any]) -> tuple[list[ListRule], list[RuleTrialFault]]:
    """The rules, as far as each can be read by itself, and what is wrong with those that can't."""
    rules: list[ListRule] = []
    faults: list[RuleTrialFault] = []
    for index, each in enumerate(written):
        try:
            rules.append(msgspec.convert(each, RULE))
        except msgspec.ValidationError as error:
            message, _, place = in_words(error).partition(" - at ")
            name = str(each.get("name", "")) if isinstance(each, dict) else ""
            member = place.strip("`").removeprefix("$").removeprefix(".") or None
            faults.append(RuleTrialFault(index=index, rule=name or None, member=member, message=message))
    return rules, faults


def _fault(index: int, rules: Sequence[ListRule], member: str | None, message: str) -> RuleTrialFault:
    rule = rules[index]
    place = fault_of(message, rule.expression) if rule.expression and "^" in message else None
    return RuleTrialFault(
        index=index, rule=rule.name, member=member or ("expression" if place else None), message=message, fault=place
    )


def named_filters(engine: Engine) -> list[FilterRecord]:
    """The filters of the settings' account, oldest first."""
    records = engine.records.list(FilterRecord, account=engine.settings.account_id)
    return [each for each in records if each.deleted_at is None]


def filter_status(engine: Engine, arn: str) -> str | None:
    """The status that lists see: they refuse a filter that is not ACTIVE. None of a deleted one. Raises `NotFound`."""
    return shown(engine.records.get(arn, FilterRecord), engine.clock(), engine.settings.pending_s)
