"""Automatic training on a clock that the test moves: when it runs, when it is skipped, and that it runs once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from engine.control.schedule import DAY, changed, days_of, following
from engine.jobs.schedule import Scheduler
from engine.records import RecommenderRecord, SolutionRecord, SolutionVersionRecord
from tests.engine.shop import HOME, POPULAR, T0, Shop
from tests.engine.test_recommenders import furnish, recommend

SOLUTION = f"{HOME}solution/auto"
HOUR = 3600.0

# ---- moments

FOLLOWING = [  # the moment, every so many days, now, the next one: all in days
    (0.0, 7, 0.0, 7.0),
    (0.0, 7, -1.0, 0.0),
    (0.0, 7, 6.9, 7.0),
    (0.0, 7, 7.0, 14.0),
    (0.0, 7, 30.0, 35.0),
    (3.5, 1, 10.0, 10.5),
    (0.0, 30, 31.0, 60.0),
]


@pytest.mark.parametrize(("moment", "days", "now", "expected"), FOLLOWING)
def test_later_ones_keep_the_start(moment: float, days: int, now: float, expected: float):
    assert following(moment * DAY, days, now * DAY) == pytest.approx(expected * DAY)


CHANGED = [  # the next training was due at, before, after, now, is due at: all in days
    (7.0, 7, 7, 2.0, 7.0),
    (7.0, 7, 1, 2.5, 3.0),
    (7.0, 7, 3, 2.5, 3.0),
    (7.0, 7, 30, 2.5, 30.0),
    (30.0, 30, 7, 16.0, 21.0),
]


@pytest.mark.parametrize(("moment", "before", "after", "now", "expected"), CHANGED)
def test_another_rate_counts_from_the_last_one(moment: float, before: int, after: int, now: float, expected: float):
    assert changed(moment * DAY, before, after, now * DAY) == pytest.approx(expected * DAY)


@pytest.mark.parametrize(("text", "days"), [(None, 7), ("rate(1 day)", 1), ("rate(30 days)", 30)])
def test_rates(text: str | None, days: int):
    assert days_of({"autoTrainingConfig": {"schedulingExpression": text}} if text else {}) == days


# ---- solutions


def create(shop: Shop, rate: str | None = None, **more: Any) -> None:
    config = {"solutionConfig": {"autoTrainingConfig": {"schedulingExpression": rate}}} if rate else {}
    shop.do("CreateSolution", name="auto", recipeArn=POPULAR, datasetGroupArn=shop.group, **config, **more)


def look(shop: Shop, days: float = 0.0, seconds: float = 0.0) -> list[str]:
    """Types of the versions that there are, after so much time, a look at the schedules and what it starts."""
    shop.clock.now += days * DAY + seconds
    Scheduler(shop.engine).look()
    shop.work()
    return [version.training_type for version in shop.engine.records.list(SolutionVersionRecord)]


def test_the_first_is_trained_after_an_hour_as_at_aws(shop: Shop):
    shop.load_clicks("u a 1", "v b 2")
    create(shop)
    assert look(shop, seconds=HOUR - 10) == []
    assert look(shop, seconds=10) == ["AUTOMATIC"]
    latest = shop.do("DescribeSolution", solutionArn=SOLUTION)["solution"]["latestSolutionVersion"]
    assert (latest["status"], latest["trainingMode"], latest["trainingType"]) == ("ACTIVE", "FULL", "AUTOMATIC")
    assert look(shop, seconds=60) == ["AUTOMATIC"]


def test_the_hour_is_a_setting(open_shop: Callable[..., Shop]):
    shop = open_shop(first_training_s=10.0).furnish()
    shop.load_clicks("u a 1", "v b 2")
    create(shop)
    assert look(shop, seconds=9) == []
    assert look(shop, seconds=1) == ["AUTOMATIC"]


def test_another_rate_leaves_the_first_training(shop: Shop):
    create(shop)
    due = shop.engine.records.get(SOLUTION, SolutionRecord).next_training_at
    shop.clock.now += HOUR / 2
    config = {"autoTrainingConfig": {"schedulingExpression": "rate(30 days)"}}
    shop.do("UpdateSolution", solutionArn=SOLUTION, solutionUpdateConfig=config)
    assert shop.engine.records.get(SOLUTION, SolutionRecord).next_training_at == due


def test_who_trains_late_within_the_hour_is_left_to_it(shop: Shop):
    shop.load_clicks("u a 1", "v b 2")
    create(shop)
    assert look(shop, seconds=HOUR - 60) == []
    shop.do("CreateSolutionVersion", solutionArn=SOLUTION)
    shop.clock.now += 120
    Scheduler(shop.engine).look()  # while that waits
    shop.work()
    shop.click("u", "b", 100)
    assert look(shop, seconds=HOUR) == ["MANUAL"]


def test_who_trains_themselves_is_left_to_it(shop: Shop):
    shop.load_clicks("u a 1", "v b 2")
    create(shop)
    shop.train("auto")
    assert look(shop, seconds=HOUR) == ["MANUAL"]
    assert look(shop, days=1) == ["MANUAL"]
    shop.click("u", "b", 100)
    assert look(shop, days=6) == ["MANUAL", "AUTOMATIC"]


def test_nor_does_it_repeat_what_failed_for_them(shop: Shop):
    create(shop)
    shop.train("auto")
    assert [version.status for version in shop.engine.records.list(SolutionVersionRecord)] == ["CREATE FAILED"]
    assert look(shop, seconds=HOUR) == ["MANUAL"]
    assert look(shop, days=7) == ["MANUAL", "AUTOMATIC"]


def test_every_week_if_there_is_news(shop: Shop):
    shop.load_clicks("u a 1", "v b 2")
    create(shop)
    assert len(look(shop, seconds=HOUR)) == 1
    assert len(look(shop, days=7)) == 1  # no news
    shop.click("u", "b", 100)
    assert len(look(shop, days=1)) == 1  # not yet
    assert len(look(shop, days=6)) == 2
    assert len(look(shop, days=7)) == 2  # that was no news any more
    shop.load_clicks("w a 3", mode="INCREMENTAL")
    assert len(look(shop, days=7)) == 3
    shop.put("c", genres="x")  # an item is no interaction
    assert len(look(shop, days=7)) == 3


def test_at_the_rate_that_is_asked_for(shop: Shop):
    shop.load_clicks("u a 1", "v b 2")
    create(shop, "rate(2 days)")
    counts = []
    for day in range(6):
        shop.click("u", "b", 100 + day)
        counts.append(len(look(shop, days=1 if day else 0, seconds=0 if day else HOUR)))
    assert counts == [1, 1, 2, 2, 3, 3]


def test_what_was_missed_is_done_once_and_the_start_is_kept(shop: Shop):
    shop.load_clicks("u a 1", "v b 2")
    create(shop)
    start = shop.engine.records.get(SOLUTION, SolutionRecord).next_training_at
    assert start is not None and len(look(shop, seconds=HOUR)) == 1
    shop.click("u", "b", 100)
    assert len(look(shop, days=30)) == 2
    moment = shop.engine.records.get(SOLUTION, SolutionRecord).next_training_at
    assert moment == pytest.approx(start + 35 * DAY)
    assert len(look(shop, seconds=60)) == 2


def test_after_a_failure_the_next_run_tries_again(shop: Shop):
    create(shop)
    assert len(look(shop, seconds=HOUR)) == 1
    (failed,) = shop.engine.records.list(SolutionVersionRecord)
    assert failed.status == "CREATE FAILED"
    assert len(look(shop, days=1)) == 1
    shop.load_clicks("u a 1", "v b 2")
    assert len(look(shop, days=6)) == 2
    assert shop.engine.records.list(SolutionVersionRecord)[1].status == "ACTIVE"


def test_switched_off_and_on(shop: Shop):
    shop.load_clicks("u a 1", "v b 2")
    create(shop, performAutoTraining=False)
    assert look(shop, days=8) == []
    shop.do("UpdateSolution", solutionArn=SOLUTION, performAutoTraining=True)
    assert look(shop, seconds=HOUR) == ["AUTOMATIC"]
    shop.do("UpdateSolution", solutionArn=SOLUTION, performAutoTraining=False)
    shop.click("u", "b", 100)
    assert len(look(shop, days=30)) == 1
    config = {"autoTrainingConfig": {"schedulingExpression": "rate(1 day)"}}
    shop.do("UpdateSolution", solutionArn=SOLUTION, performAutoTraining=True, solutionUpdateConfig=config)
    assert len(look(shop, seconds=HOUR)) == 2
    shop.click("u", "b", 101)
    assert len(look(shop, days=1)) == 3


def test_campaigns_that_sync_follow(shop: Shop):
    shop.load_clicks("u a 1", "v b 2")
    create(shop)
    look(shop, seconds=HOUR)
    synced = {"syncWithLatestSolutionVersion": True}
    shop.do("CreateCampaign", name="home", solutionVersionArn=f"{SOLUTION}/$LATEST", campaignConfig=synced)
    for number in range(3):
        shop.click(f"w{number}", "c", 100)
    look(shop, days=7)
    newest = shop.engine.records.list(SolutionVersionRecord)[1].arn
    assert shop.do("DescribeCampaign", campaignArn=f"{HOME}campaign/home")["campaign"]["solutionVersionArn"] == newest
    shop.engine.feed.catch_up()
    assert shop.ask(num_results=1) == ["c"]


def names(shop: Shop) -> list[str]:
    versions = shop.do("ListSolutionVersions", solutionArn=SOLUTION)["solutionVersions"]
    return [each["solutionVersionArn"].rpartition("/")[2] for each in versions]


def trained_daily(shop: Shop, days: int) -> None:
    """Every day somebody clicks, and what is due is trained."""
    for _ in range(days):
        shop.click("u", "b", shop.clock.now - T0)
        look(shop, days=1)


def test_old_automatic_versions_go_with_their_models_unless_used(open_shop: Callable[..., Shop]):
    shop = open_shop(versions_kept=2).furnish("INTERACTIONS")
    shop.load_clicks("u a 1", "v b 2")
    create(shop, "rate(1 day)")
    trained_daily(shop, 1)
    first, by_hand = f"{SOLUTION}/{names(shop)[0]}", shop.train("auto")
    shop.do("CreateCampaign", name="home", solutionVersionArn=first)
    trained_daily(shop, 4)
    automatic = [each for each in names(shop) if each not in (by_hand.rpartition("/")[2], first.rpartition("/")[2])]
    assert len(automatic) == 2 and len(names(shop)) == 4
    assert shop.do("DescribeSolution", solutionArn=SOLUTION)["solution"]["latestSolutionVersion"]["status"] == "ACTIVE"
    shop.engine.jobs.enqueue_once("cleaning", "models")
    shop.work()
    assert {path.name for path in (shop.folder / "data" / "models").glob("*/*/*")} == set(names(shop))
    shop.engine.feed.catch_up()
    assert shop.ask(num_results=1)
    shop.do("UpdateCampaign", campaignArn=f"{HOME}campaign/home", solutionVersionArn=f"{SOLUTION}/{automatic[-1]}")
    trained_daily(shop, 1)
    assert first.rpartition("/")[2] not in names(shop) and by_hand.rpartition("/")[2] in names(shop)


def test_the_last_that_trained_stays_behind_failures(open_shop: Callable[..., Shop]):
    shop = open_shop(versions_kept=1).furnish("INTERACTIONS")
    shop.load_clicks("u a 1", "v b 2")
    create(shop, "rate(1 day)")
    trained_daily(shop, 1)
    (good,) = names(shop)
    solution = shop.engine.records.get(SOLUTION, SolutionRecord)
    shop.engine.records.replace(msgspec.structs.replace(solution, event_type="of which there are none"))
    trained_daily(shop, 3)
    assert names(shop)[0] == good and len(names(shop)) == 2


def test_all_stay_where_that_is_asked_for(open_shop: Callable[..., Shop]):
    shop = open_shop(versions_kept=0).furnish("INTERACTIONS")
    shop.load_clicks("u a 1", "v b 2")
    create(shop, "rate(1 day)")
    trained_daily(shop, 3)
    assert len(names(shop)) == 3


def test_of_many_processes_one_decides(open_shop: Callable[..., Shop]):
    shop = open_shop().furnish()
    shop.load_clicks("u a 1", "v b 2")
    create(shop)
    others = [open_shop(follow=False) for _ in range(3)]
    for each in (shop, *others):
        each.clock.now = shop.clock.now + HOUR
    threads = [threading.Thread(target=Scheduler(each.engine).look) for each in (shop, *others) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(shop.engine.records.list(SolutionVersionRecord)) == 1


def test_a_deleted_solution_trains_no_more(shop: Shop):
    shop.load_clicks("u a 1", "v b 2")
    create(shop)
    shop.do("DeleteSolution", solutionArn=SOLUTION)
    assert look(shop, seconds=HOUR) == []


def test_beyond_the_quota_it_waits_for_the_next_time(open_shop: Callable[..., Shop]):
    shop = open_shop(quotas="aws").furnish()
    create(shop)
    shop.do("CreateSolution", name="busy", recipeArn=POPULAR, datasetGroupArn=shop.group, performAutoTraining=False)
    for _ in range(20):
        shop.do("CreateSolutionVersion", solutionArn=f"{HOME}solution/busy")
    shop.clock.now += HOUR
    Scheduler(shop.engine).look()
    assert len(shop.engine.records.list(SolutionVersionRecord)) == 20
    moment = shop.engine.records.get(SOLUTION, SolutionRecord).next_training_at
    assert moment is not None and moment > shop.clock.now + 6 * DAY


# ---- recommenders


@pytest.fixture
def store(open_shop: Callable[..., Shop]) -> Shop:
    shop = furnish(open_shop(), "ECOMMERCE")
    recommend(shop, "aws-ecomm-popular-items-by-views")
    return shop


def model(shop: Shop) -> str:
    return shop.engine.records.get(f"{HOME}recommender/r", RecommenderRecord).solution_version_arn


def test_a_recommender_trains_every_week(store: Shop):
    first = model(store)
    look(store, days=6.9)
    assert model(store) == first
    look(store, days=0.2)
    second = model(store)
    assert second != first
    look(store, days=6.7)
    assert model(store) == second
    shown = store.do("DescribeRecommender", recommenderArn=f"{HOME}recommender/r")["recommender"]
    assert shown["status"] == "ACTIVE" and not shown.get("latestRecommenderUpdate")
    look(store, days=0.2)
    assert model(store) != second


def test_a_stopped_recommender_does_not_and_starts_without(store: Shop):
    first = model(store)
    store.do("StopRecommender", recommenderArn=f"{HOME}recommender/r")
    look(store, days=10)
    store.do("StartRecommender", recommenderArn=f"{HOME}recommender/r")
    look(store, seconds=60)
    assert model(store) == first
    look(store, days=4.1)
    assert model(store) != first


def test_stopping_gives_up_a_training_that_waits(store: Shop):
    columns = {"trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["PRICE"]}}}
    store.do("UpdateRecommender", recommenderArn=f"{HOME}recommender/r", recommenderConfig=columns)
    store.do("StopRecommender", recommenderArn=f"{HOME}recommender/r")
    first = model(store)
    store.work()
    shown = store.do("DescribeRecommender", recommenderArn=f"{HOME}recommender/r")["recommender"]
    update = shown["latestRecommenderUpdate"]
    assert (shown["status"], update["status"]) == ("INACTIVE", "CREATE FAILED") and model(store) == first
    assert update["failureReason"] == "The recommender was stopped."
