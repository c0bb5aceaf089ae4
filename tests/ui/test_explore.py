"""Somebody new on the page: clicks change lists, and the page says why."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.server.world import Server
from tests.ui.hands import Hand, KeyboardHand


def opened(page: Page, server: Server, place: str) -> None:
    page.goto(f"{server.url}/ui#/{place}")


def ids(panel: Locator) -> list[str]:
    return [str(row.get_attribute("data-item")) for row in panel.locator("li[data-item]").all()]


def test_three_clicks_of_somebody_new_change_the_list_and_it_says_why(page: Page, hand: Hand, shop: Server) -> None:
    opened(page, shop, "explore?lists=for-you")
    panel = page.get_by_role("region", name="for-you")
    expect(panel.locator("li[data-item]").first).to_be_visible()
    before = ids(panel)
    picture = panel.locator("li[data-item] img").first
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    clicked = before[:3]
    for number, item in enumerate(clicked, 1):
        hand.press(panel.locator(f'li[data-item="{item}"]').get_by_role("button", name="Click"))
        expect(page.get_by_role("status", name="Clicks so far")).to_contain_text(f"{number} click")
        expect(panel.locator(f'li[data-item="{item}"]')).to_have_count(0)  # what was seen is filtered
        if isinstance(hand, KeyboardHand):
            expect(panel.locator("li[data-item]").first.get_by_role("button", name="Click")).to_be_focused()
    after = ids(panel)
    assert after != before and not set(after) & set(clicked)
    expect(panel.get_by_text("new", exact=True).first).to_be_visible()

    why = panel.locator("li[data-item]").first.get_by_role("button", name="Why")
    hand.press(why)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It is in the answer")
    expect(dialog.get_by_role("heading", name="What of the history speaks for it")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(why).to_be_focused()


def test_why_an_item_is_absent(page: Page, hand: Hand, shop: Server) -> None:
    opened(page, shop, "explore?lists=for-you&user=u1&as=user")
    panel = page.get_by_role("region", name="for-you")
    expect(panel.locator("li[data-item]").first).to_be_visible()
    page.goto(f"{shop.url}/ui#/users/u1")
    seen = page.get_by_role("region", name="History").locator("li[data-item]").first.get_attribute("data-item")
    assert seen is not None
    opened(page, shop, "explore?lists=for-you&user=u1&as=user")
    hand.write(panel.get_by_label("Why is this item not here?"), seen)
    hand.press(panel.get_by_role("button", name="Ask"))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("not in the list")
    expect(dialog).to_contain_text("A filter removes it.")
    expect(dialog).to_contain_text("drops it")
