"""Evidently's wire over a small engine: signatures, and what is refused in AWS's words. Its client tries the rest in
tests/server/test_protocols.py."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from litestar.testing import TestClient

from tests.gateway.routes.experiments import CONFIG
from tests.gateway.serve.world import SmallEngine, app_over

KEYS = """
aws:
  accessKeys:
    - {accessKeyId: HOME, secretAccessKey: secret, accountId: "000000000000"}
    - {accessKeyId: GUEST, secretAccessKey: secret, accountId: "111111111111"}
"""
EVALUATE = "/projects/shop/evaluations/look"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(SmallEngine(tmp_path), config=CONFIG)) as client:
        yield client


@pytest.mark.parametrize(
    ("key", "service", "status", "code"),
    [
        ("HOME", "evidently", 200, None),
        ("HOME", "personalize", 403, "InvalidSignatureException"),
        ("NOBODY", "evidently", 403, "UnrecognizedClientException"),
        ("GUEST", "evidently", 404, "ResourceNotFoundException"),
    ],
)
def test_with_access_keys_who_signs_is_asked(
    key: str, service: str, status: int, code: str | None, tmp_path: Path
) -> None:
    request = AWSRequest("GET", "http://testserver.local/projects/shop", headers={"Host": "testserver.local"})
    SigV4Auth(Credentials(key, "secret"), service, "eu-west-1").add_auth(request)
    with TestClient(app_over(SmallEngine(tmp_path), config=CONFIG + KEYS, clock=time.time)) as client:  # type: ignore[arg-type]
        told = client.get("/projects/shop", headers=dict(request.headers))
        assert (told.status_code, told.headers.get("x-amzn-errortype")) == (status, code)
        assert client.get("/projects/shop").status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "says"),
    [
        ("POST", EVALUATE, "{}", 400, "ValidationException", "entityId"),
        ("POST", EVALUATE, '{"entityId":""}', 400, "ValidationException", "entityId"),
        ("POST", EVALUATE, "{", 400, "ValidationException", ""),
        ("POST", EVALUATE, '{"entityId":"u","evaluationContext":"["}', 400, "ValidationException", "evaluationContext"),
        ("POST", "/projects/shop/evaluations/other", '{"entityId":"u"}', 404, "ResourceNotFoundException", "other"),
        ("POST", "/projects/none/evaluations/look", '{"entityId":"u"}', 404, "ResourceNotFoundException", "none"),
        ("POST", "/projects/shop/evaluations", '{"requests":[]}', 400, "ValidationException", "requests"),
        ("POST", "/events/projects/shop", '{"events":[{}]}', 400, "ValidationException", "type"),
        ("POST", "/events/projects/none", '{"events":[]}', 404, "ResourceNotFoundException", "none"),
        ("GET", "/projects?maxResults=0", "", 400, "ValidationException", "maxResults"),
        ("GET", "/projects/shop/experiments/none", "", 404, "ResourceNotFoundException", "none"),
        ("GET", "/projects/shop/nothing", "", 404, "UnknownOperationException", ""),
        ("PATCH", "/projects/shop/features/look", "{}", 403, "AccessDeniedException", "configuration"),
        ("POST", "/projects", "{}", 403, "AccessDeniedException", "configuration"),
    ],
)
def test_refusals(
    method: str, path: str, body: str, status: int, code: str, says: str, client: TestClient[Any]
) -> None:
    told: httpx.Response = client.request(method, path, content=body)
    assert (told.status_code, told.headers["x-amzn-errortype"], told.json()["__type"]) == (status, code, code)
    assert says in told.json()["message"]


def test_an_override_and_a_stopped_experiment(client: TestClient[Any]) -> None:
    told = client.post(EVALUATE, json={"entityId": "tester"}).json()
    assert told == {
        "variation": "b",
        "value": {"stringValue": "b"},
        "reason": "ENTITY_OVERRIDES_MATCH",
        "details": "{}",
    }
    # `look` is there more than once: the second has its recommender before it
    stopped = client.post("/projects/shop/evaluations/ended.look", json={"entityId": "u1"}).json()
    assert (stopped["variation"], stopped["reason"]) == ("a", "DEFAULT")
    assert client.get("/aws/projects/shop/experiments/ended.look").json()["experiment"]["status"] == "COMPLETED"


def test_bad_events_say_what_is_wrong_and_good_ones_count(client: TestClient[Any]) -> None:
    events = [
        ("aws.evidently.custom", '{"userDetails": {"userId": "u1"}, "details": {"clicks": 1.0}}', ""),
        (
            "aws.evidently.custom",
            '{"userDetails": {"userId": "u1"}, "details": {"clicks": "1"}}',
            "data.details.clicks",
        ),
        ("aws.evidently.custom", "[", "data must be the text of a JSON object"),
        ("aws.evidently.evaluation", '{"entityId": "u1", "feature": "other"}', "there is no feature 'other'"),
        ("aws.evidently.evaluation", '{"entityId": "u1", "feature": "look", "variation": "z"}', "no variation 'z'"),
        ("custom", "{}", "type is aws.evidently.evaluation or"),
    ]
    body = {"events": [{"type": kind, "timestamp": 1.7e9, "data": data} for kind, data, _ in events]}
    told = client.post("/events/projects/quiet", json=body).json()
    assert told["failedEventCount"] == 5
    for result, (_, _, says) in zip(told["eventResults"], events, strict=True):
        assert (says in result["errorMessage"]) if says else result["eventId"]
    counted = (
        'recgate_conversions_total{feature="look",metric="clicks",namespace="quiet",recommender="recommend-items/home"'
    )
    assert counted in client.get("/metrics").text
