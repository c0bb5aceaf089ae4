"""Work that nobody waits for must not slow the work that somebody waits for, nor starve."""

from __future__ import annotations

import os
from pathlib import Path

PROCESS = Path("/proc/self")
NICE = 10  # a tenth of what an answering thread gets where both want the processor
LEAST = 19


def lower_priority(nice: int) -> None:
    """Answering comes first: this process gets little of a processor that somebody else wants; less, if it was started
    so.

    Not SCHED_IDLE: a processor with nothing but idle-class work counts as free when a waking worker looks for one, but
    such work is not put aside at once. Measured: p99 while training 2.5 times idle, not 1.2.
    """
    for thread in _threads():
        os.setpriority(os.PRIO_PROCESS, thread, max(nice, os.getpriority(os.PRIO_PROCESS, thread)))
        if hasattr(os, "SCHED_BATCH"):
            os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))


def _threads() -> list[int]:
    """All of them: importing numpy has started some, and each has a priority of its own."""
    try:
        return [int(path.name) for path in (PROCESS / "task").iterdir()]
    except OSError:
        return [0]
