"""Every error is the triple, with the status and code of specification §1.8."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from litestar.testing import TestClient

import engine as front_door
from tests.gateway.serve.world import CONFIG, SmallEngine, app_over

HOME = "/recommend-items/shop/home/u1"
PROMOTION = '[{"name":"p","percentPromotedItems":30,"filterArn":"own"}]'


@pytest.mark.parametrize(
    ("path", "status", "code", "named"),
    [
        (f"{HOME}?numResults=abc", 400, "ValidationError", "numResults"),
        (f"{HOME}?numResults=", 400, "ValidationError", "numResults"),
        (f"{HOME}?numResults=2.0", 400, "ValidationError", "numResults"),
        (f"{HOME}?numResults=0", 400, "ValidationError", "numResults"),
        (f"{HOME}?numResults=-1", 400, "ValidationError", "numResults"),
        (f"{HOME}?numResults=501", 400, "ValidationError", "numResults"),
        (f"{HOME}?numResults=99999999999999999999", 400, "ValidationError", "numResults"),
        (f"{HOME}?filterValues=nope", 400, "InvalidFilterParameter", "filterValues"),
        (f'{HOME}?filterValues={{"a":1}}', 400, "InvalidFilterParameter", "a"),
        (f"{HOME}?filterValues=[]", 400, "InvalidFilterParameter", "object"),
        (f"{HOME}?promotions=p", 400, "InvalidPromotionsParameter", "promotions"),
        (
            f"{HOME}?promotions={PROMOTION.replace('30', '0')}",
            400,
            "InvalidPromotionsParameter",
            "percentPromotedItems",
        ),
        (
            f"{HOME}?promotions=[{PROMOTION[1:-1]},{PROMOTION[1:-1]}]",
            400,
            "InvalidPromotionsParameter",
            "one promotion",
        ),
        (f"{HOME}?promotions={PROMOTION.replace('own', 'unknown')}", 404, "ResourceNotFoundException", "unknown"),
        (f"/rerank-items/shop/order/u1/i1?promotions={PROMOTION}", 400, "ValidationError", "promotes none"),
        (f"{HOME}?context=", 400, "InvalidContextParameter", "context"),
        (f'{HOME}?context={{"a":null}}', 400, "InvalidContextParameter", "context"),
        (f"{HOME}?numresults=5", 400, "ValidationError", "did you mean 'numResults'"),
        (f"{HOME}?numResult=5", 400, "ValidationError", "did you mean 'numResults'"),
        (f"{HOME}?num_results=5", 400, "ValidationError", "did you mean 'numResults'"),
        (f"{HOME}?fliter=seen", 400, "ValidationError", "did you mean 'filter'"),
        (f"{HOME}?filter_values=x", 400, "ValidationError", "did you mean 'filterValues'"),
        (f"{HOME}?excludes=i1", 400, "ValidationError", "did you mean 'exclude'"),
        ("/related-items/shop/like/i1?userID=u1", 400, "ValidationError", "did you mean 'userId'"),
        ("/rerank-items/shop/order/u1/i1?contxt=x", 400, "ValidationError", "did you mean 'context'"),
        ("/explain-items/shop/home/u1/i1?numresults=5", 400, "ValidationError", "did you mean 'numResults'"),
        ("/cohorts/shop/crowd/u1?filtr=5", 400, "ValidationError", "did you mean 'filter'"),
        ("/cohort-items/shop/crowd/c0?numresults=5", 400, "ValidationError", "did you mean 'numResults'"),
        ("/experiments/shop/split/look?metod=fixed", 400, "ValidationError", "did you mean 'method'"),
        (f"{HOME}?filter=unknown", 404, "ResourceNotFoundException", "unknown"),
        (f"/recommend-items/shop/home/{'u' * 257}", 400, "ValidationError", "user_id"),
        (f"/related-items/shop/like/{'u' * 257}", 400, "ValidationError", "item_id"),
        ("/rerank-items/shop/order/u1/a,,b", 400, "ValidationError", "item id"),
        (f"/rerank-items/shop/order/u1/{','.join('abc' for _ in range(501))}", 400, "ValidationError", "500"),
        ("/recommend-items/nowhere/home/u1", 404, "RecommenderNotConfigured", "nowhere"),
        ("/recommend-items/shop/nowhere/u1", 404, "RecommenderNotConfigured", "nowhere"),
        ("/related-items/shop/home/i1", 404, "RecommenderNotConfigured", "home"),
        ("/recommend-items/shop/gone/u1", 404, "ResourceNotFoundException", "nowhere"),
    ],
)
def test_questions(path: str, status: int, code: str, named: str, shared_client: TestClient[Any]) -> None:
    answer = shared_client.get(path, headers={"Origin": "https://a.example"})
    error = answer.json()
    assert (answer.status_code, error["code"]) == (status, code)
    assert named in error["message"]
    assert set(error) == {"type", "code", "message"}
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert answer.headers["x-personalization-config-version"] == "7"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "query", ["utm_source=mail&gclid=1", "_=1700000000", "anything=else&x", "v=2&ref=home", "locale=de"]
)
def test_parameters_of_others_are_passed_by(query: str, shared_client: TestClient[Any]) -> None:
    assert shared_client.get(f"{HOME}?{query}").status_code == 200


READS_QUERIES = CONFIG.replace(
    "autoContext:",
    "autoContext:\n      shelf: {type: string, rules: [{type: query-param, param: filters}]}",
    1,
).replace(
    "gone: {variations: {only: {type: engine, model: nowhere}}}",
    'far: {variations: {only: {type: http, url: "http://127.0.0.1:9/{numresults}"}}}',
)


@pytest.mark.parametrize("name", ["filters", "numresults"])
def test_parameters_that_the_configuration_reads_are_no_mistakes(name: str, engine: SmallEngine) -> None:
    with TestClient(app_over(engine, config=READS_QUERIES)) as client:
        assert client.get(f"{HOME}?{name}=5").status_code == 200
        assert client.get(f"{HOME}?fliter=5").status_code == 400


def test_plus_is_a_sign(shared_client: TestClient[Any]) -> None:
    assert len(shared_client.get(f"{HOME}?numResults=%2B3").json()["itemList"]) == 3


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        (b'["a",', "InvalidJSONRequestPayload", "line 1 column 6"),
        (b"", "InvalidJSONRequestPayload", "line 1 column 1"),
        (b"\xff", "InvalidJSONRequestPayload", "JSON"),
        (b'{"a": 1}', "InvalidRequestPayload", "array"),
        (b'["a", 1]', "InvalidRequestPayload", "[1]"),
        (b"[]", "ValidationError", "1 to 500"),
        (b'[""]', "ValidationError", "item id"),
    ],
)
def test_rerank_bodies(body: bytes, code: str, named: str, shared_client: TestClient[Any]) -> None:
    answer = shared_client.post("/rerank-items/shop/order/u1", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert named in answer.json()["message"]


def told(**changes: Any) -> bytes:
    event = {"eventType": "View", "itemId": "i1"}
    return json.dumps({"sessionId": "s1", "userId": "u1", "eventList": [event], **changes}).encode()


def event(**changes: Any) -> bytes:
    return told(eventList=[{"eventType": "View", "itemId": "i1", **changes}])


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        (b"{", "InvalidJSONRequestPayload", "line 1"),
        (b'{"a":' + b"[" * 5000, "InvalidJSONRequestPayload", "JSON"),
        (b"", "InvalidJSONRequestPayload", "line 1"),
        (b"[]", "InvalidRequestPayload", "object"),
        (b"{}", "ValidationError", "eventList"),
        (told(eventList=[]), "ValidationError", "eventList"),
        (told(sessionId=None), "ValidationError", "sessionId"),
        (told(sessionId=""), "ValidationError", "sessionId"),
        (told(extra=1), "ValidationError", "extra"),
        (told(eventList=[{"itemId": "i1"}]), "ValidationError", "eventType"),
        (told(eventList=[{"eventType": "View"}] * 101), "ValidationError", "eventList"),
        (event(sentAt=1_700_000_000_000), "ValidationError", "millisecond"),
        (event(sentAt="now"), "ValidationError", "sentAt"),
        (event(sentAt=-1), "ValidationError", "sentAt"),
        (event(impression="a|b"), "ValidationError", "impression"),
        (event(impression=["a"] * 26), "ValidationError", "impression"),
        (event(properties={"a": 1}), "ValidationError", "properties"),
        (event(properties="nope"), "ValidationError", "properties"),
        (event(properties="[1]"), "ValidationError", "properties"),
        (event(properties="x" * 1025), "ValidationError", "properties"),
        (event(itemId="i" * 257), "ValidationError", "itemId"),
        (event(surprise=1), "ValidationError", "surprise"),
        (told(experimentConversions={}), "InvalidExperimentConversions", "array"),
        (told(experimentConversions=[{}]), "InvalidExperimentConversions", "recommender"),
        (told(experimentConversions=[{"recommender": "home"}], userId=None), "UserIdRequired", "userId"),
        (told(experimentConversions=[{"recommender": "nowhere"}]), "InvalidRecommender", "nowhere"),
        (told(experimentConversions=[{"recommender": "home"}]), "InvalidExperimentFeature", "home"),
    ],
)
def test_events_are_checked_before_any_is_delivered(
    body: bytes, code: str, named: str, shared_client: TestClient[Any], shared_engine: SmallEngine
) -> None:
    stored = list(shared_engine.put)
    answer = shared_client.post("/events/shop", content=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["type"]) == (400, code, "Validation")
    assert named in answer.json()["message"]
    assert shared_engine.put == stored


@pytest.mark.parametrize(
    ("path", "code"), [("/events/nowhere", "NamespaceNotFound"), ("/events/quiet", "NamespaceEventTargetsNotFound")]
)
def test_events_without_a_place_to_go(path: str, code: str, shared_client: TestClient[Any]) -> None:
    answer = shared_client.post(path, content=b"not even JSON")
    assert (answer.status_code, answer.json()["code"]) == (404, code)


@pytest.mark.parametrize("path", ["/events/shop", "/rerank-items/shop/order/u1"])
def test_bodies_have_a_limit(path: str, shared_client: TestClient[Any]) -> None:
    answer = shared_client.post(path, content=b" " * (1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "RequestTooLarge")


def test_a_failure_shows_a_number_and_no_traceback(
    client: TestClient[Any], engine: SmallEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.broken = ZeroDivisionError("secret")
    with caplog.at_level(logging.ERROR):
        answer = client.get(HOME)
    assert (answer.status_code, answer.json()["type"], answer.json()["code"]) == (500, "Unhandled", "InternalError")
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["message"]
    assert answer.headers["x-request-id"] in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_engine_errors_keep_their_code(client: TestClient[Any], engine: SmallEngine) -> None:
    engine.broken = front_door.Unavailable("the model is loading")
    answer = client.get(HOME)
    assert answer.status_code == 503
    assert answer.json() == {
        "type": "Personalize",
        "code": "ServiceUnavailableException",
        "message": "the model is loading",
    }


PYTHON = ("float", "null", "`str`", "`int`", "`array`", "`object`", "Expected", "bool")


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        (
            "POST",
            "/events/shop",
            {"sessionId": 5, "eventList": []},
            "expected a text, not a whole number - at `$.sessionId`",
        ),
        (
            "POST",
            "/events/shop",
            {"sessionId": "s", "eventList": [{"eventType": "View", "eventValue": "x"}]},
            "expected a number, not a text - at `$.eventList[0].eventValue`",
        ),
        ("POST", "/events/shop", [], "expected an object, not a list"),
        ("POST", "/rerank-items/shop/order/u1", ["i1", 2], "expected a text, not a whole number - at `$[1]`"),
        ("POST", "/recommend-many/shop", {"requests": "x"}, "expected a list, not a text - at `$.requests`"),
        ("GET", f'{HOME}?context={{"a":1}}', None, "expected a text, not a whole number"),
        ("POST", "/recommendations", {"campaignArn": 5}, "expected a text, not a whole number - at `$.campaignArn`"),
        ("POST", "/projects/shop/evaluations/look", {"entityId": 5}, ""),
    ],
)
def test_messages_are_in_plain_words(
    method: str, path: str, body: Any, words: str, shared_client: TestClient[Any]
) -> None:
    answer = shared_client.request(method, path, json=body)
    message = answer.json()["message"]
    assert 400 <= answer.status_code < 500
    assert words in message
    assert not [word for word in PYTHON if word in message]
