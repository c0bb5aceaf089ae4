"""mParticle's own clients, unmodified."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from engine.data.entries import Interaction
from tests.clients.mparticle.rows import ROWS
from tests.clients.pages import client_page
from tests.clients.rows import ClientRow
from tests.clients.world import Runs, Store
from tests.server.world import Server

MESSAGES = json.loads((Path(__file__).parent / "messages.json").read_text())
(PAGE,) = (row for row in ROWS if row.language == "browser")
SERVERS = [row for row in ROWS if row.language != "browser"]
Outcomes = MutableMapping[str, dict[str, str]]

EVENTS = [
    ("View", "i1", 19.0, {"SHELF": "top"}),
    ("Purchase", "i1", 38.0, {}),
    ("Purchase", "i2", 5.5, {}),
    ("Purchase", "i3", 3.0, {}),
    ("Watch", "i4", None, {"SHELF": "low"}),
]


def about_items(events: list[Interaction]) -> list[tuple[str, str | None, float | None, dict[str, Any]]]:
    return [(each.event_type, each.item, each.value, each.properties) for each in events if each.item is not None]


@pytest.mark.parametrize("row", SERVERS, ids=lambda row: row.name)
def test_what_is_sent_twice_is_stored_once_to_the_field(row: ClientRow, runs: Runs, store: Store, outcomes: Outcomes):
    assert [each["status"] for each in runs.of(row)["stored"]] == [202, 202]
    events = store.events(row)
    assert about_items(events) == EVENTS
    assert {(each.user, each.session) for each in events} == {("u1", "s1")}
    assert [each.event_id for each in events] == ["view_detail-0", "purchase-0", "purchase-1", "purchase-2", "Watch"]
    assert store.rows(row, "user") == [("u1", {"TIER": "gold", "AGE": 31})]
    outcomes.setdefault(row.name, {})["success"] = "`202`; stored once: 5 events, 1 user"


@pytest.mark.parametrize("row", SERVERS, ids=lambda row: row.name)
def test_refusals_are_heard(row: ClientRow, runs: Runs, limited_store: Store, outcomes: Outcomes):
    result = runs.of(row)
    assert (result["unknown"]["status"], result["wrong"]["status"]) == (401, 401)
    assert result["broken"]["status"] == 400
    (error,) = json.loads(result["broken"]["body"])["errors"]
    assert error == {"code": "BAD_REQUEST", "message": 'Required event field "event_type" is missing or empty.'}
    assert set(result["limited"]) == {202, 429} and result["limited"].count(202) == 3
    assert sorted(each.item or "" for each in limited_store.events(row)) == ["i0", "i1", "i2"]
    outcomes.setdefault(row.name, {})["failure"] = "`401`; `400` with its error; `429`, then stored"


def test_a_page_of_another_origin_sends(
    browser: Browser, server: Server, store: Store, outcomes: Outcomes, tmp_path: Path
):
    with client_page(browser, PAGE, tmp_path) as page:
        answer = page.call("(told) => journey(told)", {"url": server.url, "key": f"{PAGE.name}-key", **MESSAGES})
        assert (answer["status"], answer["body"]["is_logged_in"]) == (200, True)
        page.wait(lambda: sum("Upload success" in each for each in page.said) >= 8, "all is sent")
        assert {status for path, status in page.statuses if path.startswith("/v3/JS/")} == {202}
        assert set(page.send_again()) == {200, 202}
    events = store.events(PAGE)
    assert sorted(about_items(events), key=str) == sorted(EVENTS, key=str)
    assert {each.user for each in events} == {"u1"} and len({each.session for each in events}) == 1
    assert store.rows(PAGE, "user")[-1] == ("u1", {"TIER": "gold", "AGE": 31})
    outcomes.setdefault(PAGE.name, {})["success"] = "`identityCallback` with `200`, each upload `202`; stored once"


def test_a_page_bears_refusals(
    browser: Browser, server: Server, limited: Server, limited_store: Store, outcomes: Outcomes, tmp_path: Path
):
    arguments = {"key": f"{PAGE.name}-key", **MESSAGES}
    (tmp_path / "unknown").mkdir()
    with client_page(browser, PAGE, tmp_path / "unknown") as page:
        answer = page.call("(told) => journey(told)", {**arguments, "url": server.url, "key": "nobody"})
        assert answer == {"status": -1, "body": "Received HTTP Code of 401"}
    (tmp_path / "cut").mkdir()
    with client_page(browser, PAGE, tmp_path / "cut") as page:
        page.cut_bodies("**/identify")
        answer = page.call("(told) => journey(told)", {**arguments, "url": server.url})
        assert (answer["status"], answer["body"]["Errors"][0]["code"]) == (400, "BAD_REQUEST")
    (tmp_path / "lost").mkdir()
    with client_page(browser, PAGE, tmp_path / "lost") as page:
        page.cut_bodies("**/events")
        page.page.evaluate("(told) => { journey(told) }", {**arguments, "url": server.url})
        page.wait(lambda: any("400.  Batch upload will be re-attempted" in each for each in page.said), "a refusal")
    with client_page(browser, PAGE, tmp_path) as page:
        page.page.evaluate("(told) => { journey(told) }", {**arguments, "url": limited.url})
        page.wait(lambda: any(status == 429 for _, status in page.statuses), "429")
        page.wait(lambda: len(about_items(limited_store.events(PAGE))) == len(EVENTS), "all is stored")
    assert sorted(about_items(limited_store.events(PAGE)), key=str) == sorted(EVENTS, key=str)
    outcomes.setdefault(PAGE.name, {})["failure"] = (
        "`400` and `401` by `identityCallback`; `400` of events in its log, sent again; `429` waited for, then stored"
    )
