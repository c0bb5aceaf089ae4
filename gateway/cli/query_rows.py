"""Rows of a database's query as a file to import: SQL by URL, for every database that SQLAlchemy knows."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import click

from engine import TIME_TEXTS, cell_of

PAGE = 10_000  # rows that the database sends at once


@contextmanager
def queried(urls: Sequence[str], query: str, timestamps: str | None, data: Path) -> Iterator[str]:
    """The location of a CSV with the query's rows, in the data directory for as long.

    Raises `ClickException` where the database can't be reached, refuses the query, or gives values of another kind. Its
    text never has the URL's password.
    """
    if len(urls) != 1:
        raise click.ClickException("--query asks one database: give its URL in place of files, as sqlite:///shop.db")
    data.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="import-", dir=data.resolve()))
    try:
        file = folder / "query.csv"
        _write(urls[0], query, timestamps or "seconds", file)
        yield f"file://{quote(str(file))}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(url: str, query: str, timestamps: str, file: Path) -> None:
    import sqlalchemy
    from sqlalchemy.exc import SQLAlchemyError

    try:
        engine = sqlalchemy.create_engine(url)
    except (SQLAlchemyError, ImportError) as error:
        raise click.ClickException(f"no database can be asked by this URL: {error}") from error
    try:
        with (
            engine.connect().execution_options(stream_results=True, yield_per=PAGE) as connection,
            file.open("w", newline="", encoding="utf-8") as out,
        ):
            rows = connection.execute(sqlalchemy.text(query))
            writer = csv.writer(out)
            writer.writerow(rows.keys())
            for page in rows.partitions():
                writer.writerows([[_cell(value, timestamps) for value in row] for row in page])
    except SQLAlchemyError as error:
        raise click.ClickException(
            f"{engine.url!r} refuses the query: {getattr(error, 'orig', None) or error}"
        ) from error
    finally:
        engine.dispose()


def _cell(value: object, timestamps: str) -> str:
    """A value as a cell. Raises `ClickException` for one of a kind that no cell has."""
    if isinstance(value, date):  # and datetime, which is one
        moment = value if isinstance(value, datetime) else datetime.combine(value, time())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return TIME_TEXTS[timestamps](round(moment.timestamp() * 1e6))
    if isinstance(value, Decimal | UUID):
        return str(value)
    try:
        return cell_of(value)
    except ValueError as error:
        kind = type(value).__name__
        raise click.ClickException(
            f"the query gives {kind} values: {error}; cast them to text, or leave them out"
        ) from error
