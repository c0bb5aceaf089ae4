"""Retention: experiments that nobody runs any more leave the database, after a while and bit by bit.

Every process marks the experiments of its configuration; one that none has marked for the time of retention is
gone. So it does not matter which process deletes, nor that a server was down meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from engine.storage.sql import Database
from engine.storage.tables import answered, converted, exposed, marked, showings, tables

MOST = 5_000  # rows that one step deletes of a table: other writers wait for it
ANSWERS_KEPT_S = 7 * 86_400.0  # in which an event may name an answer for the first time


class Retention:
    def __init__(self, database: Database) -> None:
        self._database = database

    def mark(self, experiments: Mapping[str, str], now: float) -> None:
        """Marks experiments as configured; each has the scope of its units' outcomes. One that is in the database and
        was never marked counts as configured till now."""
        rows = [{"experiment": name, "scope": scope, "at": now} for name, scope in sorted(experiments.items())]
        unknown = sa.select(showings.c.experiment).where(showings.c.experiment.not_in(sa.select(marked.c.experiment)))
        with self._database.write() as connection:
            unmarked = connection.execute(unknown.distinct()).scalars().all()
            rows += [{"experiment": name, "scope": "", "at": now} for name in unmarked if name not in experiments]
            if rows:
                added = self._database.insert(marked)
                values = {"scope": added.excluded.scope, "at": added.excluded.at}
                connection.execute(added.on_conflict_do_update(index_elements=["experiment"], set_=values), rows)

    def prune(self, now: float, keep_s: float, most: int = MOST) -> bool:
        """Deletes what is of no use, `most` rows of each table; returns True where there may be more.

        Of no use are experiments that were last marked `keep_s` ago; outcomes that no experiment counts, or that came
        so long before the first exposure of those that do; and answers of a week ago that no event has named.
        """
        marks = self._database.rows(sa.select(marked))
        gone = [each.experiment for each in marks if each.at < now - keep_s]
        named = sa.select(converted.c.recommendation_id).where(converted.c.recommendation_id.is_not(None))
        forgotten = sa.and_(answered.c.at < now - ANSWERS_KEPT_S, answered.c.recommendation_id.not_in(named))
        more = self._delete(answered, forgotten, most)
        for experiment in gone:
            more |= self._delete(converted, converted.c.scope == experiment, most)
            for table in tables.sorted_tables:
                if "experiment" in table.c and table is not marked:
                    more |= self._delete(table, table.c.experiment == experiment, most)
        for scope in {each.scope for each in marks} - {""}:
            running = [each.experiment for each in marks if each.scope == scope and each.experiment not in gone]
            old = converted.c.scope == scope
            if running:
                old = sa.and_(old, converted.c.at < self._began(running, now) - keep_s)
            more |= self._delete(converted, old, most)
        if not more and gone:
            self._delete(marked, marked.c.experiment.in_(gone), len(gone))
        return more

    def _began(self, experiments: list[str], now: float) -> float:
        first = sa.select(sa.func.min(exposed.c.at)).where(exposed.c.experiment.in_(experiments))
        began = self._database.value(first)
        return now if began is None else began

    def _delete(self, table: sa.Table, which: sa.ColumnElement[bool], most: int) -> bool:
        key = list(table.primary_key.columns)
        some = sa.select(*key).where(which).limit(most)
        with self._database.write() as connection:
            result = connection.execute(table.delete().where(sa.tuple_(*key).in_(some)))
        return result.rowcount >= most
