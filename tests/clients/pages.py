"""Pages of another origin in a real browser, and the requests that their clients make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

from tests.clients.rows import ClientRow
from tests.clients.world import bundled, page_origin, until

PATIENCE_MS = 20_000


@dataclass
class ClientPage:
    """A page with a client's script, what its console says, and the requests that went to the gateway."""

    page: Page
    said: list[str] = field(default_factory=list)
    posts: list[Request] = field(default_factory=list)
    statuses: list[tuple[str, int]] = field(default_factory=list)  # of answers to POST, with their paths

    def call(self, script: str, argument: Any) -> Any:
        """The value of a function of the page, which may be a promise."""
        return self.page.evaluate(script, argument)

    def wait(self, true: Callable[[], Any], what: str) -> Any:
        """Wait while the page works."""
        return until(lambda: self.page.wait_for_timeout(50) or true(), f"{what}; the console: {self.said}")

    def cut_bodies(self, pattern: str) -> None:
        """Let bodies lose their last byte on the way to URLs like `pattern`."""
        self.page.route(pattern, lambda route: route.continue_(post_data=(route.request.post_data_buffer or b"")[:-1]))

    def send_again(self) -> list[int]:
        """The statuses of the same requests, sent once more to the same place."""
        return [
            httpx.request(each.method, each.url, content=each.post_data_buffer, headers=each.headers).status_code
            for each in self.posts
        ]

    def note_request(self, request: Request) -> None:
        if request.method == "POST":
            self.posts.append(request)

    def note_response(self, response: Response) -> None:
        if response.request.method == "POST":
            self.statuses.append((httpx.URL(response.url).path, response.status))

    def note_message(self, message: ConsoleMessage) -> None:
        self.said.append(message.text)


@contextmanager
def client_page(browser: Browser, row: ClientRow, folder: Path) -> Iterator[ClientPage]:
    """The page of a row's script, on an origin of its own; `folder` is for its files."""
    script = bundled(row.folder, row.script)
    (folder / "client.js").write_bytes(script.read_bytes())
    (folder / "index.html").write_text('<!doctype html><title>shop</title><script src="client.js"></script>')
    with page_origin(folder) as origin:
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        opened = ClientPage(page)
        page.on("console", opened.note_message)
        page.on("request", opened.note_request)
        page.on("response", opened.note_response)
        page.goto(f"{origin}/index.html")
        yield opened
        context.close()
