"""Copying of one database's rows to another, of whichever kind each is, verified as they come.

Tables that only grow (`GROWING`) are copied by position while the source goes on. The others' rows change; they are
copied when nobody writes any more, and so is what was removed meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from engine.errors import Damaged
from engine.storage.sql import Database
from engine.storage.tables import bells, commits, replicas, tables

PAGE = 10_000  # rows of one transaction
RANGE = 500_000  # positions that are compared at once

OWN = (commits, bells, replicas)  # which are a database's own
COPIED = tuple(table for table in tables.sorted_tables if table not in OWN)
GROWING = tuple(table for table in COPIED if table.primary_key.columns.keys() == ["seq"])
CHANGING = tuple(table for table in COPIED if table not in GROWING)

Rows = Sequence[sa.Row[Any]]
Read = Callable[[sa.Select[Any]], Rows]

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class Digest(NamedTuple):
    """The number of some rows and the sum of their hashes: databases sort texts differently."""

    rows: int = 0
    hashes: int = 0

    def plus(self, rows: Rows) -> Digest:
        hashes = (int.from_bytes(blake2b(_encode(tuple(row)), digest_size=16).digest()) for row in rows)
        return Digest(self.rows + len(rows), self.hashes + sum(hashes))


def follow(read: Read, target: Database, table: sa.Table, progress: Callable[[int], object] = abs) -> None:
    """Appends the rows that the target lacks at its end; `progress` hears each page's last position."""
    seq = table.c.seq
    after = target.value(sa.select(sa.func.max(seq))) or 0
    is_full = True
    while is_full and (rows := read(sa.select(table).where(seq > after).order_by(seq).limit(PAGE))):
        after, is_full = rows[-1].seq, len(rows) == PAGE  # else others might append for ever
        with target.write() as within:
            insert_rows(target, within, table, rows)
        written = target.rows(sa.select(table).where(seq >= rows[0].seq, seq <= after).order_by(seq))
        if list(written) != list(rows):
            raise Damaged(f"rows {rows[0].seq} to {after} of {table.name} are not what was copied; try again")
        progress(after)


def reconcile(read: Read, target: Database, table: sa.Table) -> None:
    """Removes what the source has removed since it was copied, and adds what was committed later than its position
    says. Nobody writes to the source meanwhile."""
    seq = table.c.seq
    extent = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(seq), 0))
    if [int(each) for each in read(extent)[0]] == [int(each) for each in target.rows(extent)[0]]:
        return
    last = target.value(sa.select(sa.func.max(seq))) or 0
    for first in range(0, last + 1, RANGE):
        some = sa.select(seq).where(seq >= first, seq < first + RANGE)
        here, there = ({row.seq for row in rows} for rows in (read(some), target.rows(some)))
        for gone in _pages(sorted(there - here)):
            with target.write() as within:
                within.execute(sa.delete(table).where(seq.in_(gone)))
        for late in _pages(sorted(here - there)):
            rows = read(sa.select(table).where(seq.in_(late)))
            with target.write() as within:
                insert_rows(target, within, table, rows)


def replace(source: sa.Connection, target: Database, table: sa.Table) -> Digest:
    """The target's rows become the source's; what was written is read again."""
    with target.write() as within:
        within.execute(sa.delete(table))
        there = Digest()
        for rows in _portions(source, table):
            insert_rows(target, within, table, rows)
            there = there.plus(rows)
        here = Digest()
        for rows in _portions(within, table):
            here = here.plus(rows)
        if here != there:
            raise Damaged(f"the rows of {table.name} are not what was copied; try again")
    return here


def insert_rows(target: Database, within: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Rows of all columns, as the driver takes most at once."""
    encoded = [place for place, column in enumerate(table.columns) if isinstance(column.type, sa.JSON)]
    values: Sequence[Sequence[Any]] = rows
    if encoded:
        values = [[json.dumps(v) if n in encoded else v for n, v in enumerate(row)] for row in rows]
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    if target.is_sqlite:
        marks = ", ".join("?" * len(table.columns))
        within.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", [tuple(row) for row in values])
        return
    cursor: Any = within.connection.cursor()
    with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in values:
            copy.write_row(row)
    cursor.close()


def copy_numbers(source: Database, reader: sa.Connection, target: Database) -> None:
    """The next numbers of jobs, log records and so on go on from the source's: none is given twice, be its row gone or
    not."""
    with target.write() as within:
        for table in COPIED:
            column = table.autoincrement_column
            if column is not None:
                _set_number(target, within, column, _number(source, reader, column))


def counts(read: Read) -> dict[str, int]:
    return {table.name: read(sa.select(sa.func.count()).select_from(table))[0][0] for table in COPIED}


def _number(source: Database, reader: sa.Connection, column: sa.Column[Any]) -> int:
    """The last number that was given."""
    if source.is_sqlite:
        query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return reader.execute(query, {"name": column.table.name}).scalar_one_or_none() or 0
    last, is_called = reader.exec_driver_sql(f"SELECT last_value, is_called FROM {_sequence(column)}").one()
    return int(last) if is_called else 0


def _set_number(target: Database, within: sa.Connection, column: sa.Column[Any], number: int) -> None:
    if target.is_sqlite:
        name = {"name": column.table.name, "number": number}
        within.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), name)
        within.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)"), name)
    elif number:
        within.exec_driver_sql(f"SELECT setval('{_sequence(column)}', {number})")


def _sequence(column: sa.Column[Any]) -> str:
    return f"{column.table.name}_{column.name}_seq"


def _portions(connection: sa.Connection, table: sa.Table) -> Iterator[Rows]:
    with connection.execute(sa.select(table), execution_options={"yield_per": PAGE}) as result:
        yield from result.partitions()


def _pages(seqs: Sequence[int]) -> Iterator[Sequence[int]]:
    return (seqs[first : first + PAGE] for first in range(0, len(seqs), PAGE))
