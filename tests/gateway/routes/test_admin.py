"""Purging, reloading, and seeing the configuration, with a key of one's own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from gateway.cache.forecast import Size, cache_forecast
from gateway.config import parse
from tests.gateway.serve.world import CONFIG, SmallEngine, app_over

HOME = "/recommend-items/shop/home/{}"
LIKE = "/related-items/shop/like/i1?userId={}"
KEY = {"x-api-key": "operator"}
ADMIN = f"""
admin: {{keys: [{{name: operator, sha256: {sha256(b"operator").hexdigest()}}}]}}
aws: {{accessKeys: [{{accessKeyId: AKIDEXAMPLE, secretAccessKey: very-secret, accountId: "000000000000"}}]}}
"""


@pytest.fixture
def engine(tmp_path: Path) -> SmallEngine:
    return SmallEngine(tmp_path)


@pytest.fixture
def client(engine: SmallEngine) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, config=CONFIG + ADMIN)) as client:
        yield client


def known(client: TestClient[Any], engine: SmallEngine, *users: str) -> None:
    """Users with a history: each has answers of their own."""
    for user in users:
        event = {"eventType": "View", "itemId": "i3"}
        body = {"sessionId": "s", "userId": user, "eventList": [event]}
        assert client.post("/events/shop", json=body).status_code == 200


def outcomes(client: TestClient[Any]) -> dict[str, str]:
    paths = {f"{path[1:4]} {user}": path.format(user) for path in (HOME, LIKE) for user in ("u1", "u2")}
    return {name: client.get(path).headers["x-cache"] for name, path in paths.items()}


PURGES = [
    ({"namespace": "shop"}, {"rec u1", "rec u2", "rel u1", "rel u2"}),
    ({"namespace": "shop", "recommender": "home"}, {"rec u1", "rec u2"}),
    ({"namespace": "shop", "user": "u1"}, {"rec u1", "rel u1"}),
    ({"namespace": "shop", "item": "i1"}, {"rec u1", "rec u2"}),  # i1 is not among the items like i1
    ({"namespace": "shop", "item": "i19"}, {"rec u1", "rec u2", "rel u1", "rel u2"}),
    ({"namespace": "shop", "item": "unknown"}, set()),
    ({"namespace": "quiet"}, set()),
]


@pytest.mark.parametrize(("purge", "gone"), PURGES)
def test_exactly_what_is_purged_is_made_anew(purge: Any, gone: set[str], client: TestClient[Any], engine: SmallEngine):
    known(client, engine, "u1", "u2")
    outcomes(client)
    assert set(outcomes(client).values()) == {"hit"}
    answer = client.post("/admin/purge", json=purge, headers=KEY)
    assert (answer.status_code, answer.json()) == (200, {"purged": purge})
    after = outcomes(client)
    assert {name for name, outcome in after.items() if outcome == "miss"} == gone
    assert set(outcomes(client).values()) == {"hit"}


WRONG = [
    ({"namespace": "nowhere"}, 404, "NamespaceNotFound"),
    ({"namespace": "shop", "recommender": "nowhere"}, 404, "RecommenderNotConfigured"),
    ({"namespace": "shop", "user": "u", "item": "i"}, 400, "ValidationError"),
    ({"namespace": "shop", "users": "u"}, 400, "ValidationError"),
    ({"user": "u"}, 400, "ValidationError"),
    ([], 400, "ValidationError"),
]


@pytest.mark.parametrize(("purge", "status", "code"), WRONG)
def test_a_wrong_purge_purges_nothing(purge: Any, status: int, code: str, client: TestClient[Any]) -> None:
    answer = client.post("/admin/purge", json=purge, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("path", ["purge", "reload", "configuration"])
def test_only_an_operator_may(path: str, client: TestClient[Any], tmp_path: Path) -> None:
    ask = client.get if path == "configuration" else client.post
    for headers in ({}, {"x-api-key": "wrong"}):
        answer = ask(f"/admin/{path}", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "ApiKey")
    with TestClient(app_over(SmallEngine(tmp_path / "b"))) as open_to_nobody:
        ask = open_to_nobody.get if path == "configuration" else open_to_nobody.post
        assert ask(f"/admin/{path}", headers=KEY).status_code == 404


def test_the_configuration_without_its_secrets(client: TestClient[Any]) -> None:
    answer = client.get("/admin/configuration", headers=KEY)
    document = answer.json()["document"]
    assert document["namespaces"]["shop"]["name"] == "Shop"
    assert document["aws"]["accessKeys"][0]["secretAccessKey"] == "***"
    assert "very-secret" not in answer.text


def test_a_reload_is_at_once(engine: SmallEngine, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(CONFIG + ADMIN)
    with TestClient(app_over(engine, config=CONFIG + ADMIN, watched=str(file))) as client:
        file.write_text((CONFIG + ADMIN).replace('version: "7"', 'version: "8"'))
        answer = client.post("/admin/reload", headers=KEY)
        assert (answer.status_code, answer.json()["version"], answer.json()["faults"]) == (200, "8", [])
        file.write_text("namespaces: 7")
        answer = client.post("/admin/reload", headers=KEY)
        assert (answer.status_code, answer.json()["version"]) == (422, "8")
        assert answer.json()["faults"] == ["line 1: namespaces: must be a map of keys, not 7"]


def test_the_forecast_counts_answers(client: TestClient[Any], engine: SmallEngine, tmp_path: Path, caplog: Any) -> None:
    config = parse(CONFIG)
    made = cache_forecast(config.namespaces, lambda model: Size(1000, 20) if model == "home" else Size(0, 0))
    # home, split and crowd for every user and for those without history, crowd for 16 cohorts, like for every item;
    # live keeps nothing but for synthetic users, gone has no model yet
    assert made.answers == 1001 * 4 + 16 + 20 + 1
    assert 3_000 * 4000 < made.bytes < 10_000 * 4000
    assert "raise cache.megabytes" in made.describe(1_000_000)
    assert "raise" not in made.describe(10**9)
    caplog.set_level(logging.INFO)
    app_over(SmallEngine(tmp_path / "c"))
    assert "this configuration needs about" in caplog.text
