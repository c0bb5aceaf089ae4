"""Data on the page: an import with bad rows, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.server.world import Server
from tests.ui.hands import Hand

BAD = """USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE
u1,i1,1700000000,view
u2,i2,yesterday,view
u3,,1700000100,view
u4,i4,1700000200,view
"""


def test_an_import_with_bad_rows_says_what_is_wrong_where(page: Page, hand: Hand, shop: Server, tmp_path: Path) -> None:
    file = tmp_path / "clicks.csv"
    file.write_text(BAD)
    page.goto(f"{shop.url}/ui#/data/shop?tab=imports")
    hand.give(page.get_by_label("File"), file)
    hand.choose(page.get_by_label("Rows that are there"), "stay")
    hand.press(page.get_by_role("button", name="Import", exact=True))
    flaws = page.get_by_role("group", name="What is wrong with rows")
    expect(flaws).to_contain_text("TIMESTAMP")
    expect(flaws).to_contain_text("yesterday")
    expect(flaws).to_contain_text(":3")
    expect(page.get_by_text("2 rows of 4 could not be used.")).to_be_visible()


def test_the_doctor_names_every_check(page: Page, shop: Server) -> None:
    page.goto(f"{shop.url}/ui#/data/shop?tab=doctor")
    checks = page.get_by_role("group", name="All checks")
    expect(checks.get_by_text("Amazon Personalize")).to_have_count(11)
    expect(page.get_by_text("an insight of Amazon Personalize").first).to_be_visible()
