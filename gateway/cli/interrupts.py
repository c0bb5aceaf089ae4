"""Ctrl-C, SIGTERM and a closed terminal end a command where it is, in order; a second one ends it at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(SystemExit):
    """Its exit status is the shell's for a signal: 130 for Ctrl-C, 143 for SIGTERM."""

    def __init__(self, number: int) -> None:
        self.status = 128 + number
        super().__init__(self.status)


def raise_on_signals() -> Callable[[], None]:
    """The first of these signals raises `Interrupted`, where it is not ignored (nohup). Returns what undoes this."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    watched = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted:
            os._exit(128 + number)
        interrupted = True
        raise Interrupted(number)

    for number in watched:
        signal.signal(number, interrupt)

    def undo() -> None:
        for number in watched:
            signal.signal(number, before[number])

    return undo
