"""Compacted records leave the log after a while, and with them nothing that anybody answers or counts by."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine import InvalidInput, Settings
from engine.attribution import ledger
from engine.jobs import trimming
from engine.jobs.attribution import AttributionWorker
from engine.jobs.trimming import DAY_S, Trimmer
from tests.engine.shop import Shop

Open = Callable[..., Shop]
CLICKS = ("u1 a 1", "u1 b 2", "u2 a 3", "u3 a 4", "u3 b 5", "u3 c 6")
SHORT = 7.0


@pytest.fixture
def shop(open_shop: Open) -> Shop:
    """Two kinds of records in a snapshot, and events after it."""
    shop = open_shop(log_days=SHORT).furnish()
    shop.load_clicks(*CLICKS)
    shop.deploy(shop.train())
    for number in range(30):
        shop.click("u9", f"old{number}", 100 + number)
    shop.put("a", GENRES="drama")
    shop.fold()
    for number in range(10):
        shop.click("u9", f"new{number}", 200 + number)
    return shop


def events(shop: Shop) -> int:
    return len([record for record in shop.engine.log.read(0, group=shop.uid) if record.kind == "event"])


def test_only_what_is_old_and_compacted_leaves(shop: Shop, open_shop: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimming, "PORTION", 7)
    before, last = shop.history("u9"), shop.engine.log.last()
    trimmer = Trimmer(shop.engine)
    assert trimmer.trim() == 0
    shop.clock.now += SHORT * DAY_S + 60
    assert trimmer.trim() >= 31
    assert (events(shop), trimmer.trim()) == (10, 0)
    again = open_shop()
    again.tracking = shop.tracking
    assert again.history("u9") == shop.history("u9") == before
    assert again.row("a") == shop.row("a")
    assert again.ask("u9") == shop.ask("u9")
    assert again.engine.log.last() == last
    assert shop.click("u9", "x", 300) > last


def test_the_newest_events_and_the_last_record_stay(shop: Shop) -> None:
    """Automatic training asks when something came last; numbers go on from the last one."""
    shop.fold()
    shop.clock.now += SHORT * DAY_S + 60
    last, newest = shop.engine.log.last(), shop.engine.log.newest(shop.uid, "event")
    Trimmer(shop.engine).trim()
    assert events(shop) == 1
    assert (shop.engine.log.last(), shop.engine.log.newest(shop.uid, "event")) == (last, newest)


def test_sessions_are_forgotten_with_their_events(shop: Shop, open_shop: Open) -> None:
    """What they did stays their users', and who comes back is known again."""
    shop.click(None, "anonymous", 300, session="phone")
    shop.click("u7", "known", 301, session="phone")
    shop.click("u8", "daily", 302, session="tablet")
    shop.fold()
    shop.clock.now += SHORT * DAY_S + 60
    shop.click("u8", "again", 303, session="tablet")
    Trimmer(shop.engine).trim()
    shop.fold()
    for each in (shop, open_shop()):
        group = each.engine.follower.group(shop.uid)
        assert (group.links.get("phone"), group.links.get("tablet")) == (None, "u8")
        assert each.history("u7") == ["anonymous", "known"]
    shop.click("u7", "back", 304, session="phone")
    shop.click(None, "then", 305, session="phone")
    assert shop.history("u7") == ["anonymous", "known", "back", "then"]


def test_what_is_not_counted_yet_stays(shop: Shop) -> None:
    metrics = [{"eventType": "click", "metricName": "clicks", "expression": "SAMPLECOUNT()"}]
    output = {"roleArn": "arn:aws:iam::000000000000:role/r"}
    arn = shop.do(
        "CreateMetricAttribution",
        name="m",
        datasetGroupArn=shop.group,
        metrics=metrics,
        metricsOutputConfig=output,
    )["metricAttributionArn"]
    for number in range(5):
        shop.click("u8", f"late{number}", 400 + number)
    shop.fold()
    shop.clock.now += SHORT * DAY_S + 60
    trimmer = Trimmer(shop.engine)
    trimmer.trim()
    assert events(shop) == 5
    AttributionWorker(shop.engine).work()
    trimmer.trim()
    assert events(shop) == 1
    with shop.engine.database.read() as connection:
        assert sum(each.events for each in ledger.totals(connection, arn).values()) == 5


def test_jobs_leave_some_days_after_they_have_ended(shop: Shop) -> None:
    assert len(shop.engine.jobs.newest()) >= 3
    shop.clock.now += SHORT * DAY_S + 60
    shop.engine.jobs.enqueue("folding", shop.group)
    Trimmer(shop.engine).trim()
    assert [job.state for job in shop.engine.jobs.newest()] == ["queued"]


@pytest.mark.parametrize("days", ["0", "-1", "soon", "inf"])
def test_days_that_are_none_are_refused(days: str, open_shop: Open) -> None:
    with pytest.raises(InvalidInput, match=r"RECGATE_LOG_DAYS is .* 1 or more"):
        Settings.of(open_shop().folder, {"RECGATE_LOG_DAYS": days})
