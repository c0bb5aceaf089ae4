"""Compaction: a group's live state, with imports if there are any, made into the frozen arrays of a new snapshot.

Ids stay: the new vocabularies start with the old ones, in the order in which the log and the imports named things.
An import counts as newer than all that the group has: its rows replace earlier ones of the same id, unless it is FULL
and they were put one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from engine.data.columns import Array, Column, Ints, Labels, Longs, Numbers, column_of, missing, stack
from engine.data.group import Group
from engine.data.snapshot import snapshot_of
from engine.data.stored import Flags, Stored
from engine.data.vocab import Names, Vocab

Kinds = Mapping[str, type[Column]]  # a dataset's metadata columns by schema name


@dataclass(frozen=True)
class Import:
    """One imported table, columns by schema name (ids are `Labels`); `full` replaces earlier bulk data."""

    columns: Mapping[str, Column]
    full: bool = True


NO_IMPORTS: Mapping[str, Import] = {}


def compact(group: Group, kinds: Mapping[str, Kinds], imports: Mapping[str, Import] = NO_IMPORTS) -> Stored:
    """The group's state and the imports as one `Stored`, with columns of these kinds; both are by dataset type. The
    group's vocabularies grow by the imports' names; it must not change meanwhile."""
    return compact_import(group, kinds, imports)[0]


def compact_import(group: Group, kinds: Mapping[str, Kinds], imports: Mapping[str, Import]) -> tuple[Stored, Longs]:
    """The same, and the rows of imported interactions that are in it; the others were there already."""
    rows, new = _interactions(group, imports.get("INTERACTIONS"), kinds.get("INTERACTIONS", {}))
    bulk_actions, action_kinds = imports.get("ACTION_INTERACTIONS"), kinds.get("ACTION_INTERACTIONS", {})
    action_rows, _ = _interactions(group.actions, bulk_actions, action_kinds)
    users = _MetadataRows.of(group.stored.snapshot.user_columns, group.stored.user_put, kinds.get("USERS", {}))
    users = users.with_put(group.user_table.rows)
    if "USERS" in imports:
        users = users.with_import(imports["USERS"], _ids(imports["USERS"].columns["USER_ID"], group.users))
    names, links = group.users.frozen(), group.lasting_links()  # from here on nobody is new
    actions = _items(group.actions, imports.get("ACTIONS"), kinds.get("ACTIONS", {}))
    whole = _stored(group, rows, _items(group, imports.get("ITEMS"), kinds.get("ITEMS", {})), names)
    stored = replace(
        whole,
        snapshot=replace(whole.snapshot, user_columns=users.spread(len(names))),
        user_put=users.flags(len(names)),
        impressions=_impressions(group, imports.get("INTERACTIONS")),
        links=links,
        link_seqs={session: group.link_seqs[session] for session in links},
        seq=group.seq,
        actions=_stored(group.actions, action_rows, actions, names),
    )
    return stored, new


def _stored(group: Group, rows: _Events, items: _MetadataRows, users: Names) -> Stored:
    """The part that a group does not share: its interactions, and its items (or actions)."""
    snapshot = snapshot_of(
        rows.users,
        rows.items,
        rows.times,
        item_names=group.items.frozen(),
        user_names=users,
        types=rows.types,
        values=rows.values,
        event_types=tuple(group.event_types),
        item_columns=items.spread(len(group.items)),
        interaction_columns=rows.columns,
    )
    return Stored(snapshot, rows.arrived, items.flags(len(group.items)), np.zeros(len(users), np.bool_))


def _items(group: Group, bulk: Import | None, kinds: Kinds) -> _MetadataRows:
    rows = _MetadataRows.of(group.stored.snapshot.item_columns, group.stored.item_put, kinds).with_put(
        group.item_table.rows
    )
    return rows if bulk is None else rows.with_import(bulk, _ids(_id_column(bulk.columns), group.items))


def _id_column(columns: Mapping[str, Column]) -> Column:
    """The ids of the items, or actions, of a table."""
    return columns["ITEM_ID" if "ITEM_ID" in columns else "ACTION_ID"]


# ---- interactions


class _Events(NamedTuple):
    """Interactions in the order they came, one entry each (n,)."""

    users: Ints
    items: Ints
    times: Longs
    types: Ints
    values: Array  # float32
    arrived: Longs  # see `Stored.arrived`
    columns: Mapping[str, Column]  # of the kinds of interactions

    def take(self, rows: Array) -> _Events:
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return _Events._make([*(array[rows] for array in self[:-1]), columns])


def _concatenated(first: _Events, second: _Events) -> _Events:
    columns = {name: stack(column, second.columns[name]) for name, column in first.columns.items()}
    arrays = (np.concatenate((getattr(first, name), getattr(second, name))) for name in _Events._fields[:-1])
    return _Events._make([*arrays, columns])


def _interactions(group: Group, bulk: Import | None, kinds: Kinds) -> tuple[_Events, Longs]:
    """Interactions sorted as in a snapshot, with the sessions' rows given to their users (`Group.history` has the
    order), and the rows of the import among them.
    """
    s = group.stored.snapshot
    columns = _columns_of(s.interaction_columns, kinds, len(s.items))
    earlier = _Events(s.users, s.items, s.times, s.types, s.values, group.stored.arrived, columns)
    if bulk is not None and bulk.full:
        earlier = earlier.take(np.flatnonzero(earlier.arrived))
    events = _with_owners(_concatenated(earlier, _streamed_events(group, kinds)), group)
    new = np.zeros(0, np.int64)
    if bulk is not None:
        imported = _with_owners(_imported_events(bulk.columns, group, kinds), group)
        new = _new_rows(imported, events)
        events = _concatenated(events, imported.take(new))
    return events.take(np.lexsort((events.arrived, events.times, events.users))), new


def _streamed_events(group: Group, kinds: Kinds) -> _Events:
    seen = [(user, each) for user, many in group.streamed.items() for each in many]
    seen.sort(key=lambda pair: pair[1].seq)  # by arrival
    return _Events(
        np.array([user for user, _ in seen], np.int32),
        np.array([each.item for _, each in seen], np.int32),
        np.array([each.time for _, each in seen], np.int64),
        np.array([each.type for _, each in seen], np.int32),
        np.array([each.value for _, each in seen], np.float32),
        np.array([each.seq for _, each in seen], np.int64),
        {name: column_of(kind, [each.columns.get(name) for _, each in seen]) for name, kind in kinds.items()},
    )


def _imported_events(columns: Mapping[str, Column], group: Group, kinds: Kinds) -> _Events:
    times, value = columns["TIMESTAMP"], columns.get("EVENT_VALUE")
    assert isinstance(times, Numbers)
    n = len(times)
    return _Events(
        users=_ids(columns["USER_ID"], group.users),
        items=_ids(_id_column(columns), group.items),
        times=times.values.astype(np.int64),
        types=_types(columns.get("EVENT_TYPE"), n, group),
        values=value.values.astype(np.float32) if isinstance(value, Numbers) else np.full(n, np.nan, np.float32),
        arrived=np.zeros(n, np.int64),
        columns=_columns_of(columns, kinds, n),
    )


def _types(column: Column | None, n: int, group: Group) -> Ints:
    if not isinstance(column, Labels):
        return np.full(n, group.type_code(""), np.int32)
    codes = np.array([group.type_code(name) for name in column.names] + [group.type_code("")], np.int32)
    return codes[column.codes]  # -1, no type given, picks the last


def _ids(names: Column, vocab: Vocab) -> Ints:
    assert isinstance(names, Labels)
    ids = vocab.add_many(names.names)
    return ids[names.codes] if len(ids) else np.zeros(len(names), np.int32)


def _with_owners(events: _Events, group: Group) -> _Events:
    """Give the rows of sessions whose user is known to the user."""
    owner = np.arange(len(group.users) + len(group.links), dtype=np.int32)
    for session, user in group.links.items():
        index = group.users.find(session)
        if index >= 0:
            owner[index] = group.users.add(user)
    return events._replace(users=owner[events.users])


def _new_rows(new: _Events, existing: _Events) -> Longs:
    """Rows of `new` that equal no row of `existing`: an interaction that comes again is counted once.

    Equal means user, item, second, type and value, whatever other columns say: an import may lack some of them. Equal
    rows within one import differ in such a column (the importer drops the others), and stay.
    """
    if not len(existing.users):
        return np.arange(len(new.users))
    hashes, wanted = _hashes(existing), _hashes(new)
    order = np.argsort(hashes)
    place = order[np.searchsorted(hashes, wanted, sorter=order).clip(max=len(order) - 1)]
    same = np.ones(len(wanted), np.bool_)
    for name in ("users", "items", "times", "types", "values"):  # equal hashes are only a hint
        here, there = getattr(new, name), getattr(existing, name)[place]
        same &= (here == there) | ((here != here) & (there != there))
    return np.flatnonzero(~same)


def _hashes(events: _Events) -> Array:
    mixed = np.nan_to_num(events.values).view(np.uint32).astype(np.uint64)
    for column in (events.users, events.items, events.times, events.types):
        mixed = (mixed ^ column.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _impressions(group: Group, bulk: Import | None) -> Longs:
    """See `Stored.impressions`; items that nobody knows are not counted."""
    stored = group.stored.impressions
    shown = np.zeros((len(group.items), 2), np.int64)
    shown[: len(stored), 0] = stored[:, 0]
    shown[:, 1] = group.exposure.impressions(len(shown)) - shown[:, 0]
    if bulk is not None and bulk.full:
        shown[:, 0] = 0
    column = bulk.columns.get("IMPRESSION") if bulk is not None else None
    if isinstance(column, Labels):
        times = np.bincount(column.codes[column.codes >= 0], minlength=len(column.names))
        for names, count in zip(column.names, times.tolist(), strict=True):
            ids = [index for index in map(group.items.find, names.split("|")) if index >= 0]
            np.add.at(shown[:, 0], np.array(ids, np.int64), count)
    return shown


# ---- items and users


@dataclass(frozen=True)
class _MetadataRows:
    """The metadata of some items or users, one row each."""

    kinds: Kinds
    ids: Longs  # (n,)
    columns: Mapping[str, Column]  # of `kinds`, n rows each
    put: Array  # the ids whose row was put, not imported

    @classmethod
    def of(cls, columns: Mapping[str, Column], put: Flags, kinds: Kinds) -> _MetadataRows:
        """A snapshot's metadata as columns of today's kinds."""
        n = max(map(len, columns.values()), default=0)
        return cls(kinds, np.arange(n), _columns_of(columns, kinds, n), np.flatnonzero(put))

    def with_put(self, rows: Mapping[int, Mapping[str, Any]]) -> _MetadataRows:
        ids = np.array(list(rows), np.int64)
        columns = {name: column_of(kind, [row.get(name) for row in rows.values()]) for name, kind in self.kinds.items()}
        return self._replaced_by(_MetadataRows(self.kinds, ids, columns, ids), np.union1d(self.put, ids))

    def with_import(self, bulk: Import, ids: Ints) -> _MetadataRows:
        """A FULL import replaces all but what was put; any other replaces the rows of its own ids."""
        new = _MetadataRows(self.kinds, ids.astype(np.int64), _columns_of(bulk.columns, self.kinds, len(ids)), self.put)
        if not bulk.full:
            return self._replaced_by(new, np.setdiff1d(self.put, ids))
        only_put = self._take(np.flatnonzero(np.isin(self.ids, self.put)))
        return only_put._replaced_by(new._take(np.flatnonzero(~np.isin(new.ids, self.put))), self.put)

    def spread(self, count: int) -> dict[str, Column]:
        """The columns with a row for every id below `count`."""
        source = np.full(count, len(self.ids))
        source[self.ids] = np.arange(len(self.ids))
        return {name: stack(column, missing(type(column), 1)).take(source) for name, column in self.columns.items()}

    def flags(self, count: int) -> Flags:
        flags = np.zeros(count, np.bool_)
        flags[self.put] = True
        return flags

    def _replaced_by(self, newer: _MetadataRows, put: Array) -> _MetadataRows:
        """The rows of `newer`, and those of these whose id it does not name."""
        if not len(newer.ids):
            return replace(self, put=put)
        others = self._take(np.flatnonzero(~np.isin(self.ids, newer.ids)))
        columns = {name: stack(others.columns[name], newer.columns[name]) for name in self.kinds}
        return _MetadataRows(self.kinds, np.concatenate((others.ids, newer.ids)), columns, put)

    def _take(self, rows: Array) -> _MetadataRows:
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return _MetadataRows(self.kinds, self.ids[rows], columns, self.put)


def _columns_of(columns: Mapping[str, Column], kinds: Kinds, rows: int) -> dict[str, Column]:
    """A column of each kind: converted where the schema has changed, missing where there is none."""
    return {
        name: stack(columns[name], missing(kind, 0)) if name in columns else missing(kind, rows)
        for name, kind in kinds.items()
    }
