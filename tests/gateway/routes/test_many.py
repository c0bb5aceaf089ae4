"""Several lists in one request: each as if asked alone, errors beside answers, no item twice where that is asked."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.gateway.serve.world import CONFIG, Clock, SmallEngine, app_over

MANY = "/recommend-many/shop"


def post(client: TestClient[Any], *requests: Any, **more: Any) -> list[Any]:
    answer = client.post(MANY, json={"userId": "u1", "requests": list(requests), **more})
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["responses"]
    assert len(found) == len(requests)
    return found


def names(answer: Any) -> list[str]:
    return [item["itemId"] for item in answer.get("itemList") or answer["personalizedRanking"]]


def numbered(*numbers: int) -> list[str]:
    return [f"i{number}" for number in numbers]


SINGLE = [
    ({"recommender": "home", "numResults": 3}, "/recommend-items/shop/home/u1?numResults=3"),
    ({"recommender": "home"}, "/recommend-items/shop/home/u1"),
    (
        {"action": "related-items", "recommender": "like", "itemId": "i3", "exclude": ["i0", "i1"]},
        "/related-items/shop/like/i3?userId=u1&exclude=i0,i1",
    ),
    (
        {"action": "rerank-items", "recommender": "order", "itemIds": ["i5", "i2"]},
        "/rerank-items/shop/order/u1/i5,i2",
    ),
    ({"recommender": "home", "decorateItems": False}, "/recommend-items/shop/home/u1?decorateItems=false"),
    ({"recommender": "home", "fields": ["price"], "locale": "de"}, "/recommend-items/shop/home/u1?fields=price"),
    (
        {"recommender": "home", "context": {"a": "b"}, "filter": "f", "filterValues": {"A": "1"}},
        "/recommend-items/shop/home/u1?context=%7B%22a%22:%22b%22%7D&filter=f&filterValues=%7B%22A%22:%221%22%7D",
    ),
    (
        {"recommender": "home", "promotions": [{"name": "p", "percentPromotedItems": 30, "filterArn": "own"}]},
        '/recommend-items/shop/home/u1?promotions=[{"name":"p","percentPromotedItems":30,"filterArn":"own"}]',
    ),
    ({"recommender": "unknown"}, "/recommend-items/shop/unknown/u1"),
    ({"recommender": "gone"}, "/recommend-items/shop/gone/u1"),
    ({"recommender": "home", "filter": "unknown"}, "/recommend-items/shop/home/u1?filter=unknown"),
]


def test_each_is_what_a_single_request_answers(client: TestClient[Any], engine: SmallEngine) -> None:
    alone = [client.get(path).json() for _, path in SINGLE]
    asked = len(engine.asked)
    assert post(client, *(body for body, _ in SINGLE)) == alone
    assert {answer["code"] for answer in alone if "code" in answer} == {
        "RecommenderNotConfigured",
        "ResourceNotFoundException",
    }
    assert len(engine.asked) - asked <= 2  # all but those that are never kept came from the cache


def test_it_is_never_kept_and_says_where_each_came_from(client: TestClient[Any]) -> None:
    body = {"userId": "u1", "requests": [{"recommender": "home"}, {"recommender": "unknown"}]}
    for first in ("miss", "hit"):
        answer = client.post(MANY, json=body)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-cache"] == f"{first}, error"


def test_they_are_asked_for_at_the_same_time(client: TestClient[Any], engine: SmallEngine) -> None:
    engine.answering.clear()
    threading.Timer(0.3, engine.answering.set).start()
    post(client, *({"recommender": "home", "numResults": number} for number in (1, 2, 3)))
    assert [question.num_results for question in engine.asked] == [1, 2, 3]


def test_no_item_is_in_two_distinct_lists(client: TestClient[Any]) -> None:
    like = {"action": "related-items", "recommender": "like", "itemId": "i9", "numResults": 4}
    lists = post(client, {"recommender": "home", "numResults": 5}, like, {"recommender": "live"}, distinct=True)
    assert [names(each) for each in lists] == [
        numbered(*range(5)),
        numbered(5, 6, 7, 8),
        numbered(*range(9, 20)),  # the catalogue ends
    ]
    assert all("short" not in each for each in lists)


def test_a_distinct_ranking_leaves_out_what_is_shown_already(client: TestClient[Any]) -> None:
    ranking = {"action": "rerank-items", "recommender": "order", "itemIds": ["i1", "i7", "i0"]}
    lists = post(client, {"recommender": "home", "numResults": 2}, ranking, distinct=True)
    assert [names(each) for each in lists] == [numbered(0, 1), numbered(7)]


def test_an_error_takes_nothing_from_the_lists_after_it(client: TestClient[Any]) -> None:
    broken, home = {"recommender": "gone", "numResults": 5}, {"recommender": "home", "numResults": 5}
    lists = post(client, broken, home, distinct=True)
    assert lists[0]["code"] == "ResourceNotFoundException"
    assert names(lists[1]) == numbered(*range(5))


HOME = {"recommender": "home"}
WRONG: list[tuple[Any, str, str]] = [
    ({"requests": []}, "ValidationError", "requests"),
    ({"userId": "u1", "requests": [HOME] * 26}, "ValidationError", "requests"),
    ({"userId": "u1"}, "ValidationError", "`requests`"),
    ([], "ValidationError", "an object with 'requests'"),
    ({"requests": [HOME]}, "ValidationError", "requests[0]: recommend-items needs userId"),
    (
        {"userId": "u1", "requests": [HOME, {"recommender": "like", "action": "related-items"}]},
        "ValidationError",
        "requests[1]: related-items needs itemId",
    ),
    (
        {"userId": "u1", "requests": [{"recommender": "order", "action": "rerank-items"}]},
        "ValidationError",
        "requests[0]: itemIds are what rerank-items needs",
    ),
    ({"userId": "u1", "requests": [{**HOME, "itemIds": ["i1"]}]}, "ValidationError", "requests[0]: itemIds"),
    ({"userId": "u1", "requests": [{**HOME, "numResults": 501}]}, "ValidationError", "$.requests[0].numResults"),
    ({"userId": "u1", "requests": [{**HOME, "action": "events"}]}, "ValidationError", "$.requests[0].action"),
    ({"userId": "u1", "requests": [{**HOME, "nmResults": 5}]}, "ValidationError", "nmResults"),
    ({"userId": "u1", "requests": [{**HOME, "locale": "d;"}]}, "ValidationError", "$.requests[0].locale"),
    ({"userId": "u" * 257, "requests": [HOME]}, "ValidationError", "$.userId"),
    (
        {"userId": "u1", "requests": [{**HOME, "numResults": 251}] * 2, "distinct": True},
        "ValidationError",
        "500 at most together",
    ),
]


@pytest.mark.parametrize(("body", "code", "says"), WRONG)
def test_a_wrong_body_is_refused_whole(
    body: Any, code: str, says: str, client: TestClient[Any], engine: SmallEngine
) -> None:
    answer = client.post(MANY, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert says in answer.json()["message"]
    assert engine.asked == []


def test_what_is_no_json(client: TestClient[Any]) -> None:
    answer = client.post(MANY, content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidJSONRequestPayload")
    assert client.get(MANY).status_code == 405


GUARDED = f"""
auth:
  type: api_key
  keys: [{{name: web, sha256: {hashlib.sha256(b"k").hexdigest()}, actions: [recommend-items]}}]
rateLimits: {{perKey: 5 per hour}}
{CONFIG}"""


def test_keys_and_rates_count_for_each_list(engine: SmallEngine, clock: Clock) -> None:
    with TestClient(app_over(engine, clock, GUARDED)) as client:
        client.headers["x-api-key"] = "k"
        like = {"action": "related-items", "recommender": "like", "itemId": "i1"}
        lists = post(client, HOME, like, HOME)
        assert [each.get("code") for each in lists] == [None, "ActionNotAllowed", None]
        assert client.post(MANY, json={"userId": "u1", "requests": [HOME] * 3}).status_code == 429
    with TestClient(app_over(SmallEngine(engine.settings.data_dir), clock, GUARDED)) as client:
        assert client.post(MANY, json={"userId": "u1", "requests": [HOME]}).status_code == 401
