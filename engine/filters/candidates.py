"""The candidates of a filter: the items (users, actions) of one group, for one user and beside one item."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from engine.data.columns import Array, Ints
from engine.data.group import UNTYPED, Group, History
from engine.data.table import LiveTable
from engine.data.vocab import Vocab
from engine.filters.live import Mask


@dataclass(frozen=True)
class Candidates:
    """The first `count` items (or actions) of a group, and one that nobody has heard of: masks are (count + 1,)."""

    group: Group
    count: int
    history: History  # of the asking user
    user: str | None = None
    item: str | None = None  # the current one

    @property
    def table(self) -> LiveTable:
        return self.group.item_table

    @property
    def names(self) -> Vocab:
        return self.group.items

    def current_item(self, name: str) -> Any:
        return self.table.value(self.names.find(self.item), name) if self.item is not None else None

    @property
    def owner(self) -> str | None:
        """The name of the asking user; a session that belongs to a user stands for it."""
        return None if self.user is None else self.group.links.get(self.user, self.user)

    def current_user(self, name: str) -> Any:
        owner = self.owner
        return None if owner is None else self.group.user_table.value(self.group.users.find(owner), name)

    def touched(self, types: Collection[str], negated: bool, latest: int | None) -> Mask:
        """Items that the user touched with an event of one of the types (*: any); negated, all the others."""
        mask = np.full(self.count + 1, negated)
        mask[self.touched_ids(types, latest)] = not negated
        return mask

    def touched_ids(self, types: Collection[str], latest: int | None) -> Ints:
        """Ids of the items that the user touched with an event of one of the types; an id may come more than once."""
        history = self.history
        rows = _of_types(self.group, history.types, types)
        if latest is not None:
            rows = rows & self._latest(latest)
        items: Ints = history.items[rows]
        return items

    def _latest(self, most: int) -> Mask:
        """The last rows of each event type."""
        rows = np.zeros(len(self.history.types), np.bool_)
        folded = self._folded[self.history.types]
        for code in np.unique(folded):
            rows[np.flatnonzero(folded == code)[-most:]] = True
        return rows

    @cached_property
    def _folded(self) -> Array:
        """Event type -> one number for all that differ in case only; the last is for `UNTYPED`."""
        first: dict[str, int] = {}
        folded = [first.setdefault(name.casefold(), len(first)) for name in self.group.event_types]
        return np.array([*folded, UNTYPED], np.int32)


@dataclass(frozen=True)
class UserCandidates(Candidates):
    """The first `count` users of a group, and one that nobody has heard of; there is no asking user."""

    @property
    def table(self) -> LiveTable:
        return self.group.user_table

    @property
    def names(self) -> Vocab:
        return self.group.users

    def touched(self, types: Collection[str], negated: bool, latest: int | None) -> Mask:
        """Users with such an event, of their own or of a session of theirs; negated, all the others. The limit on the
        number of events changes nothing."""
        group, stored = self.group, self.group.stored.snapshot
        mask = np.zeros(max(len(group.users), stored.user_count, self.count + 1), np.bool_)
        mask[stored.users[_of_types(group, stored.types, types)]] = True
        for user, many in list(group.streamed.items()):
            mask[user] |= bool(_of_types(group, np.array([seen.type for seen in many]), types).any())
        sessions, owners = self._linked
        mask[owners[mask[sessions]]] = True
        mask[sessions] = mask[owners]
        mask = mask[: self.count + 1]
        mask[self.count] = False
        return ~mask if negated else mask

    @cached_property
    def _linked(self) -> tuple[Ints, Ints]:
        """(sessions,) each: the sessions that belong to users, and those users."""
        find = self.group.users.find
        pairs = [(find(session), find(owner)) for session, owner in list(self.group.links.items())]
        linked = np.array([pair for pair in pairs if min(pair) >= 0], np.int32).reshape(-1, 2)
        return linked[:, 0], linked[:, 1]


def _of_types(group: Group, rows: Array, types: Collection[str]) -> Mask:
    if "*" in types:
        return np.ones(len(rows), np.bool_)
    return group.type_mask(types)[rows]
