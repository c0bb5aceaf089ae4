"""A filter on the page: broken, mended, previewed, used."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count

import httpx
from playwright.sync_api import Page, expect

from tests.server.world import Server
from tests.ui.hands import Hand

PATIENCE_S = 15.0
VISITORS = count()

BROKEN = 'EXCLUDE ItemID WERE Items.KIND IN ("even")'
MENDED = 'EXCLUDE ItemID WHERE Items.KIND IN ("even")'


def test_a_broken_filter_is_mended_previewed_and_used(page: Page, hand: Hand, shop: Server) -> None:
    before, name = items(shop), f"odd-by-{type(hand).__name__}"
    page.goto(f"{shop.url}/ui#/filters")
    expression = page.get_by_label("Filter expression")
    hand.write(expression, BROKEN)
    go = page.get_by_role("button", name="Go to line 1, column 16")
    expect(go).to_be_visible()
    expect(expression).to_have_attribute("aria-invalid", "true")
    hand.press(go)
    expect(expression).to_be_focused()

    hand.write(expression, MENDED)
    expect(page.get_by_text("Items it leaves")).to_be_visible()
    expect(page.get_by_text("50.0 % of 40")).to_be_visible()
    expect(page.get_by_role("region", name="Drops, for instance")).to_be_visible()

    hand.write(page.get_by_label("Name of the filter"), name)
    hand.choose(page.get_by_label("In the lists of"), "shop/brief")
    hand.press(page.get_by_role("button", name="Use it", exact=True))
    expect(page.get_by_text(f"Lists of shop/brief use the filter {name}.")).to_be_visible()
    row = page.get_by_role("group", name="Filters that have a name").get_by_role("row", name=name)
    expect(row).to_contain_text("shop/brief")
    known = httpx.get(f"{shop.url}/admin/filters").json()["filters"]
    assert [each["expression"] for each in known if each["name"] == name] == [MENDED]
    until(lambda: items(shop) != before)
    assert all(int(item[1:]) % 2 for item in items(shop))

    hand.press(row.get_by_role("button", name=f"Use {name} in lists"))
    dialog = page.get_by_role("dialog", name=f"Where lists use {name}")
    hand.press(dialog.get_by_role("button", name="Stop using it in shop/brief"))
    expect(dialog.get_by_role("list", name="Used by")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(row.get_by_role("button", name=f"Use {name} in lists")).to_be_focused()
    until(lambda: items(shop) == before)


def items(shop: Server) -> list[str]:
    """The list of somebody who has done nothing, who is new each time: no cache has it."""
    answer = httpx.get(f"{shop.url}/recommend-items/shop/brief/visitor-{next(VISITORS)}")
    assert answer.status_code == 200, answer.text
    return [str(each["itemId"]) for each in answer.json()["itemList"]]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
