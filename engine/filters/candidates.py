"""What a filter is asked about: the items (users, actions) of one group, on behalf of one user and beside one item."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from engine.data.columns import Array, Ints
from engine.data.group import Group, History
from engine.data.table import Table
from engine.data.vocab import Vocab
from engine.filters.match import Mask


@dataclass(frozen=True)
class Candidates:
    """The first `count` items (or actions) of a group, and one that nobody has heard of: masks are (count + 1,)."""

    group: Group
    count: int
    history: History  # of the asking user
    user: str | None = None
    item: str | None = None  # the current one

    @property
    def table(self) -> Table:
        return self.group.item_table

    @property
    def names(self) -> Vocab:
        return self.group.items

    def current_item(self, name: str) -> Any:
        return self.table.value(self.names.find(self.item), name) if self.item is not None else None

    def current_user(self, name: str) -> Any:
        """A session that belongs to a user stands for it."""
        if self.user is None:
            return None
        owner = self.group.links.get(self.user, self.user)
        return self.group.user_table.value(self.group.users.find(owner), name)

    def touched(self, types: Collection[str], negated: bool, latest: int | None) -> Mask:
        """Items that the user touched with an event of one of the types (*: any), or, negated, of another."""
        mask = np.zeros(self.count + 1, np.bool_)
        mask[self.touched_ids(types, negated, latest)] = True
        return mask

    def touched_ids(self, types: Collection[str], negated: bool, latest: int | None) -> Ints:
        """The same as ids, which may come more than once."""
        history = self.history
        rows = _of_types(self.group, history.types, types) != negated
        if latest is not None:
            rows &= self._latest(latest)
        found: Ints = history.items[rows]
        return found

    def _latest(self, most: int) -> Mask:
        """The last rows of each event type."""
        rows = np.zeros(len(self.history.types), np.bool_)
        folded = self._folded[self.history.types]
        for code in np.unique(folded):
            rows[np.flatnonzero(folded == code)[-most:]] = True
        return rows

    @cached_property
    def _folded(self) -> Array:
        """Event type -> one number for all that differ in case only."""
        first: dict[str, int] = {}
        return np.array([first.setdefault(name.casefold(), len(first)) for name in self.group.event_types], np.int32)


@dataclass(frozen=True)
class UserCandidates(Candidates):
    """The first `count` users of a group, and one that nobody has heard of; there is no asking user."""

    @property
    def table(self) -> Table:
        return self.group.user_table

    @property
    def names(self) -> Vocab:
        return self.group.users

    def touched(self, types: Collection[str], negated: bool, latest: int | None) -> Mask:
        """Users with such an event; the limit on their number changes nothing."""
        group, mask = self.group, np.zeros(self.count + 1, np.bool_)
        stored = group.stored.snapshot
        rows = _of_types(group, stored.types, types) != negated
        mask[stored.users[rows]] = True
        for user, many in list(group.seen.items()):
            if user < self.count:
                mask[user] |= bool((_of_types(group, np.array([s.type for s in many]), types) != negated).any())
        return mask


def _of_types(group: Group, rows: Array, types: Collection[str]) -> Mask:
    if "*" in types:
        return np.ones(len(rows), np.bool_)
    return group.type_mask(types)[rows]
