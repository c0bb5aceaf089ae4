"""A database, which is SQLite in the data directory or whatever a URL names.

Reads see the last commit. A write is one transaction that holds the write lock from its first statement, so that
what it reads is what it changes. On SQLite the journal is a write-ahead log synced at every commit: what `write`
returned from is on disk, and `engine.storage.watermark` knows of it.
"""

from __future__ import annotations

import logging
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Row,
    Select,
    Table,
    cast,
    create_engine,
    event,
    extract,
    func,
    inspect,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from engine.errors import Damaged, Unavailable
from engine.storage import handover, migrations, watermark
from engine.storage.commits import CommitWatch
from engine.storage.faults import DAMAGE, Faults, reason_of
from engine.storage.tables import commits, tables
from engine.storage.watermark import Watermark
from engine.storage.write_lock import WriteLock

_log = logging.getLogger(__name__)
T = TypeVar("T")

BUSY_TIMEOUT_MS = 30_000
HELD_MS = 5_000
# A server that is gone without a word is noticed within so long: seconds, and one setting in milliseconds.
REACHED_IN = {
    "connect_timeout": 3,
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}


def turn_statement(number: int) -> str:
    """PostgreSQL's statement that waits for a turn. Who has it and is stopped (SIGSTOP, a machine that is frozen) must
    not keep all others waiting: after `HELD_MS` without a word from it the database ends its transaction."""
    held = f"set_config('idle_in_transaction_session_timeout', '{HELD_MS}', true)"
    return f"SELECT pg_advisory_xact_lock({number}), {held}"


