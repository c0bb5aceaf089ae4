"""What is known of an experiment outlives its configuration for so long, and then leaves bit by bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from engine import ArmAnswer, Exposure, UnitOutcome
from engine.experiments.store import ExperimentStore
from engine.storage.sql import Database, sqlite_url
from engine.storage.tables import answered, converted, exposed, marked, served, showings
from gateway.experiments.arms import ArmCounters
from gateway.experiments.ledger import Ledger
from tests.gateway.experiments.test_ledger import experiment, wait_until
from tests.gateway.serve.world import Clock

DAY = 86_400.0
KEEP = 30 * DAY


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(sqlite_url(tmp_path))


def rows(database: Database, table: sa.Table) -> int:
    with database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def fill(store: ExperimentStore, name: str, at: float, scope: str = "shop", units: int = 20) -> None:
    told = [Exposure(name, f"u{number}", "left", at, 0.5, "w") for number in range(units)]
    deeds = [UnitOutcome(each, f"u{number}", "click ", 1.0, at) for number in range(units) for each in (name, scope)]
    store.write(told, {(name, "left"): units}, deeds, [ArmAnswer(name, f"RID-{name}", "left", "u0", at)])


def test_experiments_that_nobody_has_configured_leave(database: Database) -> None:
    store, now = ExperimentStore(database), 1_700_000_000.0
    fill(store, "old", now)
    store.retention.mark({"old": "shop"}, now)
    fill(store, "new", now + 20 * DAY)
    for day in (20, 29, 45):
        store.retention.mark({"new": "shop"}, now + day * DAY)
        while store.retention.prune(now + day * DAY, KEEP, most=7):
            pass
        assert [len(store.exposures(name)) for name in ("old", "new")] == [0 if day == 45 else 20, 20]
    assert store.answer_counts("old") == {} and store.answer_counts("new") == {"left": 20}
    assert len(store.outcomes("old")) == 0 and len(store.outcomes("new")) == 20
    assert len(store.outcomes("shop")) == 40  # within the time before new's first exposure: a covariate
    assert rows(database, marked) == 1


def test_a_step_deletes_so_many_rows(database: Database) -> None:
    store, now = ExperimentStore(database), 1_700_000_000.0
    fill(store, "old", now)
    store.retention.mark({"old": "shop"}, now)
    left = []
    while store.retention.prune(now + 31 * DAY, KEEP, most=6):
        left.append(rows(database, exposed))
    assert left == [14, 8, 2] and rows(database, converted) == 0


def test_what_was_there_before_anybody_marked_is_not_lost_at_once(database: Database) -> None:
    store, now = ExperimentStore(database), 1_700_000_000.0
    fill(store, "of another version", now - 300 * DAY)
    store.retention.mark({}, now)
    store.retention.prune(now, KEEP)
    assert rows(database, exposed) == 20
    store.retention.prune(now + 31 * DAY, KEEP)
    assert (rows(database, exposed), rows(database, showings), rows(database, marked)) == (0, 0, 0)


def test_deeds_from_long_before_an_experiment_leave(database: Database) -> None:
    store, now = ExperimentStore(database), 1_700_000_000.0
    store.retention.mark({"new": "shop", "other": "bar"}, now)
    deeds = [UnitOutcome(scope, "u", "click ", 1.0, now - day * DAY) for scope in ("shop", "bar") for day in (1, 40)]
    store.write([Exposure("new", "u", "left", now - 20 * DAY, 0.5, "w")], {}, deeds)
    store.retention.prune(now, KEEP)
    assert [len(store.outcomes(scope)) for scope in ("shop", "bar")] == [2, 1]


def test_answers_that_no_event_named_leave_after_a_week(database: Database) -> None:
    store, now = ExperimentStore(database), 1_700_000_000.0
    told = [ArmAnswer("e", name, "left", "u", now) for name in ("RID-1", "RID-2")]
    store.write([], {}, [UnitOutcome("shop", "u", "click ", 1.0, now, "RID-2")], told)
    store.retention.mark({"e": "shop"}, now)
    store.retention.prune(now + 6 * DAY, KEEP)
    assert rows(database, answered) == 2
    store.retention.prune(now + 8 * DAY, KEEP)
    assert rows(database, answered) == 1


def test_the_ledger_s_thread_does_it(database: Database) -> None:
    """While an experiment is configured, and when it is not any more."""
    store, clock, test = ExperimentStore(database), Clock(), experiment()
    fill(store, test.id, clock.now, test.scope)
    arms = ArmCounters(store.readings)
    arms.served(test.id, "left", "hit", 0.1)
    arms.save(now=True)
    ledger = Ledger(store, clock, keep_s=KEEP, tidy_s=DAY)
    ledger.prepare([test])
    ledger.start()
    try:
        wait_until(lambda: rows(database, marked) == 1)
        clock.tick(100 * DAY)
        with database.read() as connection:
            wait_until(lambda: connection.execute(sa.select(marked.c.at)).scalar_one() == clock.now)
        assert rows(database, exposed) == 20
        ledger.prepare([])
        clock.tick(31 * DAY)
        wait_until(lambda: rows(database, marked) == 0)
    finally:
        ledger.close()
    assert [rows(database, table) for table in (exposed, converted, answered, showings, served)] == [0] * 5
