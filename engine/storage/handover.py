"""The states of a database that moves: one that is copied into serves nobody yet, one that has moved nobody any more.

A table of the state's name says so; it is found by the look at all names of tables that opening takes anyway.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Column, Connection, Float, MetaData, String, Table, insert, select, text

from engine.errors import Unavailable

states = MetaData()
incoming = Table("incoming", states, Column("source", String, primary_key=True))
moved = Table("moved", states, Column("place", String, primary_key=True), Column("at", Float, nullable=False))

REFUSAL = "it has moved (recgate migrate), and this process still names the place where it was"


def refuse_moving(connection: Connection, existing: Collection[str], database: str) -> None:
    """Raises `Unavailable` where the database, of these tables, is not to be used."""
    if moved.name in existing:
        place = connection.execute(select(moved.c.place)).scalar_one()
        raise Unavailable(
            f"the data of {database} has moved to {place} (recgate migrate): start with that. To go on here without "
            "what has happened there since: recgate check --accept"
        )
    if incoming.name in existing:
        source = connection.execute(select(incoming.c.source)).scalar_one()
        raise Unavailable(
            f"{database} holds a part of {source}: recgate migrate still copies it, or was interrupted. Run it to its "
            "end, again if need be"
        )


def begin_incoming(within: Connection, source: str) -> None:
    incoming.create(within, checkfirst=True)
    within.execute(insert(incoming).values(source=source))


def end_incoming(within: Connection) -> None:
    incoming.drop(within, checkfirst=True)


def note_moved(within: Connection, names: Collection[str], place: str, now: float) -> None:
    """From the end of this transaction on, every write to the tables of these names is refused, by processes that have
    the database open, too."""
    moved.create(within)
    within.execute(insert(moved).values(place=place, at=now))
    if within.dialect.name == "sqlite":  # each transaction but this one counts on from here
        number = within.exec_driver_sql("SELECT number FROM commits").scalar_one()
        within.exec_driver_sql(
            f"CREATE TRIGGER has_moved BEFORE UPDATE ON commits WHEN NEW.number > {number + 1} "
            f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        )
        return
    within.exec_driver_sql(
        "CREATE OR REPLACE FUNCTION recgate_has_moved() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    for table in names:
        within.exec_driver_sql(
            f'CREATE TRIGGER has_moved BEFORE INSERT OR UPDATE OR DELETE ON "{table}" '
            "FOR EACH STATEMENT EXECUTE FUNCTION recgate_has_moved()"
        )


def undo_moved(within: Connection, names: Collection[str]) -> None:
    """Take writes again."""
    if within.dialect.name == "sqlite":
        within.exec_driver_sql("DROP TRIGGER IF EXISTS has_moved")
    else:
        for table in names:
            within.exec_driver_sql(f'DROP TRIGGER IF EXISTS has_moved ON "{table}"')
    moved.drop(within, checkfirst=True)


def lock_out(within: Connection, names: Collection[str]) -> None:
    """Waits till nobody else writes to these tables, and lets nobody until the transaction ends. In SQLite that is so
    anyway."""
    if within.dialect.name != "sqlite":
        within.execute(text("LOCK TABLE " + ", ".join(f'"{name}"' for name in names) + " IN EXCLUSIVE MODE"))
