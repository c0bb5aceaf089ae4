"""An experiment on the page, from its start to its verdict."""

from __future__ import annotations

import re
import time

import httpx
from playwright.sync_api import Page, expect

from tests.server.world import Server

UNITS = 260  # each arm gets some 130: the verdict asks for 100
FAVOURED = "a"


def test_an_experiment_from_its_start_to_its_verdict(page: Page, shop: Server) -> None:
    page.goto(f"{shop.url}/ui#/experiments")
    page.get_by_role("button", name="New experiment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("row")
    dialog.get_by_label("Event type that counts").fill("view")
    dialog.get_by_role("button", name="Start").click()

    expect(page.get_by_role("heading", name="row", level=1)).to_be_visible()
    until_in_use(shop)
    visit(shop)
    for arm in ("a control", "b"):
        exposed = page.get_by_role("group", name="Arms").get_by_role("row", name=arm).get_by_role("cell").nth(2)
        expect(exposed).to_have_text(re.compile("1[0-9][0-9]"), timeout=20_000)
    expect(page.get_by_role("region", name="Health")).to_contain_text("sample ratio")
    numbers = page.get_by_role("group", name="The verdict in numbers")
    expect(numbers.get_by_role("row", name="view b")).to_contain_text("worse", timeout=20_000)


def until_in_use(shop: Server) -> None:
    deadline = time.monotonic() + 15
    while "matchedExperiment" not in httpx.get(f"{shop.url}/recommend-items/shop/tested/somebody").json():
        assert time.monotonic() < deadline, shop.log()
        time.sleep(0.1)


def visit(shop: Server) -> None:
    """Everybody of arm a comes back with a view, and hardly anybody of arm b."""
    with httpx.Client(base_url=shop.url) as client:
        for number in range(UNITS):
            user = f"visitor-{number}"
            shown = client.get(f"/recommend-items/shop/tested/{user}", params={"numResults": 3}).json()
            if shown["variation"] == FAVOURED or number % 10 == 0:
                event = {"eventType": "view", "itemId": shown["itemList"][0]["itemId"]}
                sent = {"sessionId": user, "userId": user, "eventList": [event]}
                client.post("/events/shop", json=sent).raise_for_status()
