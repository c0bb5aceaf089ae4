"""The page of docs/csv-to-page.md: done from its first block to its last, and its list clicked in Chromium."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.docs.test_walkthroughs import lists
from tests.docs.walkthrough import Walkthrough


def test_from_a_csv_to_a_page(tmp_path: Path, page: Page) -> None:
    with closing(Walkthrough(tmp_path)) as walkthrough:
        printed = walkthrough.do("docs/csv-to-page.md")
        assert "refused, as it should be" in printed and "yesterday" in printed
        home, beside = lists(printed)
        assert len(home) == 2 and "p1" not in beside
        page.goto((tmp_path / "page.html").as_uri())
        lines = page.locator("#list li")
        expect(lines).to_have_count(3)
        with page.expect_response("**/events/outdoor") as sent, page.expect_response("**/recommend-items/**") as asked:
            lines.first.click()
        assert sent.value.status == 200 and asked.value.headers["x-cache"] == "miss"  # the click counts
