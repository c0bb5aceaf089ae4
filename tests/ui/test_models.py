"""Models on the page: a training is watched, and its model rolled back."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from tests.server.world import Server
from tests.ui.hands import Hand


def answering(shop: Server) -> str:
    return str(httpx.get(f"{shop.url}/admin/models/search").json()["version"])


def versions_of(shop: Server) -> set[str]:
    versions = httpx.get(f"{shop.url}/admin/models/search").json()["versions"]
    return {str(each["version"]) for each in versions}


def test_a_training_is_watched_and_its_model_rolled_back(page: Page, hand: Hand, shop: Server) -> None:
    before = versions_of(shop)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{shop.url}/ui#/models/search")
    versions = page.get_by_role("group", name="Versions")
    expect(versions.get_by_role("row")).to_have_count(1 + len(before))
    hand.press(page.get_by_role("button", name="Train anew"))
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(versions.get_by_role("row")).to_have_count(2 + len(before))
    expect(page.get_by_role("progressbar")).to_have_count(0, timeout=60_000)
    assert len([url for url in asked if url.endswith("/admin/models/search")]) == 2  # the rest came by the stream

    (trained,) = versions_of(shop) - before
    hand.press(versions.get_by_role("button", name=f"Deploy {trained[:8]}"))
    expect(page.get_by_role("button", name="Roll back")).to_be_enabled(timeout=20_000)
    assert answering(shop) == trained
    hand.press(page.get_by_role("button", name="Roll back"))
    before_it = str(httpx.get(f"{shop.url}/admin/models/search").json()["previous"])
    hand.press(page.get_by_role("dialog").get_by_role("button", name=f"Answer by {before_it[:8]}"))
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert answering(shop) == before_it != trained
