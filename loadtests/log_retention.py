"""`python -m loadtests.log_retention --rows N`: what it costs that old records leave a log of N rows.

Records are deleted in portions, as the job process does it, while another connection appends one record after the
other. `--url` is an empty PostgreSQL database; without it the log is a file of SQLite. There, partitions of a tenth of
the rows each are made as well: they take the same rows, without the index that keeps a record from being stored twice,
which a partitioned table can't have over all of its partitions.
"""

from __future__ import annotations

import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import click
import numpy as np
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from engine.jobs.trimming import PORTION
from engine.storage.sql import Database, sqlite_url
from engine.storage.tables import log

FILL = 100_000  # rows of one statement
BODY = b"[" + b"x" * 90 + b"]"
SQLITE = """
    INSERT INTO log (grp, kind, key, body, at, once)
    WITH RECURSIVE numbers(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)
    SELECT 'g', 'event', 'u' || (n % 100000), :body, n, CAST(n AS BLOB) FROM numbers
"""
POSTGRESQL = """
    INSERT INTO log (grp, kind, key, body, at, once)
    SELECT 'g', 'event', 'u' || (n % 100000), :body, n, convert_to(CAST(n AS text), 'UTF8')
    FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS numbers(n)
"""
PAUSE_S = 0.002  # between appends
PARTS = 10


@click.command()
@click.option("--rows", default=10_000_000, show_default=True)
@click.option("--removed", default=1_000_000, show_default=True, help="Of them, by deletes.")
@click.option("--url", help="An empty PostgreSQL database.")
def main(rows: int, removed: int, url: str | None) -> None:
    """Measure deletes in portions, and partitions beside them."""
    table = Table("log of", "removed", "rows/s", "an append meanwhile, ms: p50", "p99", "most", "before: p99")
    with tempfile.TemporaryDirectory() as folder, closing(Database(url or sqlite_url(Path(folder)))) as database:
        filled_s = fill(database, rows)
        calm = Appender(database)
        with calm:
            time.sleep(5)
        meanwhile = Appender(database)
        with meanwhile:
            began, deleted = time.perf_counter(), delete(database, min(removed, rows))
            seconds = time.perf_counter() - began
        figures = [f"{each:.1f}" for each in (*meanwhile.percentiles(), calm.percentiles()[1])]
        table.add_row(f"{rows:,}, deletes", f"{deleted:,}", f"{deleted / seconds:,.0f}", *figures)
        if url is not None:
            seconds = drop_partitions(database, rows)
            table.add_row(f"{rows:,}, partitions", f"{rows * 9 // 10:,}", f"{rows * 0.9 / seconds:,.0f}", *"----")
    console = Console(width=140)
    console.print(f"filled in {filled_s:.0f} s, {'PostgreSQL' if url else 'SQLite'}")
    console.print(table)


def fill(database: Database, rows: int) -> float:
    """The seconds in which the database makes them itself, in portions."""
    began = time.perf_counter()
    for first in range(0, rows, FILL):
        last = min(first + FILL, rows) - 1
        with database.write() as within:
            within.execute(
                sa.text(SQLITE if database.is_sqlite else POSTGRESQL), {"first": first, "last": last, "body": BODY}
            )
    return time.perf_counter() - began


def delete(database: Database, upto: int) -> int:
    """As `engine.jobs.trimming` does: portions, with as long a pause after each as it took."""
    removed, last, query = 0, 0, sa.select(log.c.seq).order_by(log.c.seq).limit(PORTION)
    while last < upto and (rows := database.rows(query.where(log.c.seq > last))):
        began, last = time.monotonic(), rows[-1].seq
        with database.write() as within:
            within.execute(sa.delete(log).where(log.c.seq.in_([row.seq for row in rows])))
        removed += len(rows)
        time.sleep(time.monotonic() - began)
    return removed


def drop_partitions(database: Database, rows: int) -> float:
    """The seconds that nine of ten partitions take to go."""
    with database.write() as within:
        within.exec_driver_sql("CREATE TABLE parts (LIKE log) PARTITION BY RANGE (seq)")
        for part in range(PARTS):
            first = part * rows // PARTS
            within.exec_driver_sql(
                f"CREATE TABLE parts_{part} PARTITION OF parts FOR VALUES FROM ({first}) TO ({first + rows // PARTS})"
            )
        numbers = f"generate_series(0, {rows - rows % PARTS - 1}) AS n"
        within.exec_driver_sql(f"INSERT INTO parts SELECT n, 'g', 'event', 'u', '\\x00'::bytea, n, NULL FROM {numbers}")
    began = time.perf_counter()
    for part in range(PARTS - 1):
        with database.write() as within:
            within.exec_driver_sql(f"DROP TABLE parts_{part}")
    return time.perf_counter() - began


class Appender:
    """Appends a record, waits a moment, and so on, within its block."""

    def __init__(self, database: Database) -> None:
        self._database, self._end = database, threading.Event()
        self._thread = threading.Thread(target=self._append)
        self._took: list[float] = []

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def percentiles(self) -> tuple[float, float, float]:
        p50, p99 = np.percentile(self._took, (50, 99))
        return float(p50) * 1000, float(p99) * 1000, max(self._took) * 1000

    def _append(self) -> None:
        record = {"grp": "h", "kind": "event", "key": "u", "body": BODY, "at": 1e12, "once": None}
        while not self._end.wait(PAUSE_S):
            began = time.perf_counter()
            with self._database.write() as within:
                within.execute(sa.insert(log), record)
            self._took.append(time.perf_counter() - began)


if __name__ == "__main__":
    main()
