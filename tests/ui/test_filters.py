"""A filter on the page: broken, mended, previewed, used."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from tests.server.world import Server

BROKEN = 'EXCLUDE ItemID WERE Items.KIND IN ("even")'
MENDED = 'EXCLUDE ItemID WHERE Items.KIND IN ("even")'


def test_a_broken_filter_is_mended_previewed_and_used(page: Page, shop: Server) -> None:
    page.goto(f"{shop.url}/ui#/filters")
    expression = page.get_by_label("Filter expression")
    expression.fill(BROKEN)
    go = page.get_by_role("button", name="Go to line 1, column 16")
    expect(go).to_be_visible()
    expect(expression).to_have_attribute("aria-invalid", "true")
    go.click()
    expect(expression).to_be_focused()

    expression.fill(MENDED)
    expect(page.get_by_text("Items it leaves")).to_be_visible()
    expect(page.get_by_text("50.0 % of 40")).to_be_visible()
    expect(page.get_by_role("region", name="Drops, for instance")).to_be_visible()

    page.get_by_label("Name of the filter").fill("odd-only")
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_text("Lists may name the filter odd-only from now on.")).to_be_visible()
    expect(page.get_by_role("group", name="Filters that have a name")).to_contain_text("odd-only")
    known = httpx.get(f"{shop.url}/admin/filters").json()["filters"]
    assert [each["expression"] for each in known if each["name"] == "odd-only"] == [MENDED]
