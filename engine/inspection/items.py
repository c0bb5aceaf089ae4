"""One item of a dataset group: what is known of it, what is chosen with it, who chose it, what filters say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from engine.arns import region_of
from engine.control.tag_settings import hidden_items_in
from engine.control.tags import set_hidden
from engine.data.columns import Ints, Longs
from engine.data.group import Group
from engine.data.schema import Field
from engine.engine import Engine
from engine.errors import EngineError, InvalidInput, NotFound
from engine.filters import Candidates, CompiledFilter
from engine.inspection.cards import Cards, Inspected, ItemCard
from engine.inspection.users import type_name
from engine.jobs.group_data import schemas_in
from engine.records import DatasetGroupRecord, FilterRecord
from engine.serving.ranking import LiveState
from engine.storage.writes import write

MOST_NEIGHBOURS, MOST_USERS = 12, 20


class EditableField(Inspected, frozen=True, kw_only=True):
    """A column of Items that can be changed."""

    name: str
    type: str
    nullable: bool
    categorical: bool
    textual: bool


class NeighbourItem(Inspected, frozen=True, kw_only=True):
    """An item that users of another choose as well: the cosine of who chose them."""

    item: ItemCard
    likeness: float
    users: int  # who chose both


class ItemFilterVerdict(Inspected, frozen=True, kw_only=True):
    """`keeps` is None where that differs from user to user, or a fault says why nothing can be said."""

    filter: str  # its ARN or name, or where an expression is configured
    expression: str
    keeps: bool | None = None
    needs_user: bool = False
    fault: str | None = None


class RecentUser(Inspected, frozen=True, kw_only=True):
    user_id: str
    event_type: str
    time: int


class ItemProfile(Inspected, frozen=True, kw_only=True):
    group: str
    known: bool
    item: ItemCard
    interactions: int
    users: int
    impressions: int
    first_event: int | None = None
    last_event: int | None = None
    hidden: bool
    editable: list[EditableField]
    neighbours: list[NeighbourItem]
    filters: list[ItemFilterVerdict]
    recent_users: list[RecentUser]


class ItemEvents(NamedTuple):
    """(n,) each: who had an event with an item, when, and of which type."""

    users: Ints
    times: Longs
    types: Ints

    @classmethod
    def of(cls, group: Group, item: int) -> ItemEvents:
        snapshot = group.stored.snapshot
        rows = np.flatnonzero(snapshot.items == item)
        streamed = [
            (user, each.time, each.type)
            for user, many in list(group.streamed.items())
            for each in tuple(many)
            if each.item == item
        ]
        new = np.array(streamed, np.int64).reshape(-1, 3)
        return cls(
            np.concatenate((snapshot.users[rows], new[:, 0].astype(np.int32))),
            np.concatenate((snapshot.times[rows], new[:, 1])),
            np.concatenate((snapshot.types[rows], new[:, 2].astype(np.int32))),
        )


def item_profile(
    engine: Engine, group_arn: str, item: str, configured: Mapping[str, str], user: str | None = None
) -> ItemProfile:
    """The item in a group; `configured` are expressions of the configuration's filters, by where they are. With a user
    the filters' verdicts are for that one. Raises `NotFound` where there is no such group."""
    cards = Cards.of(engine, group_arn)
    group, index = cards.group, cards.group.items.find(item)
    events, card = ItemEvents.of(group, index), cards.card(item)
    record = engine.directory.get(group_arn, DatasetGroupRecord)
    return ItemProfile(
        group=record.name,
        known=index >= 0 and (len(events.users) > 0 or bool(card.columns)),
        item=card,
        interactions=len(events.users),
        users=len(np.unique(events.users)),
        impressions=group.exposure.counts(index)[1] if index >= 0 else 0,
        first_event=int(events.times.min()) if len(events.times) else None,
        last_event=int(events.times.max()) if len(events.times) else None,
        hidden=item in hidden_items_in(record.tags),
        editable=[_editable(each) for each in cards.fields],
        neighbours=_neighbours(cards, index, events),
        filters=_verdicts(engine, group_arn, cards.group, (item, user), configured),
        recent_users=_recent(group, events),
    )


def _editable(each: Field) -> EditableField:
    return EditableField(
        name=each.name,
        type=each.type,
        nullable=each.nullable,
        categorical=each.categorical,
        textual=each.textual,
    )


