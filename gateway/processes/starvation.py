"""Watches whether the job process gets the processor: its share of the time that it asks for, as Linux counts it.

The supervisor looks, says so in its log, and leaves the share beside the workers' numbers, for `/metrics` and
`recgate status`.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

log = logging.getLogger("recgate.jobs")

PROC = Path("/proc")
LOOK_S = 2.0
WINDOW_S = 30.0
STARVES = 0.05  # below this share, if it goes on
SURE_S = 10.0
IDLE = 0.01  # who asks for less of the time does not starve
FRESH_S = 5.0
FILE = "jobs.json"
FAMILY = "recgate_jobs_processor_share"

Threads = dict[int, tuple[int, int]]  # thread -> nanoseconds at work, and waiting for the processor


class Sample(NamedTuple):
    at: float
    worked_s: float
    waited_s: float


def threads_of(pid: int) -> Threads:
    """Empty where the system does not count, or the process is gone."""
    threads: Threads = {}
    try:
        for task in (PROC / str(pid) / "task").iterdir():
            worked, waited, _ = (task / "schedstat").read_text().split()
            threads[int(task.name)] = int(worked), int(waited)
    except (OSError, ValueError):
        return threads
    return threads


def is_stopped(pid: int) -> bool:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    except OSError:
        return False


class Starvation:
    """One server's job process, looked at again and again by one thread."""

    def __init__(self, folder: Path, pid: Callable[[], int | None], clock: Callable[[], float] = time.time) -> None:
        """`folder` holds the workers' numbers; `pid` is that of the job process now."""
        self._folder, self._pid, self._clock = folder, pid, clock
        self._before: Threads = {}
        self._samples: deque[Sample] = deque()
        self._starved = False

    def look_forever(self) -> None:
        while True:
            time.sleep(LOOK_S)
            try:
                self.look()
            except OSError as error:  # a full disk must not end it
                log.debug("the job process's share can't be written: %s", error)

    def look(self) -> float:
        """The share over the last `WINDOW_S`, 0 of a process that is stopped."""
        pid = self._pid()
        share = 1.0 if pid is None else 0.0 if is_stopped(pid) else self._share(pid)
        self._say(share)
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f"jobs-{os.getpid()}.partial"
        partial.write_bytes(msgspec.json.encode((self._clock(), {FAMILY: [((), [round(share, 3)])]})))
        partial.replace(self._folder / FILE)
        return share

    def _share(self, pid: int) -> float:
        now, threads = self._clock(), threads_of(pid)
        both = [(threads[each], self._before[each]) for each in threads.keys() & self._before.keys()]
        worked, waited = (sum(after[of] - before[of] for after, before in both) / 1e9 for of in (0, 1))
        self._before = threads
        self._samples.append(Sample(now, worked, waited))
        while self._samples and self._samples[0].at < now - WINDOW_S:
            self._samples.popleft()
        worked, waited = (sum(sample[of] for sample in self._samples) for of in (1, 2))
        asked, window = worked + waited, now - self._samples[0].at + LOOK_S
        return worked / asked if asked > IDLE * window else 1.0

    def _say(self, share: float) -> None:
        watched_s = self._samples[-1].at - self._samples[0].at if self._samples else 0.0
        is_sure = share == 0.0 or watched_s >= SURE_S
        if share < STARVES and is_sure and not self._starved:
            log.warning("%s", warning_of(share))
            self._starved = True
        elif share >= STARVES and self._starved:
            log.info("the job process gets the processor again")
            self._starved = False


def warning_of(share: float) -> str:
    if share == 0.0:
        return "the job process is stopped: jobs wait until it is continued (SIGCONT)"
    return (
        f"the job process starves: it gets {share:.1%} of the processor time that it asks for. Fewer programs beside "
        "it, more cores or a smaller --job-nice help"
    )


def starving(data: Path, now: float) -> list[str]:
    """A warning for each server of a data directory whose job process starves."""
    warnings = []
    for path in sorted((data / "run" / "metrics").glob(f"*/{FILE}")):
        at, numbers = msgspec.json.decode(
            path.read_bytes(), type=tuple[float, dict[str, list[tuple[list[str], list[float]]]]]
        )
        share = numbers[FAMILY][0][1][0]
        if now - at < FRESH_S and share < STARVES:
            warnings.append(warning_of(share))
    return warnings
