"""Pictures of the page for docs/screenshots/: `python -m tests.ui.screenshots URL PLACE…` against a server that runs.

A place is what stands behind `#/` in the address, then `=` and the picture's name.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.ui.conftest import FLAGS

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
LOOKS = {
    "light": ("light", 1280, 860),
    "dark": ("dark", 1280, 860),
    "light-phone": ("light", 390, 844),
    "dark-phone": ("dark", 390, 844),
}
SETTLED_MS = 1500  # a message of the stream


def take(browser: Browser, url: str, place: str, name: str) -> None:
    for look, (scheme, width, height) in LOOKS.items():
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light"
        )
        page = context.new_page()
        page.goto(f"{url}/ui#/{place}")
        page.get_by_role("main").get_by_role("heading", level=1).wait_for()
        page.wait_for_timeout(SETTLED_MS)
        page.evaluate("document.querySelector('.rail-foot').style.visibility = 'hidden'")  # it names the machine
        page.screenshot(path=FOLDER / f"{name}-{look}.png")
        context.close()


def main(url: str, *places: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        for place, _, name in (each.rpartition("=") for each in places):
            take(browser, url, place, name)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