class Database:
    """One database; safe to use from many threads and from many processes at once."""

    def __init__(self, url: str, *, is_served: bool = False, only_read: bool = False) -> None:
        """Open, make the tables of a new database and migrate older ones. Raises `Unavailable` where the database can't
        be opened or a newer release has used it, `Damaged` where it is not whole, or lacks what was acknowledged.

        `is_served`: a server has it open, and has made and checked it. `only_read`: somebody else writes for this
        process (see `engine.storage.writes`). Of neither is a lock needed.
        """
        self._is_served, self._only_read = is_served or only_read, only_read
        url = with_driver(url)
        self._engine = create_engine(url, connect_args=_connect_args(url), pool_pre_ping=not url.startswith("sqlite"))
        self.is_sqlite = self._engine.dialect.name == "sqlite"
        path = self._engine.url.database or ""
        file = Path(path) if self.is_sqlite and path and not path.startswith((":memory:", "file:")) else None
        self._file = file
        self.name = self._engine.url.render_as_string(hide_password=True) if file is None else str(file)
        self._faults = Faults("the database" if file is None else file.name, is_far=not self.is_sqlite)
        if self.is_sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_immediate)
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._write_lock: WriteLock | None = None
        self._watermark: Watermark | None = None
        self._watches: list[CommitWatch] = []
        try:
            if not self.is_sqlite:
                self._check_durability()
            if file is not None:
                self._open_file(file)
            elif not self._is_served:
                self._make_tables()
            if self._is_served:
                self._check_version()
        except BaseException:
            self.close()
            raise

    def _open_file(self, file: Path) -> None:
        if file.is_dir():
            raise Unavailable(f"{file} is a folder: the database is a file of that name")
        try:
            self._write_lock, self._watermark = WriteLock(Path(f"{file}-turn")), Watermark.of(file)
        except OSError as error:
            raise Unavailable(f"the database {file} can't be opened: {error.filename}: {error.strerror}") from error
        if self._is_served:
            return
        oddity = watermark.check(file, self._watermark.read())
        # several that change a new file to a write-ahead log at once are in each other's way
        with self._write_lock.held():
            self._make_tables(file)
        if oddity:
            _log.warning("%s", oddity)

    def _check_durability(self) -> None:
        """Raises `Unavailable` where the server acknowledges a commit before it is on disk."""
        try:
            with self._reader.connect() as connection:
                commit, sync = (connection.scalar(text(f"SHOW {name}")) for name in ("synchronous_commit", "fsync"))
        except DBAPIError as error:
            raise Unavailable(f"the database {self.name} can't be opened: {reason_of(error)}") from error
        if commit == "off":
            raise Unavailable(
                f"the database {self.name} acknowledges commits before they are on disk (synchronous_commit is off): "
                "ALTER ROLE … SET synchronous_commit = on, or the same in postgresql.conf"
            )
        if commit in ("local", "remote_write"):
            _log.warning(
                "synchronous_commit is %s: a commit may be lost with the primary; on waits for a standby", commit
            )
        if sync == "off":
            _log.warning("fsync is off: what was acknowledged may be lost with the database's machine")

    def identity(self) -> str:
        """The id of the database; a copy of it has the same."""
        return str(self.value(select(commits.c.id)))

    def _make_tables(self, file: Path | None = None) -> None:
        try:
            with self._engine.begin() as connection:  # which counts nothing: there is nothing to count with
                self._update_tables(connection)
        except DBAPIError as error:
            reason = reason_of(error)
            if file is not None and any(word in reason for word in DAMAGE):
                raise Damaged(f"{file} is damaged: {reason}. {watermark.way_out(file)}") from error
            raise Unavailable(f"the database {self.name} can't be opened: {reason}") from error

    def _update_tables(self, connection: Connection) -> None:
        """The tables of this release, be the database new or an older release's; of several processes one makes them.
        And what the database is known by, where it has nothing yet."""
        self.wait_turn(connection, migrations.TURN)
        existing = self._existing_tables(connection)
        handover.refuse_moving(connection, existing, self.name)
        if existing.isdisjoint(tables.tables):
            self._create_tables(connection)
            migrations.stamp(connection)
        else:
            version = migrations.version_of(connection) if migrations.version_table.name in existing else None
            if not migrations.is_current(version, self.name):
                migrations.migrate(connection, version, self.name)
        if connection.execute(commits.select()).first() is None:
            connection.execute(commits.insert().values(id=uuid.uuid4().hex, number=0))

    def _existing_tables(self, connection: Connection) -> set[str]:
        if self.is_sqlite:  # an inspector takes a while to load
            names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars()
            return set(names)
        return set(inspect(connection).get_table_names())

    def _create_tables(self, connection: Connection) -> None:
        if self.is_sqlite:
            for statement in _sqlite_statements():
                connection.exec_driver_sql(statement)
        else:
            tables.create_all(connection)
            migrations.version_table.create(connection, checkfirst=True)

    def _check_version(self) -> None:
        """Raises `Unavailable` where an older release's server has the database open, or the tables are too new."""
        with self.read() as connection:
            existing = self._existing_tables(connection)
            handover.refuse_moving(connection, existing, self.name)
            version = migrations.version_of(connection) if migrations.version_table.name in existing else None
        if not migrations.is_current(version, self.name) and not self._only_read:
            raise Unavailable(f"the server that has {self.name} open is of an older release: restart it")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Raises `Unavailable` where the database does not answer or can't be read."""
        with self._faults.reported("read from"), self._reader.connect() as connection:
            try:
                yield connection
            except Exception:
                raise
            except BaseException:  # a signal's: a result that is half read keeps its snapshot, and the next user of the
                connection.invalidate()  # connection could not write
                raise

    def rows(self, query: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
        """All rows of a query, in a read of their own."""
        with self.read() as connection:
            return connection.execute(query).all()

    def value(self, query: Select[T]) -> T | None:
        """The value of the first row of a query of one column, None where there is none; in a read of its own."""
        with self.read() as connection:
            return connection.scalar(query)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction; committed and durable when the block ends, undone when it raises. Raises `Unavailable` where
        the database can't be written to."""
        if self._only_read:
            raise RuntimeError("this process hands its writes over: a transaction belongs into a function of @write")
        with self._faults.reported("written to"), self._write_lock.held() if self._write_lock else nullcontext():
            mark = None
            with self._engine.begin() as connection:
                driver: Any = connection.connection.driver_connection
                before = driver.total_changes if self._watermark else 0
                yield connection
                if self._watermark and driver.total_changes != before:
                    mark = watermark.counted(driver)
            if self._watermark and mark:
                self._watermark.store(mark)

    @contextmanager
    def frozen(self) -> Iterator[Connection]:
        """Reads of PostgreSQL that all see the same moment, while others write."""
        with self._faults.reported("read from"), self._engine.connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    def insert(self, table: Table) -> Any:
        """The insert of the database's dialect, which knows conflicts."""
        if self.is_sqlite:
            from sqlalchemy.dialects.sqlite import insert
        else:  # takes a while to load, and is seldom there
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
        return insert(table)

    def wait_turn(self, connection: Connection, number: int) -> None:
        """Waits till no other transaction has this turn; of writers to SQLite there is only one at a time."""
        if not self.is_sqlite:
            connection.exec_driver_sql(turn_statement(number))

    def now(self, clock: Callable[[], float]) -> ColumnElement[float]:
        """The moment by the clock that all users of the database share: its server's; SQLite's are on one machine, and
        have this one."""
        return literal(clock()) if self.is_sqlite else cast(extract("epoch", func.clock_timestamp()), Float)

    def check(self) -> None:
        """Raise where the database does not answer."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def watch_commits(self) -> CommitWatch:
        """A watch for one thread, which ends with the database."""
        watch = CommitWatch(self._file)
        self._watches.append(watch)
        return watch

    def close(self) -> None:
        self._engine.dispose()
        for each in (*self._watches, self._write_lock, self._watermark):
            if each is not None:
                each.close()


def sqlite_url(data_dir: Path) -> str:
    return f"sqlite:///{data_dir / 'recgate.db'}"


def with_driver(url: str) -> str:
    """A PostgreSQL URL that names no driver gets the one that the extra `postgres` installs. Raises `Unavailable` where
    there is none."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        return url
    if find_spec("psycopg") is None:
        raise Unavailable("PostgreSQL needs a driver that is not installed: pip install 'recgate[postgres]'")
    return f"postgresql+psycopg://{_hosts_apart(rest)}"


def _hosts_apart(rest: str) -> str:
    """libpq's `USER@HOST:PORT,HOST:PORT/NAME` as SQLAlchemy has it: several hosts are parameters. Of several the one
    that takes writes is wanted, if nothing else is said."""
    place, mark, query = rest.partition("?")
    netloc, slash, name = place.partition("/")
    user, at, hosts = netloc.rpartition("@")
    if "," not in hosts:
        return rest
    more = [f"host={host}" for host in hosts.split(",")] + ([query] if mark else [])
    if "target_session_attrs=" not in query:
        more.append("target_session_attrs=read-write")
    return f"{user}{at}{slash or '/'}{name}?{'&'.join(more)}"


def _connect_args(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000}
    return REACHED_IN if url.startswith("postgresql") else {}


@cache
def _sqlite_statements() -> list[str]:
    """Makes all tables and their indexes. To compile them takes longer than SQLite needs to run them."""
    dialect = sqlite_dialect()
    makers: list[ExecutableDDLElement] = [CreateTable(migrations.version_table)]
    for table in tables.sorted_tables:
        makers += [CreateTable(table), *(CreateIndex(index) for index in table.indexes)]
    return [str(each.compile(dialect=dialect)) for each in makers]


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" event starts transactions, not the driver
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY", "wal_autocheckpoint=4000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_immediate(connection: Connection) -> None:
    """The event fires for readers too, who must not take the write lock."""
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return
    connection.exec_driver_sql("BEGIN IMMEDIATE")
