"""Compressed bodies, and the types that browsers give to what they send as a page is left."""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.gateway.serve.world import Clock, SmallEngine

EVENTS = {"sessionId": "s", "userId": "u1", "eventList": [{"eventType": "View", "itemId": "i3"}]}
TEXT = json.dumps(EVENTS).encode()
BOMB = gzip.compress(b" " * 20_000_000)  # 20 kB
LARGE = b" " * 900_000 + TEXT

PATHS: dict[str, bytes] = {
    "/events/shop": TEXT,
    "/rerank-items/shop/order/u1": b'["i1","i2"]',
    "/recommend-many/shop": b'{"userId": "u1", "requests": [{"recommender": "home"}]}',
    "/ofrep/v1/evaluate/flags": b'{"context": {"targetingKey": "u1"}}',
    "/track": b"[]",
    "/projects/shop/evaluations/none": b'{"entityId": "u1"}',
}


@pytest.mark.parametrize(
    ("encoding", "compressed"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
        ("gzip", lambda body: gzip.compress(body[:20]) + gzip.compress(body[20:])),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_a_compressed_body_is_as_good_as_another(
    encoding: str, compressed: Callable[[bytes], bytes], path: str, shared_client: TestClient[Any]
) -> None:
    plain = shared_client.post(path, content=PATHS[path])
    answer = shared_client.post(path, content=compressed(PATHS[path]), headers={"content-encoding": encoding})
    assert answer.status_code == plain.status_code
    assert plain.status_code == 200 or path.startswith("/projects")


def test_what_came_compressed_is_stored(client: TestClient[Any], engine: SmallEngine) -> None:
    assert client.post("/events/shop", content=gzip.compress(LARGE), headers={"content-encoding": "gzip"}).is_success
    ((_, session, user, (event,)),) = engine.put
    assert (session, user, event.item_id) == ("s", "u1", "i3")


FAULTS = [
    ("gzip", BOMB, 413, "RequestTooLarge"),
    ("gzip", TEXT, 400, "InvalidContentEncoding"),
    ("gzip", gzip.compress(TEXT)[:-9], 400, "InvalidContentEncoding"),
    ("gzip", gzip.compress(TEXT) + b"more", 400, "InvalidContentEncoding"),
    ("deflate", gzip.compress(TEXT), 400, "InvalidContentEncoding"),
    ("br", TEXT, 415, "UnsupportedContentEncoding"),
    ("gzip, gzip", gzip.compress(gzip.compress(TEXT)), 415, "UnsupportedContentEncoding"),
]
FAULT_NAMES = ["bomb", "plain", "cut-off", "trailing", "mislabelled", "unknown", "nested"]


@pytest.mark.parametrize(("encoding", "body", "status", "code"), FAULTS, ids=FAULT_NAMES)
@pytest.mark.parametrize("path", PATHS)
def test_what_can_not_be_read_is_refused(
    encoding: str,
    body: bytes,
    status: int,
    code: str,
    path: str,
    shared_client: TestClient[Any],
    shared_engine: SmallEngine,
) -> None:
    stored = len(shared_engine.put)
    answer = shared_client.post(path, content=body, headers={"content-encoding": encoding})
    told = answer.json()
    if status == 413 and path.startswith("/projects"):
        code = "RequestEntityTooLargeException"  # AWS's word
    assert (answer.status_code, told.get("code") or told["__type"]) == (status, code)
    assert len(shared_engine.put) == stored
    if status == 415 and "code" in told:
        assert answer.headers["accept-encoding"] == "gzip, deflate, identity"


@pytest.mark.parametrize(
    "kind", ["text/plain;charset=UTF-8", "application/json", "application/x-www-form-urlencoded", ""]
)
def test_a_beacon_of_json_is_stored_whatever_its_type(kind: str, client: TestClient[Any], engine: SmallEngine) -> None:
    assert client.post("/events/shop", content=TEXT, headers={"content-type": kind} if kind else {}).status_code == 200
    assert len(engine.put) == 1


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded;charset=UTF-8", "multipart/form-data; boundary=x"])
def test_a_beacon_of_a_form_is_refused_where_it_is_seen(
    kind: str, client: TestClient[Any], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            answer = client.post("/events/shop", content=b"sessionId=s&userId=u1", headers={"content-type": kind})
        clock.tick(61)
        client.post("/events/shop", content=b"sessionId=s&userId=u1", headers={"content-type": kind})
    assert answer.status_code == 400
    assert "JSON.stringify" in answer.json()["message"] and kind.partition(";")[0] in answer.json()["message"]
    first, second = (record.getMessage() for record in caplog.records if "were refused" in record.getMessage())
    assert "'shop'" in first and "JSON.stringify" in first and "more since" not in first
    assert "2 more since" in second
    rejected = 'recgate_events_rejected_total{code="InvalidJSONRequestPayload",namespace="shop"} 4.0'
    assert rejected in client.get("/metrics").text


def test_what_nobody_configured_is_counted_under_no_name(client: TestClient[Any]) -> None:
    client.post("/events/no-such-place", content=TEXT)
    rejected = 'recgate_events_rejected_total{code="NamespaceNotFound",namespace=""} 1.0'
    assert rejected in client.get("/metrics").text