def _neighbours(cards: Cards, index: int, events: ItemEvents) -> list[NeighbourItem]:
    snapshot = cards.group.stored.snapshot
    users = np.unique(events.users)
    users = users[users < snapshot.user_count]
    if index < 0 or not len(users):
        return []
    is_one = np.zeros(snapshot.user_count, np.bool_)
    is_one[users] = True
    rows = is_one[snapshot.users]
    pairs = np.unique(np.stack((snapshot.users[rows], snapshot.items[rows])), axis=1)
    both = np.bincount(pairs[1], minlength=snapshot.item_count)
    every = np.bincount(snapshot.items, minlength=snapshot.item_count)
    likeness = both / np.sqrt(np.maximum(every, 1) * len(users))
    likeness[both < 2] = 0  # one user alone tells nothing
    if index < len(likeness):
        likeness[index] = 0
    best = np.argsort(-likeness, kind="stable")[:MOST_NEIGHBOURS].tolist()
    return [
        NeighbourItem(
            item=cards.card(cards.group.items.name(each)),
            likeness=round(min(float(likeness[each]), 1.0), 4),
            users=int(both[each]),
        )
        for each in best
        if likeness[each] > 0
    ]


def _recent(group: Group, events: ItemEvents) -> list[RecentUser]:
    newest = np.argsort(events.times, kind="stable")[::-1][:MOST_USERS].tolist()
    return [
        RecentUser(
            user_id=group.users.name(int(events.users[row])),
            event_type=type_name(group, int(events.types[row])),
            time=int(events.times[row]),
        )
        for row in newest
    ]


def _verdicts(
    engine: Engine, group_arn: str, group: Group, pair: tuple[str, str | None], configured: Mapping[str, str]
) -> list[ItemFilterVerdict]:
    named = {
        each.name: each.filter_expression
        for each in engine.records.list(FilterRecord, parent=group_arn)
        if each.deleted_at is None
    }
    return [_verdict(engine, group_arn, group, pair, each) for each in (*named.items(), *configured.items())]


def _verdict(
    engine: Engine, group_arn: str, group: Group, pair: tuple[str, str | None], each: tuple[str, str]
) -> ItemFilterVerdict:
    (item, user), (name, text) = pair, each
    try:
        compiled = engine.directory.expression(text, group_arn, engine.settings.quotas)
        if compiled.target != "ItemID" or compiled.needs_item:
            raise InvalidInput(f"it is about {'the current item' if compiled.needs_item else compiled.target}")
        needs_user = compiled.needs_user
        keeps = None if needs_user and user is None else keeps_item(compiled, group, item, user)
    except EngineError as error:
        return ItemFilterVerdict(filter=name, expression=text, fault=error.message)
    return ItemFilterVerdict(filter=name, expression=text, keeps=keeps, needs_user=needs_user)


def keeps_item(compiled: CompiledFilter, group: Group, item: str, user: str | None) -> bool:
    """Raises `InvalidInput` where a parameter is missing."""
    live = LiveState.of(group, user)
    mask = compiled.mask(Candidates(group, live.item_count, live.history, user, None), {})
    return bool(mask[live.find(item)])  # -1: an unknown item


# ---- changes


def edit_item(engine: Engine, group_arn: str, item: str, changes: Mapping[str, Any]) -> None:
    """Changes some columns of an item's record, or makes it; None takes a value away. Answers of this process see it
    when this returns.

    Raises `NotFound` where the group has no Items dataset, and `InvalidInput` as PutItems does.
    """
    dataset = engine.directory.datasets(group_arn).get("ITEMS")
    if dataset is None:
        raise NotFound(f"The dataset group {group_arn} has no Items dataset.")
    schema, row = (
        schemas_in(engine.directory, group_arn)["ITEMS"],
        dict[str, Any](Cards.of(engine, group_arn).columns(item)),
    )
    for name, value in changes.items():
        field = schema.field_for(name)
        row[name if field is None else field.name] = value  # PutItems says what is wrong with the name
    put_item(engine, dataset.arn, dataset.account, item, row)
    _see(engine)


@write
def put_item(engine: Engine, dataset_arn: str, account: str, item: str, row: dict[str, Any]) -> None:
    engine.directory.forget()
    engine.feed.put_rows(dataset_arn, "ITEMS", [(item, row)], account).result()


def hide_item(engine: Engine, group_arn: str, item: str, *, hidden: bool) -> None:
    """Takes an item out of every list of a group, or lets it in again. Answers of this process see it when this
    returns. Raises `NotFound`, and `InvalidInput` where a thousand are hidden already."""
    note_hidden(engine, group_arn, item, hidden)
    _see(engine)


@write
def note_hidden(engine: Engine, group_arn: str, item: str, hidden: bool) -> None:
    account = group_arn.split(":")[4]
    set_hidden(engine.resources.control(account, region_of(group_arn)), group_arn, item, hidden=hidden)


def _see(engine: Engine) -> None:
    engine.directory.forget()
    if engine.follower.is_following:
        engine.follower.catch_up()
