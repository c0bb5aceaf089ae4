"""An experiment on the page, from its start to its verdict."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import httpx
from playwright.sync_api import Page, expect

from tests.server.world import Server
from tests.ui.hands import Hand

UNITS = 260  # each arm gets some 130: the verdict asks for 100
FAVOURED = "a"


def test_an_experiment_from_its_start_to_its_verdict(page: Page, hand: Hand, shop: Server) -> None:
    feature = f"row-{type(hand).__name__}"
    page.goto(f"{shop.url}/ui#/experiments")
    hand.press(page.get_by_role("button", name="New experiment"))
    dialog = page.get_by_role("dialog")
    hand.write(dialog.get_by_label("Name"), feature)
    hand.write(dialog.get_by_label("Event type that counts"), "view")
    hand.press(dialog.get_by_role("button", name="Start"))

    expect(page.get_by_role("heading", name=feature, level=1)).to_be_visible()
    until(shop, feature, is_running=True)
    visit(shop, feature)
    for arm in ("a control", "b"):
        exposed = page.get_by_role("group", name="Arms").get_by_role("row", name=arm).get_by_role("cell").nth(2)
        expect(exposed).to_have_text(re.compile("1[0-9][0-9]"), timeout=20_000)
    expect(page.get_by_role("region", name="Health")).to_contain_text("sample ratio")
    numbers = page.get_by_role("group", name="The verdict in numbers")
    expect(numbers.get_by_role("row", name="view b")).to_contain_text("worse", timeout=20_000)
    ramp(page, hand)
    hand.press(page.get_by_role("button", name="Stop", exact=True))
    until(shop, feature, is_running=False)
    expect(page.get_by_role("main").get_by_text("ended", exact=True)).to_be_visible()


def test_an_interleaved_experiment_shows_its_contest(page: Page, shop: Server) -> None:
    place = {"namespace": "shop", "action": "recommend-items", "recommender": "tested", "feature": "drafted"}
    definition = {"method": "interleaving", "metrics": {"view": {"eventType": "view"}}}
    made = httpx.post(f"{shop.url}/admin/experiments", json={**place, "experiment": definition})
    assert made.status_code == 201, made.text
    page.goto(f"{shop.url}/ui#/experiments")
    page.get_by_role("link", name="drafted").click()
    expect(page.get_by_role("heading", name="drafted", level=1)).to_be_visible()
    expect(page.get_by_role("group", name="The verdict in numbers")).to_contain_text("Preference")
    expect(page.get_by_label("Weight of a")).to_have_count(0)
    stopped = httpx.post(f"{shop.url}/admin/experiments/shop/tested/drafted/stop", json={})
    assert stopped.status_code == 200, stopped.text


def ramp(page: Page, hand: Hand) -> None:
    """Other weights now and, by a dated step, later; what is wrong is said beside its field."""
    steer = page.get_by_role("region", name="Steer")
    change = steer.get_by_role("button", name=re.compile("Change|Plan the step"))
    hand.press(change)
    expect(steer.get_by_text("Change the traffic or a weight.")).to_be_visible()
    hand.write(steer.get_by_label("Weight of a"), "-1")
    hand.press(change)
    expect(steer.get_by_label("Weight of a")).to_have_attribute("aria-invalid", "true")
    hand.write(steer.get_by_label("Weight of a"), "3")
    hand.press(change)
    arms = page.get_by_role("group", name="Arms")
    expect(arms.get_by_role("row", name="a control").get_by_role("cell").first).to_have_text("75.0 %")

    hand.date(steer.get_by_label("From"), datetime(2020, 12, 31, 23, 30, tzinfo=UTC))
    hand.write(steer.get_by_label("Traffic, in percent"), "50")
    hand.press(change)
    expect(steer.get_by_text("It has passed: empty it to change now.")).to_be_visible()
    hand.date(steer.get_by_label("From"), datetime(2090, 12, 31, 23, 30, tzinfo=UTC))
    hand.press(change)
    expect(steer.get_by_role("group", name="Steps").get_by_role("row", name="2090")).to_contain_text("50 %")


def until(shop: Server, feature: str, *, is_running: bool) -> None:
    deadline = time.monotonic() + 15
    while is_running != (feature in httpx.get(f"{shop.url}/recommend-items/shop/tested/somebody").text):
        assert time.monotonic() < deadline, shop.log()
        time.sleep(0.1)


def visit(shop: Server, feature: str, units: int = UNITS) -> None:
    """Everybody of arm a comes back with a view, and hardly anybody of arm b."""
    with httpx.Client(base_url=shop.url) as client:
        for number in range(units):
            user = f"{feature}-{number}"
            shown = client.get(f"/recommend-items/shop/tested/{user}", params={"numResults": 3}).json()
            if shown["variation"] == FAVOURED or number % 10 == 0:
                event = {"eventType": "view", "itemId": shown["itemList"][0]["itemId"]}
                sent = {"sessionId": user, "userId": user, "eventList": [event]}
                client.post("/events/shop", json=sent).raise_for_status()
