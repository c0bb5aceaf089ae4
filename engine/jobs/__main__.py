"""`python -m engine.jobs --data DIR`: the job process of a server, until it is told to stop."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue

from engine.engine import Engine
from engine.errors import EngineError, Unavailable
from engine.jobs.runner import Runner
from engine.queue.owner import SERVER
from engine.settings import Settings
from engine.storage.faults import PAUSE_S
from engine.storage.write_server import JobForwarder

NICE = 10  # a tenth of what an answering thread gets where both want the processor
ENDING = (signal.SIGTERM, signal.SIGINT)
GONE = 3  # the exit status where the server has ended: nothing that this process does counts any more

log = logging.getLogger("recgate.jobs")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.jobs", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--nice", type=int, default=NICE)
    parser.add_argument("--gate", type=int, help="A pipe whose end says that the writer listens.")
    parser.add_argument("--writer", type=Path, help="The server's socket, which takes this process's writes.")
    parser.add_argument("--allow-file-urls", action="store_true")
    parser.add_argument("--quotas", choices=("open", "aws"), default="open")
    options = parser.parse_args(arguments)
    with contextlib.suppress(OSError):  # not Linux
        Path("/proc/self/comm").write_text("jobs")  # as ps and top show it
    logging.basicConfig(level=logging.INFO, format="%(asctime)s jobs %(levelname)s %(message)s", force=True)
    if options.gate is not None:
        os.read(options.gate, 1)
    lower_priority(options.nice)
    try:
        engine = _opened(options)
    except (EngineError, OSError) as error:
        log.error("the job process can't start: %s", error)
        raise SystemExit(1) from None
    runner = Runner(engine, SERVER)
    _stop_on_signals(runner)
    engine.fetcher.start()  # which forgets old copies of snapshots and models here, too
    runner.run_forever()
    engine.close()
    for number in ENDING:  # while the interpreter ends, the default handlers are back, and a second signal would kill
        signal.signal(number, signal.SIG_IGN)


def _opened(options: argparse.Namespace) -> Engine:
    """The engine; that of a server, whose database was there when it began, is waited for. Raises `EngineError` and
    `OSError`."""
    changes = {"quotas": options.quotas, **({"allow_file_urls": True} if options.allow_file_urls else {})}
    settings = Settings.of(options.data, os.environ, **changes)
    forwarder = JobForwarder(options.writer, gone=lambda: os._exit(GONE)) if options.writer else None
    has_said = False
    while True:
        try:
            return Engine.open(settings, follow=False, forwarder=forwarder)
        except Unavailable as error:
            if forwarder is None:
                raise
            if not has_said:
                log.error("the job process can't start, tried again until it can: %s", error)
            has_said = True
            time.sleep(PAUSE_S)


def _stop_on_signals(runner: Runner) -> None:
    """Stop the runner from a thread of its own: a handler runs in the middle of the main thread, which may hold the
    locks that stopping takes. Only a `SimpleQueue` may be put to from there."""
    signals: SimpleQueue[int] = SimpleQueue()
    for number in ENDING:
        signal.signal(number, lambda number, frame: signals.put(number))

    def stop() -> None:
        signals.get()
        runner.stop()

    threading.Thread(target=stop, name="stop-on-signal", daemon=True).start()


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
        return [int(path.name) for path in Path("/proc/self/task").iterdir()]
    except OSError:
        return [0]


if __name__ == "__main__":
    main()
