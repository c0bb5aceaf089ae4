"""What operators look at over HTTP: users, items, lists, pipelines, models, filters and data; and what they change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from litestar.testing import TestClient

from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.engine.shop import T0, Shop
from tests.gateway.admin.world import KEYS, admin_of

KINDS = ("Drama", "War", "Comedy")
CONFIG = """
version: "1"
namespaces:
  shop:
    eventTargets: [{{type: personalize-event-tracker, trackingId: {tracking}}}]
    inferenceItemMetadata: {{type: engine}}
    cacheControl:
      userSpecified: {{maxAge: 300, directives: private}}
      noUserSpecified: {{maxAge: 300, directives: public}}
    recommenders:
      recommend-items:
        home:
          variations: {{a: {{type: engine, model: popular}}, b: {{type: engine, model: second}}}}
          experiments:
            layout: {{method: builtin, metrics: {{click: {{eventType: click}}}}, weights: {{a: 1, b: 1}}}}
        unseen:
          filters: [{{expression: 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'}}]
          variations: {{only: {{type: engine, model: popular}}}}
        broken: {{variations: {{only: {{type: engine, model: not-there}}}}}}
      related-items:
        near: {{variations: {{only: {{type: engine, model: near}}}}}}
  other:
    recommenders:
      recommend-items: {{home: {{variations: {{only: {{type: engine, model: elsewhere}}}}}}}}
"""
NEAR = "arn:aws:personalize:::recipe/aws-sims"


@dataclass
class LookWorld:
    """A shop behind a gateway that runs."""

    shop: Shop
    client: TestClient[Any]

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> httpx.Response:
        content = b"" if body is None else json.dumps(body).encode()
        return self.client.request(method, path, content=content, headers=dict(headers or {}))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookWorld]:
    folder = tmp_path_factory.mktemp("looks")
    shop = Shop(folder).furnish()
    shop.load_clicks(*(f"u{user} i{(user + step) % 9} {user * 60 + step}" for user in range(30) for step in range(6)))
    for item in range(9):
        shop.put(f"i{item}", genres=KINDS[item % 3], year=2000 + item, price=1.5 * item)
    first = shop.train()
    shop.deploy(first, "popular")
    shop.deploy(first, "second")
    shop.deploy(shop.train("near", NEAR), "near")
    peace = 'EXCLUDE ItemID WHERE Items.GENRES IN ("War")'
    shop.do("CreateFilter", name="peace", datasetGroupArn=shop.group, filterExpression=peace)
    config = parse(CONFIG.format(tracking=shop.tracking) + admin_of(), "shop.yaml", {})
    app = create_app(config, shop.engine, AppOptions(environ={}, clock=shop.clock))
    with TestClient(app) as client:  # which closes the engine
        yield LookWorld(shop, client)


def get(world: LookWorld, path: str, status: int = 200, key: str = "read") -> Any:
    answer = world.ask("GET", path, headers={"X-Api-Key": KEYS[key]})
    assert answer.status_code == status, answer.text
    return answer.json()


def sent(world: LookWorld, method: str, path: str, body: Any = None, status: int = 200, key: str = "operate") -> Any:
    answer = world.ask(method, path, body, {"X-Api-Key": KEYS[key]})
    assert answer.status_code == status, answer.text
    return answer.json()


def items(listed: Any) -> list[str]:
    return [each["item"]["itemId"] for each in listed["items"]]


# ---- lists


def test_somebody_new_clicks_and_sees_the_list_change(world: LookWorld) -> None:
    path = "/admin/explore/shop/list?recommender=unseen&numResults=5"
    before = get(world, path)
    assert (before["variation"], before["origin"], before["model"]) == ("only", "engine", "popular")
    assert before["cache"] == "miss" and get(world, path)["cache"] == "hit"
    clicked = items(before)[:3]
    after = get(world, f"{path}&history={','.join(clicked)}")
    assert not set(clicked) & set(items(after)) and items(after)
    user = "explorer-1"
    for item in clicked:
        event = {"eventType": "click", "itemId": item, "sentAt": T0 + 5000}
        body = {"sessionId": "s-1", "userId": user, "eventList": [event]}
        assert sent(world, "POST", "/admin/explore/shop/events", body) == {"recorded": 1}
    mine = get(world, f"{path}&userId={user}")
    assert not set(clicked) & set(items(mine))
    shown = get(world, f"/admin/users/shop/{user}")
    assert [each["item"]["itemId"] for each in shown["groups"][0]["history"]] == clicked[::-1]


def test_a_look_counts_nothing(world: LookWorld) -> None:
    def counted() -> str:
        lines = world.ask("GET", "/metrics").text.splitlines()
        return "\n".join(line for line in lines if line.startswith(("recgate_cache_lookups", "recgate_exposures")))

    before = counted()
    shown = get(world, "/admin/explore/shop/list?recommender=home&userId=u7")
    assert shown["experiment"] == {
        "id": shown["experiment"]["id"],
        "feature": "layout",
        "arm": shown["variation"],
        "counted": True,
    }
    assert counted() == before


def test_variations_and_models_side_by_side(world: LookWorld) -> None:
    path = "/admin/explore/shop/list?recommender=home&userId=u7"
    names = [get(world, f"{path}&variation={name}")["model"] for name in ("a", "b")]
    assert names == ["popular", "second"]
    past = get(world, f"{path}&model=second&numResults=3")
    assert (past["model"], past["cache"], len(past["items"])) == ("second", "none", 3)
    assert "configured: a, b" in get(world, f"{path}&variation=c", 400)["message"]
    assert get(world, f"{path}&model=nothing", 404)["code"] == "ResourceNotFoundException"
    near = get(world, "/admin/explore/shop/list?recommender=near&itemId=i4")
    assert near["action"] == "related-items" and "i4" not in items(near)
    assert "itemId" in get(world, "/admin/explore/shop/list?recommender=near", 400)["message"]
    choices = get(world, "/admin/explore/shop")
    assert [each["recommender"] for each in choices["recommenders"]] == ["home", "unseen", "broken", "near"]
    assert "u0" in choices["sampleUsers"] and choices["eventTypes"][0] == "click"


def test_why_an_item_is_there_and_why_it_is_absent(world: LookWorld) -> None:
    path = "/admin/explore/shop/why?recommender=unseen&userId=u2"
    there = items(get(world, "/admin/explore/shop/list?recommender=unseen&userId=u2"))[0]
    why = get(world, f"{path}&item={there}")
    assert why["explanation"]["cause"] == "relevance" and why["item"]["itemId"] == there
    absent = get(world, f"{path}&item=i3")["explanation"]  # u2 has clicked it
    assert absent["cause"] == "filtered" and absent["because"] == "A filter removes it."
    assert get(world, f"{path}&item=nothing")["explanation"]["cause"] == "unknownItem"


def test_a_pipeline_counts_what_passes_each_stage(world: LookWorld) -> None:
    shown = get(world, "/admin/pipeline/shop?recommender=unseen&userId=u2")
    stages = {each["stage"]: each for each in shown["stages"]}
    assert list(stages) == ["candidates", "blend", "filters", "list", "decoration", "cache"]
    assert stages["candidates"]["out"] == stages["blend"]["in"] == 9
    assert (stages["filters"]["in"], stages["filters"]["out"]) == (9, 3)
    assert len(stages["filters"]["dropped"]) == 5 and stages["list"]["out"] == stages["cache"]["out"] == 3
    assert ["fresh for", "300 s"] in stages["cache"]["detail"]


# ---- users and items


def test_a_user_has_history_arms_and_lists_and_a_list_that_fails_says_why(world: LookWorld) -> None:
    shown = get(world, "/admin/users/shop/u3?numResults=4")
    assert shown["known"] and shown["groups"][0]["events"] == 6
    (arm,) = shown["arms"]
    assert (arm["recommender"], arm["feature"]) == ("home", "layout") and arm["variation"] in ("a", "b")
    lists = {each["recommender"]: each for each in shown["lists"]}
    assert set(lists) == {"home", "unseen", "broken"} and len(lists["home"]["items"]) == 4
    assert lists["broken"]["items"] == [] and "not-there" in lists["broken"]["error"]["message"]
    assert get(world, "/admin/users/nowhere/u3", 404)["code"] == "NamespaceNotFound"
    assert get(world, "/admin/users/shop/u3", 403, "tenant")["code"] == "NamespaceNotAllowed"
    assert get(world, "/admin/users/shop/u3?numresults=3", 400)["message"].startswith("there is no parameter")


def test_a_user_is_deleted(world: LookWorld) -> None:
    assert sent(world, "DELETE", "/admin/users/shop/u29", status=403, key="read")["code"] == "RoleNotAllowed"
    (job,) = sent(world, "DELETE", "/admin/users/shop/u29", status=202)["jobs"]
    assert job["group"] == "shop"
    world.shop.work()
    assert not get(world, "/admin/users/shop/u29")["known"]


def test_an_item_is_edited_and_hidden_at_once(world: LookWorld) -> None:
    (profile,) = get(world, "/admin/items/shop/i5?userId=u2")["groups"]
    verdicts = {each["filter"]: each["keeps"] for each in profile["filters"]}
    assert verdicts == {"peace": True, "/recommend-items/shop/unseen only, filter 1": False}
    assert profile["neighbours"] and profile["recentUsers"][0]["eventType"] == "click"
    changes = {"properties": {"YEAR": 1990, "PRICE": None}}
    (edited,) = sent(world, "PUT", "/admin/items/shop/i5", changes)["groups"]
    assert edited["item"]["columns"] == {"GENRES": "Comedy", "YEAR": 1990}
    wrong = sent(world, "PUT", "/admin/items/shop/i5", {"properties": {"YEAR": "old"}}, 400)
    assert "YEAR" in wrong["message"]
    path = "/recommend-items/shop/home/u7?numResults=9"
    assert "i5" in world.ask("GET", path).text  # and is cached
    (hidden,) = sent(world, "PUT", "/admin/items/shop/i5/hidden", {"hidden": True})["groups"]
    assert hidden["hidden"] and "i5" not in world.ask("GET", path).text
    why = get(world, "/admin/explore/shop/why?recommender=home&userId=u7&item=i5")["explanation"]
    assert why["cause"] == "filtered" and {"filter": "hidden items", "keeps": False} in why["filters"]
    (shown,) = sent(world, "PUT", "/admin/items/shop/i5/hidden", {"hidden": False})["groups"]
    assert not shown["hidden"] and "i5" in world.ask("GET", path).text
    who = get(world, "/admin/items/shop/i5/audience?model=popular&users=20&numResults=9")
    assert who["users"] == 20 and who["gets"] == 20 and sum(who["places"].values()) == 20


# ---- models


def test_a_model_is_trained_deployed_and_rolled_back(world: LookWorld) -> None:
    (model,) = [each for each in get(world, "/admin/models")["models"] if each["model"] == "popular"]
    first = model["version"]
    assert model["previous"] is None and model["versions"][0]["metrics"]["coverage"] > 0
    waiting = sent(world, "POST", "/admin/models/popular/train", {}, 202)
    assert waiting["versions"][0]["job"]["state"] == "queued" and waiting["version"] == first
    world.shop.work()
    trained = get(world, "/admin/models/popular")["versions"][0]["version"]
    assert sent(world, "POST", "/admin/models/popular/deploy", {"version": trained})["version"] == trained
    assert get(world, "/admin/explore/shop/list?recommender=unseen&userId=u8")["version"] == trained
    compared = get(world, f"/admin/models/popular/compare?first={first}&second={trained}&users=10")
    assert (compared["users"], compared["overlap"], len(compared["examples"])) == (10, 1.0, 5)
    back = sent(world, "POST", "/admin/models/popular/rollback", {})
    assert (back["version"], back["previous"]) == (first, None)
    assert get(world, "/admin/explore/shop/list?recommender=unseen&userId=u8")["version"] == first
    none = sent(world, "POST", "/admin/models/popular/rollback", {}, 400)
    assert "has no version before" in none["message"]
    assert get(world, "/admin/models/nothing", 404)["message"].endswith("popular, second, near.")
    assert get(world, "/admin/models", key="tenant")["models"] == []


# ---- filters and rules


def test_a_broken_filter_is_mended_previewed_and_used(world: LookWorld) -> None:
    asked = {"group": "shop", "expression": 'INCLUDE ItemID WHERE Items.GENRE IN ("War")'}
    broken = sent(world, "POST", "/admin/filters/try", asked, key="read")
    assert (
        not broken["valid"] and broken["fault"]["column"] == 22 and "did you mean GENRES?" in broken["fault"]["message"]
    )
    mended = {**asked, "expression": 'INCLUDE ItemID WHERE Items.GENRES IN ("War")', "numResults": 5}
    preview = sent(world, "POST", "/admin/filters/try", mended, key="read")
    assert preview["items"]["kept"] == 3.0 and preview["users"]["short"] == 1
    made = sent(
        world, "POST", "/admin/filters", {"group": "shop", "name": "war", "expression": mended["expression"]}, 201
    )
    assert made["usedBy"] == [] and {each["name"] for each in get(world, "/admin/filters")["filters"]} == {
        "peace",
        "war",
    }
    used = get(world, "/admin/explore/shop/list?recommender=home&userId=u1&filter=war")
    assert {each["item"]["columns"]["GENRES"] for each in used["items"]} == {"War"}
    assert sent(world, "DELETE", "/admin/filters/shop/war") == {"deleted": "war"}
    assert sent(world, "DELETE", "/admin/filters/shop/war", status=400)["message"].endswith("has no filter war")
    assert sent(world, "POST", "/admin/filters/try", {"group": "nowhere", "expression": "x"}, 404, "read")


def test_rules_are_previewed_or_refused_with_their_place(world: LookWorld) -> None:
    pin = {"name": "first", "type": "pin", "place": 1, "items": ["i8"]}
    moved = sent(world, "POST", "/admin/rules/try", {"model": "popular", "rules": [pin], "userId": "u1"}, key="read")
    assert moved["faults"] == [] and moved["after"][0]["itemId"] == "i8"
    assert {"i8"} <= {each["item"]["itemId"] for each in moved["moved"] if each["after"] == 1}
    wrong = [
        {"name": "none", "type": "boost", "times": 2, "expression": 'INCLUDE ItemID WHERE Items.GENRE IN ("War")'},
        {"name": "zero", "type": "boost", "times": 0, "expression": "x"},
    ]
    faults = sent(world, "POST", "/admin/rules/try", {"model": "popular", "rules": wrong[:1]}, key="read")["faults"]
    assert [(each["index"], each["rule"], each["member"], each["fault"]["column"]) for each in faults] == [
        (0, "none", "expression", 22)
    ]
    (fault,) = sent(world, "POST", "/admin/rules/try", {"model": "popular", "rules": wrong[1:]}, key="read")["faults"]
    assert (fault["index"], fault["rule"], fault["member"]) == (0, "zero", "times")


# ---- data


def upload(world: LookWorld, path: str, text: str) -> httpx.Response:
    headers = {"X-Api-Key": KEYS["operate"], "Content-Type": "text/csv"}
    return world.client.post(path, content=text.encode(), headers=headers)


def test_a_csv_with_bad_rows_is_imported_and_says_what_is_wrong(world: LookWorld) -> None:
    lines = ("u1,i1,1700000000,click", "u2,i2,1700000000000,click", ",i3,1700000000,click")
    rows = "\n".join(("USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", *lines))
    started = upload(world, "/admin/imports/fresh?type=INTERACTIONS&name=my%20events.csv", rows)
    assert started.status_code == 202 and started.json()["status"] == "CREATE PENDING"
    world.shop.work()
    ended = get(world, f"/admin/imports/fresh/{started.json()['name']}")
    assert ended["status"] == "CREATE FAILED" and "2 of 3 rows are bad" in ended["failureReason"]
    rules = {each["rule"].partition(":")[0]: each["lines"] for each in ended["report"]["flaws"]}
    assert len(rules) == 2 and all(
        line.endswith(("my_events.csv:3", "my_events.csv:4")) for lines in rules.values() for line in lines
    )
    insights = {each["id"] for each in get(world, "/admin/doctor/fresh")["insights"]}
    assert {"milliseconds", "bad-rows", "few-interactions"} <= insights
    again = upload(world, "/admin/imports/fresh?type=INTERACTIONS&skipBadRows=2", rows)
    world.shop.work()
    good = get(world, f"/admin/imports/fresh/{again.json()['name']}")
    assert good["status"] == "ACTIVE" and (good["report"]["kept"], good["report"]["bad"]) == (1, 2)
    (group,) = [each for each in get(world, "/admin/datasets")["groups"] if each["group"] == "fresh"]
    assert group["interactions"] == 1 and group["datasets"][0]["fields"][0] == {
        "name": "USER_ID",
        "type": "string",
        "nullable": False,
        "categorical": False,
        "textual": False,
        "reserved": True,
    }
    assert len(group["imports"]) == 2
    deleted = sent(world, "DELETE", "/admin/datasets/fresh")["deleted"]
    assert deleted[-1].startswith("schema/") and "dataset-group/fresh" in deleted
    assert get(world, "/admin/datasets/fresh", 404)
    assert upload(world, "/admin/imports/fresh?type=THINGS", rows).status_code == 400
    assert upload(world, "/admin/imports/fresh?type=ITEMS", "").status_code == 400


def test_data_of_another_tenant_is_as_if_it_was_not(world: LookWorld) -> None:
    assert get(world, "/admin/datasets", key="tenant") == {"groups": []}
    for path in ("/admin/datasets/shop", "/admin/doctor/shop", "/admin/models/popular", "/admin/imports/shop/x"):
        assert get(world, path, 404, "tenant")["code"] == "ResourceNotFoundException"
    tried = {"group": "shop", "expression": 'EXCLUDE ItemID WHERE Items.GENRES IN ("War")'}
    sent(world, "POST", "/admin/filters/try", tried, 404, "tenant")
    sent(world, "POST", "/admin/models/popular/rollback", {}, 404, "tenant")
