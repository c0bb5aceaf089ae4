"""Ids are decoded exactly once, whatever is in them."""

from __future__ import annotations

from typing import Any

import pytest
from litestar.testing import TestClient

from tests.gateway.serve.world import SmallEngine

IDS = {
    "u1": "u1",
    "a%2Fb": "a/b",
    "a%20b": "a b",
    "a+b": "a+b",
    "a%252Fb": "a%2Fb",
    "caf%C3%A9": "café",
    "%E6%97%A5": "日",
    "a@b.c": "a@b.c",
    "%3Fq%23f": "?q#f",
    "a%2Cb,c": "a,b,c",
    "..%2F..": "../..",
}


@pytest.mark.parametrize("sent", IDS)
def test_user_and_item_ids(sent: str, client: TestClient[Any], engine: SmallEngine) -> None:
    assert client.get(f"/recommend-items/shop/home/{sent}").status_code == 200
    assert client.get(f"/related-items/shop/like/{sent}").status_code == 200
    assert [(asked.user, asked.item) for asked in engine.asked] == [(IDS[sent], None), (None, IDS[sent])]


@pytest.mark.parametrize(
    ("sent", "ids"),
    [
        ("i1", ["i1"]),
        ("i1,i2", ["i1", "i2"]),
        ("i1%2Ci2", ["i1,i2"]),
        ("a%2Fb,c", ["a/b", "c"]),
        ("i1,i1", ["i1", "i1"]),
        (" i1,i2", [" i1", "i2"]),
    ],
)
def test_item_ids_are_split_at_raw_commas(
    sent: str, ids: list[str], client: TestClient[Any], engine: SmallEngine
) -> None:
    assert client.get(f"/rerank-items/shop/order/u1/{sent}").status_code == 200
    assert list(engine.asked[0].candidates or ()) == ids


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/recommend-items",
        "/recommend-items/shop/home",
        "/recommend-items/shop/home/",
        "/recommend-items/shop/home/u1/",
        "/recommend-items/shop/home/u1/more",
        "/recommend-items//home/u1",
        "/recommend-items%2Fshop%2Fhome%2Fu1",
        "/rerank-items/shop/order/u1",
        "/rerank-items/shop/order/u1/",
        "/related-items/shop",
        "/nowhere",
    ],
)
def test_anything_else_is_404(path: str, shared_client: TestClient[Any]) -> None:
    answer = shared_client.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"type": "Routing", "code": "NotFound", "message": "Not found", "statusCode": 404}


READ, SENT = "GET, HEAD, OPTIONS", "OPTIONS, POST"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        *((method, "/recommend-items/shop/home/u1", READ) for method in ("PUT", "DELETE", "PATCH", "POST")),
        ("POST", "/health", READ),
        ("DELETE", "/metrics", READ),
        ("POST", "/explain-items/shop/home/u1/i1", READ),
        ("GET", "/events/shop", SENT),
        ("HEAD", "/recommend-many/shop", SENT),
        ("PUT", "/rerank-items/shop/order/u1", f"{READ}, POST"),
        ("GET", "/admin/purge", SENT),
        ("GET", "/recommendations", SENT),
    ],
)
def test_a_wrong_method_is_405(method: str, path: str, allow: str, shared_client: TestClient[Any]) -> None:
    answer = shared_client.request(method, path, headers={"origin": "https://a.example"})
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    if method != "HEAD":
        assert (answer.json()["code"], answer.json()["statusCode"]) == ("MethodNotAllowed", 405)
        assert allow in answer.json()["message"]


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/openapi.json", "/docs", "/api/features/web"])
def test_head_of_what_is_read(path: str, shared_client: TestClient[Any]) -> None:
    got, head = shared_client.get(path), shared_client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert int(head.headers["content-length"]) > 0


def test_head_is_get_without_a_body(shared_client: TestClient[Any]) -> None:
    path = "/recommend-items/shop/home/u1"
    got, head = shared_client.get(path), shared_client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers["content-length"] == got.headers["content-length"]


def test_a_path_that_is_not_utf_8(shared_client: TestClient[Any]) -> None:
    assert shared_client.get("/recommend-items/shop/home/%FF").json()["code"] == "ValidationError"
