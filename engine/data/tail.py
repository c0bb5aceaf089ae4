"""The latest streamed interactions of a dataset group, from which trends are counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.data.columns import Ints, Longs

KEPT = 200_000  # twice as many before the oldest go


class _TailRows(NamedTuple):
    """(capacity,) each, the first `filled` of them, in order of arrival."""

    items: Ints
    times: Longs
    seqs: Longs  # ascending
    filled: int


class Tail:
    """One thread adds, any reads: what a reader has been given never changes."""

    def __init__(self, items: Ints, times: Longs, seqs: Longs) -> None:
        """(n,) rows in any order."""
        newest = np.argsort(seqs, kind="stable")[-KEPT:]
        self._rows = _roomy(items[newest], times[newest], seqs[newest])

    def add(self, items: Ints, times: Longs, seqs: Longs) -> None:
        """(n,) rows more, in order of arrival."""
        rows = self._rows
        start, end = rows.filled, rows.filled + len(seqs)
        if end > len(rows.seqs):
            self._rows = _roomy(
                np.concatenate((rows.items[:start], items))[-KEPT:],
                np.concatenate((rows.times[:start], times))[-KEPT:],
                np.concatenate((rows.seqs[:start], seqs))[-KEPT:],
            )
            return
        rows.items[start:end], rows.times[start:end], rows.seqs[start:end] = items, times, seqs
        self._rows = rows._replace(filled=end)

    def after(self, seq: int) -> tuple[Ints, Longs]:
        """Items and times of the interactions after a log record, in order of arrival."""
        items, times, seqs, count = self._rows
        first = seqs[:count].searchsorted(seq, "right")
        return items[first:count], times[first:count]


class Since(NamedTuple):
    """A recipe's `RecentInteractions`: the interactions since its model was trained."""

    tail: Tail
    seq: int

    def recent(self) -> tuple[Ints, Longs]:
        return self.tail.after(self.seq)


def _roomy(items: Ints, times: Longs, seqs: Longs) -> _TailRows:
    count = len(seqs)
    rows = _TailRows(np.empty(2 * KEPT, np.int32), np.empty(2 * KEPT, np.int64), np.empty(2 * KEPT, np.int64), count)
    rows.items[:count], rows.times[:count], rows.seqs[:count] = items, times, seqs
    return rows
