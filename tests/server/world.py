"""A whole server as its users run it: `recgate serve` in its own processes, over a small world made through the CLI.

The world: 80 users in two halves, 40 items in two halves; users like the items of their half, in a few fixed runs.
"""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from rich.console import Console

from gateway.cli.import_data import import_file
from gateway.cli.local import opened
from gateway.cli.train import deploy, train
from tests.server.preloaded import JoinedProcess, preloaded

USERS, ITEMS = 80, 40
START = 1_700_000_000
TRACKING_ID = "11111111-1111-4111-8111-111111111111"
GROUP = "shop"
ARN = "arn:aws:personalize:us-east-1:000000000000"
READY_S = 60.0

CONFIG = f"""
version: "7"
namespaces:
  shop:
    examples: {{userId: u1, itemIds: [i1, i2, i3]}}
    inferenceItemMetadata: {{type: engine, itemColumns: [NAME, PRICE]}}
    cacheControl:
      userSpecified: {{maxAge: 300, directives: "private,stale-while-revalidate=60"}}
      noUserSpecified: {{maxAge: 300, directives: public}}
    recommenders:
      recommend-items:
        for-you:
          filters: [{{expression: 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'}}]
          variations: {{main: {{type: engine, model: for-you}}}}
        crowd:
          cohorts: {{count: 16}}
          filters: []
          variations: {{main: {{type: engine, model: for-you}}}}
        popular: {{variations: {{main: {{type: engine, model: popular}}}}}}
        brief:
          cacheControl: {{userSpecified: {{maxAge: 1, directives: "stale-while-revalidate=60"}}}}
          variations: {{main: {{type: engine, model: popular}}}}
        uncached:
          cacheControl: {{userSpecified: {{maxAge: 0, directives: no-store}}}}
          variations: {{main: {{type: engine, model: for-you}}}}
        tested:
          variations:
            a: {{type: engine, model: for-you, weight: 70}}
            b: {{type: personalize-campaign, arn: "{ARN}:campaign/popular", weight: 30}}
      related-items:
        near: {{variations: {{main: {{type: engine, model: near}}}}}}
      rerank-items:
        search: {{variations: {{main: {{type: engine, model: search}}}}}}
    eventTargets: [{{type: personalize-event-tracker, trackingId: {TRACKING_ID}}}]
"""

QUICK = {"sequence_epochs": "0"}  # to train a sequence model, too, takes ten times as long: test_getting_started does
MODELS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("for-you", "aws-user-personalization-v2", QUICK),
    ("popular", "aws-popularity-count", {}),
    ("near", "aws-similar-items", {}),
    ("search", "aws-personalized-ranking-v2", QUICK),
)

ITEM_SCHEMA = (
    '{"type":"record","name":"Items","namespace":"shop","version":"1.0","fields":['
    '{"name":"ITEM_ID","type":"string"},{"name":"NAME","type":["null","string"]},'
    '{"name":"PRICE","type":["null","int"]},{"name":"KIND","type":["null","string"],"categorical":true},'
    '{"name":"PICTURE","type":["null","string"]}]}'
)
EVENT_SCHEMA = (
    '{"type":"record","name":"Interactions","namespace":"shop","version":"1.0","fields":['
    '{"name":"USER_ID","type":"string"},{"name":"ITEM_ID","type":"string"},{"name":"TIMESTAMP","type":"long"},'
    '{"name":"EVENT_TYPE","type":"string"}]}'
)


def picture(item: int) -> str:
    """A circle for an even item, a square for an odd one, in a colour of its own."""
    shape = '<circle cx="8" cy="8" r="5"/>' if item % 2 == 0 else '<path d="M3 3h10v10H3z"/>'
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
    ground = f'<path fill="hsl({item * 9} 55% 80%)" d="M0 0h16v16H0z"/>'
    svg = f'{head}{ground}<g fill="hsl({item * 9} 60% 35%)">{shape}</g></svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def write_csvs(folder: Path) -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    interactions, items = folder / "interactions.csv", folder / "items.csv"
    rows = [
        f"u{user},i{2 * ((user * 7 + step * (1 + user % 3)) % (ITEMS // 2)) + user % 2},{START + user * 50 + step},view"
        for user in range(USERS)
        for step in range(8)
    ]
    interactions.write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", *rows]))
    named = [
        f'i{item},Item {item},{10 + item},{"even" if item % 2 == 0 else "odd"},"{picture(item)}"'
        for item in range(ITEMS)
    ]
    items.write_text("\n".join(["ITEM_ID,NAME,PRICE,KIND,PICTURE", *named]))
    return interactions, items


def build(data: Path) -> Path:
    """Imported, trained and deployed. Returns `data`."""
    interactions, items = write_csvs(data.with_name("csv"))
    with opened(data, Console(quiet=True), allow_file_urls=True) as local:
        import_file(local, GROUP, "INTERACTIONS", interactions, EVENT_SCHEMA)
        import_file(local, GROUP, "ITEMS", items, ITEM_SCHEMA)
        local.track(GROUP, TRACKING_ID)
        for name, recipe, settings in MODELS:
            deploy(local, name, train(local, GROUP, name, recipe, settings))
    return data


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def begun(argv: Sequence[str], environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A new interpreter."""
    command = [sys.executable, "-m", "gateway", *argv]
    with log.open("ab") as out:
        return subprocess.Popen(command, env=environ, start_new_session=True, stdout=out, stderr=subprocess.STDOUT)


@dataclass
class Server:
    """`fresh`: started by a new interpreter, whose environment says what it loads."""

    data: Path
    config: Path | None = None
    workers: int = 2
    flags: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    fresh: bool = False
    process: subprocess.Popen[bytes] | JoinedProcess | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        configured = ["--config", str(self.config)] if self.config is not None else []
        argv = ["serve", "--port", str(self.port), "--workers", str(self.workers), "--data", str(self.data)]
        argv += [*configured, *self.flags]
        environ, log = {**os.environ, **self.environ}, self.data / "server.log"
        self.process = begun(argv, environ, log) if self.fresh else preloaded(argv, environ, log)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if self.is_ready():
                return
            assert self.process is not None and self.process.poll() is None, self.log()
            time.sleep(0.05)
        raise AssertionError(f"not ready in {READY_S} s\n{self.log()}")

    def is_ready(self) -> bool:
        """httpx would take eight milliseconds of processor time for each look."""
        with contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=5)) as asked:
            try:
                asked.request("GET", "/ready")
                return asked.getresponse().status == 200
            except (OSError, HTTPException):
                return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def kill_all(self) -> None:
        """SIGKILL to every process of the server at once, as a power cut would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def children(self) -> dict[int, str]:
        """Process ids of what the supervisor started, with their names."""
        assert self.process is not None
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(pid): Path(f"/proc/{pid}/comm").read_text().strip() for pid in found}

    def job_pid(self) -> int:
        return next(pid for pid, name in self.children().items() if name == "jobs")

    def log(self) -> str:
        return (self.data / "server.log").read_text()


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()
