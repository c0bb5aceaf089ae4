"""Pictures of the page for docs/screenshots/, of the tests' world: `python -m tests.ui.screenshots`."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser

from loadtests.chromium import chromium
from tests.server.world import CONFIG, Server, build, running
from tests.ui.test_data import BAD
from tests.ui.test_experiments import until, visit

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
LOOKS = {
    "light": ("light", 1280, 860),
    "dark": ("dark", 1280, 860),
    "light-phone": ("light", 390, 844),
    "dark-phone": ("dark", 390, 844),
}
PLACES = {  # what stands behind `#/` in the address
    "overview": "overview?span=total",
    "explore": "explore?lists=for-you%0Apopular&clicks=i1%0Ai3",
    "imports": "data/shop?tab=imports",
    "item": "items/i1",
    "model": "models/for-you",
    "pipeline": "pipeline?recommender=for-you&user=u1",
    "experiment": "experiments/shop%2Frecommend-items%2Ftested%2Frow",
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


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        (folder / "shop.yaml").write_text(CONFIG)
        with running(Server(build(folder / "data"), folder / "shop.yaml", workers=1)) as server:
            busy(server)
            for title, place in PLACES.items():
                take(browser, server.url, place, title)


def busy(server: Server) -> None:
    """An import with bad rows, an experiment with its visitors, and somebody who looks meanwhile."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        csv = BAD.encode()
        query = {"type": "INTERACTIONS", "name": "clicks.csv", "mode": "INCREMENTAL"}
        client.post("/admin/imports/shop", params=query, content=csv).raise_for_status()
        place = {"namespace": "shop", "action": "recommend-items", "recommender": "tested", "feature": "row"}
        views: dict[str, Any] = {
            "method": "builtin",
            "weights": {"a": 1, "b": 1},
            "metrics": {"view": {"eventType": "view"}},
        }
        client.post("/admin/experiments", json={**place, "experiment": views}).raise_for_status()
        until(server, "row", is_running=True)
        for number in range(1500):
            if number % 50 == 0:
                client.get("/admin/overview").raise_for_status()
            client.get(f"/recommend-items/shop/{('for-you', 'popular', 'crowd')[number % 3]}/u{number * 7 % 80}")
        visit(server, "row", 600)
        deadline = time.monotonic() + 30
        while client.get("/admin/experiments").json()["experiments"][0]["verdict"] == "too early":
            assert time.monotonic() < deadline
            time.sleep(1)


if __name__ == "__main__":
    main()
