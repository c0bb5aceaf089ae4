"""No body makes the server fail: on every path that reads one it is refused, in the words of that path."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import boto3
import httpx
import pytest
from litestar.testing import TestClient

from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.aws.rules import sample
from tests.engine.action_world import with_actions
from tests.engine.shop import HOME, T0, Shop
from tests.gateway import bodies
from tests.gateway.asgi import asked

ADMIN = "operator"
RECIPE = "arn:aws:personalize:::recipe/"
NOT_ANSWERED = ("/action-recommendations",)  # no campaign here answers with actions
CONFIG = """
version: "1"
namespaces:
  shop:
    autoContext:
      country: {type: string, default: XX, rules: [{type: header-value, header: cloudfront-viewer-country}]}
    inferenceItemMetadata: {type: engine}
    recommenders:
      recommend-items:
        home:
          experiments: {look: {method: builtin, metrics: {clicks: {}}}}
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
        classic:
          experiments:
            order: {method: evidently, project: shop, metrics: {clicked: {entityIdKey: u.id, valueKey: v.n}}}
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
      rerank-items:
        order: {variations: {only: {type: engine, model: order}}}
    eventTargets: [{type: personalize-event-tracker, trackingId: TRACKING}]
  away:
    recommenders: {recommend-items: {home: {variations: {only: {type: engine, model: home}}}}}
    eventTargets: [{type: http, url: "http://127.0.0.1:9/"}]
