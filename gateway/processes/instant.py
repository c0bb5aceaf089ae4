"""A server for tests: its data lasts as long as it does, and its job process begins with the first dataset group."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.processes.supervisor import Child, Supervisor

MEMORY = Path("/dev/shm")
LOOK_S = 0.05


@contextmanager
def temporary_data() -> Iterator[Path]:
    """A data directory that is deleted at the end: in memory, where TMPDIR does not say otherwise."""
    in_memory = "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK)
    folder = Path(tempfile.mkdtemp(prefix="recgate-", dir=MEMORY if in_memory else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def begin_when(is_wanted: Callable[[], bool], supervisor: Supervisor, child: Child) -> None:
    """Lets a child that was to begin never begin as soon as it is wanted; to be called once the others have begun."""

    def look() -> None:
        while not is_wanted():
            time.sleep(LOOK_S)
        supervisor.begin(child)

    threading.Thread(target=look, name=f"begin-{child.name}", daemon=True).start()
