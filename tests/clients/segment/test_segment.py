"""Segment's and RudderStack's own clients, unmodified."""

from __future__ import annotations

import json
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from engine.data.entries import Interaction
from tests.clients.pages import client_page
from tests.clients.rows import ClientRow
from tests.clients.segment.rows import ROWS
from tests.clients.world import Runs, Store
from tests.server.world import Server

MESSAGES = json.loads((Path(__file__).parent / "messages.json").read_text())
PAGES = [row for row in ROWS if row.language == "browser"]
SERVERS = [row for row in ROWS if row.language != "browser"]
Outcomes = MutableMapping[str, dict[str, str]]

UNKNOWN = re.compile("401|Unauthorized|InvalidKey")
INVALID = re.compile("400|Bad Request")
EVENTS = [
    ("View", "i1", None, {"SHELF": "top"}),
    ("Purchase", "i1", 38.0, {}),
    ("Purchase", "i2", 5.5, {}),
    ("Purchase", "i3", 3.0, {}),
]


def told(events: list[Interaction]) -> list[tuple[str, str | None, float | None, dict[str, Any]]]:
    return [(each.event_type, each.item, each.value, each.properties) for each in events if each.item is not None]


@pytest.mark.parametrize("row", SERVERS, ids=lambda row: row.name)
def test_what_is_sent_twice_is_stored_once_to_the_field(row: ClientRow, runs: Runs, store: Store, outcomes: Outcomes):
    assert runs.of(row)["stored"] == []
    events = store.events(row)
    assert told(events) == EVENTS
    assert {(each.user, each.session) for each in events} == {("u1", "a1")}
    assert {each.event_id for each in events} == {"m0", "m1-0", "m1-1", "m1-2", "m9"}
    assert store.rows(row, "user") == [("u1", {"TIER": "gold", "AGE": 31})]
    outcomes.setdefault(row.name, {})["success"] = "no error, `200`; stored once: 4 events, 1 user"


@pytest.mark.parametrize("row", SERVERS, ids=lambda row: row.name)
def test_refusals_are_heard_and_waited_for(row: ClientRow, runs: Runs, limited_store: Store, outcomes: Outcomes):
    result = runs.of(row)
    assert result["unknown"] and all(UNKNOWN.search(each) for each in result["unknown"])
    assert result["invalid"] and all(INVALID.search(each) for each in result["invalid"])
    assert result["limited"] == []
    assert sorted(each.item or "" for each in limited_store.events(row)) == ["i0", "i1"]
    outcomes.setdefault(row.name, {})["failure"] = "`400` and `401` by its callback; `429` waited for, then stored"


# ---- in a browser


@pytest.mark.parametrize("row", PAGES, ids=lambda row: row.name)
def test_a_page_of_another_origin_sends(
    row: ClientRow, browser: Browser, server: Server, store: Store, outcomes: Outcomes, tmp_path: Path
):
    with client_page(browser, row, tmp_path) as page:
        delivered = page.call("(told) => journey(told)", {"url": server.url, "key": f"{row.name}-key", **MESSAGES})
        assert [each["failed"] for each in delivered] == [None] * 4
        page.wait(lambda: len(page.statuses) >= 4, "four answers")
        assert {status for _, status in page.statuses} == {200}
        assert set(page.send_again()) == {200}
    events = store.events(row)
    assert sorted(told(events), key=str) == sorted(EVENTS, key=str)
    assert {each.user for each in events} == {"u1"} and len({each.session for each in events}) == 1
    assert store.rows(row, "user") == [("u1", {"TIER": "gold", "AGE": 31})]
    outcomes.setdefault(row.name, {})["success"] = "each call resolved, `200`; stored once: 4 events, 1 user"


@pytest.mark.parametrize("row", PAGES, ids=lambda row: row.name)
def test_a_page_bears_refusals(
    row: ClientRow,
    browser: Browser,
    server: Server,
    limited: Server,
    limited_store: Store,
    outcomes: Outcomes,
    tmp_path: Path,
):
    arguments = {"key": f"{row.name}-key", **MESSAGES}
    (tmp_path / "unknown").mkdir()
    with client_page(browser, row, tmp_path / "unknown") as page:
        page.page.evaluate("(told) => { journey(told) }", {**arguments, "url": server.url, "key": "nobody"})
        page.wait(lambda: any("401" in each for each in page.said), "a refusal")
    (tmp_path / "large").mkdir()
    with client_page(browser, row, tmp_path / "large") as page:
        large = {"event": "Product Viewed", "properties": {"product_id": "i9", "note": "x" * 33_000}}
        page.page.evaluate("(told) => { journey(told) }", {**arguments, "url": server.url, "tracks": [large]})
        page.wait(lambda: any("400" in each for each in page.said), "a refusal")
        page.page.wait_for_timeout(2000)
        assert [status for _, status in page.statuses].count(400) == 1
    with client_page(browser, row, tmp_path) as page:
        page.page.evaluate("(told) => { journey(told) }", {**arguments, "url": limited.url})
        page.wait(lambda: any(status == 429 for _, status in page.statuses), "429")
        page.wait(lambda: sorted(told(limited_store.events(row)), key=str) == sorted(EVENTS, key=str), "all is stored")
    outcomes.setdefault(row.name, {})["failure"] = "`401`; `400` given up; `429` waited for, then stored"
