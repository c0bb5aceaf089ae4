"""Shopify's own libraries: they and the server agree about what a shop has signed, and a pixel's events are stored."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.clients.pages import client_page
from tests.clients.rows import ClientRow
from tests.clients.shopify.rows import ROWS, SECRET
from tests.clients.world import Runs, Store, node_of, server_of, until
from tests.gateway.upstreams.origin import items, small_origin
from tests.server.world import Server, running

SERVER, PIXEL = ROWS
Outcomes = MutableMapping[str, dict[str, str]]
CUSTOMER, SHIRT = "115310627314723954", "788032119674292922"


def test_what_the_library_takes_is_stored_once(runs: Runs, store: Store, outcomes: Outcomes):
    result = runs.of(SERVER)
    assert {(each["valid"], each["status"]) for each in result["accepted"]} == {(True, 200)}
    assert len(result["accepted"]) == 8 and result["vector"] == [True, 200]
    events = [each for each in store.events(SERVER) if each.item is not None]
    assert [(each.user, each.item, each.event_type, each.value, each.time) for each in events] == [
        (CUSTOMER, SHIRT, "Purchase", 398.0, 1_796_050_800.0),
        (CUSTOMER, "632910392", "Purchase", 9.5, 1_796_050_800.0),
    ]
    columns = {"CATEGORY": "Shirts", "NAME": "Example T-Shirt", "PRICE": 19.99, "CREATION_TIMESTAMP": 1_795_964_400}
    assert store.rows(SERVER, "item") == [(SHIRT, columns)]
    until(lambda: not store.rows(SERVER, "user"), "the deletion of who has asked for it")
    outcomes.setdefault(SERVER.name, {})["success"] = (
        "each `200` where it says valid, the official vector among them; stored once: 2 events, 1 item, 1 deletion"
    )


def test_what_the_library_refuses_is_refused(runs: Runs, limited_store: Store, outcomes: Outcomes):
    result = runs.of(SERVER)
    told = [(each["valid"], each["reason"], each["status"]) for each in result["refused"]]
    assert told == [
        (False, "invalid_hmac", 401),
        (False, "invalid_hmac", 401),
        (False, "missing_hmac", 401),
        (False, "missing_headers", 400),
    ]
    assert result["limited"] == [200, 429, 200]
    purchases = [each for each in limited_store.events(SERVER) if each.event_type == "Purchase"]
    assert len(purchases) == 4
    outcomes.setdefault(SERVER.name, {})["failure"] = (
        "`401` where it says invalid_hmac, `400` where headers are missing; `429` with `Retry-After`, then stored"
    )


def test_the_library_and_the_app_proxy_agree_about_signatures(tmp_path: Path):
    with small_origin() as origin:
        origin.replies = [items("i0", "i3")]
        variations = {"a": {"type": "http", "url": f"{origin.url}/recommend/{{userId}}"}}
        more = {"recommenders": {"recommend-items": {"home": {"variations": variations}}}}
        intake = {"shopify": {"signingSecrets": [SECRET], "shops": ["a.myshopify.com"]}}
        row = ClientRow("shopify-proxy", "", "Node", "", "", "", "", intake, more)
        with running(server_of(tmp_path / "server", [row])) as server:
            answers = proxied(server)
    assert [(each["valid"], each["status"]) for each in answers] == [
        (True, 200),
        (True, 200),
        (False, 401),
        (False, 401),
        ("HMAC timestamp is outside of the tolerance range", 401),
    ]
    assert [each["itemId"] for each in answers[0]["body"]["itemList"]] == ["i0", "i3"]
    assert [each.path for each in origin.asked[:1]] == [f"/recommend/{CUSTOMER}"]


def proxied(server: Server) -> list[dict[str, Any]]:
    place = node_of(SERVER.folder)
    shutil.copy(SERVER.folder / "proxy_client.mjs", place)
    environ = {"PATH": os.environ["PATH"], "URL": server.url}
    done = subprocess.run(
        ["node", "proxy_client.mjs"], cwd=place, env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return result


# ---- the pixel


def variant(product: str, amount: float) -> dict[str, Any]:
    return {"id": f"v-{product}", "price": {"amount": amount, "currencyCode": "EUR"}, "product": {"id": product}}


def visit(number: int = 0) -> list[dict[str, Any]]:
    line = {"quantity": 2, "merchandise": variant(SHIRT, 19.5)}
    done = {"order": {"id": "82098291194615450"}, "lineItems": [{"quantity": 2, "variant": variant(SHIRT, 19.5)}]}
    events = {
        "product_viewed": {"productVariant": variant(SHIRT, 19.5)},
        "collection_viewed": {"collection": {"productVariants": [variant(SHIRT, 19.5), variant("7", 1)]}},
        "product_added_to_cart": {"cartLine": line},
        "checkout_completed": {"checkout": done},
    }
    common = {"type": "standard", "clientId": "visitor", "timestamp": "2026-11-30T10:00:00.000Z"}
    return [{"id": f"sh-{name}", "name": name, "data": data, **common} for name, data in events.items()][number:]


STORED = [
    ("View", SHIRT, 19.5, ()),
    ("Impression", None, None, (SHIRT, "7")),
    ("AddToCart", SHIRT, 39.0, ()),
    ("Purchase", SHIRT, 39.0, ()),
]


def test_a_page_of_another_origin_sends(
    browser: Browser, server: Server, store: Store, outcomes: Outcomes, tmp_path: Path
):
    with client_page(browser, PIXEL, tmp_path) as page:
        page.wait(lambda: page.page.evaluate("() => Boolean(window.journey)"), "the pixel")
        argument = {"url": server.url, "key": f"{PIXEL.name}-key", "events": visit(), "customer": {"id": CUSTOMER}}
        assert page.call("(told) => journey(told)", argument) == [200] * 4
        assert set(page.send_again()) == {200}
        unknown = {**argument, "key": "nobody"}
        assert page.call("(told) => journey(told)", unknown) == [401] * 4
    events = store.events(PIXEL)
    told = [
        (each.event_type, each.item, each.value, each.impression) for each in events if each.item or each.impression
    ]
    assert sorted(told, key=str) == sorted(STORED, key=str)
    assert {(each.user, each.session) for each in events} == {(CUSTOMER, "visitor")}
    outcomes.setdefault(PIXEL.name, {})["success"] = "each `200`; stored once: 4 events of the customer"


def test_a_page_bears_refusals(
    browser: Browser, server: Server, limited: Server, limited_store: Store, outcomes: Outcomes, tmp_path: Path
):
    with client_page(browser, PIXEL, tmp_path) as page:
        page.wait(lambda: page.page.evaluate("() => Boolean(window.journey)"), "the pixel")
        argument = {"url": limited.url, "key": f"{PIXEL.name}-key", "events": visit(2), "customer": {"id": CUSTOMER}}
        statuses = page.call("(told) => journey(told)", argument)
        assert sorted(statuses) == [200, 429]
        page.cut_bodies("**/shopify/pixel**")
        assert page.call("(told) => journey(told)", {**argument, "url": server.url}) == [400] * 2
    outcomes.setdefault(PIXEL.name, {})["failure"] = "`400`, `401`, `429`; nothing sends a pixel's event again"
    assert len([each for each in limited_store.events(PIXEL) if each.item]) == 1
