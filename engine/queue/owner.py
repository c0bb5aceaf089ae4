"""The owner of a job: a process, named so that others on the same machine can tell if it lives.

A name says the role, the machine as it was booted with its numbering of processes, the process with the moment of its
start (numbers are given again), and what tells several owners of one process apart.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal, NamedTuple

PROC = Path("/proc")
SERVER, COMMAND, WORKER = "server", "command", "worker"
Condition = Literal["running", "stopped", "gone", "unknown"]


class Owner(NamedTuple):
    role: str  # SERVER | COMMAND | WORKER
    machine: str
    pid: int
    start: str
    unique: str

    @classmethod
    def here(cls, role: str, unique: str) -> Owner:
        pid = os.getpid()
        return cls(role, _machine(), pid, _stat(pid)[1], unique)

    @classmethod
    def of(cls, text: str) -> Owner | None:
        """None for what is no such name."""
        parts = text.split(":")
        if len(parts) != len(cls._fields) or not parts[2].isdecimal():
            return None
        return cls(parts[0], parts[1], int(parts[2]), parts[3], parts[4])

    def __str__(self) -> str:
        return ":".join(map(str, self))

    @property
    def process(self) -> str:
        """The name of the process, whoever of it owns the job."""
        return ":".join((self.role, self.machine, str(self.pid), self.start))

    def condition(self) -> Condition:
        """The condition of its process; unknown from another machine or container."""
        if self.machine != _machine() or not sys.platform.startswith("linux"):
            return "unknown"
        state, start = _stat(self.pid)
        if not state:
            return "unknown" if _exists(self.pid) else "gone"
        if start != self.start or state in "ZX":
            return "gone"
        return "stopped" if state in "Tt" else "running"


def _machine() -> str:
    """The boot, and the numbering of processes that this one sees: containers have their own."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}.{(PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _stat(pid: int) -> tuple[str, str]:
    """The state's letter, and the start in ticks since the boot; empty for a process that can't be seen."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]


def _exists(pid: int) -> bool:
    """Somebody else's process may be hidden from /proc."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
