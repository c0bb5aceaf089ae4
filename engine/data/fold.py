"""The next snapshot: a group's live state, with an import if there is one, made into frozen arrays.

Ids stay: the new vocabularies start with the old ones, in the order in which the log and the imports named things.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.data.columns import Array, Column, Ints, Labels, Numbers
from engine.data.group import Group
from engine.data.merge import column_of, missing, stack
from engine.data.snapshot import snapshot_of
from engine.data.stored import Flags, Stored
from engine.data.vocab import Vocab

Kinds = Mapping[str, type[Column]]  # a dataset's metadata columns by schema name


@dataclass(frozen=True)
class Import:
    """One imported table, columns by schema name (ids are `Labels`); `full` replaces earlier bulk data."""

    columns: Mapping[str, Column]
    full: bool = True


@dataclass(frozen=True)
class Rows:
    """Interactions in the order they arrived, one entry each (n,)."""

    users: Ints
    items: Ints
    times: Array
    types: Ints
    values: Array
    streamed: Flags

    @classmethod
    def joined(cls, *parts: Rows) -> Rows:
        names = cls.__dataclass_fields__
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def take(self, rows: Array) -> Rows:
        return Rows(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


@dataclass
class Fold:
    """What goes into the next snapshot of `group` (which must not change meanwhile)."""

    group: Group
    interactions: Import | None = None
    items: Import | None = None
    users: Import | None = None
    item_kinds: Kinds = field(default_factory=dict)
    user_kinds: Kinds = field(default_factory=dict)


def fold(work: Fold) -> Stored:
    """The group's state and the imports as one `Stored`; the group's vocabularies grow by the imports' names."""
    group, old = work.group, work.group.stored
    rows = _interactions(work)
    item_columns, item_put = _table(work.items, "ITEM_ID", work.item_kinds, group.items, group.item_rows, old, "item")
    user_columns, user_put = _table(work.users, "USER_ID", work.user_kinds, group.users, group.user_rows, old, "user")
    rows = rows.take(_first_of_equals(rows))
    snapshot = snapshot_of(
        rows.users,
        rows.items,
        rows.times,
        item_names=group.items.frozen(),
        user_names=group.users.frozen(),
        types=rows.types,
        values=rows.values,
        event_types=tuple(group.event_types),
        item_columns={name: _padded(column, len(group.items)) for name, column in item_columns.items()},
        user_columns={name: _padded(column, len(group.users)) for name, column in user_columns.items()},
    )
    order = np.lexsort((np.arange(len(rows.users)), rows.times, rows.users))
    return Stored(
        snapshot,
        streamed=rows.streamed[order],
        item_put=_flags(item_put, len(group.items)),
        user_put=_flags(user_put, len(group.users)),
        links=dict(group.links),
        seq=group.seq,
    )


def _interactions(work: Fold) -> Rows:
    group, old = work.group, work.group.stored
    kept = Rows(
        users=old.snapshot.users,
        items=old.snapshot.items,
        times=old.snapshot.times,
        types=old.snapshot.types,
        values=old.snapshot.values,
        streamed=old.streamed,
    )
    if work.interactions is None:
        parts = [kept, _streamed(group)]
    else:
        if work.interactions.full:
            kept = kept.take(np.flatnonzero(kept.streamed))
        parts = [kept, _imported(work.interactions.columns, group), _streamed(group)]
    rows = Rows.joined(*parts)
    return Rows(**{**vars(rows), "users": _owners(rows.users, group)})


def _streamed(group: Group) -> Rows:
    pairs = [(user, seen) for user, many in group.seen.items() for seen in many]
    return Rows(
        users=np.array([user for user, _ in pairs], np.int32),
        items=np.array([seen.item for _, seen in pairs], np.int32),
        times=np.array([seen.time for _, seen in pairs], np.int64),
        types=np.array([seen.type for _, seen in pairs], np.int32),
        values=np.array([seen.value for _, seen in pairs], np.float32),
        streamed=np.ones(len(pairs), np.bool_),
    )


