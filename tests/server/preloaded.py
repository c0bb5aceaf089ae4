"""`python -m gateway` and `python -c CODE` in processes that have loaded a server's code before: loading takes most of
a start, and tests start many."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(
    ["gateway.__main__", "gateway.processes.worker", "gateway.cli.serve", "engine.jobs.__main__", __name__]
)


class JoinedProcess:
    """A process of multiprocessing, begun, with the methods of `subprocess.Popen`."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Raises `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return self._process.exitcode


def preloaded(
    argv: Sequence[str], environ: Mapping[str, str], log: Path, folder: Path | str | None = None
) -> JoinedProcess:
    """Begins a process, in this folder if one is given; what it says goes to the end of `log`."""
    return JoinedProcess(FORKING.Process(target=_run, args=(argv, dict(environ), log, folder)))


def running_code(code: str, *arguments: object) -> JoinedProcess:
    """Begins a process that runs the code with these arguments."""
    return JoinedProcess(FORKING.Process(target=_run_code, args=(code, [str(each) for each in arguments])))


def _run_code(code: str, arguments: Sequence[str]) -> None:
    sys.argv[1:] = arguments
    exec(code, {"__name__": "__main__"})


def _run(argv: Sequence[str], environ: Mapping[str, str], log: Path, folder: Path | str | None) -> None:
    from gateway.__main__ import main

    os.setsid()
    if folder is not None:
        os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    main(argv, prog_name="recgate")
