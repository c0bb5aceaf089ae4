"""Snowplow's tracker and Adobe's storefront collector, unmodified."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, Request, Route

from tests.clients.pages import client_page
from tests.clients.rows import ClientRow
from tests.clients.snowplow.rows import ROWS
from tests.clients.world import Runs, Store
from tests.server.world import Server

TRACKER, STOREFRONT = ROWS
ADOBE = "https://commerce.adobedc.net"
UNIT = "5ea2bcde-2c59-4ef0-9d7e-cb70c3d9e6c4"
Outcomes = MutableMapping[str, dict[str, str]]
WHO = {"environment": f"{STOREFRONT.name}-environment", "shopper": "u1", "unit": UNIT}
VISIT = [
    ("AddToCart", "i1", 8.5, None, ()),
    ("AddToCart", "i2", 3.0, None, ()),
    ("Click", "i2", None, UNIT, ()),
    ("Impression", None, None, UNIT, ("i1", "i2")),
    ("Purchase", "i1", 17.0, None, ()),
    ("Purchase", "i2", 3.0, None, ()),
    ("View", "i1", 8.5, None, ()),
]


def test_the_tracker_sends(runs: Runs, store: Store, outcomes: Outcomes):
    result = runs.of(TRACKER)
    assert (result["post"], result["get"]) == ([2, 0], [2, 0])
    events = [(e.event_type, e.item, e.value, e.recommendation_id, e.user, e.session) for e in store.events(TRACKER)]
    assert (
        events
        == [
            ("video/play", "i1", 1.5, None, "u1", "d1"),
            ("play", "i2", 3.0, "rid-1", "u1", "d1"),
        ]
        * 2
    )  # by POST and by GET: the tracker gives each a new id
    outcomes.setdefault(TRACKER.name, {})["success"] = "`on_success`, `200`; stored: 2 events by POST, 2 by GET"


def test_the_tracker_bears_refusals(runs: Runs, limited_store: Store, outcomes: Outcomes):
    result = runs.of(TRACKER)
    assert (result["invalid"], result["unknown"]) == ([0, 501], [0, 2])
    assert result["limited"][0] == 2 and result["limited"][1] >= 1
    assert sorted(each.item or "" for each in limited_store.events(TRACKER)) == ["i0", "i1"]
    outcomes.setdefault(TRACKER.name, {})["failure"] = (
        "`400` and `401` by `on_failure`, given up; `429` by `on_failure`, sent again, then stored"
    )


def led(page: Page, url: str, cut: int = 0) -> list[int]:
    """The statuses of what the page sends to Adobe's address, which is led to the server, bodies without their last
    `cut` bytes."""
    statuses: list[int] = []

    def lead(route: Route) -> None:
        body = (route.request.post_data_buffer or b"")[: -cut or None]
        response = route.fetch(url=route.request.url.replace(ADOBE, url), post_data=body)
        statuses.append(response.status)
        route.fulfill(response=response)

    page.route(f"{ADOBE}/**", lead)
    return statuses


def test_a_storefront_sends(browser: Browser, server: Server, store: Store, outcomes: Outcomes, tmp_path: Path):
    with client_page(browser, STOREFRONT, tmp_path) as page:
        statuses = led(page.page, server.url)
        page.call("(told) => journey(told)", WHO)
        page.wait(lambda: len(statuses) >= 7 and stored(store, STOREFRONT) == VISIT, "the visit is stored")
        assert set(statuses) == {200}
        again = [httpx_again(each, server.url) for each in page.posts]
        assert again and set(again) == {200}
        page.page.unroute_all(behavior="ignoreErrors")  # requests may be on their way
    assert stored(store, STOREFRONT) == VISIT
    events = store.events(STOREFRONT)
    (view,) = (each for each in events if each.event_type == "page_view")
    (sent,) = page_views(page.posts)
    assert (view.event_id, view.user, view.session) == (sent["eid"], "u1", sent["duid"])
    assert (view.item, view.value, view.impression, view.recommendation_id) == (None, None, (), None)
    assert {(each.user, each.session) for each in events} == {("u1", sent["duid"])}
    outcomes.setdefault(STOREFRONT.name, {})["success"] = (
        "each `200`; stored once: page, product, cart, impression, click with its `unitId`, order of 2"
    )


def page_views(posts: list[Request]) -> list[dict[str, Any]]:
    """The page views in the payloads that went out."""
    return [each for each in sent_events(posts) if each["e"] == "pv"]


def sent_events(posts: list[Request]) -> list[dict[str, Any]]:
    payloads = [json.loads(each.post_data or "{}") for each in posts]
    return [each for payload in payloads for each in payload.get("data", ())]


def stored(store: Store, row: ClientRow) -> list[Any]:
    events = [(e.event_type, e.item, e.value, e.recommendation_id, e.impression) for e in store.events(row)]
    return sorted((each for each in events if each[0] != "page_view"), key=str)


def httpx_again(sent: Any, url: str) -> int:
    return httpx.post(
        sent.url.replace(ADOBE, url), content=sent.post_data_buffer, headers={"content-type": "text/plain"}
    ).status_code


def test_a_storefront_bears_refusals(
    browser: Browser, server: Server, limited: Server, limited_store: Store, outcomes: Outcomes, tmp_path: Path
):
    (tmp_path / "unknown").mkdir()
    with client_page(browser, STOREFRONT, tmp_path / "unknown") as page:
        statuses = led(page.page, server.url)
        page.call("(told) => journey(told)", {**WHO, "environment": "nobody"})
        page.wait(lambda: statuses, "an answer")
        assert set(statuses) == {401}
        page.page.unroute_all(behavior="ignoreErrors")  # requests may be on their way
    (tmp_path / "cut").mkdir()
    with client_page(browser, STOREFRONT, tmp_path / "cut") as page:
        statuses = led(page.page, server.url, cut=1)
        page.call("(told) => journey(told)", WHO)
        page.wait(lambda: len(statuses) >= 7, "refusals")
        page.page.wait_for_timeout(2000)
        ids = [each["eid"] for each in sent_events(page.posts)]
        assert set(statuses) == {400} and len(ids) == len(set(ids))
        page.page.unroute_all(behavior="ignoreErrors")  # requests may be on their way
    with client_page(browser, STOREFRONT, tmp_path) as page:
        statuses = led(page.page, limited.url)
        page.call("(told) => journey(told)", WHO)
        page.wait(lambda: 429 in statuses, "429")
        page.wait(lambda: limited_store.events(STOREFRONT), "what was let in is stored")
        page.page.unroute_all(behavior="ignoreErrors")  # requests may be on their way
    outcomes.setdefault(STOREFRONT.name, {})["failure"] = "`401`; `400` given up; `429`"
