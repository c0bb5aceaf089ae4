"""Shopify's app proxy: who is logged in is what the shop has signed, and nothing that a page says."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import pytest
from litestar.testing import TestClient

from tests.gateway.serve.test_serve import items
from tests.gateway.serve.world import CONFIG, Clock, SmallEngine, app_over

INTAKE = "    intake: {shopify: {signingSecrets: [old, hush], shops: [a.myshopify.com]}}\n"
KEYS = "auth: {type: api_key, keys: [{name: k, sha256: '" + sha256(b"k").hexdigest() + "'}]}\n"
PROXIED = CONFIG.replace("  quiet:\n", f"{INTAKE}  quiet:\n") + KEYS
PATH = "/shopify/proxy/shop/home"
NOW = 1_700_000_000


@pytest.fixture
def client(engine: SmallEngine, clock: Clock) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, clock, PROXIED)) as client:
        yield client


def url(path: str = PATH, secret: str = "hush", tampered: str = "", **more: Any) -> str:
    usual = {"shop": "a.myshopify.com", "logged_in_customer_id": "115310627314723954", "path_prefix": "/apps/recs"}
    query = {**usual, "timestamp": str(NOW), **more}
    lists = {name: value if isinstance(value, list) else [value] for name, value in query.items()}
    text = "".join(sorted(f"{name}={','.join(values)}" for name, values in lists.items()))
    signature = hmac.new(secret.encode(), text.encode(), sha256).hexdigest()
    return f"{path}?{urlencode({**lists, 'signature': signature}, doseq=True)}{tampered}"


@pytest.mark.parametrize("secret", ["old", "hush"])
def test_the_signed_customer_is_answered(client: TestClient[Any], engine: SmallEngine, secret: str):
    answer = client.get(url(secret=secret, numResults="3"))
    assert (answer.status_code, items(answer)) == (200, ["i0", "i1", "i2"])
    assert [each.user for each in engine.asked] == ["115310627314723954"]
    headers = answer.headers
    assert (headers["cache-control"], headers["x-recgate-variation"]) == ("no-store", "only")
    assert "etag" not in headers  # the same URL is another customer's, too
    assert client.get(url(timestamp=str(NOW - 80))).headers["x-cache"] == "miss"  # 25 items
    assert client.get(url(timestamp=str(NOW - 60))).headers["x-cache"] == "hit"


def test_a_visitor_is_who_the_page_says(client: TestClient[Any], engine: SmallEngine):
    assert client.get(url(logged_in_customer_id="", sessionId="visitor")).status_code == 200
    assert [each.user for each in engine.asked] == ["visitor"]
    answer = client.get(url(logged_in_customer_id=""))
    assert (answer.status_code, answer.json()["code"]) == (400, "ValidationError")


def test_what_goes_with_an_item(client: TestClient[Any], engine: SmallEngine):
    answer = client.get(url("/shopify/proxy/shop/like/788032119674292922"))
    assert answer.status_code == 200
    assert [(each.user, each.item) for each in engine.asked] == [("115310627314723954", "788032119674292922")]


def test_lists_are_signed(client: TestClient[Any]):
    answer = client.get(url(exclude=["i0", "i1"], fields="price", numResults="2"))
    assert (answer.status_code, items(answer)) == (200, ["i2", "i3"])


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        (url(secret="guessed"), 401, "InvalidSignature"),
        (url(tampered="&logged_in_customer_id=1"), 401, "InvalidSignature"),
        (url().replace("115310627314723954", "115310627314723955"), 401, "InvalidSignature"),
        (PATH, 401, "InvalidSignature"),
        (url(timestamp=str(NOW - 91)), 401, "InvalidTimestamp"),
        (url(timestamp=str(NOW + 91)), 401, "InvalidTimestamp"),
        (url(timestamp="now"), 401, "InvalidTimestamp"),
        (url(shop="b.myshopify.com"), 401, "InvalidShop"),
        (url("/shopify/proxy/quiet/home"), 401, "InvalidKey"),
        (url("/shopify/proxy/shop/none"), 404, "RecommenderNotConfigured"),
        (url("/shopify/proxy/shop"), 404, "NotFound"),
        (url(userId="1"), 400, "ValidationError"),
        (url(numResults="many"), 400, "ValidationError"),
    ],
)
def test_what_the_shop_has_not_signed_is_refused(client: TestClient[Any], asked: str, status: int, code: str):
    answer = client.get(asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_without_shopify_there_is_no_such_route(engine: SmallEngine):
    with TestClient(app_over(engine)) as client:
        assert client.get(url()).status_code == 404


def test_a_shop_that_asks_too_often_is_told_when_to_come_again(engine: SmallEngine, clock: Clock):
    with TestClient(app_over(engine, clock, PROXIED + "rateLimits: {perKey: 1/minute}\n")) as client:
        assert [client.get(url()).status_code for _ in range(2)] == [200, 429]


def test_the_paths_are_described(client: TestClient[Any]):
    paths = client.get("/openapi.json", headers={"X-Api-Key": "k"}).json()["paths"]
    assert {"/shopify/proxy/shop/home", "/shopify/proxy/shop/like/{item_id}"} <= paths.keys()
    assert not [path for path in paths if path.startswith("/shopify/proxy/quiet")]
