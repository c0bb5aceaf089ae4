"""Answers in a shape of one's own, and paths as other software calls them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from litestar.testing import TestClient

from gateway.config.checks.recommenders import reserved_names
from gateway.document.values import AliasName
from gateway.routes.aliases import OWN
from gateway.routes.query import NAMES
from tests.gateway.config.documents import faults_of, shop, warnings_of
from tests.gateway.serve.world import SmallEngine, app_over

PRODUCTS = "itemList[].{product: {id: itemId, price: metadata.price}}"
CONFIG = f"""
namespaces:
  shop:
    inferenceItemMetadata: {{type: engine, itemColumns: [PRICE]}}
    cacheControl:
      userSpecified: {{maxAge: 60, directives: private}}
      noUserSpecified: {{maxAge: 60, directives: public}}
    recommenders:
      recommend-items:
        mail:
          shape: "{PRODUCTS}"
          aliases:
            - {{path: /recommendations, query: {{userId: userID}}}}
            - {{path: /api-of/shop.json, query: {{userId: who, numResults: n}}}}
          variations: {{only: {{type: engine, model: home}}}}
        object:
          shape: "{{items: itemList[].itemId, list: recommendationId}}"
          variations: {{m: {{type: engine, model: home}}}}
        tested:
          shape: itemList[].itemId
          experiments: {{look: {{method: builtin, metrics: {{clicks: {{}}}}}}}}
          variations: {{a: {{type: engine, model: home, weight: 1}}, b: {{type: engine, model: home, weight: 1}}}}
        drafted:
          shape: itemList[].[itemId, team]
          experiments: {{look: {{method: interleaving, metrics: {{clicks: {{}}}}}}}}
          variations: {{a: {{type: engine, model: home}}, b: {{type: engine, model: home}}}}
        tired:
          shape: itemList[].metadata.price
          fatigue: {{shown: 1}}
          variations: {{m: {{type: engine, model: home}}}}
        impossible: {{shape: "sum(itemList[].itemId)", variations: {{m: {{type: engine, model: home}}}}}}
        rescued:
          shape: itemList[].itemId
          fallback: [object]
          variations: {{m: {{type: http, url: "http://127.0.0.1:9/{{userId}}", retries: 0}}}}
      related-items:
        near:
          shape: itemList[].itemId
          aliases: [{{path: /related, query: {{itemId: currentItemID, userId: userID}}}}]
          variations: {{only: {{type: engine, model: home}}}}
      rerank-items:
        order:
          aliases: [{{path: /rerank, query: {{itemIds: items, userId: userID}}}}]
          variations: {{only: {{type: engine, model: home}}}}
