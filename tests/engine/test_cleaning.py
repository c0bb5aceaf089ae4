"""What nothing uses is removed from disk; what answers, or will, stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine import NotFound
from engine.jobs.schedule import CLEAN_S, Scheduler
from engine.serving.deployments import model_path
from tests.engine.shop import HOME, Shop
from tests.engine.test_recommenders import furnish, recommend


def clean(shop: Shop) -> str:
    shop.engine.jobs.enqueue_once("cleaning", "models")
    shop.work()
    job = shop.engine.jobs.newest_of("cleaning", "models")
    assert job is not None and job.state == "done"
    return job.message


def models(shop: Shop) -> set[Path]:
    return set((shop.folder / "data" / "models").glob("*/*/*"))


def snapshots(shop: Shop) -> set[Path]:
    return set((shop.folder / "data" / "groups").glob("*/*"))


@pytest.fixture
def version(shop: Shop) -> str:
    shop.load_clicks("u a 1", "v b 2", "w b 3")
    return shop.train()


def test_a_deleted_solutions_models_go(shop: Shop, version: str):
    other = shop.train("other")
    assert len(models(shop)) == 2 and clean(shop) == "0 folders removed"
    shop.do("DeleteSolution", solutionArn=f"{HOME}solution/popular")
    scheduler = Scheduler(shop.engine)
    for _ in range(3):
        scheduler.look()
        shop.work()
    assert models(shop) == {shop.folder / "data" / model_path(other, shop.uid)}
    assert len([job for job in shop.engine.jobs.newest(100) if job.kind == "cleaning"]) == 2


def test_what_is_being_deleted_stays_until_it_is_gone(open_shop: Callable[..., Shop]):
    shop = open_shop(pending_s=10.0)
    shop.do("CreateDatasetGroup", name="shop")
    shop.clock.now += 11
    for kind in ("INTERACTIONS",):
        shop.add_dataset(kind)
    shop.clock.now += 11
    shop.load_clicks("u a 1", "v b 2")
    made = {"recipeArn": "arn:aws:personalize:::recipe/aws-popularity-count", "datasetGroupArn": shop.group}
    shop.do("CreateSolution", name="popular", performAutoTraining=False, **made)
    shop.clock.now += 11
    shop.train()
    shop.do("DeleteSolution", solutionArn=f"{HOME}solution/popular")
    assert clean(shop) == "0 folders removed"
    shop.clock.now += 11
    scheduler = Scheduler(shop.engine)
    scheduler.look()
    shop.work()
    assert models(shop) == set()


def test_a_solution_made_again_under_the_name_keeps_its_own(shop: Shop, version: str):
    shop.do("DeleteSolution", solutionArn=f"{HOME}solution/popular")
    newer = shop.train()
    shop.deploy(newer)
    assert clean(shop) == "1 folders removed"
    shop.engine.feed.catch_up()
    assert shop.ask(num_results=1) == ["b"]


def test_a_failed_versions_and_an_interrupted_jobs_leftovers_go(shop: Shop, version: str):
    own = shop.folder / "data" / model_path(version, shop.uid)
    half = [own.with_name(f".{own.name}.4711"), shop.folder / "data" / "groups" / shop.uid / ".9-abc.4711"]
    unknown = own.with_name("00000000")
    for folder in (*half, unknown):
        folder.mkdir()
        (folder / "items.npy").write_bytes(b"x")
    assert clean(shop) == "3 folders removed"
    assert models(shop) == {own} and len(snapshots(shop)) == 1


def test_what_the_job_of_a_deleted_group_could_not_remove_goes(shop: Shop, version: str):
    for path in ("groups/gone/9-abcdef01", "models/gone/popular/abcdef01"):
        (shop.folder / "data" / path).mkdir(parents=True)
    assert clean(shop) == "2 folders removed"


def test_superseded_snapshots_go_while_processes_read_them(shop: Shop, version: str, open_shop: Callable[..., Shop]):
    other = open_shop()
    shop.deploy(version)
    for number in range(3):
        shop.click("u", f"i{number}", number)
        shop.fold()
    assert len(snapshots(shop)) == 2
    clean(shop)
    assert len(snapshots(shop)) == 1
    assert "a" in other.history("u")  # it has not followed yet, and still maps what is gone
    other.engine.feed.catch_up()
    assert other.history("u") == shop.history("u") == open_shop().history("u")


def test_a_recommenders_earlier_models_go(open_shop: Callable[..., Shop]):
    shop = furnish(open_shop(), "ECOMMERCE")
    recommend(shop, "aws-ecomm-popular-items-by-views")
    clean(shop)
    shop.engine.jobs.enqueue("recommending", f"{HOME}recommender/r")
    shop.work()
    assert len(models(shop)) == 2 and clean(shop) == "1 folders removed"
    shop.engine.deployments.load_all()
    shop.do("StopRecommender", recommenderArn=f"{HOME}recommender/r")
    assert clean(shop) == "0 folders removed"  # it may start again
    shop.do("DeleteRecommender", recommenderArn=f"{HOME}recommender/r")
    assert clean(shop) == "1 folders removed" and models(shop) == set()
    with pytest.raises(NotFound):
        shop.do("DescribeRecommender", recommenderArn=f"{HOME}recommender/r")


def test_it_is_done_every_hour(shop: Shop):
    scheduler, done = Scheduler(shop.engine), []
    for seconds in (0.0, 60.0, CLEAN_S):
        shop.clock.now += seconds
        scheduler.look()
        shop.work()
        done.append(len([job for job in shop.engine.jobs.newest(100) if job.kind == "cleaning"]))
    assert done == [1, 1, 2]
