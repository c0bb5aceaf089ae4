"""Parts of a job side by side, as tasks of Ray (its only home): trials of a search, shards of a batch.

A task is a function of what it is given, so Ray does one again whose process has died, and the job gets the same.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from threading import Lock
from typing import Any, TypeVar

from engine.errors import InvalidInput, Unavailable

A = TypeVar("A")
B = TypeVar("B")

ADDRESSES = ("ray", "ray://HOST:10001")
TRIES = 5  # of a task whose process dies
LOOK_S = 0.5


class RayTasks:
    """Ray of an address: `ray` starts one on this machine, `ray://HOST:PORT` asks a cluster. It is begun when the first
    task is."""

    def __init__(self, address: str) -> None:
        """Raises `InvalidInput` for what is no address of Ray, and `Unavailable` where it is not installed."""
        if address != "ray" and not address.startswith("ray://"):
            raise InvalidInput(f"RECGATE_JOBS is {address!r}; it is local, {' or '.join(ADDRESSES)}.")
        if find_spec("ray") is None:
            raise Unavailable("RECGATE_JOBS names Ray, which is not installed: pip install 'recgate[ray]'")
        self._address, self._lock = address, Lock()
        self._ray: Any = None

    def begin(self, function: Callable[..., Any], *arguments: object) -> Any:
        """A task of a function that another process can import."""
        remote = self._opened().remote(max_retries=TRIES)(function)
        return remote.remote(*arguments)

    def share(self, value: object) -> Any:
        """The value for the arguments of several tasks: it travels to each machine once."""
        return self._opened().put(value)

    def result(self, task: Any, look: Callable[[], object] = lambda: None) -> Any:
        """What the task returned; `look` is called while it is waited for, and may raise. Raises what the task did."""
        ray = self._opened()
        while not ray.wait([task], timeout=LOOK_S)[0]:
            look()
        try:
            return ray.get(task)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except ray.exceptions.RayError as error:
            raise Unavailable(f"Ray can't do a part of the job: {type(error).__name__}: {error}") from error

    def cancel(self, task: Any) -> None:
        self._opened().cancel(task, force=True)

    def map(self, function: Callable[[A], B], values: Iterable[A], /) -> Iterator[B]:
        """As the built-in `map`, with a few tasks a processor under way."""
        shared = self.share(function)
        most = 2 * max(int(self._opened().cluster_resources().get("CPU", 1)), 1)
        under_way: deque[Any] = deque()
        try:
            for value in values:
                under_way.append(self.begin(_called, shared, value))
                if len(under_way) >= most:
                    yield self.result(under_way.popleft())
            while under_way:
                yield self.result(under_way.popleft())
        finally:
            for task in under_way:
                self.cancel(task)

    def close(self) -> None:
        if self._ray is not None:
            self._ray.shutdown()

    def _opened(self) -> Any:
        with self._lock:
            if self._ray is None:
                os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
                import ray

                address = None if self._address == "ray" else self._address
                try:
                    ray.init(address, log_to_driver=False, logging_level=logging.WARNING, ignore_reinit_error=True)
                except (ConnectionError, RuntimeError, ValueError) as error:
                    raise Unavailable(f"Ray at {self._address} can't be reached: {error}") from error
                self._ray = ray
            return self._ray


def _called(function: Callable[[A], B], value: A) -> B:
    return function(value)
