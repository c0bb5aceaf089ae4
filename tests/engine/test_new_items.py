"""Deployed models take new items by themselves; every process answers with them, and what they replace goes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import Unavailable, recipes
from engine.jobs.schedule import ITEMS_S, Scheduler
from engine.records import SolutionVersionRecord
from engine.serving import artifacts
from engine.serving.deployments import Deployments, model_path
from tests.engine.shop import ACCOUNT, HOME, Shop

V1 = "arn:aws:personalize:::recipe/aws-user-personalization"
QUICK = {"algorithmHyperParameters": {"sequence_epochs": "0"}}
NO_EXPLORATION = {"itemExplorationConfig": {"explorationWeight": "0"}}


def stocked(shop: Shop) -> Shop:
    """Even users like even items and odd ones odd; an item's genre says what it is."""
    clicks = [f"u{u} i{i} {u + i}" for u in range(16) for i in range(16) if u % 2 == i % 2 and (u * 3 + i * 5) % 7]
    shop.load_clicks(*clicks)
    shop.load("ITEMS", ["ITEM_ID,GENRES,YEAR,PRICE", *(f"i{i},{'odd' if i % 2 else 'even'},," for i in range(16))])
    made = {"recipeArn": V1, "datasetGroupArn": shop.group, "performAutoTraining": False, "solutionConfig": QUICK}
    shop.do("CreateSolution", name="for-you", **made)
    return shop


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with a campaign, closed; each test has a copy of its folder."""
    shop = stocked(Shop(tmp_path_factory.mktemp("trained")).furnish())
    version = shop.train("for-you")
    shop.do("CreateCampaign", name="home", solutionVersionArn=version, campaignConfig=NO_EXPLORATION)
    shop.close()
    return shop


def copied(closed: Shop, folder: Path, open_shop: Callable[..., Shop]) -> Shop:
    shutil.copytree(closed.folder, folder, dirs_exist_ok=True)
    shop = open_shop(start=500)
    shop.clock.now += 100  # it is later than all that the folder holds
    shop.tracking = closed.tracking
    return shop


@pytest.fixture
def shop(trained: Shop, tmp_path: Path, open_shop: Callable[..., Shop]) -> Shop:
    return copied(trained, tmp_path, open_shop)


@pytest.fixture
def version(shop: Shop) -> str:
    (version,) = shop.engine.records.list(SolutionVersionRecord)
    return version.arn


def look(scheduler: Scheduler, shop: Shop, seconds: float = 0.0) -> None:
    shop.clock.now += seconds
    scheduler.look()
    shop.work()


def place(shop: Shop, user: str, item: str) -> int:
    return shop.ask(user, num_results=30).index(item)


def jobs(shop: Shop, kind: str = "extending") -> list[Any]:
    return [job for job in reversed(shop.engine.jobs.newest(100)) if job.kind == kind]


def folders(shop: Shop) -> list[str]:
    """Of models."""
    return sorted(path.name for path in (shop.folder / "data" / "models" / shop.uid / "for-you").iterdir())


def test_a_new_item_is_taken_at_the_next_look(shop: Shop, version: str):
    scheduler = Scheduler(shop.engine)
    look(scheduler, shop)
    assert [job.message for job in jobs(shop)] == ["no new items"] and len(folders(shop)) == 1
    shop.put("fresh", genres="even")
    assert "fresh" not in shop.ask("u2", num_results=30)
    look(scheduler, shop, ITEMS_S + 1)
    assert "1 models know all 17 items" in jobs(shop)[-1].message
    assert place(shop, "u2", "fresh") < place(shop, "u1", "fresh")
    record = shop.engine.records.get(version, SolutionVersionRecord)
    assert folders(shop) == sorted([version[-8:], record.items_folder])


def test_not_more_often_than_it_may(shop: Shop, version: str):
    scheduler = Scheduler(shop.engine)
    look(scheduler, shop)
    shop.put("one", genres="even")
    look(scheduler, shop, 5)
    assert len(jobs(shop)) == 1
    shop.put("two", genres="odd")
    look(scheduler, shop, ITEMS_S)
    assert len(jobs(shop)) == 2 and {"one", "two"} <= set(shop.ask("u2", num_results=30))
    look(scheduler, shop, ITEMS_S)  # for it was itself news: a snapshot
    look(scheduler, shop, ITEMS_S)
    look(scheduler, shop, ITEMS_S)
    assert len(jobs(shop)) <= 3 and jobs(shop)[-1].message in ("no new items", jobs(shop)[1].message)


def test_the_next_items_replace_the_last_ones_folder(shop: Shop, version: str):
    scheduler = Scheduler(shop.engine)
    look(scheduler, shop)
    for number in range(3):
        shop.put(f"new{number}", genres="even")
        look(scheduler, shop, ITEMS_S + 1)
    assert {"new0", "new1", "new2"} <= set(shop.ask("u2", num_results=30))
    assert len(folders(shop)) == 2


def test_another_process_and_one_that_starts_answer_with_it(shop: Shop, version: str, open_shop: Callable[..., Shop]):
    other = open_shop()
    scheduler = Scheduler(shop.engine)
    look(scheduler, shop)
    shop.put("fresh", genres="even")
    look(scheduler, shop, ITEMS_S + 1)
    other.engine.feed.catch_up()
    assert other.ask("u2", num_results=30) == open_shop().ask("u2", num_results=30) == shop.ask("u2", num_results=30)


def test_a_price_is_no_new_item(shop: Shop, version: str):
    scheduler = Scheduler(shop.engine)
    look(scheduler, shop)
    shop.put("i3", price=5.0)
    look(scheduler, shop, ITEMS_S + 1)
    assert jobs(shop)[-1].message == "no new items" and len(folders(shop)) == 1


def test_imported_items_are_new_too(shop: Shop, version: str):
    scheduler = Scheduler(shop.engine)
    look(scheduler, shop)
    shop.load("ITEMS", ["ITEM_ID,GENRES,YEAR,PRICE", "brought,even,,"], mode="INCREMENTAL")
    look(scheduler, shop, ITEMS_S + 1)
    assert place(shop, "u2", "brought") < place(shop, "u1", "brought")


def test_not_for_a_version_made_by_update(shop: Shop, version: str):
    solution = f"{HOME}solution/for-you"
    update = shop.do("CreateSolutionVersion", solutionArn=solution, trainingMode="UPDATE")["solutionVersionArn"]
    shop.work()
    shop.do("UpdateCampaign", campaignArn=f"{HOME}campaign/home", solutionVersionArn=update)
    scheduler = Scheduler(shop.engine)
    look(scheduler, shop)
    shop.put("fresh", genres="even")
    look(scheduler, shop, ITEMS_S + 1)
    assert jobs(shop) == [] and "fresh" not in shop.ask("u2", num_results=30)


def test_a_recipe_whose_package_is_gone_holds_up_no_look(shop: Shop, version: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(recipes.RECIPES, V1.rpartition("/")[2])
    look(Scheduler(shop.engine), shop)  # raises nothing: other groups' models and what is to be cleaned come after it
    assert jobs(shop) == []


def test_a_version_trained_anew_starts_from_its_own(shop: Shop, version: str):
    scheduler = Scheduler(shop.engine)
    look(scheduler, shop)
    shop.put("fresh", genres="even")
    look(scheduler, shop, ITEMS_S + 1)
    newer = shop.train("for-you")
    shop.do("UpdateCampaign", campaignArn=f"{HOME}campaign/home", solutionVersionArn=newer)
    shop.engine.feed.catch_up()
    assert "fresh" in shop.ask("u2", num_results=30)
    shop.put("fresher", genres="even")
    look(scheduler, shop, ITEMS_S + 1)
    assert {"fresh", "fresher"} <= set(shop.ask("u2", num_results=30))


def test_a_model_whose_folder_goes_while_it_is_loaded(shop: Shop, version: str, monkeypatch: pytest.MonkeyPatch):
    """A starting process has read where the model lies; then new items come, and what it is about to load is gone."""
    scheduler = Scheduler(shop.engine)
    look(scheduler, shop)
    shop.put("one", genres="even")
    look(scheduler, shop, ITEMS_S + 1)
    load, missed = artifacts.load, []

    def late(folder: Path) -> Any:
        if not missed:
            missed.append(folder)
            shop.put("two", genres="even")
            look(scheduler, shop, 10 * ITEMS_S)
            assert not folder.exists()
        return load(folder)

    monkeypatch.setattr(artifacts, "load", late)
    starting = Deployments(shop.engine.store, shop.engine.records)
    starting.load_all()
    assert missed and "-items-" in missed[0].name
    newest = shop.engine.records.get(version, SolutionVersionRecord).items_folder
    assert starting.get(f"{HOME}campaign/home", ACCOUNT).folder.name == newest != missed[0].name


def test_a_model_that_is_nowhere_is_not_looked_for_for_ever(shop: Shop, version: str):
    shutil.rmtree(shop.folder / "data" / model_path(version, shop.uid))
    starting = Deployments(shop.engine.store, shop.engine.records)
    starting.load_all()
    with pytest.raises(Unavailable):
        starting.get(f"{HOME}campaign/home", ACCOUNT)
