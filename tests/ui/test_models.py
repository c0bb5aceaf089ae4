"""Models on the page: a training is watched, and its model rolled back."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from tests.server.world import Server


def answering(shop: Server) -> str:
    return str(httpx.get(f"{shop.url}/admin/models/search").json()["version"])


def test_a_training_is_watched_and_its_model_rolled_back(page: Page, shop: Server) -> None:
    first = answering(shop)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{shop.url}/ui#/models/search")
    versions = page.get_by_role("group", name="Versions")
    expect(versions.get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name="Train anew").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(versions.get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("progressbar")).to_have_count(0, timeout=60_000)
    assert len([url for url in asked if url.endswith("/admin/models/search")]) == 2  # the rest came by the stream

    versions.get_by_role("button", name="Deploy").click()
    expect(page.get_by_role("button", name="Roll back")).to_be_enabled(timeout=20_000)
    assert answering(shop) != first
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_role("button", name=f"Answer by {first[:8]}").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert answering(shop) == first
