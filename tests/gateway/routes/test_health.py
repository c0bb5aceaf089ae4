from __future__ import annotations

from typing import Any

import pytest
from litestar.testing import TestClient

import engine as front_door
from gateway.routes.health import docs_page
from gateway.routes.readiness import BROKEN, MISSING, can_answer
from tests.gateway.serve.world import SmallEngine, app_over


def test_health(client: TestClient[Any]) -> None:
    assert client.get("/health").json() == {"status": "ok"}


def test_ready_where_a_campaign_is_yet_to_be_made(client: TestClient[Any]) -> None:
    answer = client.get("/ready")
    told = answer.json()
    assert (answer.status_code, told["status"], told["degraded"]) == (200, "ready", ["model nowhere"])
    assert told["checks"]["model home"] == "ok"
    assert told["checks"]["model nowhere"].startswith("missing: ")


SECRETS = "postgresql://shop:hunter2@db.internal:5432/recgate and /srv/data/models/home"


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (front_door.Unavailable(SECRETS), 503, "can't be loaded: "),
        (front_door.InvalidInput(SECRETS), 200, "stopped: "),
        (front_door.NotFound("Resource Arn x is not ACTIVE, it is in CREATE PENDING state."), 200, "not ready: "),
        (front_door.NotFound("Resource Arn x does not exist."), 200, "missing: "),
    ],
)
def test_a_model_that_does_not_answer_is_not_ok(
    error: Exception, status: int, says: str, client: TestClient[Any], engine: SmallEngine
) -> None:
    def deployed(campaign: str, account: str = "") -> None:
        raise error

    engine.answers.deployed = deployed  # type: ignore[method-assign]
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (status, "ok")
    assert answer.json()["checks"]["model home"].startswith(says)
    assert not [word for word in ("hunter2", "db.internal", "/srv", "shop:") if word in answer.text]


def test_one_broken_model_keeps_nobody_else_from_being_served() -> None:
    broken = {"database": "ok", "model a": BROKEN, "model b": "ok"}
    assert can_answer(broken)
    assert not can_answer({**broken, "model b": MISSING})
    assert not can_answer({"database": "the database does not answer", "model b": "ok"})


def test_the_database_is_named_to_nobody(client: TestClient[Any], engine: SmallEngine) -> None:
    engine.down = front_door.Unavailable(SECRETS)
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert not [word for word in ("hunter2", "db.internal", "/srv") if word in answer.text]


def test_not_ready_says_why(client: TestClient[Any], engine: SmallEngine) -> None:
    engine.down = front_door.Unavailable("the database does not answer")
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "the database does not answer"


def test_openapi_has_a_path_for_each_recommender(client: TestClient[Any]) -> None:
    document = client.get("/openapi.json").json()
    assert document["info"]["version"] == "7"
    paths = {path: sorted(methods) for path, methods in document["paths"].items()}
    others = {"split", "crowd", "admin", "health", "ready", "metrics"}
    assert {path: methods for path, methods in paths.items() if not others & set(path.split("/"))} == {
        "/recommend-items/shop/home/{user_id}": ["get"],
        "/recommend-items/shop/live/{user_id}": ["get"],
        "/recommend-items/shop/gone/{user_id}": ["get"],
        "/recommend-items/quiet/home/{user_id}": ["get"],
        "/related-items/shop/like/{item_id}": ["get"],
        "/explain-items/shop/home/{user_id}/{item_id}": ["get"],
        "/explain-items/shop/live/{user_id}/{item_id}": ["get"],
        "/explain-items/shop/gone/{user_id}/{item_id}": ["get"],
        "/explain-items/quiet/home/{user_id}/{item_id}": ["get"],
        "/rerank-items/shop/order/{user_id}": ["post"],
        "/rerank-items/shop/order/{user_id}/{item_ids}": ["get"],
        "/recommend-many/shop": ["post"],
        "/recommend-many/quiet": ["post"],
        "/pinpoint/shop/home": ["post"],
        "/pinpoint/shop/live": ["post"],
        "/pinpoint/shop/gone": ["post"],
        "/pinpoint/quiet/home": ["post"],
        "/events/shop": ["post"],
    }
    assert "Shop: Related Items" in {tag["name"] for tag in document["tags"]}


def test_docs_needs_nothing_from_elsewhere(client: TestClient[Any]) -> None:
    answer = client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.content == docs_page()
    assert b"http" not in answer.content


def test_the_engine_is_closed_at_the_end(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)):
        assert not engine.closed
    assert engine.closed


def test_the_aws_wire_is_mounted(client: TestClient[Any], engine: SmallEngine) -> None:
    answer = client.post("/recommendations", json={"campaignArn": engine.home.campaign.arn, "userId": "u1"})
    assert answer.status_code == 200
    assert len(answer.json()["itemList"]) == 20
