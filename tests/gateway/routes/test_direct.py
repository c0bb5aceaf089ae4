"""The short way to the hot routes says what litestar's router would have said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings, strategies as st
from litestar import Litestar

from gateway.routes.direct import Direct
from gateway.routes.replies import LARGEST_BODY
from tests.gateway.serve.world import SmallEngine, app_over

METHODS = ("GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "DELETE", "GOT")
FIRST = (
    "recommend-items",
    "related-items",
    "rerank-items",
    "events",
    "Recommend-items",
    "recommend%2Ditems",
    "cohorts",
    "",
)
SECOND = ("shop", "shop", "shop", "shop", "nothing", "%73hop", "%2F", "%", "?", "", "shop?x=/")
MORE = ("home", "home", "like", "order", "u1", "i1,i2", "i1%2Ci2", "%2F", "..", "a%2Fb", "%FF", "%00", "", "+")
QUERIES = ("", "", "", "numResults=3", "numResults=no", "context=%7B", "a=/", "exclude=i1")
HEADERS = (
    *((b"host", host) for host in (b"shop.example", b"127.0.0.1:80", b"[::1]:80", b"a_b", b"a b", b"", b"a/b")),
    *((b"origin", b"https://shop.example"), (b"if-none-match", b"*"), (b"content-length", b"3"), (b"x-api-key", b"k")),
)
ROOTS = ("", "", "", "", "/root", "/recommend-items")


@st.composite
def scopes(draw: st.DrawFn) -> dict[str, Any]:
    names = [draw(st.sampled_from(FIRST)), draw(st.sampled_from(SECOND))]
    raw = "/" + "/".join([*names, *draw(st.lists(st.sampled_from(MORE), max_size=3))])
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": draw(st.sampled_from(METHODS)),
        "scheme": "http",
        "path": unquote_to_bytes(raw).decode("utf-8", "replace"),
        "raw_path": raw.encode(),
        "query_string": draw(st.sampled_from(QUERIES)).encode(),
        "root_path": draw(st.sampled_from(ROOTS)),
        "headers": draw(st.lists(st.sampled_from(HEADERS), max_size=3)),
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }


def messages(app: Litestar, scope: dict[str, Any], body: bytes = b'["i1"]') -> list[Any]:
    sent = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(dict(scope), receive, send))  # type: ignore[arg-type]
    return sent


def counted(app: Litestar) -> Any:
    numbers = app.state.hot_cache.counters.telemetry.numbers()
    return {name: numbers[name] for name in ("recgate_requests", "recgate_cache_lookups")}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Litestar, Litestar]]:
    """One that goes the short way where there is one, and one that never does."""
    short, long = (app_over(SmallEngine(tmp_path_factory.mktemp(name))) for name in ("short", "long"))
    assert isinstance(long.asgi_handler, Direct)
    long.asgi_handler = long.asgi_handler.otherwise
    yield short, long


@given(scope=scopes())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_both_ways_say_the_same(scope: dict[str, Any], pair: tuple[Litestar, Litestar]) -> None:
    short, long = pair
    assert messages(short, scope) == messages(long, scope)
    assert counted(short) == counted(long)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path", ["/recommend-items/shop/home/u1", "/related-items/shop/like/i1", "/rerank-items/shop/order/u1/i3,i1"]
)
def test_the_hot_routes_go_the_short_way(method: str, path: str, tmp_path: Path) -> None:
    app = app_over(SmallEngine(tmp_path))

    async def never(*_: Any) -> None:
        raise AssertionError("litestar's router was asked")

    assert isinstance(app.asgi_handler, Direct)
    app.asgi_handler.otherwise = never
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
    start, _ = messages(app, {**scope, "headers": [(b"host", b"shop.example")], "client": None})
    assert start["status"] == 200


@pytest.mark.parametrize("size", [LARGEST_BODY, LARGEST_BODY + 1])
@pytest.mark.parametrize("announced", [True, False])
def test_events_go_the_short_way_up_to_the_same_size(
    size: int, announced: bool, pair: tuple[Litestar, Litestar]
) -> None:
    headers = [(b"host", b"shop.example"), *([(b"content-length", b"%d" % size)] if announced else [])]
    scope = {"type": "http", "method": "POST", "path": "/events/shop", "raw_path": b"/events/shop", "headers": headers}
    body = b"{}" + b" " * (size - 2)
    short, long = (messages(app, {**scope, "query_string": b"", "client": None}, body) for app in pair)
    assert short == long
    assert short[0]["status"] == (400 if size == LARGEST_BODY else 413)