def _imported(columns: Mapping[str, Column], group: Group) -> Rows:
    users, items = columns["USER_ID"], columns["ITEM_ID"]
    assert isinstance(users, Labels) and isinstance(items, Labels)
    n = len(users)
    times, value = columns["TIMESTAMP"], columns.get("EVENT_VALUE")
    assert isinstance(times, Numbers)
    return Rows(
        users=_ids(users, group.users),
        items=_ids(items, group.items),
        times=times.values.astype(np.int64),
        types=_imported_types(columns.get("EVENT_TYPE"), n, group),
        values=value.values.astype(np.float32) if isinstance(value, Numbers) else np.full(n, np.nan, np.float32),
        streamed=np.zeros(n, np.bool_),
    )


def _imported_types(column: Column | None, n: int, group: Group) -> Ints:
    if not isinstance(column, Labels):
        return np.full(n, group.type_code(""), np.int32)
    codes = np.array([group.type_code(name) for name in column.names] + [group.type_code("")], np.int32)
    return codes[column.codes]  # -1, no type given, picks the last


def _ids(names: Labels, vocab: Vocab) -> Ints:
    return np.array([vocab.add(name) for name in names.names] or [0], np.int32)[names.codes]


def _owners(users: Ints, group: Group) -> Ints:
    """Rows of sessions whose user is known become the user's."""
    owner = np.arange(len(group.users) + len(group.links), dtype=np.int32)
    for session, user in group.links.items():
        index = group.users.find(session)
        if index >= 0:
            owner[index] = group.users.add(user)
    return owner[users]


def _first_of_equals(rows: Rows) -> Array:
    """Of rows equal in everything, the first; order is kept."""
    n = len(rows.users)
    keys = (rows.values, rows.types, rows.times, rows.items, rows.users)
    order = np.lexsort((np.arange(n), *keys))
    same = np.ones(max(n - 1, 0), np.bool_)
    for key in keys:
        a, b = key[order[:-1]], key[order[1:]]
        same &= (a == b) | ((a != a) & (b != b))
    keep = np.ones(n, np.bool_)
    keep[order[1:][same]] = False
    return np.flatnonzero(keep)


def _table(
    imported: Import | None,
    id_field: str,
    kinds: Kinds,
    vocab: Vocab,
    put: Mapping[int, Mapping[str, Any]],
    old: Stored,
    which: str,
) -> tuple[dict[str, Column], Ints]:
    """The metadata columns of every id, and the ids whose row was put.

    A row that was put stays until it is put again or an INCREMENTAL import names it; later rows replace earlier ones.
    """
    columns: Mapping[str, Column] = getattr(old.snapshot, f"{which}_columns")
    put_before = np.flatnonzero(getattr(old, f"{which}_put"))
    ids = columns_ids = np.arange(max(map(len, columns.values()), default=0))
    bulk_ids = np.zeros(0, np.int64)
    if imported is not None:
        names = imported.columns[id_field]
        assert isinstance(names, Labels)
        bulk_ids = _ids(names, vocab).astype(np.int64)
        if imported.full:
            ids = put_before
            bulk_ids_kept = ~np.isin(bulk_ids, put_before)
            imported = Import({k: c.take(np.flatnonzero(bulk_ids_kept)) for k, c in imported.columns.items()})
            bulk_ids = bulk_ids[bulk_ids_kept]
    put_ids = np.array(list(put), np.int64)
    every = np.concatenate((ids, bulk_ids, put_ids))
    source = np.full(int(every.max(initial=-1)) + 1, len(every), np.int64)  # an id's row among the stacked ones
    source[every] = np.arange(len(every))  # the last one wins
    merged: dict[str, Column] = {}
    for name, kind in kinds.items():
        parts = [
            columns[name].take(ids) if name in columns and len(columns_ids) else missing(kind, len(ids)),
            imported.columns[name]
            if imported is not None and name in imported.columns
            else missing(kind, len(bulk_ids)),
            column_of(kind, [row.get(name) for row in put.values()]),
            missing(kind, 1),
        ]
        stacked = parts[0]
        for part in parts[1:]:
            stacked = stack(stacked, part)
        merged[name] = stacked.take(source)
    still_put = np.setdiff1d(put_before, bulk_ids) if len(bulk_ids) else put_before
    return merged, np.union1d(still_put, put_ids).astype(np.int32)


def _padded(column: Column, rows: int) -> Column:
    return stack(column, missing(type(column), rows - len(column))) if len(column) < rows else column


def _flags(ids: Ints, n: int) -> Flags:
    flags = np.zeros(n, np.bool_)
    flags[ids] = True
    return flags
