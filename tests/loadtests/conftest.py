"""Servers of measurements begin in processes that have loaded their code: here no figure matters."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import IO

import pytest

from gateway.processes.supervisor import python
from loadtests import processes
from tests.server.preloaded import JoinedProcess, preloaded

SERVE = python("gateway", "serve")
_spawn = processes.spawn


@pytest.fixture(autouse=True)
def _servers_have_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "spawn", spawn)


def spawn(
    argv: Sequence[str],
    cores: Collection[int] = (),
    out: IO[bytes] | None = None,
    environ: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes] | JoinedProcess:
    if out is None or argv[: len(SERVE)] != SERVE:
        return _spawn(argv, cores, out, environ)
    process = preloaded(argv[SERVE.index("serve") :], {**os.environ, **(environ or {})}, Path(out.name))
    if cores:
        os.sched_setaffinity(process.pid, cores)
    return process
