"""Amplitude's own clients, unmodified."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from engine.data.entries import Interaction
from tests.clients.amplitude.rows import ROWS
from tests.clients.pages import client_page
from tests.clients.rows import ClientRow
from tests.clients.world import Runs, Store
from tests.server.world import Server

MESSAGES = json.loads((Path(__file__).parent / "messages.json").read_text())
(PAGE,) = (row for row in ROWS if row.language == "browser")
EXPERIMENTS = [row for row in ROWS if "experiment" in row.name]
SERVERS = [row for row in ROWS if row.language != "browser" and row not in EXPERIMENTS]
Outcomes = MutableMapping[str, dict[str, str]]

EVENTS = [
    ("View", "i1", None, {"SHELF": "top"}),
    ("Purchase", "i1", 38.0, {}),
    ("Purchase", "i2", 5.5, {}),
    ("Purchase", "i3", 3.0, {}),
]
USER = ("u1", {"TIER": "gold", "AGE": 31})
ONCE = "stored once: 4 events, 1 user, 1 exposure, in the verdict"


def about_items(events: list[Interaction]) -> list[tuple[str, str | None, float | None, dict[str, Any]]]:
    return [(each.event_type, each.item, each.value, each.properties) for each in events if each.item is not None]


def by_user(events: list[Interaction], user: str) -> list[Interaction]:
    return [each for each in events if each.user == user]


def check_verdict(server: Server, row: ClientRow) -> None:
    """The unit is of the arm that the client says, with its purchases."""
    verdict = httpx.get(f"{server.url}/experiments/{row.name}/home/row").json()
    assert verdict["units"] == {"a": 0, "b": 1}
    assert [(each["arm"], each["mean"]) for each in verdict["rows"]] == [("a", 0.0), ("b", 3.0)]


@pytest.mark.parametrize("row", SERVERS, ids=lambda row: row.name)
def test_what_is_sent_twice_is_stored_once_to_the_field(
    row: ClientRow, runs: Runs, server: Server, store: Store, outcomes: Outcomes
):
    calls = runs.of(row)["stored"]["calls"]
    assert sorted(insert_id for insert_id, _, _ in calls) == sorted(["m0", "m1", "m2", "m3", "m9"] * 2)
    assert {code for _, code, _ in calls} == {200}
    events = by_user(store.events(row), "u1")
    assert about_items(events) == EVENTS
    assert {each.session for each in events} == {"d1"}
    assert {each.event_id for each in events} == {"m0", "m1-0", "m1-1", "m1-2", "m9"}
    assert store.rows(row, "user") == [USER]
    check_verdict(server, row)
    outcomes.setdefault(row.name, {})["success"] = f"each event called back with `200`; {ONCE}"


@pytest.mark.parametrize("row", SERVERS, ids=lambda row: row.name)
def test_refusals_are_of_single_events(
    row: ClientRow, runs: Runs, store: Store, limited_store: Store, outcomes: Outcomes
):
    result = runs.of(row)
    codes = {name: {insert_id: code for insert_id, code, _ in result[name]["calls"]} for name in result}
    assert codes["partial"] == {"p0": 200, "p1": 400, "p2": 200}
    assert sorted(each.item or "" for each in by_user(store.events(row), "u2")) == ["i0", "i2"]
    assert codes["large"] == dict.fromkeys(["l0", "l1", "l2", "l3"], 200)
    assert len(by_user(store.events(row), "u3")) == 4
    if row.language == "Python":  # which drops them, and says so to its logger alone
        assert (codes["unknown"], result["unknown"]["log"]) == ({}, ["Invalid API Key"])
    else:
        assert {(code, message) for _, code, message in result["unknown"]["calls"]} == {
            (400, "Invalid API key: the key is not known")
        }
    assert codes["limited"] == {"m0": 200, "m1": 200}
    assert sorted(each.item or "" for each in limited_store.events(row)) == ["i0", "i1"]
    failure = "`400` drops the event that it names; an unknown key; `413` halved, `429` waited for, then stored"
    outcomes.setdefault(row.name, {})["failure"] = failure


def test_a_page_of_another_origin_sends(
    browser: Browser, server: Server, store: Store, outcomes: Outcomes, tmp_path: Path
):
    with client_page(browser, PAGE, tmp_path) as page:
        calls = page.call("(told) => journey(told)", {"url": server.url, "key": f"{PAGE.name}-key", **MESSAGES})
        assert [code for _, code, _ in calls] == [200] * 5
        assert set(page.send_again()) == {200}
    events = store.events(PAGE)
    assert about_items(events) == EVENTS
    assert {(each.user, each.session) for each in events} == {("u1", "d1")}
    assert store.rows(PAGE, "user")[-1] == USER  # after what it says of itself
    check_verdict(server, PAGE)
    outcomes.setdefault(PAGE.name, {})["success"] = f"each call resolved with `200`; {ONCE}"


def test_a_page_bears_refusals(
    browser: Browser, server: Server, limited: Server, limited_store: Store, outcomes: Outcomes, tmp_path: Path
):
    arguments = {"key": f"{PAGE.name}-key", **MESSAGES}
    (tmp_path / "unknown").mkdir()
    with client_page(browser, PAGE, tmp_path / "unknown") as page:
        calls = page.call("(told) => journey(told)", {**arguments, "url": server.url, "key": "nobody"})
        assert {(code, message) for _, code, message in calls} == {(400, "Invalid API key: the key is not known")}
        nameless = [*MESSAGES["events"][:1], ["", {"product_id": "i9"}]]
        told = {**arguments, "url": limited.url, "events": nameless}
        both = page.call("(told) => Promise.all([journey(told), journey(told)])", told)
        assert [[code for _, code, _ in calls] for calls in both] == [[200, 400, 200]] * 2
        assert 429 in {status for _, status in page.statuses}
    assert about_items(limited_store.events(PAGE)) == EVENTS[:1] * 2
    failure = "an unknown key; `400` drops the event that it names; `429` waited for, then stored"
    outcomes.setdefault(PAGE.name, {})["failure"] = failure


# ---- experiments


@pytest.mark.parametrize("row", EXPERIMENTS, ids=lambda row: row.name)
def test_variants_are_the_gateways_arms_and_exposures_end_in_the_verdict(
    row: ClientRow, runs: Runs, server: Server, outcomes: Outcomes
):
    result = runs.of(row)
    flag = f"{row.name}.home.row"
    arms = {user: arm(server, flag, user) for user in result["variants"]}
    assert result["variants"] == {user: {flag: {"key": each, "value": each}} for user, each in arms.items()}
    assert set(arms.values()) == {"a", "b"}
    assert {code for _, code, _ in result["calls"]} == {200}
    verdict = httpx.get(f"{server.url}/experiments/{row.name}/home/row").json()
    assert verdict["units"] == {name: list(arms.values()).count(name) for name in "ab"}
    bought = {each["arm"]: each["mean"] * verdict["units"][each["arm"]] for each in verdict["rows"]}
    assert bought == pytest.approx(verdict["units"])
    outcomes.setdefault(row.name, {})["success"] = f"{len(arms)} units in the gateway's arms; exposures in the verdict"


@pytest.mark.parametrize("row", EXPERIMENTS, ids=lambda row: row.name)
def test_variants_are_refused_and_waited_for(row: ClientRow, runs: Runs, outcomes: Outcomes):
    result = runs.of(row)
    assert "401" in result["unknown"]
    assert all(result["limited"]) and len(result["limited"]) == 3
    assert "429" in result["heard"]
    outcomes.setdefault(row.name, {})["failure"] = "`401` by its error; `429` tried again, then answered"


def arm(server: Server, flag: str, unit: str) -> str:
    """The unit's variation by OFREP, which counts no exposure."""
    context = {"context": {"targetingKey": unit, "exposure": False}}
    answer = httpx.post(f"{server.url}/ofrep/v1/evaluate/flags/{flag}", json=context).json()
    return str(answer["variant"])
