"""`python -m loadtests.newcomer`: from a clone to a page with a shop's own items, by the docs alone, timed.

Clones this repository as it is committed into a new folder, installs it into an environment of its own, and does
docs/csv-to-page.md from its first block to its last, as it stands there but for the port. Then Chromium opens the page,
and finds the items of the CSV in its list. Prints the seconds of each step. Ends with status 1 where one fails.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import click
import httpx
from rich.console import Console
from rich.table import Table

from loadtests.chromium import chromium
from loadtests.server import free_port

REPOSITORY = Path(__file__).parents[1]
PAGE = "docs/csv-to-page.md"
HERE = "127.0.0.1:8080"  # where the docs have their server
PART = re.compile(r"^## (?P<title>[^\n]+)$|^```(?P<kind>sh|yaml|html)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\A(?:# |<!-- )([\w.-]+\.(?:yaml|html))")
SERVE = re.compile(r"^recgate serve (.+)$", re.MULTILINE)
TRACKING_ID, PLACEHOLDER = re.compile(r"trackingId (\S+)"), "THE-ID-THAT-THE-IMPORT-PRINTED"
TITLES = ("Walking boots", "Rain jacket", "Wool socks", "Flask")  # of the items in the page's CSV
READY_S = 60.0


class DocsBlock(NamedTuple):
    title: str  # of the section that it is in
    kind: str
    text: str


@click.command(help=__doc__)
@click.option("--repository", default=str(REPOSITORY), show_default=True, help="The repository to clone.")
def main(repository: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        newcomer = Newcomer(Path(folder))
        try:
            newcomer.install(repository)
            newcomer.read()
            newcomer.look()
        finally:
            newcomer.leave()
    Console().print(newcomer.table())


@dataclass
class Newcomer:
    """Somebody with the docs, a folder and a browser."""

    folder: Path
    seconds: dict[str, float] = field(default_factory=dict)
    tracking_id: str = ""
    server: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.clone, self.shop, self.venv = self.folder / "recgate", self.folder / "shop", self.folder / "venv"
        self.shop.mkdir()
        self.here = f"127.0.0.1:{free_port()}"

    def install(self, repository: str) -> None:
        with self._timed("clone"):
            subprocess.run(["git", "clone", "--quiet", repository, str(self.clone)], check=True)
        with self._timed("install"):
            subprocess.run([sys.executable, "-m", "venv", str(self.venv)], check=True)
            subprocess.run([str(self.venv / "bin" / "pip"), "install", "--quiet", str(self.clone)], check=True)

    def read(self) -> None:
        """Does the page's blocks, in their order."""
        for block in blocks((self.clone / PAGE).read_text("utf-8")):
            text = block.text.replace(HERE, self.here).replace(PLACEHOLDER, self.tracking_id or PLACEHOLDER)
            if named := FILE.match(text):
                (self.shop / named[1]).write_text(text, "utf-8")
            elif block.kind == "sh":
                with self._timed(block.title):
                    self._type(text)

    def look(self) -> None:
        """Raises `RuntimeError` where the list is not of the shop's items."""
        with self._timed("the page in the browser"), chromium() as browser:
            page = browser.new_page()
            page.goto((self.shop / "page.html").as_uri())
            page.wait_for_selector("#list li")
            lines = page.locator("#list li").all_inner_texts()
        if not lines or not all(line.startswith(TITLES) for line in lines):
            raise RuntimeError(f"the page lists {lines}")

    def leave(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait()

    def table(self) -> Table:
        shown = Table("step", "seconds", title=f"from a clone to a page, by {PAGE}")
        for step, seconds in self.seconds.items():
            shown.add_row(step, f"{seconds:.1f}")
        own = sum(seconds for step, seconds in self.seconds.items() if step not in ("clone", "install"))
        shown.add_row("all of the page", f"{own:.1f}", style="bold")
        return shown

    def _type(self, text: str) -> None:
        """Raises `CalledProcessError` where a command fails."""
        serving = SERVE.search(text)
        if serving is not None:
            self._serve(serving[1].split())
        rest = SERVE.sub("", text)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", rest],
            cwd=self.shop,
            env=self._environ(),
            stdout=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, rest, done.stdout)
        self.tracking_id = next(iter(TRACKING_ID.findall(done.stdout)), self.tracking_id)

    def _serve(self, arguments: list[str]) -> None:
        argv = [str(self.venv / "bin" / "recgate"), "serve", *arguments, "--port", self.here.rpartition(":")[2]]
        with (self.shop / "server.log").open("wb") as log:
            self.server = subprocess.Popen(argv, cwd=self.shop, env=self._environ(), stdout=log, stderr=log)
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"http://{self.here}/ready").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise RuntimeError(f"the server was not ready in {READY_S:.0f} s")

    def _environ(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.venv / 'bin'}:{os.environ['PATH']}"}

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[step] = self.seconds.get(step, 0.0) + time.monotonic() - began


def blocks(page: str) -> Iterator[DocsBlock]:
    """The page's blocks of code, each with the title of its section."""
    title = ""
    for part in PART.finditer(page):
        if part["title"]:
            title = part["title"]
        else:
            yield DocsBlock(title, part["kind"], part["text"])


if __name__ == "__main__":
    main()