admin: {keys: [{name: ops, sha256: ADMIN}]}
"""
PROPERTIES = json.dumps({"device": "tv", "shelf": "1"})
ROW = json.dumps({"genres": "a|b", "year": 1999, "price": 2.5})
EVENT = {
    "eventType": "click",
    "sentAt": T0 + 5,
    "eventId": "e1",
    "itemId": "i1",
    "eventValue": 1.5,
    "properties": PROPERTIES,
    "recommendationId": "RID-1",
    "impression": ["i1", "i2"],
    "metricAttribution": {"eventAttributionSource": "x"},
}
ASKED = {"userId": "u1", "filterValues": {"G": '"a"'}, "context": {"DEVICE": "tv"}}
FILTER = f"{HOME}filter/by-genre"
BY_OPENFEATURE = {"context": {"targetingKey": "u1", "age": 3, "exposure": False, "more": {"a": [1]}}}
EVALUATION = {"entityId": "u1", "evaluationContext": '{"age": 3}'}
SEEN = json.dumps({"feature": "order", "variation": "a", "entityId": "u1", "u": {"id": "u1"}, "v": {"n": 1.5}})
TRACKED = [
    {
        "event_name": "clicks",
        "user_id": "u1",
        "session_id": "s1",
        "properties_json": {"value": 1, "x": [1]},
        "context_json": {"sessionId": "s1"},
    },
    {
        "event_name": "Experiment Viewed",
        "properties_json": {"experiment_id": "shop.home.look", "hash_value": "u1", "variation_id": "a"},
        "context_json": {},
    },
]
MANY = {
    "requests": [
        {"recommender": "home", "numResults": 3, "context": {"a": "b"}, "exclude": ["i1"], "fields": ["x"]},
        {"recommender": "order", "action": "rerank-items", "itemIds": ["i1", "i2"], "filterValues": {"a": "b"}},
    ],
    "userId": "u1",
    "distinct": True,
}
SENT = {"userId": "u1", "sessionId": "s1", "eventList": [EVENT]}
CONVERSION = {"recommender": "home", "feature": "look", "metric": "clicks", "value": 2}
PLACES: dict[str, Any] = {  # path -> a good body, or (a good body, the paths of the strings in it that hold JSON)
    "/recommendations": {"campaignArn": f"{HOME}campaign/home", "numResults": 2, "filterArn": FILTER, **ASKED},
    "/personalize-ranking": {"campaignArn": f"{HOME}campaign/order", "inputList": ["i1", "i2"], **ASKED},
    "/action-recommendations": {"campaignArn": f"{HOME}campaign/home", "numResults": 2, **ASKED},
    "/events": ({"trackingId": "TRACKING", **SENT}, [("eventList", 0, "properties")]),
    "/items": (
        {"datasetArn": f"{HOME}dataset/shop/ITEMS", "items": [{"itemId": "i1", "properties": ROW}]},
        [("items", 0, "properties")],
    ),
    "/users": (
        {"datasetArn": f"{HOME}dataset/shop/USERS", "users": [{"userId": "u1", "properties": '{"tier":"gold"}'}]},
        [("users", 0, "properties")],
    ),
    "/actions": (
        {"datasetArn": f"{HOME}dataset/shop/ACTIONS", "actions": [{"actionId": "a1", "properties": '{"kind":"x"}'}]},
        [("actions", 0, "properties")],
    ),
    "/action-interactions": {
        "trackingId": "TRACKING",
        "actionInteractions": [
            {
                "actionId": "a1",
                "userId": "u1",
                "sessionId": "s1",
                "timestamp": T0,
                "eventType": "Taken",
                "eventId": "e2",
                "recommendationId": "RID-1",
                "impression": ["a1"],
                "properties": "{}",
            }
        ],
    },
    "/events/shop": (
        {**SENT, "experimentConversions": [CONVERSION]},
        [("eventList", 0, "properties")],
    ),
    "/events/away": (SENT, [("eventList", 0, "properties")]),
    "/recommend-many/shop": MANY,
    "/pinpoint/shop/home": {"Endpoints": {"e1": {"ChannelType": "EMAIL", "User": {"UserId": "u1"}}}},
    "/rerank-items/shop/order/u1": ["i1", "i2"],
    "/ofrep/v1/evaluate/flags": BY_OPENFEATURE,
    "/ofrep/v1/evaluate/flags/shop.home.look": BY_OPENFEATURE,
    "/track": TRACKED,
    "/projects/shop/evaluations/order": (EVALUATION, [("evaluationContext",)]),
    "/projects/shop/evaluations": {"requests": [{"feature": "order", **EVALUATION}]},
    "/projects/shop/experiments/order/results": {
        "metricNames": ["clicked"],
        "treatmentNames": ["a"],
        "resultStats": ["BaseStat"],
        "reportNames": ["BayesianInference"],
    },
    "/events/projects/shop": (
        {
            "events": [
                {"type": f"aws.evidently.{kind}", "timestamp": T0, "data": SEEN} for kind in ("evaluation", "custom")
            ]
        },
        [("events", 0, "data"), ("events", 1, "data")],
    ),
    "/admin/purge": {"namespace": "shop", "recommender": "home"},
}
OPERATIONS = boto3.Session().client("personalize", region_name="us-east-1").meta.service_model


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = with_actions(Shop(tmp_path_factory.mktemp("bad")).furnish())
    shop.load_clicks(*(f"u{n} i{n % 4} {n}" for n in range(12)))
    shop.deploy(shop.train())
    shop.deploy(shop.train("ranking", f"{RECIPE}aws-personalized-ranking", sequence_epochs="1"), "order")
    expression = "INCLUDE ItemID WHERE Items.GENRES IN ($G)"
    shop.do("CreateFilter", name="by-genre", datasetGroupArn=shop.group, filterExpression=expression)
    return shop


@pytest.fixture(scope="module")
def client(shop: Shop) -> Iterator[TestClient[Any]]:
    key = sha256(ADMIN.encode()).hexdigest()
    config = parse(CONFIG.replace("TRACKING", shop.tracking).replace("ADMIN", key))
    app = create_app(config, shop.engine, AppOptions(environ={}, clock=shop.clock))
    with TestClient(app) as client:
        client.headers["x-api-key"] = ADMIN
        yield client


@pytest.mark.parametrize("path", PLACES)
def test_a_body_is_never_what_fails(client: TestClient[Any], shop: Shop, path: str):
    place, draw = PLACES[path], random.Random(path)
    good, inner = place if isinstance(place, tuple) else (place, [])
    good = json.loads(json.dumps(good).replace("TRACKING", shop.tracking))
    answer = client.post(path, json=good)
    assert answer.status_code in (200, 204) or path in NOT_ANSWERED, answer.text
    sent = [*bodies.odd(good, draw), *(body for each in inner for body in bodies.texts(good, each, draw))]
    check(client, path, sent)


@pytest.mark.parametrize("operation", OPERATIONS.operation_names)
def test_nor_in_any_operation_of_the_control_plane(client: TestClient[Any], operation: str):
    draw, shape = random.Random(operation), OPERATIONS.operation_model(operation).input_shape
    sent = list(bodies.odd(sample(shape), draw, cuts=3))
    whole, rest = sent[: len(bodies.WHOLE)], sent[len(bodies.WHOLE) :]
    some = [*whole, *draw.sample(rest, min(len(rest), 15))]
    check(client, "/", some, {"X-Amz-Target": f"AmazonPersonalize.{operation}"})


@pytest.mark.parametrize(
    "path", ["/events", "/events/shop", "/recommendations", "/track", "/projects/shop/evaluations"]
)
def test_nor_where_it_is_compressed(client: TestClient[Any], path: str):
    whole = gzip.compress(b'{"a":null}}')
    draw = random.Random(path)
    cut = [whole[: draw.randrange(len(whole))] for _ in range(5)]
    swapped = [whole[:at] + bytes([draw.randrange(256)]) + whole[at + 1 :] for at in range(len(whole))]
    sent = [gzip.compress(body) for body in bodies.WHOLE] + cut + swapped + list(bodies.WHOLE)
    check(client, path, sent, {"Content-Encoding": "gzip"})


def test_nor_in_the_text_of_a_schema(client: TestClient[Any]):
    fields = [{"name": "ITEM_ID", "type": "string"}, {"name": "GENRE", "type": ["null", "string"], "categorical": True}]
    schema = json.dumps({"type": "record", "name": "Items", "fields": fields, "version": "1.0"})
    sent = list(bodies.texts({"name": "odd", "schema": schema}, ("schema",), random.Random(0)))
    check(client, "/", sent, {"X-Amz-Target": "AmazonPersonalize.CreateSchema"})


@pytest.mark.parametrize("name", ["filterValues", "context", "exclude", "fields", "numResults"])
def test_nor_in_a_query(client: TestClient[Any], name: str):
    short = [body for body in bodies.odd({"G": "a"}, random.Random(0)) if len(body) <= 3000]
    for body in short:
        answer = client.get("/recommend-items/shop/home/u1", params={name: body.decode("latin-1")})
        assert answer.status_code < 500, (body, answer.text)
    for query in ("nextToken=" + "9" * 5000, "maxResults=" + "1" * 5000):
        assert client.get(f"/projects?{query}").status_code == 400


def check(client: TestClient[Any], path: str, sent: list[bytes], headers: dict[str, str] | None = None) -> None:
    failed = []
    for body, answer in zip(sent, post_all(client, path, sent, headers or {}), strict=True):
        if answer.status_code >= 500 or (answer.status_code >= 400 and not says_why(answer)):
            failed.append(f"{answer.status_code} {answer.text[:100]} for {body[:200]!r} ({len(body)} bytes)")
    assert not failed, f"{len(failed)} of {len(sent)}\n" + "\n".join(failed[:20])


def post_all(client: TestClient[Any], path: str, sent: list[bytes], headers: dict[str, str]) -> list[httpx.Response]:
    """One after the other, handed to the app as a server would: a client's own work is most of a request's."""
    named = {"Host": "testserver", "x-api-key": ADMIN, **headers}

    async def post_each() -> list[httpx.Response]:
        return [await asked(client.app, "POST", path, named, body) for body in sent]

    with client.portal() as portal:
        return portal.call(post_each)


def says_why(answer: httpx.Response) -> bool:
    """In the words of AWS, of REST or of OpenFeature."""
    refusal = answer.json()
    if "__type" in refusal:
        return bool(refusal["message"]) and answer.headers["x-amzn-errortype"] == refusal["__type"]
    return bool(refusal.get("message") or refusal.get("errorDetails"))
