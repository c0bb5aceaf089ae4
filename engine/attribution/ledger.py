"""The counts in SQL. A row is (attribution, metric, source, window) and where the row has got to:

| batch      | the row                                                                        |
| ---------- | ------------------------------------------------------------------------------ |
| `PENDING`  | is not in any file yet                                                         |
| a time, ms | is in the file of that name, which may or may not be written                   |
| `TOTAL`    | is the sum of everything that is in files, or goes in none; it has no window   |

How far the log is counted is stored in the transaction that stores the counts, and moves on only from where the counter
believed it to be. So whoever counts, and wherever it is killed, every record counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa

from engine.storage.tables import attributed, attributions, log

PENDING = 0
TOTAL = -1
NO_WINDOW = -1


class Key(NamedTuple):
    metric: str
    source: str
    began: int  # epoch seconds: of the window


class Sum(NamedTuple):
    events: int = 0
    value: float = 0.0

    def plus(self, events: int, value: float) -> Sum:
        return Sum(self.events + events, self.value + value)


Counts = Mapping[Key, Sum]


class CountingState(NamedTuple):
    seq: int  # of the last log record that is counted
    published: float  # when counts were last gathered for a file


def begin(within: sa.Connection, arn: str, now: float) -> None:
    """Count what the log gets from here on."""
    last = within.execute(sa.select(sa.func.coalesce(sa.func.max(log.c.seq), 0))).scalar_one()
    within.execute(sa.insert(attributions).values(arn=arn, seq=last, published=now))


def end(within: sa.Connection, arn: str) -> None:
    """Forget it all."""
    for table in (attributions, attributed):
        within.execute(sa.delete(table).where(table.c.arn == arn))


def drop(within: sa.Connection, arn: str, metrics: list[str]) -> None:
    """Forget some metrics."""
    within.execute(sa.delete(attributed).where(attributed.c.arn == arn, attributed.c.metric.in_(metrics)))


def position(connection: sa.Connection, arn: str) -> CountingState | None:
    query = sa.select(attributions.c.seq, attributions.c.published).where(attributions.c.arn == arn)
    row = connection.execute(query).first()
    return None if row is None else CountingState(*row)


def advance(within: sa.Connection, arn: str, before: int, after: int) -> bool:
    """False where the log is counted further than `before` already: by another process, whose counts stand."""
    c = attributions.c
    moved = sa.update(attributions).where(c.arn == arn, c.seq == before).values(seq=after)
    return within.execute(moved).rowcount == 1


def add(within: sa.Connection, arn: str, counts: Counts, batch: int = PENDING) -> None:
    c = attributed.c
    for key, (events, value) in counts.items():
        values = {"arn": arn, **key._asdict(), "batch": batch}
        same = sa.and_(*(c[name] == each for name, each in values.items()))
        more = {"events": c.events + events, "value": c.value + value}
        if within.execute(sa.update(attributed).where(same).values(more)).rowcount == 0:
            within.execute(sa.insert(attributed).values(**values, events=events, value=value))


def total(counts: Counts) -> Counts:
    """The sums over all windows."""
    sums: dict[Key, Sum] = {}
    for key, counted in counts.items():
        whole = key._replace(began=NO_WINDOW)
        sums[whole] = sums.get(whole, Sum()).plus(*counted)
    return sums


def gather(within: sa.Connection, arn: str, batch: int, now: float) -> None:
    """All that is pending becomes one batch."""
    c = attributed.c
    within.execute(sa.update(attributed).where(c.arn == arn, c.batch == PENDING).values(batch=batch))
    within.execute(sa.update(attributions).where(attributions.c.arn == arn).values(published=now))


def batches(connection: sa.Connection, arn: str) -> Mapping[int, Counts]:
    """The batches that are gathered and not settled, the oldest first."""
    c = attributed.c
    query = sa.select(c.batch, c.metric, c.source, c.began, c.events, c.value)
    query = query.where(c.arn == arn, c.batch > PENDING).order_by(c.batch, c.metric, c.source, c.began)
    by_batch: dict[int, dict[Key, Sum]] = {}
    for batch, metric, source, began, events, value in connection.execute(query):
        by_batch.setdefault(batch, {})[Key(metric, source, began)] = Sum(events, value)
    return by_batch


def settle(within: sa.Connection, arn: str, batch: int) -> None:
    """The batch's file is written; what another process has settled is left as it is."""
    counts = batches(within, arn).get(batch, {})
    within.execute(sa.delete(attributed).where(attributed.c.arn == arn, attributed.c.batch == batch))
    add(within, arn, total(counts), TOTAL)


def totals(connection: sa.Connection, arn: str) -> Counts:
    """Everything counted, by metric and source."""
    c = attributed.c
    query = sa.select(c.metric, c.source, sa.func.sum(c.events), sa.func.sum(c.value)).where(c.arn == arn)
    rows = connection.execute(query.group_by(c.metric, c.source).order_by(c.metric, c.source))
    return {Key(metric, source, NO_WINDOW): Sum(int(events), float(value)) for metric, source, events, value in rows}
