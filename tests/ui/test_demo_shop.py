"""recgate demo --shop, as a visitor sees it in Chromium."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.server.preloaded import preloaded
from tests.services import free_port

START_S = 120.0


@pytest.fixture(scope="module")
def corner_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the shop, once its 300 visitors have come."""
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    argv = ["demo", "--shop", "--workers", "1", "--port", "0", "--shop-port", str(port), "--data", str(folder / "data")]
    process, log = preloaded(argv, os.environ, folder / "log"), folder / "log"
    try:
        deadline = time.monotonic() + START_S
        while not log.exists() or "open until Ctrl-C" not in log.read_text():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        looked = int(re.findall(r"300 visitors have come before you; (\d+) looked", log.read_text())[0])
        assert 100 < looked < 300
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(30)


def test_a_visit(corner_shop: str, page: Page) -> None:
    page.goto(corner_shop)
    cards = page.locator(".good")
    expect(cards).to_have_count(8)
    expect(page.locator("aside")).to_contain_text(re.compile("version: (popular|personal)"))
    name = cards.first.locator("span").inner_text()
    cards.first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.get_by_role("link", name="Home").click()
    expect(page.get_by_role("heading", name=f"Because you looked at: {name}")).to_be_visible()
    assert page.evaluate("scrollY") == 0
    page.locator(".good").first.click()  # perhaps another than before
    page.get_by_role("button", name="Put into the cart").wait_for()
    bought = page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("button", name="Put into the cart").click()
    expect(page.locator("#count")).to_have_text("1")
    page.get_by_role("button", name="Buy for").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    page.get_by_role("link", name="Home").click()
    expect(page.locator("section").first.get_by_role("link", name=bought)).to_have_count(0)  # what is bought is gone


def test_anybody_can_use_it(corner_shop: str, page: Page) -> None:
    for place in ("", "#/good/mug-ocean-oak", "#/cart"):
        page.goto(corner_shop + place)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        faults = Axe().run(page).response["violations"]
        assert [each["id"] for each in faults if each["impact"] in ("serious", "critical")] == []
