"""The headers of specification §1.6, §1.9 and §3; conditional requests as RFC 9110 reads them."""

from __future__ import annotations

from typing import Any

import pytest
from litestar.testing import TestClient

from gateway.caller import Caller
from gateway.context.viewer import Viewers
from gateway.routes.direct import BodilessRequest
from gateway.routes.replies import not_modified
from tests.gateway.serve.world import Clock, SmallEngine

HOME = "/recommend-items/shop/home/u1"
LIKE = "/related-items/shop/like/i1"
PRIVATE = "private,stale-while-revalidate=30,stale-if-error=600,max-age=60"


@pytest.mark.parametrize(
    ("path", "cache_control", "tagged"),
    [
        (HOME, PRIVATE, True),
        (f"{HOME}?syntheticUser=1", "public,max-age=120", True),
        (f"{HOME}?syntheticUser=on", PRIVATE, True),
        (LIKE, "public,max-age=300", True),
        (f"{LIKE}?userId=u1", PRIVATE, True),
        (f"{LIKE}?syntheticUser=yes", "public,max-age=300", True),
        ("/rerank-items/shop/order/u1/i1,i2", PRIVATE, True),
        ("/recommend-items/shop/live/u1", "no-store", False),
        ("/recommend-items/quiet/home/u1", None, False),
    ],
)
def test_cache_control_and_etag(
    path: str, cache_control: str | None, tagged: bool, shared_client: TestClient[Any]
) -> None:
    answer = shared_client.get(path)
    assert answer.status_code == 200
    assert answer.headers.get("cache-control") == cache_control
    assert ("etag" in answer.headers) == tagged


def test_what_an_answer_says_of_itself(client: TestClient[Any], clock: Clock) -> None:
    first = client.get(HOME)
    clock.tick(5)
    second = client.get(HOME)
    assert first.headers["x-cache"] == "miss"
    assert "age" not in first.headers
    assert (second.headers["x-cache"], second.headers["age"]) == ("hit", "5")
    assert second.headers["etag"] == first.headers["etag"]
    for answer in (first, second):
        assert answer.headers["x-personalization-config-version"] == "7"
        assert answer.headers["x-recgate-variation"] == "only"
        assert answer.headers["x-recgate-model"] == "home/1"
        assert answer.headers["x-recgate-seed"] == "5eed"
        assert answer.headers["vary"] == "Origin, accept-encoding, cloudfront-viewer-country"
        assert answer.headers["content-type"] == "application/json"


def test_the_two_outcomes_of_shared_and_stale(client: TestClient[Any], clock: Clock) -> None:
    assert client.get("/recommend-items/shop/home/new-1").headers["x-cache"] == "miss"
    assert client.get("/recommend-items/shop/home/new-2").headers["x-cache"] == "shared"
    clock.tick(61)
    assert client.get("/recommend-items/shop/home/new-1").headers["x-cache"] == "stale"


def test_posts_are_never_stored(client: TestClient[Any], engine: SmallEngine) -> None:
    for _ in range(2):
        answer = client.post("/rerank-items/shop/order/u1", json=["i2", "i1"])
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert "etag" not in answer.headers
    assert len(engine.asked) == 2


def test_an_accepted_event(client: TestClient[Any]) -> None:
    answer = client.post("/events/shop", json={"sessionId": "s1", "eventList": [{"eventType": "View"}]})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-personalization-config-version"] == "7"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("{etag}", 304),
        ("W/{etag}", 304),
        ('"other", {etag}', 304),
        ('"other",W/{etag} , "more"', 304),
        ("*", 304),
        ('"other"', 200),
        ("", 200),
        ("garbage-with-hyphen", 200),
        ("{bare}", 200),
        ("0-1700000000000-99999999", 200),
    ],
)
def test_if_none_match(sent: str, status: int, shared_client: TestClient[Any]) -> None:
    etag = shared_client.get(HOME).headers["etag"]
    answer = shared_client.get(HOME, headers={"If-None-Match": sent.format(etag=etag, bare=etag.strip('"'))})
    assert answer.status_code == status
    assert (answer.content == b"") == (status == 304)
    assert answer.headers["etag"] == etag
    assert answer.headers["cache-control"] == PRIVATE
    assert answer.headers["vary"] == "Origin, accept-encoding, cloudfront-viewer-country"
    assert answer.headers["x-personalization-config-version"] == "7"


def test_lists_are_read_from_all_their_lines() -> None:
    """A proxy may add a line of its own to X-Forwarded-For, and HTTP/2 has a line for each cookie."""
    sent = [(b"x-forwarded-for", b"198.51.100.7"), (b"cookie", b"plan=gold"), (b"if-none-match", b'"a"')]
    sent += [(b"x-forwarded-for", b"127.0.0.2"), (b"cookie", b"seen=1"), (b"if-none-match", b'"b"')]
    sent += [(b"x-kind", b"a"), (b"x-kind", b"b")]
    viewed = Viewers().headers(BodilessRequest({"headers": sent}).named, ("127.0.0.1", 1))
    assert viewed.address == "198.51.100.7"
    assert Caller(viewed).cookies == {"plan": "gold", "seen": "1"}
    assert not_modified(viewed["if-none-match"], '"a"')
    assert viewed["x-kind"] == "b"


def test_304_needs_a_recommender(shared_client: TestClient[Any]) -> None:
    assert shared_client.get("/recommend-items/nowhere/home/u1", headers={"If-None-Match": "*"}).status_code == 404


@pytest.mark.parametrize("path", [HOME, "/nowhere", f"{HOME}?numResults=x", "/health", "/recommend-items"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
def test_cors_on_everything(method: str, path: str, shared_client: TestClient[Any]) -> None:
    answer = shared_client.request(method, path, headers={"Origin": "https://a.example"})
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert "X-Api-Key" in answer.headers["access-control-allow-headers"]
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert answer.headers["access-control-max-age"] == "500"
    assert ("access-control-allow-methods" in answer.headers) == (method == "OPTIONS")
    if method == "OPTIONS":
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("path", [HOME, "/nowhere", "/events/shop", "/"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_no_cors_without_an_origin(method: str, path: str, shared_client: TestClient[Any]) -> None:
    answer = shared_client.request(method, path)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert method == "GET" or answer.status_code == 204
