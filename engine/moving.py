"""A move of a data directory's records and log to another database, while servers go on.

What only grows is copied first. Then nobody writes for a moment: the rest is copied, everything counted, and the old
database refuses every write from there on. Interrupted before that, nothing has moved, and it can be begun again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from engine.errors import Damaged, InvalidInput, Unavailable
from engine.settings import Settings
from engine.storage import copying, handover, migrations
from engine.storage.faults import reason_of
from engine.storage.sql import Database, sqlite_url, with_driver
from engine.storage.tables import tables
from engine.storage.watermark import Watermark

Progress = Callable[[float, str], None]  # the fraction that is done, and of what


class Moved(NamedTuple):
    """The numbers of rows by table, equal in both databases, and for how long nobody could write (None: unknown, an
    earlier run had done it)."""

    rows: dict[str, int]
    paused_s: float | None


def database_url(place: str, data_dir: Path) -> str:
    """The URL of the database that a place means: a URL itself, or the data directory, which means the file in it.
    Raises `InvalidInput`."""
    if "://" in place:
        if make_url(place).get_backend_name() not in ("postgresql", "postgres", "sqlite"):
            raise InvalidInput(
                f"{place.partition('://')[0]}:// is no database that recgate works with; use postgresql://"
            )
        return with_driver(place)
    if Path(place).resolve() != data_dir:
        raise InvalidInput(
            f"{place} is another folder than --data {data_dir}: recgate backup and restore copy a directory to another"
        )
    return sqlite_url(data_dir)


def move_data(settings: Settings, url: str, progress: Progress, clock: Callable[[], float] = time.time) -> Moved:
    """Moves records, log and jobs into the database of that URL.

    Raises `InvalidInput` where the target is in use, `Unavailable` where a database can't be reached.
    """
    if make_url(with_driver(settings.database_url)) == make_url(url):
        raise InvalidInput(
            "the data is there already: RECGATE_DATABASE_URL (or its absence) names the place to move from"
        )
    file = _file(settings.database_url)
    if file is not None and not file.is_file():
        raise InvalidInput(f"there is nothing to move: {file} does not exist; choose another directory by --data")
    if _has_moved(settings.database_url, url):
        progress(1.0, "the end of a move that was interrupted")
        return Moved(_finished(url), None)
    with closing(Database(settings.database_url)) as source:
        emptied(url)
        with incoming_database(url, source.name) as target:
            for table in copying.GROWING:
                _follow(source, target, table, progress)
            return _switched(source, target, progress, clock())


def _follow(source: Database, target: Database, table: sa.Table, progress: Progress) -> None:
    last = source.value(sa.select(sa.func.max(table.c.seq))) or 0
    progress(0.0, table.name)
    copying.follow(source.rows, target, table, lambda seq: progress(min(seq / last, 1.0), table.name))
    progress(1.0, table.name)


def _switched(source: Database, target: Database, progress: Progress, now: float) -> Moved:
    with source.write() as within:
        began = time.monotonic()

        def read(query: sa.Select[Any]) -> copying.Rows:
            return within.execute(query).all()

        handover.lock_out(within, [table.name for table in copying.COPIED])
        for place, table in enumerate(copying.COPIED):
            progress(place / len(copying.COPIED), f"the rest: {table.name}")
            if table in copying.GROWING:
                copying.follow(read, target, table)
                copying.reconcile(read, target, table)
            else:
                copying.replace(within, target, table)
        copying.copy_numbers(source, within, target)
        rows = copying.counts(read)
        if rows != copying.counts(target.rows):
            raise Damaged(f"{target.name} does not have as many rows as {source.name}; try again")
        handover.note_moved(within, [table.name for table in copying.COPIED], target.name, now)
    paused_s = time.monotonic() - began
    with target.write() as within:
        handover.end_incoming(within)
    progress(1.0, "the rest")
    return Moved(rows, paused_s)


@contextmanager
def incoming_database(url: str, source: str) -> Iterator[Database]:
    with closing(Database(url)) as target:
        with target.write() as within:
            handover.begin_incoming(within, source)
        yield target


def emptied(url: str) -> None:
    """Takes away what an interrupted or an earlier move has left in the target. Raises `InvalidInput` where it is in
    use."""
    with _raw(url) as engine:
        existing = set(sa.inspect(engine).get_table_names())
        if not existing & {*handover.states.tables}:
            if "log" in existing:
                _check_unused(engine, existing)
            return
        with engine.begin() as connection:
            for each in (tables, handover.states, migrations.version_table.metadata):
                each.drop_all(connection)
    file = _file(url)
    if file is not None:
        with closing(Watermark.of(file)) as mark:  # it is another database from now on
            mark.clear()


def _check_unused(engine: sa.Engine, existing: set[str]) -> None:
    with engine.connect() as connection:
        for table in copying.COPIED:
            if (
                table.name in existing
                and connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
            ):
                name = engine.url.render_as_string(hide_password=True)
                raise InvalidInput(f"{name} is in use: its table {table.name} has rows; choose an empty database")


def _has_moved(source: str, url: str) -> bool:
    """True where the source has moved to that place and the target was not told."""
    with _raw(source) as engine, _raw(url) as target:
        if not sa.inspect(engine).has_table("moved") or not sa.inspect(target).has_table("incoming"):
            return False
        with engine.connect() as connection:
            return bool(connection.execute(sa.select(handover.moved.c.place)).scalar_one() == without_password(url))


def _finished(url: str) -> dict[str, int]:
    with _raw(url) as engine, engine.begin() as connection:
        handover.end_incoming(connection)
    with closing(Database(url)) as target:
        return copying.counts(target.rows)


def accept_moved(settings: Settings) -> bool:
    """Makes a database that has moved take writes again, where it was; False where it has not."""
    file = _file(settings.database_url)
    if file is not None and not file.is_file():
        return False
    with _raw(settings.database_url) as engine:
        if not sa.inspect(engine).has_table("moved"):
            return False
        with engine.begin() as connection:
            handover.undo_moved(connection, tables.tables)
        return True


@contextmanager
def _raw(url: str) -> Iterator[sa.Engine]:
    """A database in whatever state it is. Raises `Unavailable` where it can't be reached."""
    engine = sa.create_engine(with_driver(url))
    try:
        yield engine
    except sa.exc.DBAPIError as error:
        raise Unavailable(f"{without_password(url)} can't be used: {reason_of(error)}") from error
    finally:
        engine.dispose()


def without_password(url: str) -> str:
    """The database of a URL, as it can be shown."""
    file = _file(url)
    return make_url(with_driver(url)).render_as_string(hide_password=True) if file is None else str(file)


def _file(url: str) -> Path | None:
    parsed = make_url(with_driver(url))
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
