"""Promotions of the configuration, over the real engine: on every list and every way to it, and refused where wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from litestar.testing import TestClient

from engine import Engine, Settings
from gateway.__main__ import main
from gateway.app import create_app
from gateway.config import parse
from tests.gateway.books import bookshop
from tests.gateway.config.documents import faults_of, warnings_of

ARN = "arn:aws:personalize:us-east-1:000000000000"
BY_KIND = "INCLUDE ItemID WHERE Items.KIND IN ($KIND)"
CONFIG = """
aws: {unsignedCallers: anyone}
namespaces:
  shop:
    cacheControl:
      userSpecified: {maxAge: 60, directives: private}
      noUserSpecified: {maxAge: 60, directives: public}
    promotions:
      - {name: own-press, percentPromotedItems: 30, expression: INCLUDE ItemID WHERE Items.KIND IN ($KIND),
         filterValues: {KIND: '"own"'}}
    recommenders:
      recommend-items:
        home: {variations: {main: {type: engine, model: popular}}}
        sold:
          filters: [{expression: INCLUDE ItemID WHERE Items.STOCK > 0}]
          variations: {main: {type: engine, model: popular}}
        asked:
          promotions:
            - name: asked
              percentPromotedItems: 20
              expression: INCLUDE ItemID WHERE Items.KIND IN ($KIND)
              autoDynamicFilterValues:
                KIND: {type: string, default: own, rules: [{type: header-value, header: x-kind}]}
          variations: {main: {type: engine, model: popular}}
        unseen:
          promotions:
            - {name: unseen, percentPromotedItems: 50, condition: user-required,
               expression: EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")}
          variations: {main: {type: engine, model: popular}}
        plain: {promotions: [], variations: {main: {type: engine, model: popular}}}
        backed:
          fallback: [home]
          variations: {main: {type: http, url: "http://127.0.0.1:9/", method: POST, retries: 0}}
        both:
          variations:
            with: {type: engine, model: popular}
            without: {type: engine, model: popular, promotions: []}
          experiments: {e: {method: interleaving, metrics: {clicks: {eventType: click}}}}
        wrong:
          promotions: [{name: wrong, percentPromotedItems: 10, expression: INCLUDE ItemID WHERE Items.COLOR = "red"}]
          variations: {main: {type: engine, model: popular}}
        gone:
          promotions:
            - {name: gone, percentPromotedItems: 10, filterArn: gone}
          variations: {main: {type: engine, model: popular}}
        hidden:
          inferenceItemMetadata: {type: engine, itemColumns: [KIND]}
          hide: [{field: stock, operator: equals, value: 0}]
          variations: {main: {type: engine, model: popular}}
      related-items:
        like:
          inferenceItemMetadata: {type: engine}
          promotions:
            - name: alike
              percentPromotedItems: 40
              expression: INCLUDE ItemID WHERE Items.KIND IN ($KIND)
              autoDynamicFilterValues: {KIND: {type: string, rules: [{type: item-metadata, field: kind}]}}
          variations: {main: {type: engine, model: like}}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lower the more wanted; b0 is sold out."""
    return bookshop(tmp_path_factory.mktemp("promotions"), CONFIG, lambda user: user + 1, (0,))


@pytest.fixture(scope="module")
def client(data: Path) -> Iterator[TestClient[Any]]:
    with TestClient(create_app(parse(CONFIG), Engine.open(Settings.of(data, {"RECGATE_INSTANT": "1"})))) as client:
        yield client


def items_of(client: TestClient[Any], path: str, **headers: str) -> list[dict[str, Any]]:
    answer = client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["itemList"])


def named(items: list[dict[str, Any]], *, promoted: bool) -> list[str]:
    return [item["itemId"] for item in items if ("promotionName" in item) == promoted]


def test_a_share_of_the_answer(client: TestClient[Any]):
    path = "/recommend-items/shop/home/u1?numResults=10"
    items = items_of(client, path)
    assert named(items, promoted=True) == ["b3", "b7", "b11"]  # by relevance among themselves
    assert named(items, promoted=False) == ["b0", "b1", "b2", "b4", "b5", "b6", "b8"]
    assert {item["promotionName"] for item in items if "promotionName" in item} == {"own-press"}
    again = client.get(path)
    assert again.json()["itemList"] == items and again.headers["x-cache"] in ("hit", "shared")
    assert not named(items_of(client, "/recommend-items/shop/plain/u1?numResults=10"), promoted=True)


def test_the_filter_is_for_the_others(client: TestClient[Any]):
    items = items_of(client, "/recommend-items/shop/sold/u1?numResults=10")
    assert named(items, promoted=True) == ["b3", "b7", "b11"]
    assert named(items, promoted=False) == ["b1", "b2", "b4", "b5", "b6", "b8", "b9"]


def test_fixed_values_stay_and_automatic_ones_are_the_callers(client: TestClient[Any]):
    values = f"filterValues={json.dumps({'KIND': json.dumps('other')})}"
    assert named(items_of(client, f"/recommend-items/shop/home/u1?numResults=10&{values}"), promoted=True) == [
        *("b3", "b7", "b11")
    ]
    asked = "/recommend-items/shop/asked/u1?numResults=10"
    assert named(items_of(client, asked), promoted=True) == ["b3", "b7"]
    assert named(items_of(client, asked, x_kind="other"), promoted=True) == ["b0", "b1"]  # no other's cached answer
    assert named(items_of(client, f"{asked}&{values}"), promoted=True) == ["b0", "b1"]


def test_callers_may_ask_for_one(client: TestClient[Any]):
    made = {"name": "kind", "datasetGroupArn": f"{ARN}:dataset-group/main", "filterExpression": BY_KIND}
    answer = client.post("/", json=made, headers={"x-amz-target": "AmazonPersonalize.CreateFilter"})
    assert answer.status_code == 200, answer.text
    asked = {"name": "mine", "percentPromotedItems": 20, "filterArn": "kind", "filterValues": {"KIND": '"own"'}}
    path = f"/recommend-items/shop/sold/u1?numResults=10&promotions={quote(json.dumps([asked]))}"
    items = items_of(client, path)
    assert named(items, promoted=True) == ["b3", "b7"] and items != items_of(client, path.partition("&")[0])
    assert {item.get("promotionName") for item in items} == {"mine", None}  # in place of the configured one


def test_a_promotion_by_what_the_user_did(client: TestClient[Any]):
    path = "/recommend-items/shop/unseen/{}?numResults=4"
    assert named(items_of(client, path.format("u2")), promoted=True) == ["b3", "b4"]
    assert named(items_of(client, path.format("u4")), promoted=True) == ["b5", "b6"]


def test_the_share_is_of_what_is_shown(client: TestClient[Any]):
    items = items_of(client, "/recommend-items/shop/home/u1?numResults=10&exclude=b0,b3")
    assert named(items, promoted=True) == ["b7", "b11", "b15"]
    assert named(items, promoted=False) == ["b1", "b2", "b4", "b5", "b6", "b8", "b9"]
    for count, promoted in ((5, ["b3"]), (10, ["b3", "b7", "b11"])):
        items = items_of(client, f"/recommend-items/shop/hidden/u1?numResults={count}")
        assert named(items, promoted=True) == promoted and len(items) == count
        assert all(item["metadata"] == {"kind": "own"} for item in items if "promotionName" in item)
    pages = "/recommend-items/shop/home/u1?numResults=10&pageSize=5"
    first = client.get(pages).json()
    both = [*first["itemList"], *items_of(client, f"{pages}&next={quote(first['next'])}")]
    assert named(both, promoted=True) == ["b3", "b7", "b11"] and len(both) == 10


def test_a_promotion_by_the_item_that_is_looked_at(client: TestClient[Any]):
    for item, kind in (("b3", 3), ("b2", 2)):
        promoted = named(items_of(client, f"/related-items/shop/like/{item}?numResults=5"), promoted=True)
        assert len(promoted) == 2 and item not in promoted
        assert all((int(each[1:]) % 4 == 3) == (kind == 3) for each in promoted)
    assert named(items_of(client, "/related-items/shop/like/b3?numResults=5&exclude=b7"), promoted=True) == [
        "b11",
        "b15",
    ]


def test_every_way_to_a_list(client: TestClient[Any]):
    explained = client.get("/explain-items/shop/home/u1/b11?numResults=10").json()
    assert explained["cause"] == "promotion" and explained["promotion"] == {"name": "own-press", "includes": True}
    body = {"userId": "u1", "requests": [{"recommender": "home", "numResults": 10}]}
    (many,) = client.post("/recommend-many/shop", json=body).json()["responses"]
    assert named(many["itemList"], promoted=True) == ["b3", "b7", "b11"]
    fallen = client.get("/recommend-items/shop/backed/u1?numResults=10")
    assert fallen.headers["x-cache"] == "fallback"
    assert named(fallen.json()["itemList"], promoted=True) == ["b3", "b7", "b11"]
    drafted = items_of(client, "/recommend-items/shop/both/u1?numResults=10")
    assert {item["team"] for item in drafted if "promotionName" in item} == {"with"}


def test_a_promotion_that_can_not_be_is_seen_before_visitors_are_refused(client: TestClient[Any], data: Path):
    ready = client.get("/ready")
    wrong, gone = sorted((name for name in ready.json()["degraded"] if "promotion" in name), reverse=True)
    assert ready.status_code == 200 and wrong.startswith("promotion wrong of /recommend-items/shop/wrong main: INCLUDE")
    assert gone == "promotion gone of /recommend-items/shop/gone main: gone"
    assert client.get("/recommend-items/shop/wrong/u1").status_code == 400
    assert client.get("/recommend-items/shop/gone/u1").status_code == 404
    checked = CliRunner().invoke(main, ["check-config", str(data.parent / "config.yaml"), "--data", str(data)])
    assert checked.exit_code == 1 and wrong in checked.output and gone in checked.output


IN_PLACE = f"expression: {BY_KIND}"
FAULTS = [
    ("{percentPromotedItems: 10, EXPR}", "promotions[0]: 'name' is required"),
    ("{name: p, EXPR}", "promotions[0]: 'percentPromotedItems' is required"),
    ("{name: p, percentPromotedItems: 0, EXPR}", ".percentPromotedItems: must be a whole number from 1 to 100, not 0"),
    ("{name: p q, percentPromotedItems: 1, EXPR}", ".name: must be letters, digits, - and _"),
    ("{name: p, percentPromotedItems: 1}", "promotions[0]: needs 'filterArn' or 'expression'"),
    ("{name: p, percentPromotedItems: 1, filterArn: f, EXPR}", "promotions[0]: has both 'filterArn' and 'expression'"),
    ("{name: p, percentPromotedItems: 1, filter: f}", "[0]: unknown key 'filter'; one of: autoDynamic"),
    ("{name: p, percentPromotedItems: 1, expression: INCLUDE}", ".expression: Invalid Expression at line 1"),
    (
        "{name: p, percentPromotedItems: 1, EXPR, filterValues: {KIND: 3}}",
        ".filterValues.KIND: must be a text of at most 1000 characters",
    ),
    (
        "{name: p, percentPromotedItems: 1, EXPR, filterValues: {KIND: a}, autoDynamicFilterValues: AUTO}",
        ".filterValues.KIND: is under autoDynamicFilterValues, too",
    ),
    (
        "{name: p, percentPromotedItems: 1, EXPR}, {name: q, percentPromotedItems: 1, EXPR}",
        ".promotions: has 2: a list has one at most",
    ),
]
ONE = "namespaces: {shop: {recommenders: {ACTION: {home: {promotions: [PROMOTIONS], variations: {main: VARIATION}}}}}}"


def one(promotions: str, variation: str = "{type: engine, model: m}", action: str = "recommend-items") -> str:
    text = ONE.replace("PROMOTIONS", promotions).replace("EXPR", IN_PLACE)
    text = text.replace("AUTO", "{KIND: {type: string, default: a, rules: []}}")
    return text.replace("ACTION", action).replace("VARIATION", variation)


GOOD = "{name: p, percentPromotedItems: 1, EXPR}"


@pytest.mark.parametrize(("promotions", "says"), FAULTS)
def test_a_wrong_promotion_is_refused_with_its_place(promotions: str, says: str):
    (fault,) = faults_of(one(promotions))
    assert fault.startswith("namespaces.shop.recommenders.recommend-items.home.promotions") and says in fault


def test_who_takes_none_says_so():
    (fault,) = faults_of(one(GOOD, action="rerank-items"))
    assert "rerank-items orders given items and promotes none" in fault
    assert any(
        "method POST sends them" in each for each in warnings_of(parse(one(GOOD, "{type: http, url: http://o}")))
    )
    assert not warnings_of(parse(one(GOOD, "{type: http, url: http://o, method: POST}")))
    above = "promotions: [PROMOTION]\n".replace("PROMOTION", GOOD).replace("EXPR", IN_PLACE)
    ranked = one("", action="rerank-items").replace("promotions: [], ", "")
    (variation,) = parse(above + ranked).namespaces["shop"].plans["rerank-items", "home"].variations
    assert variation.promotion is None


def test_personalize_itself_takes_filters_by_arn_only():
    arn = "arn:aws:personalize:eu-west-1:111122223333"
    aws = "origins: {personalize: {type: aws}}\n"
    variation = f'{{type: personalize-campaign, arn: "{arn}:campaign/m"}}'
    assert any("takes filters by 'filterArn' only" in each for each in faults_of(aws + one(GOOD, variation)))
    bare = "{name: p, percentPromotedItems: 1, filterArn: own}"
    assert any("none of Amazon Personalize" in each for each in faults_of(aws + one(bare, variation)))
