"""OFREP over a small engine: what a flag says, what it refuses, and in whose words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.gateway.routes.experiments import CONFIG, keyed
from tests.gateway.serve.world import SmallEngine, app_over

FLAGS = "/ofrep/v1/evaluate/flags"
HOME = f"{FLAGS}/shop.home.look"


@pytest.fixture
def client(engine: SmallEngine) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, config=CONFIG)) as client:
        yield client


def asked(unit: str = "u1", **context: Any) -> dict[str, Any]:
    return {"context": {"targetingKey": unit, **context}}


def test_a_flag_is_an_experiment(client: TestClient[Any]) -> None:
    told = client.post(HOME, json=asked())
    assert (told.status_code, told.headers["cache-control"]) == (200, "no-store")
    body = told.json()
    assert body.pop("value") == body.pop("variant") == client.get("/recommend-items/shop/home/u1").json()["variation"]
    where = {"namespace": "shop", "recommender": "home", "feature": "look", "method": "builtin"}
    assert body == {"key": "shop.home.look", "reason": "SPLIT", "metadata": where}


@pytest.mark.parametrize(
    ("key", "unit", "variation", "reason"),
    [
        ("shop.home.look", "tester", "b", "TARGETING_MATCH"),
        ("shop.ended.look", "u1", "a", "DISABLED"),
        ("shop.ramped.look", "u1", "a", "DEFAULT"),
    ],
)
def test_why_it_has_its_value(key: str, unit: str, variation: str, reason: str, client: TestClient[Any]) -> None:
    told = client.post(f"{FLAGS}/{key}", json=asked(unit)).json()
    assert (told["value"], told["reason"]) == (variation, reason)


def test_synthetic_users_take_no_part(client: TestClient[Any]) -> None:
    assert client.post(HOME, json=asked(syntheticUser=True)).json()["reason"] == "DEFAULT"


@pytest.mark.parametrize(
    ("key", "body", "status", "code"),
    [
        ("shop.home.other", '{"context":{"targetingKey":"u1"}}', 404, "FLAG_NOT_FOUND"),
        ("shop.home.look", "{", 400, "PARSE_ERROR"),
        ("shop.home.look", "[]", 400, "INVALID_CONTEXT"),
        ("shop.home.look", '{"context":7}', 400, "INVALID_CONTEXT"),
        ("shop.home.look", "", 400, "TARGETING_KEY_MISSING"),
        ("shop.home.look", '{"context":{"targetingKey":""}}', 400, "TARGETING_KEY_MISSING"),
        ("shop.home.look", '{"context":{"targetingKey":5}}', 400, "INVALID_CONTEXT"),
        ("shop.home.look", '{"context":{"targetingKey":"u","syntheticUser":"yes"}}', 400, "INVALID_CONTEXT"),
    ],
)
def test_failures_are_in_the_protocols_words(
    key: str, body: str, status: int, code: str, client: TestClient[Any]
) -> None:
    told = client.post(f"{FLAGS}/{key}", content=body)
    assert (told.status_code, told.json()["key"], told.json()["errorCode"]) == (status, key, code)
    assert told.json()["errorDetails"]


def test_all_flags_at_once_and_again(client: TestClient[Any]) -> None:
    first = client.post(FLAGS, json=asked())
    keys = [flag["key"] for flag in first.json()["flags"]]
    assert keys == [
        "shop.home.look",
        "shop.ended.look",
        "shop.ramped.look",
        "shop.rerank-items/home.look",
        "quiet.home.look",
    ]
    again = {"if-none-match": first.headers["etag"], "origin": "https://shop.example"}
    unchanged = client.post(FLAGS, json=asked(), headers=again)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert "ETag" in unchanged.headers["access-control-expose-headers"]
    coded = client.post(FLAGS, json=asked(), headers={"accept-encoding": "gzip, identity;q=0"})
    plain = client.post(FLAGS, json=asked(), headers={"accept-encoding": "identity"})
    assert (coded.headers["content-encoding"], coded.json()) == ("gzip", plain.json())
    about = {(each.headers["etag"], each.headers["vary"]) for each in (first, unchanged, coded, plain)}
    assert len(about) == 1 and first.headers["etag"].startswith('W/"') and "Accept-Encoding" in first.headers["vary"]
    assert client.post(FLAGS, json=asked("tester"), headers=again).status_code == 200
    assert client.post(FLAGS, json={}).json()["errorCode"] == "TARGETING_KEY_MISSING"
    assert client.post(f"{FLAGS}/shop.rerank-items%2Fhome.look", json=asked()).json()["key"] == keys[3]


def test_providers_learn_how_often_to_ask(client: TestClient[Any]) -> None:
    told = client.get("/ofrep/v1/configuration")
    assert told.json()["capabilities"]["cacheInvalidation"]["polling"]["minPollingIntervalMs"] == 1000
    assert client.get("/ofrep/v1/configuration", headers={"if-none-match": told.headers["etag"]}).status_code == 304


def test_the_door_is_that_of_the_other_routes(engine: SmallEngine) -> None:
    with TestClient(app_over(engine, config=keyed(one="shop", two="quiet"))) as client:
        assert client.post(HOME, json=asked()).status_code == 401
        assert client.post(HOME, json=asked(), headers={"x-api-key": "two"}).status_code == 403
        assert client.post(HOME, json=asked(), headers={"x-api-key": "one"}).status_code == 200
        seen = client.post(FLAGS, json=asked(), headers={"x-api-key": "two"}).json()["flags"]
        assert [flag["key"] for flag in seen] == ["quiet.home.look"]


def test_paths_are_described(client: TestClient[Any]) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {FLAGS, f"{FLAGS}/{{key}}", "/api/features/{client_key}", "/sub/{client_key}"} <= set(paths)
    assert {"/experiments/{namespace}/{recommender}/{feature}", "/track"} <= set(paths)
