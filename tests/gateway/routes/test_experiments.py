"""Verdicts over HTTP: from assignment by way of events to what an experiment shows, and who may see it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.gateway.serve.world import CONFIG, SmallEngine, app_over

EXPERIMENT = """{method: builtin, metrics: {sales: {eventType: purchase, valueKey: eventValue}},
                 guardrails: {returns: {eventType: return, direction: decrease}}}"""
KEY = {"x-api-key": "operator"}
ADMIN = f"\nadmin: {{keys: [{{name: operator, sha256: {sha256(b'operator').hexdigest()}}}]}}\n"
LIVE = ["answer latency", "answer errors", "cache hits", "item coverage", "item diversity"]
VERDICT = "/experiments/shop/page/row"


def config(more: str = "") -> str:
    page = f"""
        page:
          experiments: {{row: {EXPERIMENT}}}
          variations: {{left: {{type: engine, model: home}}, right: {{type: engine, model: home}}}}
        split:"""
    return CONFIG.replace("\n        split:", page) + more


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(SmallEngine(tmp_path), config=config())) as client:
        yield client


def counted(client: TestClient[Any], units: int) -> dict[str, Any]:
    """The verdict once all these units are in it."""
    for _ in range(100):
        told: dict[str, Any] = client.get(VERDICT).json()
        if sum(told["units"].values()) == units:
            return told
        time.sleep(0.1)
    raise AssertionError(told)


def test_from_assignment_to_verdict(client: TestClient[Any]):
    """Of 240 users who see their lists, those of the right arm buy, and one of three of the left one."""
    users = [f"u{number}" for number in range(240)]
    arms = {user: client.get(f"/recommend-items/shop/page/{user}").json()["variation"] for user in users}
    counted(client, len(users))
    for number, (user, arm) in enumerate(arms.items()):
        if arm == "right" or number % 3 == 0:
            event = {"eventType": "purchase", "itemId": "i1", "eventValue": 20.0}
            body = {"sessionId": "s", "userId": user, "eventList": [event]}
            assert client.post("/events/shop", json=body).status_code == 200
    deadline = time.monotonic() + 10
    while len((told := client.get(VERDICT).json())["rows"]) < 2 * (2 + len(LIVE)):
        assert time.monotonic() < deadline, told
        time.sleep(0.1)
    assert (told["control"], told["trusted"], told["method"]) == ("left", True, "always")
    assert told["units"] == {name: list(arms.values()).count(name) for name in ("left", "right")}
    control, right, _, returns, *live = told["rows"]
    assert [row["metric"] for row in live[1::2]] == LIVE and all(row["guardrail"] for row in live)
    assert right["mean"] == 20.0 and 4 < control["mean"] < 10
    assert (right["said"], returns["guardrail"], returns["said"]) == ("better", True, "too early")
    assert right["lift"]["low"] > 0
    bayes = client.get(f"{VERDICT}?method=bayesian&alpha=0.1").json()
    assert bayes["rows"][1]["lift"]["chance_to_win"] > 0.99 and bayes["alpha"] == 0.1


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/experiments/shop/page/other", 404, "configured: page/row"),
        ("/experiments/shop/page/row?action=related-items", 404, "no experiment page/row"),
        ("/experiments/other/page/row", 404, "no namespace 'other'"),
        ("/experiments/shop/page", 404, ""),
        (f"{VERDICT}?method=guess", 400, "method: always, fixed, bayesian; not 'guess'"),
        (f"{VERDICT}?alpha=2", 400, "alpha: a number between 0 and 1"),
        (f"{VERDICT}?alpha=nan", 400, "alpha: a number between 0 and 1"),
    ],
)
def test_what_there_is_not(client: TestClient[Any], path: str, status: int, told: str):
    answer = client.get(path)
    assert answer.status_code == status and told in answer.text


def test_admin_keys_where_there_are_any(tmp_path: Path):
    with TestClient(app_over(SmallEngine(tmp_path), config=config(ADMIN))) as client:
        assert client.get(VERDICT).status_code == 401
        assert client.get(VERDICT, headers=KEY).json()["units"] == {"left": 0, "right": 0}
