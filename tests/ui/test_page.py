"""The page as such: sound for every reader, by keyboard, small, at once there, and as its sources have it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response, expect

from tests.server.world import CONFIG, Server, running

UI = Path(__file__).parents[2] / "gateway" / "ui"
BUDGET = 300 * 1024  # bytes over the wire
FIRST_VIEW_S = 1.0
KEY, READER = "operator-key", "reader-key"
PLACES = {
    "overview": "Overview",
    "explore": "Explorer",
    "explore?lists=for-you&clicks=i1": "Explorer",
    "users": "Users",
    "users/u1": "u1",
    "items": "Items",
    "items/i1": "Item 1",
    "data": "Data",
    "data/shop?tab=imports": "Data",
    "data/shop?tab=doctor": "Data",
    "models": "Models",
    "models/for-you": "for-you",
    "pipeline": "Pipeline",
    "filters": "Filters and rules",
    "filters?tab=rules": "Filters and rules",
    "experiments": "Experiments",
    "jobs": "Jobs",
    "processes": "Processes",
    "cost": "Cost",
    "configuration": "Configuration",
    "configuration?tab=edit": "Configuration",
    "configuration?tab=history": "Configuration",
    "configuration?tab=diff": "Configuration",
}


def violations(page: Page) -> list[str]:
    """What axe calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in ("serious", "critical")]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_no_view_keeps_readers_out(page: Page, shop: Server, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    for place, title in PLACES.items():
        page.goto(f"{shop.url}/ui#/{place}")
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        expect(page.get_by_text("Loading")).to_have_count(0)
        assert violations(page) == [], place
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place


def test_every_view_is_reached_by_keyboard(page: Page, shop: Server) -> None:
    page.goto(f"{shop.url}/ui")
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    for link in page.get_by_role("navigation").get_by_role("link").all()[::-1]:
        title = link.inner_text()
        link.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("main").get_by_role("heading", level=1)).to_have_text(title)
        expect(page.get_by_role("main")).to_be_focused()  # the reader is taken to what is new


def test_the_menu_of_a_phone_opens_and_closes_by_keyboard(page: Page, shop: Server) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{shop.url}/ui")
    page.get_by_role("button", name="Open menu").press("Enter")
    expect(page.get_by_role("navigation").get_by_role("link").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation")).to_be_hidden()


def first_paint_s(browser: Browser, url: str) -> float:
    """Seconds to the first contentful paint for somebody whose browser has kept nothing."""
    context = browser.new_context()
    page = context.new_page()
    answered: list[Response] = []
    page.on("response", lambda response: answered.append(response))
    page.goto(f"{url}/ui")
    expect(page.get_by_text("Hit rate").first).to_be_visible()
    sent = [each.request.sizes() for each in answered if "/ui" in each.url]
    assert sent and sum(each["responseBodySize"] + each["responseHeadersSize"] for each in sent) <= BUDGET
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    context.close()
    return float(painted) / 1000


def test_the_first_view_is_small_and_there_at_once(page: Page, shop: Server) -> None:
    """Measured once more where it took longer: other tests want the processors, too."""
    browser = page.context.browser
    assert browser is not None
    seconds: list[float] = []
    while min(seconds, default=math.inf) > FIRST_VIEW_S and len(seconds) < 2:
        seconds.append(first_paint_s(browser, shop.url))
    assert min(seconds) <= FIRST_VIEW_S, seconds


def test_colours_are_chosen_and_kept(page: Page, shop: Server) -> None:
    page.goto(f"{shop.url}/ui")
    button = page.get_by_role("button", name="Colours")
    button.click()
    button.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_what_is_packed_was_built_from_these_sources() -> None:
    """`npm run build` in gateway/ui writes both."""
    names = [UI / "index.html", UI / "package-lock.json", UI / "vite.config.ts"]
    names += [each for each in (UI / "src").rglob("*") if each.is_file()]
    digest = hashlib.sha256()
    for name in sorted(each.relative_to(UI).as_posix() for each in names):
        digest.update(name.encode() + b"\0" + (UI / name).read_bytes() + b"\0")
    assert (UI / "dist" / "sources.sha256").read_text().strip() == digest.hexdigest()


# ---- who may look


@pytest.fixture(scope="module")
def keyed(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two keys, over no data: the page is asked for nothing else."""
    folder = tmp_path_factory.mktemp("keyed")
    (folder / "data").mkdir()
    keys = [(KEY, "ann", "operate"), (READER, "bob", "read")]
    rows = "".join(
        f"    - {{name: {name}, sha256: {hashlib.sha256(key.encode()).hexdigest()}, role: {role}}}\n"
        for key, name, role in keys
    )
    (folder / "shop.yaml").write_text(f"admin:\n  keys:\n{rows}{CONFIG}")
    with running(Server(folder / "data", folder / "shop.yaml", workers=1)) as server:
        yield server


def test_a_key_is_asked_for_and_kept_by_the_tab_alone(browser: Browser, page: Page, keyed: Server) -> None:
    page.goto(f"{keyed.url}/ui")
    page.get_by_label("Key").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Key").fill(READER)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("bob, may read only")).to_be_visible()
    page.reload()
    expect(page.get_by_text("bob, may read only")).to_be_visible()
    assert page.context.cookies() == []
    page.goto(f"{keyed.url}/ui#/experiments")
    expect(page.get_by_role("button", name="New experiment")).to_be_disabled()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Who are you?")).to_be_visible()
    assert violations(page) == []
