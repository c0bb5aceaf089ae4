"""Versions of the database's tables, and the steps (alembic's revisions) from each to the next.

A version is GENERATION.STEP: a release that changes tables begins a generation. Code works with a database of its own
generation and of the next, so that two releases run side by side while one replaces the other. A current database costs
a look at one row; alembic is loaded only where there is something to do.
"""

from __future__ import annotations

import logging
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, select

from engine.errors import Unavailable

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
FILE = re.compile(r"v(\d+)_(\d+)_\w+\.py")
TURN = 7230  # of processes that find old tables

version_table = Table("recgate_version", MetaData(), Column("version_num", String(32), primary_key=True))


class Version(NamedTuple):
    generation: int
    step: int

    def __str__(self) -> str:
        return f"{self.generation}.{self.step}"


@cache
def newest() -> Version:
    """The version that this code makes: that of the last file in `versions`."""
    files = map(FILE.fullmatch, (path.name for path in (FOLDER / "versions").iterdir()))
    return max(Version(int(file[1]), int(file[2])) for file in files if file)


def is_current(version: str | None, database: str) -> bool:
    """False where tables of that version must be migrated; None is a database of before there were versions. Raises
    `Unavailable` where this code can't work with it."""
    if version is None:
        return False
    generation, _, step = version.partition(".")
    if not (generation.isdecimal() and step.isdecimal()):
        raise Unavailable(f"{database} has tables of the version {version!r}, which is none of recgate's")
    there, here = Version(int(generation), int(step)), newest()
    if there.generation > here.generation + 1:
        raise Unavailable(
            f"{database} was used by a newer recgate: its tables have version {there}, and this one works with "
            f"{here.generation + 1} at most. Start that release again, or restore a backup of before the upgrade"
        )
    return there >= here


def version_of(connection: Connection) -> str | None:
    """The version of a database that has a table of it."""
    return connection.execute(select(version_table.c.version_num)).scalar_one_or_none()


def stamp(connection: Connection) -> None:
    """Note the newest version in an empty table of it."""
    connection.execute(insert(version_table).values(version_num=str(newest())))


def migrate(connection: Connection, version: str | None, database: str) -> None:
    """Take the steps that are missing, within the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    log.warning("the tables of %s are now of version %s (before: %s)", database, newest(), version or "none")
