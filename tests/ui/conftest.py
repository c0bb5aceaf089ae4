"""One Chromium and one server with the page, for all tests of it. The browser ends with this package's tests, because a
process goes on with those of another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from loadtests.chromium import chromium
from tests.server.conftest import trained
from tests.server.world import CONFIG, Server, running
from tests.ui.hands import Hand, KeyboardHand, MouseHand

__all__ = ["trained"]

PATIENCE_MS = 15_000

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="package")
def shop(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Its configuration may be written, and tests use models, filters and experiments of their own."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(trained, folder / "data")
    (folder / "shop.yaml").write_text(CONFIG)
    with running(Server(folder / "data", folder / "shop.yaml", workers=1)) as server:
        yield server


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new tab of a wide screen, in which nothing may fail unheard."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light", locale="en-US")
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.extend(refused_by_policy(message)))
    yield opened
    context.close()
    assert not faults


@pytest.fixture(params=[MouseHand, KeyboardHand], ids=["mouse", "keyboard"])
def hand(page: Page, request: pytest.FixtureRequest) -> Hand:
    chosen: type[MouseHand] | type[KeyboardHand] = request.param
    return chosen(page)


def refused_by_policy(message: ConsoleMessage) -> list[str]:
    return [message.text] if "Content Security Policy" in message.text else []
