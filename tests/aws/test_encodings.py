"""Compressed requests of SDKs: what is signed is what went over the wire."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from gateway.aws.callers import Callers
from gateway.plan.plan import AccessKey
from tests.aws.world import ACCOUNT, TRACKING_ID, Stage, World, app_of, served

EVENT = {"eventType": "click", "itemId": "i1", "sentAt": 1_700_000_000}
BODY = json.dumps({"trackingId": TRACKING_ID, "sessionId": "s", "eventList": [EVENT]}).encode()
GROUPS = {"x-amz-target": "AmazonPersonalize.ListDatasetGroups", "content-type": "application/x-amz-json-1.1"}


def post(url: str, path: str, body: bytes, encoding: str, **headers: str) -> tuple[int, Any]:
    answer = httpx.post(url + path, content=body, headers={"content-encoding": encoding, **headers})
    return answer.status_code, answer.headers.get("x-amzn-errortype")


def test_compressed_requests_are_read(url: str, world: World) -> None:
    assert post(url, "/events", gzip.compress(BODY), "gzip") == (200, None)
    assert len(world.taken) == 1
    assert post(url, "/", gzip.compress(b"{}"), "gzip", **GROUPS) == (200, None)


@pytest.mark.parametrize(
    "path", ["/events", "/items", "/users", "/actions", "/action-interactions", "/recommendations"]
)
def test_what_can_not_be_read_is_refused(path: str, url: str, world: World) -> None:
    assert post(url, path, b"no gzip", "gzip") == (400, "InvalidContentEncoding")
    assert post(url, path, gzip.compress(b" " * 10_000_001), "gzip") == (413, "RequestEntityTooLargeException")
    assert post(url, path, BODY, "zstd") == (415, "UnsupportedContentEncoding")
    assert not world.taken


def test_a_signature_is_of_the_compressed_body(stage: Stage, world: World) -> None:
    callers = Callers(lambda: {"AKIAFIRST": AccessKey(ACCOUNT, "secret")}, stage.settings, time.time)
    with served(app_of(stage, callers)) as url:
        request = AWSRequest("POST", f"{url}/events", data=gzip.compress(BODY), headers={"content-encoding": "gzip"})
        SigV4Auth(Credentials("AKIAFIRST", "secret"), "personalize", "us-east-1").add_auth(request)
        answer = httpx.post(f"{url}/events", content=request.data, headers=dict(request.headers))
        assert answer.status_code == 200
        assert post(url, "/events", b"no gzip", "gzip") == (403, "MissingAuthenticationToken")
    assert len(world.taken) == 1
