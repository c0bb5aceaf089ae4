"""Filters that operators write into the configuration: set and removed, with all else as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.engine.shop import Shop
from tests.gateway.admin.world import CONFIG, AdminWorld, admin_of

PATH = "/admin/filters/use"
WAR = 'INCLUDE ItemID WHERE Items.GENRES IN ("War")'
HOME = {"namespace": "shop", "action": "recommend-items", "recommender": "home"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AdminWorld]:
    with closing(Shop(tmp_path).furnish()) as shop:
        shop.load_clicks(*(f"u{user} i{(user + step) % 9} {user * 60 + step}" for user in range(30) for step in (0, 1)))
        shop.deploy(shop.train(), "popular")
        shop.do("CreateFilter", name="war", datasetGroupArn=shop.group, filterExpression=WAR)
        yield AdminWorld(tmp_path, CONFIG, shop)


def war(world: AdminWorld) -> Any:
    (row,) = world.get("/admin/filters").json()["filters"]
    return row


def test_a_filter_is_set_and_removed_by_the_file_with_its_comments(world: AdminWorld) -> None:
    written = world.post(PATH, {**HOME, "filter": "war", "comment": "for veterans"})
    assert written.status_code == 200, written.text
    (change,) = written.json()["changes"]
    assert change["place"].endswith("recommend-items.home.filters") and change["after"] == [{"arn": war(world)["arn"]}]
    assert war(world)["usedBy"] == ["shop/home"] and war(world)["uses"] == [{**HOME, "variation": None}]
    assert world.post(PATH, {**HOME, "variation": "b", "expression": WAR}).status_code == 200
    assert world.post(PATH, HOME).status_code == 200
    assert war(world)["usedBy"] == [] and war(world)["uses"] == []
    assert world.post(PATH, {**HOME, "variation": "b", "filter": None}).status_code == 200
    assert "# what everybody sees first" in world.file.read_text() and "filters" not in world.file.read_text()
    entries = world.get("/admin/configuration/history").json()["entries"]
    assert [each["how"] for each in entries] == ["filter"] * 4 and entries[-1]["comment"] == "for veterans"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"filter": "peace"}, 404, "ResourceNotFoundException"),
        ({"recommender": "away", "filter": "war"}, 404, "RecommenderNotConfigured"),
        ({"variation": "c", "filter": "war"}, 404, "VariationNotConfigured"),
        ({"filter": "war", "expression": WAR}, 400, "ValidationError"),
        ({"expression": 'INCLUDE ItemID WHERE Items.GENRE IN ("War")'}, 400, "InvalidInputException"),
        ({}, 404, "FilterNotConfigured"),
        ({"filters": []}, 400, "ValidationError"),
    ],
)
def test_a_use_that_can_not_be_changes_nothing(world: AdminWorld, body: dict[str, str], status: int, code: str) -> None:
    refused = world.post(PATH, {**HOME, **body})
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    assert world.file.read_text() == CONFIG


def test_a_file_that_another_has_made_faulty_is_left_alone(world: AdminWorld) -> None:
    text = CONFIG.replace("plain:", "plain: {variation: {}}\n        other:")
    world.file.write_text(text)
    refused = world.post(PATH, {**HOME, "filter": "war"})
    assert refused.status_code == 422 and "plain" in refused.json()["faults"][0]["place"]
    assert world.file.read_text() == text


def test_another_tenant_can_neither_set_nor_name_it(tmp_path: Path) -> None:
    with closing(Shop(tmp_path).furnish()) as shop:
        shop.do("CreateFilter", name="war", datasetGroupArn=shop.group, filterExpression=WAR)
        world = AdminWorld(tmp_path, CONFIG + admin_of(), shop)
        theirs = {**HOME, "namespace": "other", "filter": "war"}
        assert world.post(PATH, {**HOME, "filter": "war"}, "tenant").json()["code"] == "NamespaceNotAllowed"
        assert world.post(PATH, theirs, "tenant").status_code == 404
        assert world.post(PATH, theirs, "read").json()["code"] == "RoleNotAllowed"
