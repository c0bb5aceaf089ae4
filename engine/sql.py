"""The only home of SQL: the tables, and a database that is SQLite in the data directory or whatever a URL names.

Reads see the last commit. A write is one transaction that holds the write lock from its first statement, so that
what it reads is what it changes. On SQLite the journal is a write-ahead log synced at every commit: what `write`
returned from is on disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import OperationalError

from engine.errors import Unavailable
from engine.turn import Turn

BUSY_TIMEOUT_MS = 30_000
_Sequence = BigInteger().with_variant(Integer, "sqlite")

tables = MetaData()

records = Table(
    "records",
    tables,
    Column("arn", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("parent", String, nullable=False),  # the ARN it is listed by
    Column("uses", String, nullable=False),  # an ARN that can't be deleted before it
    Column("created", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the record, JSON
    Index("records_listed", "account", "kind", "created", "arn"),
    Index("records_parent", "parent"),
    Index("records_uses", "uses"),
)

jobs = Table(
    "jobs",
    tables,
    Column("id", _Sequence, primary_key=True),
    Column("kind", String, nullable=False),  # a module of engine.jobs.kinds
    Column("arn", String, nullable=False),  # what it works on
    Column("state", String, nullable=False),  # queued | running | done | failed
    Column("attempts", Integer, nullable=False),
    Column("owner", String, nullable=False),  # the runner that holds it
    Column("heartbeat", Float, nullable=False),
    Column("fraction", Float, nullable=False),  # progress, 0..1
    Column("message", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("started", Float, nullable=False),
    Column("ended", Float, nullable=False),
    Index("jobs_waiting", "state", "id"),
    Index("jobs_arn", "arn"),
    sqlite_autoincrement=True,
)

log = Table(
    "log",
    tables,
    Column("seq", _Sequence, primary_key=True),
    Column("grp", String, nullable=False),  # the dataset group's uid
    Column("kind", String, nullable=False),  # event | item | user | snapshot | deploy
    Column("key", String, nullable=False),  # the user, item, snapshot or campaign
    Column("body", LargeBinary, nullable=False),
    Column("at", Float, nullable=False),  # when the server took it, epoch seconds
    Column("once", LargeBinary),  # what makes it the same record as another; null: never the same
    Index("log_group", "grp", "seq"),
    Index("log_once", "grp", "once", unique=True),
    sqlite_autoincrement=True,
)

snapshots = Table(
    "snapshots",
    tables,
    Column("grp", String, primary_key=True),
    Column("path", String, nullable=False),  # below the data directory
    Column("seq", _Sequence, nullable=False),  # the last log record that is in it
)

attributions = Table(
    "attributions",
    tables,
    Column("arn", String, primary_key=True),  # of a metric attribution
    Column("seq", _Sequence, nullable=False),  # how far the log is counted
    Column("published", Float, nullable=False),  # when counts were last gathered for a file
)

attributed = Table(
    "attributed",
    tables,
    Column("arn", String, primary_key=True),
    Column("metric", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("began", BigInteger, primary_key=True),  # the first second of a window
    Column("batch", BigInteger, primary_key=True),  # see engine.attribution.ledger
    Column("events", BigInteger, nullable=False),
    Column("value", Float, nullable=False),
)


exposed = Table(
    "exposed",
    tables,
    Column("seq", _Sequence, primary_key=True),
    Column("experiment", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("variation", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("propensity", Float, nullable=False),
    Column("weighing", String, nullable=False),
    Index("exposed_once", "experiment", "unit", unique=True),
    sqlite_autoincrement=True,
)

showings = Table(
    "showings",
    tables,
    Column("experiment", String, primary_key=True),
    Column("variation", String, primary_key=True),
    Column("times", BigInteger, nullable=False),
)

marked = Table(
    "marked",
    tables,
    Column("experiment", String, primary_key=True),
    Column("scope", String, nullable=False),  # of its units' deeds
    Column("at", Float, nullable=False),  # when a process last had it in its configuration
)

_SUMS = ("batches", "answers", "errors", "hits", "seconds", "answers2", "errors2", "hits2", "seconds2")

served = Table(
    "served",
    tables,
    Column("experiment", String, primary_key=True),
    Column("variation", String, primary_key=True),
    *(Column(name, Float, nullable=False) for name in _SUMS),  # see engine.readings
    *(Column(f"answers_{name}", Float, nullable=False) for name in ("errors", "hits", "seconds")),
)

listed = Table(
    "listed",
    tables,
    Column("experiment", String, primary_key=True),
    Column("variation", String, primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("lists", BigInteger, nullable=False),
    Column("places", LargeBinary, nullable=False),  # numbers of 32 bits
)

answered = Table(
    "answered",
    tables,
    Column("experiment", String, primary_key=True),
    Column("recommendation_id", String, primary_key=True),
    Column("variation", String, primary_key=True),  # several: two arms gave the very same answer
    Column("unit", String, nullable=False),  # that got it first
    Column("at", Float, nullable=False),
    Column("teams", LargeBinary),  # of a list of several variations: whose each item is, JSON
)

weighed = Table(
    "weighed",
    tables,
    Column("seq", _Sequence, primary_key=True),
    Column("experiment", String, nullable=False),
    Column("since", Float, nullable=False),
    Column("at", Float, nullable=False),
    Column("arms", JSON, nullable=False),  # weight, units, mean, error by variation
    Index("weighed_once", "experiment", "since", unique=True),
    sqlite_autoincrement=True,
)

converted = Table(
    "converted",
    tables,
    Column("seq", _Sequence, primary_key=True),
    Column("scope", String, nullable=False),  # an experiment, or a namespace
    Column("unit", String, nullable=False),
    Column("metric", String, nullable=False),
    Column("value", Float, nullable=False),
    Column("at", Float, nullable=False),
    Column("recommendation_id", String),
    Column("once", LargeBinary, unique=True),  # what makes it the same as another; null: never the same
    Column("item", String),
    Index("converted_scope", "scope", "unit"),
    Index("converted_answer", "recommendation_id"),
    sqlite_autoincrement=True,
)


class Database:
    """One database; safe to use from many threads and from many processes at once."""

    def __init__(self, url: str) -> None:
        """Open, and make what tables are missing. Raises `Unavailable` where the database can't be opened."""
        self._engine = create_engine(url, pool_pre_ping=False, connect_args=_connect_args(url))
        self.is_sqlite = self._engine.dialect.name == "sqlite"
        if self.is_sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_immediate)
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        try:
            tables.create_all(self._engine)
        except OperationalError as error:
            raise Unavailable(f"the database {url} can't be opened: {error.orig}") from error
        path = self._engine.url.database or ""
        is_file = self.is_sqlite and path and not path.startswith((":memory:", "file:"))
        self._turn = Turn(Path(f"{path}-turn")) if is_file else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction; committed and durable when the block ends, undone when it raises."""
        with self._turn.taken() if self._turn else nullcontext(), self._engine.begin() as connection:
            yield connection

    def check(self) -> None:
        """Raise where the database does not answer."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        self._engine.dispose()
        if self._turn is not None:
            self._turn.close()


def sqlite_url(data_dir: Path) -> str:
    return f"sqlite:///{data_dir / 'recgate.db'}"


def _connect_args(url: str) -> dict[str, Any]:
    return {"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000} if url.startswith("sqlite") else {}


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" event starts transactions, not the driver
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY", "wal_autocheckpoint=4000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_immediate(connection: Connection) -> None:
    """The event fires for readers too, who must not take the write lock."""
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return
    connection.exec_driver_sql("BEGIN IMMEDIATE")