"""


@pytest.fixture
def client(engine: SmallEngine) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, config=CONFIG)) as client:
        yield client


def test_a_list_or_an_object_is_the_body(client: TestClient[Any]) -> None:
    answer = client.get("/recommend-items/shop/mail/u1?numResults=3")
    assert answer.json() == [{"product": {"id": f"i{n}", "price": 9.5 if n != 1 else None}} for n in range(3)]
    assert answer.headers["content-type"] == "application/json"
    assert client.get("/recommend-items/shop/object/u1?numResults=2").json() == {"items": ["i0", "i1"], "list": "RID-2"}


def test_a_shaped_answer_is_cached_shaped(client: TestClient[Any], engine: SmallEngine) -> None:
    first, again = (client.get("/recommend-items/shop/mail/u1") for _ in range(2))
    assert (first.headers["x-cache"], again.headers["x-cache"]) == ("miss", "hit")
    assert first.content == again.content and first.headers["etag"] == again.headers["etag"]
    fresh = client.get("/recommend-items/shop/mail/u1", headers={"If-None-Match": first.headers["etag"]})
    assert fresh.status_code == 304
    engine.price = 12.0
    engine.change("item", "i0")
    assert client.get("/recommend-items/shop/mail/u1").json()[0]["product"]["price"] == 12.0


def test_an_alias_has_the_names_of_its_sender(client: TestClient[Any]) -> None:
    own = client.get("/recommend-items/shop/mail/u1?numResults=4").json()
    asked = client.get("/recommendations?userID=u1&fullyQualifyImageUrls=1&numResults=4")
    assert (asked.status_code, asked.json()) == (200, own)
    assert client.get("/api-of/shop.json?n=4&who=u1").json() == own
    assert client.head("/recommendations?userID=u1").status_code == 200
    assert client.get("/related?currentItemID=i3&numResults=2").json() == ["i0", "i1"]
    ranking = client.get("/rerank?items=i9,i3&userID=u1").json()["personalizedRanking"]
    assert [each["itemId"] for each in ranking] == ["i9", "i3"]


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("/recommendations", 400, "userID is required"),
        ("/recommendations?userID=", 400, "userID is required"),
        ("/related?userID=u1", 400, "currentItemID has 1 to 256 characters"),
        ("/rerank?userID=u1", 400, "1 to 500 item ids can be ranked, not 0"),
        ("/recommendations?userID=u1&numResults=none", 400, "numResults is a whole number"),
        ("/recommendations/more?userID=u1", 404, "Not found"),
        ("/recommend-items/shop/impossible/u1", 502, "the shape can't be made of this answer"),
    ],
)
def test_refusals_say_what_is_wrong(client: TestClient[Any], target: str, status: int, words: str) -> None:
    answer = client.get(target)
    assert answer.status_code == status and words in answer.json()["message"]


def test_an_alias_takes_no_post(client: TestClient[Any]) -> None:
    assert client.post("/related", json={}).status_code in (404, 405)


def test_experiments_count_shaped_lists(client: TestClient[Any]) -> None:
    answers = [client.get(f"/recommend-items/shop/tested/u{n}?numResults=2") for n in range(20)]
    assert all(answer.json() == ["i0", "i1"] for answer in answers)
    assert {answer.headers["x-recgate-variation"] for answer in answers} == {"a", "b"}
    drafted = client.get("/recommend-items/shop/drafted/u1?numResults=2").json()
    assert [item for item, _ in drafted] == ["i0", "i1"] and {team for _, team in drafted} <= {"a", "b"}


def test_what_a_shape_hides_counts_as_shown(client: TestClient[Any], engine: SmallEngine) -> None:
    assert client.get("/recommend-items/shop/tired/u1?numResults=2").json() == [9.5]
    assert set(engine.shown["u1"]) == {"i0", "i1"}


def test_a_fallback_answers_in_the_shape_that_was_asked_for(client: TestClient[Any]) -> None:
    answer = client.get("/recommend-items/shop/rescued/u1?numResults=2")
    assert (answer.headers["x-cache"], answer.json()) == ("fallback", ["i0", "i1"])


def test_several_lists_at_once_have_no_shape(client: TestClient[Any]) -> None:
    client.get("/recommend-items/shop/mail/u1")
    body = {"userId": "u1", "distinct": True, "requests": [{"recommender": "mail", "numResults": 25}]}
    (response,) = client.post("/recommend-many/shop", json=body).json()["responses"]
    assert response["itemList"][0]["itemId"] == "i0"
    assert isinstance(client.get("/recommend-items/shop/mail/u1").json(), list)


def test_the_description_names_the_shape(client: TestClient[Any]) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/recommend-items/shop/mail/{user_id}"]["get"]
    assert PRODUCTS in operation["responses"]["200"]["description"]


# ---- the configuration

HOME = "variations: {main: {type: engine, model: m}}"


def recommenders(action: str, text: str) -> str:
    return f"namespaces: {{shop: {{recommenders: {{{action}: {{{text}}}}}}}}}"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"a: {{shape: 'itemList[', {HOME}}}", "recommenders.recommend-items.a.shape: is no JMESPath expression"),
        (f"a: {{aliases: [{{path: /admin/x}}], {HOME}}}", "a.aliases[0].path: /admin is a path of recgate's own"),
        (f"a: {{aliases: [{{path: /v1/x}}], {HOME}}}", "a.aliases[0].path: /v1 is a path of recgate's own"),
        (f"a: {{aliases: [{{path: '/x?y'}}], {HOME}}}", "a.aliases[0].path: "),
        (f"a: {{aliases: [{{path: /x, query: {{itemId: i}}}}], {HOME}}}", "query: itemId is for related-items"),
        (f"a: {{aliases: [{{path: /x, query: {{userId: i, filter: i}}}}], {HOME}}}", "'i' stands for 2 parameters"),
        (
            f"a: {{aliases: [{{path: /x}}], {HOME}}}, b: {{aliases: [{{path: /x}}], {HOME}}}",
            "b.aliases[0].path: /x is ",
        ),
    ],
)
def test_what_is_wrong_with_shapes_and_aliases_is_said(text: str, fault: str) -> None:
    assert any(fault in each for each in faults_of(recommenders("recommend-items", text)))


def test_a_shape_that_gives_nothing_is_warned_of() -> None:
    warnings = warnings_of(shop(f"{{shape: 'items[].itemId', {HOME}}}"))
    assert any("shape: gives nothing" in each and "itemList" in each for each in warnings)
    for shape in (PRODUCTS, "itemList[?metadata.stock > `0`].itemId", "itemList[].metadata.name"):
        assert not warnings_of(shop(f'{{shape: "{shape}", {HOME}}}'))


def test_no_alias_hides_a_path(client: TestClient[Any]) -> None:
    app: Any = client.app
    paths = {route.path for route in app.routes if "GET" in route.methods}
    firsts = {path.split("/")[1] for path in paths} - {""}
    assert {first for first in firsts if not first.startswith("{")} <= reserved_names()


def test_an_alias_may_rename_every_parameter() -> None:
    assert set(get_args(AliasName)) == {*NAMES, *OWN}
