"""Work that nobody waits for must not slow the work that somebody waits for."""

from __future__ import annotations

import os


def lowest_priority() -> None:
    """Answering comes first: this process gets the processor only when nobody else wants it."""
    os.nice(19 - os.nice(0))
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
