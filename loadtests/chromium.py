"""Chromium without a window, as tests drive it: Debian's headless build where it is, which takes three quarters of the
processor time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Playwright runs an event loop in this thread, in which no other can run until the browser is closed."""
    executable = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert executable is not None, "apt-get install chromium-headless-shell"
    with sync_playwright() as playwright:  # which makes a folder of its own for what the browser keeps
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS), headless=True)
        yield browser
        browser.close()
