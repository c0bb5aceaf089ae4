"""A page of the docs, done: its files are written, its shell and Python run, its server answers; in their order.

The page is done as it stands, but for the port, the workers of its server, and the tracking id that an import prints.
`recgate` in its shell is a process forked from one that has loaded the code, for loading it takes most of a command's
time.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.server.preloaded import preloaded
from tests.server.world import Server, free_port

ROOT = Path(__file__).parents[2]
HERE = "127.0.0.1:8080"  # where the docs have their server
TRACKING = "THE-ID-THAT-THE-IMPORT-PRINTED"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\A(?:# |<!-- )([\w./-]+\.(?:yaml|py|html|toml))(?: -->)?\n")
SERVE = re.compile(r"^recgate serve (.*)$", re.MULTILINE)
LIMIT_S = 120.0
PRELUDE = """
recgate() {
  local ask="$RECGATE_ASKED/$BASHPID-$RANDOM" status
  mkfifo "$ask.done"
  printf '%s\\0' "$PWD" "$@" > "$ask.partial"
  mv "$ask.partial" "$ask.ask"
  read -r status < "$ask.done"
  cat "$ask.log"
  return "$status"
}
"""


class Block(NamedTuple):
    page: str
    kind: str  # as the fence says
    text: str

    @property
    def file(self) -> str | None:
        """The file that the block is, by its first line."""
        named = FILE.match(self.text)
        return None if named is None else named[1]


def blocks(page: str) -> list[Block]:
    return [Block(page, kind, text) for kind, text in BLOCK.findall((ROOT / page).read_text())]


@dataclass
class Walkthrough:
    """A folder in which pages are done one after the other, and the server that they have started."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    server: Server | None = None
    tracking: str = ""
    begun: str = ""  # what the first page printed

    def __post_init__(self) -> None:
        self.port = free_port()
        self.asked = self.folder / ".asked"
        self.asked.mkdir()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def do(self, page: str) -> str:
        """Everything that the page's blocks print."""
        return "".join(self.do_block(block) for block in blocks(page))

    def do_block(self, block: Block) -> str:
        text = block.text.replace(HERE, f"127.0.0.1:{self.port}").replace(TRACKING, self.tracking or TRACKING)
        printed = ""
        if block.file is not None:
            self._write(block.file, text)
        elif block.kind == "python":
            printed = self._run([sys.executable, "-c", text])
        elif block.kind == "sh":
            serving = SERVE.search(text)
            printed = self._run(["bash", "-euo", "pipefail", "-c", PRELUDE + SERVE.sub("", text)])
            if serving is not None:
                self._serve(serving[1].split())
            self._remember(printed)
        return printed

    def _write(self, name: str, text: str) -> None:
        before = self.server.log().count(" is in use") if self.server is not None else 0
        partial = self.folder / f".{name}.partial"
        partial.write_text(text)
        changed = not (self.folder / name).exists() or (self.folder / name).read_text() != text
        partial.replace(self.folder / name)
        if self.server is not None and name.endswith(".yaml") and changed:  # a server takes it within a second
            deadline = time.monotonic() + LIMIT_S
            while self.server.log().count(" is in use") == before:
                assert time.monotonic() < deadline, self.server.log()
                time.sleep(0.05)

    def _serve(self, arguments: list[str]) -> None:
        config = self.folder / arguments[arguments.index("--config") + 1]
        data = self.folder / "data"
        self.server = Server(data, config, workers=1, environ=self._environ(), port=self.port)
        self.server.start()

    def _remember(self, printed: str) -> None:
        """The tracking id, as a reader would copy it."""
        for tracking in re.findall(r"events of this group go to trackingId (\S+)", printed):
            self.tracking = tracking

    def _environ(self) -> dict[str, str]:
        own = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "RECGATE_ASKED": str(self.asked)}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**os.environ, **own, "PATH": path, "COLUMNS": "200", **self.environ}

    def _run(self, command: list[str]) -> str:
        with self._commands():
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self._environ(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}"
        return done.stdout

    @contextlib.contextmanager
    def _commands(self) -> Iterator[None]:
        """Run the shell's `recgate …` meanwhile."""
        stopped = threading.Event()
        thread = threading.Thread(target=self._run_commands, args=(stopped,))
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def _run_commands(self, stopped: threading.Event) -> None:
        while not stopped.wait(0.02):
            for ask in self.asked.glob("*.ask"):
                folder, *argv = ask.read_text().split("\0")[:-1]
                ask.unlink()
                log = ask.with_suffix(".log")
                log.touch()
                process = preloaded(argv, self._environ(), log, folder)
                status = process.wait(LIMIT_S)
                ask.with_suffix(".done").write_text(f"{status}\n")

    def close(self) -> None:
        if self.server is not None:
            self.server.stop()
