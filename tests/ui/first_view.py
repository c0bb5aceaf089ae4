"""The first view of a server's page as a new visitor's browser gets it: `python -m tests.ui.first_view URL`.

Each visit has an empty cache. It prints when something was painted, and when the overview showed its numbers.
"""

from __future__ import annotations

import statistics
import sys
from typing import NamedTuple

from playwright.sync_api import Browser, Response

from loadtests.chromium import chromium

VISITS = 10
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
NOW = "performance.now()"


class Visit(NamedTuple):
    """Milliseconds since the address was opened, and bytes over the wire."""

    painted: float
    numbers: float
    size: int


def visit(browser: Browser, url: str) -> Visit:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    answered: list[Response] = []
    page.on("response", lambda response: answered.append(response))
    page.goto(f"{url}/ui", wait_until="commit")
    page.get_by_role("main").get_by_text("Origin calls saved").wait_for()
    numbers = float(page.evaluate(NOW))
    sizes = [each.request.sizes() for each in answered if "/ui" in each.url]
    result = Visit(
        float(page.evaluate(PAINTED)),
        numbers,
        sum(each["responseBodySize"] + each["responseHeadersSize"] for each in sizes),
    )
    context.close()
    return result


def main(url: str) -> None:
    with chromium() as browser:
        visits = [visit(browser, url) for _ in range(VISITS + 1)][1:]  # the first one starts the browser's processes
    for name, values in (
        ("painted", [each.painted for each in visits]),
        ("numbers", [each.numbers for each in visits]),
    ):
        print(f"{name}: median {statistics.median(values):.0f} ms, slowest of {VISITS} {max(values):.0f} ms")
    print(f"over the wire: {max(each.size for each in visits) / 1024:.0f} KiB")


if __name__ == "__main__":
    main(*sys.argv[1:])
