"""Work that is done again and again beside the requests, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Rounds:
    """Calls `work` after every so many seconds, from `start` until `close`. `work` raises nothing."""

    def __init__(self, work: Callable[[], None], every_s: float, name: str) -> None:
        self._work, self._every_s = work, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the thread, and wait until it has ended, if it was ever started."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._work()
