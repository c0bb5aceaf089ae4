"""The latest streamed interactions of a dataset group, from which trends are counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.data.columns import Ints, Longs

KEPT = 200_000  # twice as many before the oldest go


class _TailRows(NamedTuple):
    """(capacity,) each, the first `filled` of them, in order of arrival."""

    items: Ints
    times: Longs
    seqs: Longs  # ascending
    types: Ints
    filled: int


class Tail:
    """One thread adds, any reads: what a reader has been given never changes."""

    def __init__(self, items: Ints, times: Longs, seqs: Longs, types: Ints) -> None:
        """(n,) rows in any order."""
        newest = np.argsort(seqs, kind="stable")[-KEPT:]
        self._rows = _roomy(items[newest], times[newest], seqs[newest], types[newest])

    def add(self, items: Ints, times: Longs, seqs: Longs, types: Ints) -> None:
        """(n,) rows more, in order of arrival."""
        rows = self._rows
        start, end = rows.filled, rows.filled + len(seqs)
        if end > len(rows.seqs):
            self._rows = _roomy(
                np.concatenate((rows.items[:start], items))[-KEPT:],
                np.concatenate((rows.times[:start], times))[-KEPT:],
                np.concatenate((rows.seqs[:start], seqs))[-KEPT:],
                np.concatenate((rows.types[:start], types))[-KEPT:],
            )
            return
        rows.items[start:end], rows.times[start:end], rows.seqs[start:end] = items, times, seqs
        rows.types[start:end] = types
        self._rows = rows._replace(filled=end)

    def after(self, seq: int, but_for: Sequence[int] = ()) -> tuple[Ints, Longs]:
        """Items and times of the interactions after a log record, in order of arrival, but for those of some types."""
        items, times, seqs, types, count = self._rows
        rows = slice(seqs[:count].searchsorted(seq, "right"), count)
        if not but_for:
            return items[rows], times[rows]
        others = ~np.isin(types[rows], but_for)
        return items[rows][others], times[rows][others]


class Since(NamedTuple):
    """A recipe's `RecentInteractions`: the interactions since its model was trained."""

    tail: Tail
    seq: int
    but_for: Sequence[int] = ()  # codes of event types

    def recent(self) -> tuple[Ints, Longs]:
        return self.tail.after(self.seq, self.but_for)


def _roomy(items: Ints, times: Longs, seqs: Longs, types: Ints) -> _TailRows:
    count = len(seqs)
    (new_items, new_types), (new_times, new_seqs) = np.empty((2, 2 * KEPT), np.int32), np.empty((2, 2 * KEPT), np.int64)
    rows = _TailRows(new_items, new_times, new_seqs, new_types, count)
    rows.items[:count], rows.times[:count], rows.seqs[:count], rows.types[:count] = items, times, seqs, types
    return rows
