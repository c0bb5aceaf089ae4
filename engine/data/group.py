"""The live state of one dataset group in this process: the last snapshot, and all that the log has recorded since.

One thread applies records; any thread reads. Readers see a user's history either without or with an event, never
half of one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from engine.data import entries
from engine.data.columns import NO_IDS, Array, Bools, Floats, Ints, Longs
from engine.data.exposure import NEVER, ItemExposure
from engine.data.log import Logged
from engine.data.stored import EMPTY, Stored, without, without_users
from engine.data.table import LiveTable
from engine.data.tail import Tail
from engine.data.vocab import EMPTY_NAMES, Names, Vocab

UNTYPED = -1  # the code of an interaction's type that has none: the last place of what is looked up by codes
MOST_MASKS = 256  # of event types, remembered for filters
OF_ACTIONS = {"ACTIONS": "ITEMS", "ACTION_INTERACTIONS": "INTERACTIONS"}  # what they are in the group of actions


class StreamedInteraction(NamedTuple):
    item: int
    time: int
    type: int
    value: float
    seq: int  # of the log
    columns: Mapping[str, Any] = {}  # by schema name, see `entries.Interaction.columns`


class History(NamedTuple):
    """(h,) each, oldest first."""

    items: Ints
    times: Longs
    types: Ints
    values: Floats  # of the events, NaN where one has none

    def where(self, rows: Array) -> History:
        """The rows of a mask (h,), or those of these indices in their order."""
        return History(self.items[rows], self.times[rows], self.types[rows], self.values[rows])

    def then(self, items: Ints, time: int) -> History:
        """The history with these items after it, of that time, of no type and without a value."""
        return History(
            np.concatenate((self.items, items)),
            np.concatenate((self.times, np.full(len(items), time, np.int64))),
            np.concatenate((self.types, np.full(len(items), UNTYPED, np.int32))),
            np.concatenate((self.values, np.full(len(items), np.nan, np.float32))),
        )


class Group:
    def __init__(self, uid: str, stored: Stored = EMPTY, whole: Group | None = None) -> None:
        """A group within a `whole` holds its actions, which are the items here; the users are the whole's."""
        snapshot = stored.snapshot
        self.uid, self.stored, self.seq = uid, stored, stored.seq
        self.changed = False  # whether anything was applied: the next snapshot would differ
        self.cleared: dict[str, int] = {}  # type of a deleted dataset -> when
        self.erased: dict[int, tuple[str, ...]] = {}  # when users were deleted -> their names and their sessions'
        self.items = Vocab(_names(snapshot.item_names))
        self.users = Vocab(_names(snapshot.user_names))
        self.event_types = list(snapshot.event_types)
        self._type_codes = {name: code for code, name in enumerate(self.event_types)}
        self._type_masks: dict[tuple[frozenset[str], int], Bools] = {}
        self.streamed: dict[int, list[StreamedInteraction]] = {}  # user id -> since the snapshot, in order of arrival
        self._pending: list[tuple[int, StreamedInteraction]] = []  # and user id, to be seen soon
        self._resolved: dict[tuple[str | None, str], tuple[tuple[str, ...], int]] = {}  # met meanwhile
        self.tail = _tail(stored)
        self.links = dict(stored.links)  # session -> the user it was first seen with
        self.link_seqs = {session: stored.link_seqs.get(session, stored.seq) for session in self.links}  # seen last
        self.oldest_event = 0  # the log's number of it: links that are older leave with the next snapshot
        self._sessions: dict[str, list[str]] = {}  # user -> its sessions
        for session, user in self.links.items():
            self._sessions.setdefault(user, []).append(session)
        self.item_table = LiveTable(snapshot.item_columns)
        self.user_table = LiveTable(snapshot.user_columns)
        self.exposure = ItemExposure(snapshot, stored.impressions.sum(axis=1))
        self._actions = Group(uid, stored.actions or EMPTY, self) if whole is None else None
        if whole is not None:
            self._share_users(whole)

    @property
    def actions(self) -> Group:
        """The actions, and what users did with them: a group whose items are actions. Of a whole group only."""
        assert self._actions is not None
        return self._actions

    def _share_users(self, whole: Group) -> None:
        """Refer to the whole's users and sessions; called again whenever it replaces them."""
        self.users, self.user_table = whole.users, whole.user_table
        self.links, self._sessions = whole.links, whole._sessions

    def lasting_links(self) -> dict[str, str]:
        """The links of sessions of which the log still has an event with a user: `links` would grow for ever."""
        return {s: user for s, user in self.links.items() if self.link_seqs[s] >= self.oldest_event}

    # ---- following the log

    def apply(self, record: Logged) -> tuple[str, ...]:
        """`take` one record, and `settle`."""
        about = self.take(record)
        self.settle()
        return about

    def take(self, record: Logged) -> tuple[str, ...]:
        """Take in one record of `entries.STATE_KINDS`; the names of the users, sessions or items it is about. Readers
        see an interaction from the next `settle` on: many at once cost a fraction of each alone."""
        about: tuple[str, ...] = ()
        if record.kind in ("event", "action_event"):
            group = self if record.kind == "event" else self.actions
            about = self._take_event(entries.read_interaction(record.body), record.seq, group)
        elif record.kind == "cleared":
            self._clear_dataset(record.key, record.seq)
        elif record.kind == "erased":
            self.erase(entries.read_erased(record.body).users, record.seq)
        elif record.kind == "shown":
            self._count_shown(entries.read_impression(record.body).items)
        else:
            row = entries.read_row(record.body)
            self._put_row(record.kind, row)
            about = (row.name,)
        self.seq, self.changed = record.seq, True
        return about

    def _put_row(self, kind: str, row: entries.RecordRow) -> None:
        if kind == "user":
            self.user_table.put(self.users.add(row.name), row.values)
            return
        group = self if kind == "item" else self.actions
        index = group.items.add(row.name)
        group.item_table.put(index, row.values)
        group.exposure.listed(index, row.values)

    def settle(self) -> None:
        self._resolved.clear()
        for group in (self, self.actions):
            if group._pending:
                group._apply_pending()

    def _apply_pending(self) -> None:
        taken, self._pending = self._pending, []
        items = np.array([each.item for _, each in taken], np.int32)
        times = np.array([each.time for _, each in taken], np.int64)
        seqs, types = np.array([each.seq for _, each in taken], np.int64), [each.type for _, each in taken]
        self.tail.add(items, times, seqs, np.array(types, np.int32))
        for user, each in taken:
            self.streamed.setdefault(user, []).append(each)
        self.exposure.chosen(items, times)

    def _take_event(self, event: entries.Interaction, seq: int, group: Group) -> tuple[str, ...]:
        if event.item is None:
            about = self._names_of(event, seq)
        else:
            time = int(event.time)
            if not -NEVER <= time <= NEVER:
                raise OverflowError(f"{time} is no time")
            about, user = self._resolved.get((event.user, event.session)) or self._resolve(event, seq)
            value = math.nan if event.value is None else event.value
            item, type_ = group.items.add(event.item), group.type_code(event.event_type)
            group._pending.append((user, StreamedInteraction(item, time, type_, value, seq, event.columns())))
        if group is self and event.impression:
            self._count_shown(event.impression)
        return about

    def _resolve(self, event: entries.Interaction, seq: int) -> tuple[tuple[str, ...], int]:
        about = self._names_of(event, seq)
        self._resolved[event.user, event.session] = identity = about, self.users.add(about[0])
        return identity

    def _names_of(self, event: entries.Interaction, seq: int) -> tuple[str, ...]:
        """The names of the event's owner and, where that is another name, of its session."""
        if event.user is not None and event.session != event.user:
            if event.session not in self.links:
                self.links[event.session] = event.user
                self._sessions.setdefault(event.user, []).append(event.session)
                self._resolved.clear()  # the session's own events are the user's from here on
            self.link_seqs[event.session] = seq
        owner = event.user or self.links.get(event.session, event.session)
        return (owner,) if owner == event.session else (owner, event.session)

    def _count_shown(self, names: Iterable[str]) -> None:
        self.exposure.shown(map(self.items.find, names))

    def _recount_exposure(self, impressions: Longs) -> None:
        """Count the exposure anew, but for the impressions, after data was deleted."""
        exposure = ItemExposure(self.stored.snapshot, impressions)
        streamed = list(chain.from_iterable(self.streamed.values()))
        exposure.chosen(np.array([s.item for s in streamed], np.int32), np.array([s.time for s in streamed], np.int64))
        for index, row in self.item_table.rows.items():
            exposure.listed(index, row)
        self.exposure = exposure

    def _clear_dataset(self, dataset_type: str, seq: int) -> None:
        """Drop the data of a deleted dataset at once. Names keep their ids, since models count on them."""
        self.settle()
        self.cleared[dataset_type] = seq
        if dataset_type in OF_ACTIONS:
            self.actions._drop_dataset(OF_ACTIONS[dataset_type])
        else:
            self._drop_dataset(dataset_type)
        self.actions._share_users(self)

    def _drop_dataset(self, dataset_type: str) -> None:
        self.stored = without(self.stored, dataset_type)
        if dataset_type == "INTERACTIONS":
            self.streamed, self.links, self._sessions = {}, {}, {}
            self.tail = _tail(self.stored)
        elif dataset_type == "ITEMS":
            self.item_table = LiveTable({})
        elif dataset_type == "USERS":
            self.user_table = LiveTable({})
        shown = self.exposure.impressions(len(self.items))
        self._recount_exposure(np.zeros_like(shown) if dataset_type == "INTERACTIONS" else shown)

    def erase(self, users: Iterable[str], seq: int = 0) -> int:
        """Delete users with all that they and their sessions did; returns how many interactions and rows that were."""
        self.settle()
        names = tuple(dict.fromkeys(each for user in users for each in (user, *self._sessions.get(user, ()))))
        ids = np.array([index for index in map(self.users.find, names) if index >= 0], np.int64)
        before = self._row_count(ids)
        gone = frozenset(names)
        for group in (self, self.actions):
            group.stored = without_users(group.stored, ids)
            for index in ids.tolist():
                group.streamed.pop(index, None)
            group._recount_exposure(group.exposure.impressions(len(group.items)))
        self.user_table = self.user_table.without(self.stored.snapshot.user_columns, frozenset(ids.tolist()))
        self.links = {s: user for s, user in self.links.items() if s not in gone and user not in gone}
        self._sessions = {user: sessions for user, sessions in self._sessions.items() if user not in gone}
        for name in names:
            self.users.forget(name)
        self.actions._share_users(self)
        self.erased[seq] = names
        return before

    def _row_count(self, users: Longs) -> int:
        """The number of these users' interactions and rows of metadata."""
        snapshot = self.stored.snapshot
        stored = users[users < snapshot.user_count]
        columns = snapshot.user_columns.values()
        rows = {index for index in stored.tolist() if any(column.get(index) is not None for column in columns)}
        rows |= self.user_table.rows.keys() & set(users.tolist())
        return self._interaction_count(users) + self.actions._interaction_count(users) + len(rows)

    def _interaction_count(self, users: Longs) -> int:
        snapshot = self.stored.snapshot
        imported = int(np.diff(snapshot.indptr)[users[users < snapshot.user_count]].sum())
        return imported + sum(len(self.streamed.get(index, ())) for index in users.tolist())

    def type_code(self, name: str) -> int:
        code = self._type_codes.get(name)
        if code is None:
            code = self._type_codes[name] = len(self.event_types)
            self.event_types.append(name)
        return code

    # ---- reading

    def history(self, user: str) -> History:
        """All interactions of the user, with those of its sessions before they were known to be the user's.

        Oldest first; of one second what was imported, then what was streamed in order of arrival.
        """
        stored, ids = self.stored, self._ids(user)
        snapshot = stored.snapshot
        streamed = [many for many in map(self.streamed.get, ids) if many]
        rows = [slice(int(snapshot.indptr[i]), int(snapshot.indptr[i + 1])) for i in ids if i < snapshot.user_count]
        if len(rows) == 1 and not streamed:
            (own,) = rows
            return History(snapshot.items[own], snapshot.times[own], snapshot.types[own], snapshot.values[own])
        fresh = (
            list(streamed[0]) if len(streamed) == 1 else sorted(chain.from_iterable(streamed), key=attrgetter("seq"))
        )
        new = np.array([(s.item, s.time, s.type, s.seq) for s in fresh], np.int64).reshape(-1, 4)
        items = np.concatenate([*(snapshot.items[part] for part in rows), new[:, 0].astype(np.int32)])
        times = np.concatenate([*(snapshot.times[part] for part in rows), new[:, 1]])
        types = np.concatenate([*(snapshot.types[part] for part in rows), new[:, 2].astype(np.int32)])
        values = [*(snapshot.values[part] for part in rows), np.array([s.value for s in fresh], np.float32)]
        history = History(items, times, types, np.concatenate(values))
        if len(rows) <= 1 and np.all(times[:-1] <= times[1:]):
            return history
        arrived = np.concatenate([*(stored.arrived[part] for part in rows), new[:, 3]])
        return history.where(np.lexsort((arrived, times)))

    def has_history(self, user: str) -> bool:
        indptr = self.stored.snapshot.indptr
        return any(
            index in self.streamed or (index < len(indptr) - 1 and indptr[index + 1] > indptr[index])
            for index in self._ids(user)
        )

    def user_id(self, name: str) -> int:
        """The id of a user, or of the user that a session belongs to; -1 for an unknown one."""
        return self.users.find(self.links.get(name, name))

    def type_codes(self, wanted: Iterable[str]) -> list[int]:
        """Codes of event types, their case ignored (specification §4.4)."""
        folded = {name.casefold() for name in wanted}
        return [code for code, name in enumerate(self.event_types) if name.casefold() in folded]

    def type_mask(self, wanted: Iterable[str]) -> Bools:
        """(event types by now + 1,) whether each is wanted, the last for `UNTYPED`; not to be written to."""
        types, masks = frozenset(wanted), self._type_masks
        key = types, len(self.event_types)
        mask = masks.get(key)
        if mask is None:
            mask = np.zeros(key[1] + 1, np.bool_)
            mask[[code for code in self.type_codes(types) if code < key[1]]] = True
            if len(masks) >= MOST_MASKS:
                self._type_masks = masks = {}
            masks[key] = mask
        return mask

    def _ids(self, name: str) -> list[int]:
        """The ids of a user and its sessions, ascending; a session that belongs to a user stands for it."""
        owner = self.links.get(name, name)
        names = {name, owner, *self._sessions.get(owner, ())}
        return sorted(index for index in map(self.users.find, names) if index >= 0)


NO_HISTORY = History(NO_IDS, np.zeros(0, np.int64), NO_IDS, np.zeros(0, np.float32))


def _tail(stored: Stored) -> Tail:
    rows = np.flatnonzero(stored.arrived)
    snapshot = stored.snapshot
    return Tail(snapshot.items[rows], snapshot.times[rows], stored.arrived[rows], snapshot.types[rows])


def _names(names: Any) -> Names:
    return names if isinstance(names, Names) else (Names.of(names) if len(names) else EMPTY_NAMES)
