"""The live state of one dataset group in this process: the last snapshot, and everything the log has said since.

One thread applies records; any thread reads. Readers see a user's history either without or with an event, never
half of one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from engine.data import entries
from engine.data.columns import Column, Ints, Longs
from engine.data.log import Logged
from engine.data.stored import EMPTY, Stored
from engine.data.vocab import EMPTY_NAMES, Names, Vocab

STREAM_KEPT = 200_000  # streamed interactions held for trends; twice as many before the oldest go


class Seen(NamedTuple):
    """One streamed interaction, in ids."""

    item: int
    time: int
    type: int
    value: float


class History(NamedTuple):
    """(h,) each, oldest first."""

    items: Ints
    times: Longs
    types: Ints


class Group:
    def __init__(self, uid: str, stored: Stored = EMPTY) -> None:
        snapshot = stored.snapshot
        self.uid, self.stored, self.seq = uid, stored, stored.seq
        self.items = Vocab(_names(snapshot.item_names))
        self.users = Vocab(_names(snapshot.user_names))
        self.event_types = list(snapshot.event_types)
        self._type_codes = {name: code for code, name in enumerate(self.event_types)}
        self.seen: dict[int, list[Seen]] = {}  # user id -> since the snapshot, in order of arrival
        self.links = dict(stored.links)  # session -> user
        self._sessions: dict[str, list[str]] = {}  # user -> its sessions
        for session, user in self.links.items():
            self._sessions.setdefault(user, []).append(session)
        self.item_rows: dict[int, dict[str, Any]] = {}  # put since the snapshot
        self.user_rows: dict[int, dict[str, Any]] = {}
        self._stream: list[tuple[int, int]] = []
        self._recent: tuple[Ints, Longs] | None = None

    # ---- following the log

    def apply(self, record: Logged) -> None:
        if record.kind == "event":
            self._apply_event(entries.read_interaction(record.body))
        elif record.kind == "item":
            row = entries.read_row(record.body)
            self.item_rows[self.items.add(row.name)] = row.values
        elif record.kind == "user":
            row = entries.read_row(record.body)
            self.user_rows[self.users.add(row.name)] = row.values
        self.seq = record.seq

    def _apply_event(self, event: entries.Interaction) -> None:
        if event.user is not None and event.session not in self.links and event.session != event.user:
            self.links[event.session] = event.user
            self._sessions.setdefault(event.user, []).append(event.session)
        if event.item is None:
            return
        owner = event.user or self.links.get(event.session, event.session)
        value = float("nan") if event.value is None else event.value
        item, time = self.items.add(event.item), int(event.time)
        seen = Seen(item, time, self.type_code(event.event_type), value)
        self.seen.setdefault(self.users.add(owner), []).append(seen)
        self._stream.append((item, time))
        self._recent = None
        if len(self._stream) > 2 * STREAM_KEPT:
            self._stream = self._stream[-STREAM_KEPT:]

    def type_code(self, name: str) -> int:
        code = self._type_codes.get(name)
        if code is None:
            code = self._type_codes[name] = len(self.event_types)
            self.event_types.append(name)
        return code

    # ---- reading

    def history(self, user: str) -> History:
        """Everything the user did, with what its sessions did before they were known to be the user's."""
        parts = [self._own_history(index) for index in self._ids(user)]
        if not parts:
            return NO_HISTORY
        if len(parts) == 1:
            return parts[0]
        items, times, types = zip(*parts, strict=True)
        return _by_time(History(np.concatenate(items), np.concatenate(times), np.concatenate(types)))

    def has_history(self, user: str) -> bool:
        indptr = self.stored.snapshot.indptr
        return any(
            index in self.seen or (index < len(indptr) - 1 and indptr[index + 1] > indptr[index])
            for index in self._ids(user)
        )

    def recent(self) -> tuple[Ints, Longs]:
        """The streamed interactions still held: item ids and times, in order of arrival (a recipe's `Stream`)."""
        recent = self._recent
        if recent is None:
            pairs = np.array(self._stream, np.int64).reshape(-1, 2)
            recent = self._recent = pairs[:, 0].astype(np.int32), pairs[:, 1]
        return recent

    def item_row(self, index: int) -> dict[str, Any] | None:
        """The item's columns by schema name, missing ones left out; None for an item without a row."""
        put = self.item_rows.get(index)
        return put if put is not None else _row(self.stored.snapshot.item_columns, index)

    def type_codes(self, wanted: Iterable[str]) -> list[int]:
        """Codes of event types, their case ignored (specification §4.4)."""
        folded = {name.casefold() for name in wanted}
        return [code for code, name in enumerate(self.event_types) if name.casefold() in folded]

    def _ids(self, user: str) -> list[int]:
        names = dict.fromkeys((user, *self._sessions.get(user, ()), self.links.get(user, user)))
        return [index for index in map(self.users.find, names) if index >= 0]

    def _own_history(self, index: int) -> History:
        snapshot = self.stored.snapshot
        rows = slice(0, 0)
        if index < snapshot.user_count:
            rows = slice(int(snapshot.indptr[index]), int(snapshot.indptr[index + 1]))
        stored = History(snapshot.items[rows], snapshot.times[rows], snapshot.types[rows])
        seen = self.seen.get(index)
        if not seen:
            return stored
        fresh = np.array([(s.item, s.time, s.type) for s in list(seen)], np.int64)
        items = np.concatenate((stored.items, fresh[:, 0].astype(np.int32)))
        times = np.concatenate((stored.times, fresh[:, 1]))
        return _by_time(History(items, times, np.concatenate((stored.types, fresh[:, 2].astype(np.int32)))))


NO_HISTORY = History(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int32))


def _by_time(history: History) -> History:
    """Oldest first; ties keep the order of arrival."""
    if np.all(history.times[:-1] <= history.times[1:]):
        return history
    order = np.argsort(history.times, kind="stable")
    return History(history.items[order], history.times[order], history.types[order])


def _names(names: Any) -> Names:
    return names if isinstance(names, Names) else (Names.of(names) if len(names) else EMPTY_NAMES)


def _row(columns: Any, index: int) -> dict[str, Any] | None:
    values: dict[str, Any] = {}
    column: Column
    for name, column in columns.items():
        value = column.get(index) if index < len(column) else None
        if value is not None:
            values[name] = value
    return values or None
