"""An S3 server that keeps what it has acknowledged in a folder, and so survives being killed: s3rver, from npm."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from loadtests import client
from loadtests.campaign.postgres import MissingProgram, program
from loadtests.server import free_port

READY_S = 20.0
LOOK_S = 0.1
MODULES = Path(".cache") / "s3rver"
VERSION = "3.7.1"
BUCKET = "recgate"
KEY = "S3RVER"  # as the server has it
RUN = """
const S3rver = require("s3rver");
const [port, directory] = process.argv.slice(1);
new S3rver({port: +port, address: "127.0.0.1", directory, silent: true, configureBuckets: [{name: "recgate"}]}).run();
"""


def install() -> None:
    """The server's packages, where they are not there yet."""
    if not (MODULES / "node_modules" / "s3rver").is_dir():
        MODULES.mkdir(parents=True, exist_ok=True)
        argv = [
            program("npm", "npm"),
            "install",
            "--silent",
            "--no-save",
            "--prefix",
            str(MODULES),
            f"s3rver@{VERSION}",
        ]
        if subprocess.run(argv, check=False).returncode:
            raise MissingProgram(f"the S3 server can't be installed: {' '.join(argv)}")


class S3Server:
    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        argv = [program("node", "nodejs"), "-e", RUN, str(self.port), str(self._folder.resolve())]
        with (self._folder.parent / "s3.log").open("ab") as log:
            self._process = subprocess.Popen(argv, cwd=MODULES, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + READY_S
        while not client.listens(self.port):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("the S3 server does not start")
            time.sleep(LOOK_S)

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
