"""`python -m gateway` and `python -c CODE` in processes that have loaded a server's code before: loading takes most of
a start, and tests start many."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.processes.supervisor import JoinedProcess

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(
    ["gateway.__main__", "gateway.processes.worker", "gateway.cli.serve", "engine.jobs.__main__", __name__]
)


def preloaded(argv: Sequence[str], environ: Mapping[str, str], log: Path) -> JoinedProcess:
    """Begins a process; what it says goes to the end of `log`."""
    return JoinedProcess(FORKING.Process(target=_run, args=(argv, dict(environ), log)))


def running_code(code: str, *arguments: object) -> JoinedProcess:
    """Begins a process that runs the code with these arguments."""
    return JoinedProcess(FORKING.Process(target=_run_code, args=(code, [str(each) for each in arguments])))


def _run_code(code: str, arguments: Sequence[str]) -> None:
    sys.argv[1:] = arguments
    exec(code, {"__name__": "__main__"})


def _run(argv: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
    from gateway.__main__ import main

    os.setsid()
    os.environ.clear()
    os.environ.update(environ)
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    main(argv, prog_name="recgate")
