"""`python -m gateway` in processes that have loaded a server's code before: loading takes most of a start, and tests
start many servers."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(
    ["gateway.__main__", "gateway.processes.worker", "gateway.cli.serve", "engine.jobs.__main__", __name__]
)


class PreloadedProcess:
    """A process with the methods of `subprocess.Popen`; what it says goes to the end of `log`."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self._process = FORKING.Process(target=_run, args=(argv, dict(environ), log))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def wait(self, timeout: float | None = None) -> int:
        """Raises `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return self._process.exitcode


def _run(argv: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
    from gateway.__main__ import main

    os.setsid()
    os.environ.clear()
    os.environ.update(environ)
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    main(argv, prog_name="recgate")
