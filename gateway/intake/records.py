"""Records that partners' messages become, and what of a message becomes none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from engine import ColumnChange, Event

RowKind = Literal["ITEMS", "USERS"]


class MessageSender(NamedTuple):
    """The device that a message is of, "" for what it does not say of it."""

    user_agent: str = ""
    address: str = ""
    language: str = ""


class MappedEvent(NamedTuple):
    """An event. Its properties may be anything: those that the Interactions schema has are stored. Automatic context is
    of the `sender`; None: of the request."""

    session: str
    user: str | None
    event: Event
    sender: MessageSender | None = None


class MappedRow(NamedTuple):
    """Columns of an item or user, by any spelling: those that the schema has are stored, and what it had in others
    stays. `changes` are those by what a column had before. A row of the same `once` is stored once, and
    one whose `updated_at` (epoch seconds) is earlier is not stored over a newer one."""

    dataset: RowKind
    id: str
    columns: Mapping[str, Any]
    once: str | None = None
    changes: Sequence[ColumnChange] = ()
    updated_at: float | None = None


class MappedExposure(NamedTuple):
    """An exposure to a variation of a flag, `at` epoch seconds. The flag is an experiment's key, or the name of the
    feature that it is about. `rule` is the experiment's key where the partner says it, too: it comes first."""

    flag: str
    session: str
    user: str | None
    variation: str
    at: float
    rule: str = ""


class MappedConversion(NamedTuple):
    """A conversion by the metric of this name, of all experiments that have one, `at` epoch seconds. One of an
    `event_id` counts once. Without a value it counts as one. `is_alone`: it is not stored as an event, too."""

    metric: str
    session: str
    user: str | None
    value: float | None
    at: float
    event_id: str | None = None
    is_alone: bool = True


class ErasedUser(NamedTuple):
    """A user whose data is to be deleted."""

    user: str


class ErasedShop(NamedTuple):
    """A shop whose customers' data is to be deleted: of users who have it in the column SHOP. Where there are none,
    `name` is counted as left to an operator."""

    shop: str
    name: str


class WithdrawnItem(NamedTuple):
    """An item that is to be in no list from here on."""

    item: str


class Dropped(NamedTuple):
    """A part of a message that is not stored: `name` is the partner's for it, `reason` a word in camelCase."""

    reason: str
    name: str


PartnerRecord = MappedEvent | MappedRow | MappedExposure | MappedConversion | ErasedUser | ErasedShop | WithdrawnItem
Mapped = Sequence[PartnerRecord | Dropped]
