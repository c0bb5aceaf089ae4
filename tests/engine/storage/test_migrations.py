"""Databases of older releases get this release's tables and serve; those of much newer ones are refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from engine import Unavailable
from engine.storage import migrations
from engine.storage.sql import Database, sqlite_url, with_driver
from engine.storage.tables import tables
from tests.engine.shop import Shop
from tests.services import postgres_server

SCHEMAS = Path(__file__).parent / "schemas"  # what builds of before there were versions made in SQLite
OLD = sorted(path.stem for path in SCHEMAS.glob("*.sql"))
CLICKS = ("u1 a 1", "u1 b 2", "u2 a 3", "u3 a 4", "u3 b 5", "u3 c 6")
COMPARED = {"compare_type": True, "version_table": "recgate_version"}
NEW = "A change of tables needs a file in engine/storage/migrations/versions: see CONTRIBUTING.md"


def as_made_by(schema: str, file: Path) -> None:
    """Makes a database file anew with the tables and columns of an older build, and all that these hold of it."""
    old = file.with_name("old.db")
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript((SCHEMAS / f"{schema}.sql").read_text())
        connection.execute("ATTACH ? AS current", (str(file),))
        for (table,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            if not table.startswith("sqlite_"):
                columns = ", ".join(f'"{row[1]}"' for row in connection.execute(f"PRAGMA main.table_info({table})"))
                connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM current.{table}")
        connection.commit()
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()
    old.rename(file)


def differences(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection, opts=COMPARED), tables)


def version(engine: sa.Engine) -> str:
    with engine.connect() as connection:
        return str(migrations.version_of(connection))


def upgraded(engine: sa.Engine, target: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, target)


@pytest.mark.parametrize("schema", OLD)
def test_a_file_of_an_older_build_is_migrated_and_serves(schema: str, open_shop: Callable[..., Shop]) -> None:
    shop = open_shop().furnish()
    shop.load_clicks(*CLICKS)
    shop.deploy(shop.train())
    shop.click("u9", "a")
    shop.engine.feed.catch_up()
    before = {user: (shop.ask(user, num_results=3), shop.history(user)) for user in ("u1", "u2", "u9")}
    shop.close()
    file = shop.folder / "data" / "recgate.db"
    as_made_by(schema, file)

    again = open_shop()
    again.tracking = shop.tracking
    assert {user: (again.ask(user, num_results=3), again.history(user)) for user in before} == before
    again.click("u9", "b")
    again.engine.feed.catch_up()
    assert again.history("u9") == ["a", "b"]
    with closing(sa.create_engine(f"sqlite:///{file}").connect()) as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=COMPARED), tables) == [], NEW
        assert migrations.version_of(connection) == str(migrations.newest())


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_server() as server:
        yield with_driver(server.url)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    server: str = request.getfixturevalue("postgres")
    name = f"of_{tmp_path.name}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    engine.dispose()
    return server.rpartition("/")[0] + f"/{name}"


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(url)
    yield engine
    engine.dispose()


def test_the_steps_lead_to_the_tables_of_the_code(url: str, engine: sa.Engine) -> None:
    """Those of 0.1.0 first; several processes that start at once take them once."""
    upgraded(engine, "1.1")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE recgate_version")  # which 0.1.0 did not make
        connection.exec_driver_sql("INSERT INTO snapshots VALUES ('g', 'groups/g/1', 7)")
    with ThreadPoolExecutor(6) as pool:
        for database in pool.map(Database, [url] * 6):
            database.close()
    assert differences(engine) == [], NEW
    assert version(engine) == str(migrations.newest())
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT seq FROM snapshots").scalar_one() == 7


def test_a_new_database_has_the_tables_of_the_newest_version_at_once(url: str, engine: sa.Engine) -> None:
    Database(url).close()
    assert version(engine) == str(migrations.newest())
    assert differences(engine) == []


def test_a_database_of_the_next_release_is_served_and_of_one_after_it_refused(url: str, engine: sa.Engine) -> None:
    Database(url).close()
    generation = migrations.newest().generation
    for later, is_refused in ((generation + 1, False), (generation + 2, True)):
        with engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE recgate_version SET version_num = '{later}.1'")
        if is_refused:
            with pytest.raises(Unavailable, match=r"newer recgate.*Start that release again, or restore a backup"):
                Database(url)
        else:
            Database(url).close()
        assert version(engine) == f"{later}.1"


def test_a_version_of_something_else_is_refused(url: str, engine: sa.Engine) -> None:
    Database(url).close()
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE recgate_version SET version_num = '27c6a30d7c24'")
    with pytest.raises(Unavailable, match="none of recgate's"):
        Database(url)


def test_a_failing_step_leaves_everything_as_it_was(
    url: str, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgraded(engine, "1.1")
    before = set(sa.inspect(engine).get_table_names())

    def fail(connection: sa.Connection, *_: object) -> None:
        upgrade(connection, None, "")
        raise sa.exc.OperationalError("ALTER", {}, Exception("the disk is full"))

    upgrade = migrations.migrate
    monkeypatch.setattr(migrations, "migrate", fail)
    with pytest.raises(Unavailable, match="the disk is full"):
        Database(url)
    assert set(sa.inspect(engine).get_table_names()) == before
    assert version(engine) == "1.1"


def test_a_release_lives_with_the_tables_of_the_next(tmp_path: Path) -> None:
    """A generation takes nothing away that the one before reads or writes, and asks nothing more of its rows."""
    script = ScriptDirectory(str(migrations.FOLDER))
    assert script.get_heads() == [str(migrations.newest())]
    last: dict[int, str] = {}  # generation -> its last step
    for revision in reversed(list(script.walk_revisions())):
        last[int(revision.revision.partition(".")[0])] = revision.revision
    engine = sa.create_engine(sqlite_url(tmp_path))
    before: dict[tuple[str, str], Any] = {}
    for generation in sorted(last):
        upgraded(engine, last[generation])
        found = sa.inspect(engine)
        columns = {
            (table, each["name"]): each for table in found.get_table_names() for each in found.get_columns(table)
        }
        for name, column in before.items():
            assert name in columns and str(columns[name]["type"]) == str(column["type"]), name
        known = {table for table, _ in before}
        for (table, name), column in columns.items():
            if table in known and (table, name) not in before:
                assert column["nullable"] or column["default"] is not None, f"{table}.{name}"
        before = columns
    engine.dispose()


START = """
import sys
from pathlib import Path
from engine import Engine, Settings
Engine.open(Settings.of(Path(sys.argv[1]), {})).close()
print(sorted({name.partition(".")[0] for name in sys.modules} & {"alembic", "mako"}))
"""


def test_a_start_with_a_current_database_does_not_load_alembic(tmp_path: Path) -> None:
    Database(sqlite_url(tmp_path)).close()
    started = subprocess.run([sys.executable, "-c", START, str(tmp_path)], capture_output=True, text=True, check=True)
    assert started.stdout.strip() == "[]"
