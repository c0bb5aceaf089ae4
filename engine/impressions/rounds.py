"""Work that is done again and again beside the requests, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Rounds:
    """Calls `work` after every so many seconds, from `start` until `close`. `work` raises nothing. Where it returns
    False, for there was nothing to do, the next call waits for `wake`."""

    def __init__(self, work: Callable[[], bool], every_s: float, name: str) -> None:
        self._work, self._every_s = work, every_s
        self._stop, self._news = threading.Event(), threading.Event()
        self._rests = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something to do, which has been put where `work` finds it. Takes a tenth of a microsecond."""
        if self._rests:
            self._news.set()

    def close(self) -> None:
        """End the thread, and wait until it has ended, if it was ever started."""
        self._stop.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            if self._work():
                continue
            self._rests = True  # from here on `wake` is heard; what came before it, the next line finds
            if not self._work():
                self._news.wait()
            self._rests = False
            self._news.clear()
