"""What browsers ask before they send (the Fetch standard), by raw requests: which headers, and whose credentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.gateway.config.documents import faults_of
from tests.gateway.serve.world import CONFIG, SmallEngine, app_over

HOME = "/recommend-items/shop/home/u1"
SHOP, OTHER = "https://shop.example", "https://other.example"
LISTED = f"{CONFIG}cors: {{origins: ['{SHOP}'], credentials: true}}\n"


@pytest.fixture
def listed(engine: SmallEngine) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, config=LISTED)) as client:
        yield client


def preflight(client: TestClient[Any], path: str, headers: str = "", origin: str = SHOP, method: str = "GET") -> Any:
    asked = {"access-control-request-headers": headers} if headers else {}
    answer = client.options(path, headers={"origin": origin, "access-control-request-method": method, **asked})
    assert answer.status_code == 204
    return answer.headers


def may_send(told: Any, headers: str) -> bool:
    allowed = {name.strip().lower() for name in told.get("access-control-allow-headers", "").split(",")}
    return set(headers.split(",")) <= allowed


@pytest.mark.parametrize("path", [HOME, "/ofrep/v1/evaluate/flags", "/api/features/web", "/nowhere"])
@pytest.mark.parametrize(
    "headers", ["if-none-match,content-type", "baggage,traceparent,tracestate", "content-encoding"]
)
def test_a_page_may_revalidate_and_trace(path: str, headers: str, client: TestClient[Any]) -> None:
    told = preflight(client, path, headers)
    assert told["access-control-allow-origin"] == SHOP
    assert may_send(told, headers)
    assert "Origin" in told["vary"]


def test_an_unlisted_page_may_not_send_what_makes_resources(client: TestClient[Any], listed: TestClient[Any]) -> None:
    assert not may_send(preflight(client, "/", "x-amz-target", method="POST"), "x-amz-target")
    assert "access-control-allow-origin" not in preflight(listed, "/", "x-amz-target", OTHER, "POST")


def test_a_listed_page_may_send_what_it_asks_for(listed: TestClient[Any]) -> None:
    told = preflight(listed, HOME, "x-datadog-trace-id,sentry-trace,traceparent")
    assert may_send(told, "x-datadog-trace-id,sentry-trace,traceparent,x-api-key")
    assert "\n" not in preflight(listed, HOME, "x-one,bad name,x:y")["access-control-allow-headers"]
    assert not may_send(preflight(listed, HOME, "bad name"), "bad name")


def test_credentials_are_for_listed_pages(client: TestClient[Any], listed: TestClient[Any]) -> None:
    for told in (preflight(listed, HOME), listed.get(HOME, headers={"origin": SHOP}).headers):
        assert told["access-control-allow-origin"] == SHOP
        assert told["access-control-allow-credentials"] == "true"
    for told in (preflight(client, HOME), client.get(HOME, headers={"origin": SHOP}).headers):
        assert told["access-control-allow-origin"] == SHOP
        assert "access-control-allow-credentials" not in told


def test_a_page_that_is_not_listed_reads_nothing(listed: TestClient[Any]) -> None:
    for told in (preflight(listed, HOME, origin=OTHER), listed.get(HOME, headers={"origin": OTHER}).headers):
        assert not [name for name in told if name.startswith("access-control-")]
        assert "Origin" in told["vary"]
    assert listed.get("/recommend-items/shop/nowhere/u1", headers={"origin": OTHER}).status_code == 404


def test_a_beacon_of_json_passes_its_preflight(client: TestClient[Any], listed: TestClient[Any]) -> None:
    """Beacons are always sent with credentials: without the leave for them the browser drops them without a word."""
    told = preflight(client, "/events/shop", "content-type", method="POST")
    assert told["access-control-allow-credentials"] == "true"
    assert told["access-control-allow-origin"] == SHOP
    assert may_send(told, "content-type")
    assert not [name for name in preflight(listed, "/events/shop", origin=OTHER) if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/t", "/sourceConfig/", "/segment/webhook/shop"])
def test_partners_clients_may_send_headers_of_their_own(path: str, client: TestClient[Any], listed: TestClient[Any]):
    told = preflight(client, path, "anonymousid,authorization,x-retry-count", method="POST")
    assert may_send(told, "anonymousid,authorization,x-retry-count")
    assert told["access-control-allow-credentials"] == "true"
    assert not [name for name in preflight(listed, path, origin=OTHER) if name.startswith("access-control-")]
    assert not may_send(preflight(client, "/v2/t", "anonymousid"), "anonymousid")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{credentials: true}", "'credentials' are for origins that are listed"),
        ("{origins: ['*']}", "must be a page's origin as browsers send it"),
        ("{origins: ['https://shop.example/']}", "must be a page's origin as browsers send it"),
        ("{origin: [x]}", "unknown key 'origin'"),
    ],
)
def test_faults(text: str, fault: str) -> None:
    assert any(fault in str(each) for each in faults_of(f"namespaces: {{}}\ncors: {text}"))
