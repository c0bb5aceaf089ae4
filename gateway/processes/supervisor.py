"""Keeps a server's processes alive: the workers, which listen on one port, and the job process beside them.

A process that dies is started again, later and later while it keeps dying young. A fork server forks them. Where there
is none, on macOS and after its death, they are started by their command lines. When the supervisor goes, however it
goes, its processes go too: each asks the kernel for a signal at its parent's death.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from math import inf
from typing import Protocol

from gateway.processes.fork_server import ForkServer, end_with_parent, reap_strangers

log = logging.getLogger(__name__)

LOOK_S = 1.0  # at all children, if none ends sooner
RETRY_S = 0.1  # the first delay of a process that dies young; it doubles
YOUNG_S = 5.0  # a process that lived shorter died young
MAX_DELAY_S = 5.0
GIVE_UP = 5  # deaths in a row before its first breath, after which serving is hopeless
MISCONFIGURED = 78  # a child's exit status (EX_CONFIG): to start it again would change nothing
STOP_S = 10.0  # from asking a process to end to killing it


class RunningProcess(Protocol):
    """A process that was started, as `subprocess.Popen` has it."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


@dataclass
class Child:
    """One process to keep alive: `module.main(arguments)`, born with these sockets and kept to these processor cores,
    where some are given. `vital`: the server is useless while it can't even start."""

    name: str
    module: str
    arguments: Sequence[str]
    sockets: Sequence[socket.socket] = ()
    vital: bool = True
    cores: Sequence[int] = ()
    process: RunningProcess | None = None
    started: float = 0.0
    deaths: int = 0
    has_lived: bool = False  # beyond its youth, in this process or one before
    start_at: float = 0.0


def _begin(child: Child) -> None:
    """Called in a child before its program starts."""
    if child.cores:
        os.sched_setaffinity(0, child.cores)
    if not child.vital:
        os.setpgid(0, 0)  # else Ctrl-C would reach it before its turn; it stays in the workers' session


def _begin_program(child: Child) -> None:
    _begin(child)
    end_with_parent()


class Supervisor:
    """Children of `start` are born with one end of a pipe: the gate, at which they wait until `run` opens it by closing
    the other end. Whatever is started later finds it open."""

    def __init__(self) -> None:
        self._children: list[Child] = []
        self.gate, self._closed = os.pipe()
        self._stopping = False
        self._woken, self._wake = os.pipe()  # by signals, and by `begin`
        for end in (self._woken, self._wake):
            os.set_blocking(end, False)
        self._fork_server: ForkServer | None = None

    def start(self, children: Sequence[Child]) -> None:
        """Start them; to be called once, before any thread begins."""
        self._children += children
        if sys.platform == "linux":  # libraries of macOS must not be used after a fork
            gc.disable()  # what is loaded stays: to look for garbage among it takes a quarter of the start
            for child in children:
                import_module(child.module)
            gc.freeze()
            self._fork_server = ForkServer(self._begin_forked, (self._closed,))
            gc.enable()
        for child in children:
            self._tend(child)

    def _begin_forked(self, number: int) -> None:
        child = self._children[number]
        # the job process must not hold a worker's socket: a port that nobody answers on can't be bound again
        for sock in {sock for each in self._children for sock in each.sockets}.difference(child.sockets):
            os.close(sock.fileno())
        gc.enable()
        _begin(child)
        import_module(child.module).main(child.arguments)

    def run(self) -> int:
        """Open the gate, and keep all alive until SIGTERM or SIGINT; the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        os.close(self._closed)
        with self._woken_by_signals():
            while not self._stopping:
                for child in self._children:
                    self._tend(child)
                self._reap_strangers()
                if any(child.vital and child.deaths >= GIVE_UP for child in self._children):
                    log.error("a worker can't start; its reason is above")
                    return 1
                self._rest()
        return 0

    def begin(self, child: Child) -> None:
        """Start a child that was to wait; from any thread."""
        child.start_at = 0.0
        with suppress(BlockingIOError):  # it is awake
            os.write(self._wake, b"\0")

    @contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        """Within, `_rest` ends when a child does."""
        handler = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.signal(signal.SIGCHLD, handler)
            signal.set_wakeup_fd(wakeup)

    def _rest(self) -> None:
        """Sleep until a child ends or is to start, or a signal comes; not for long: what is missed is seen then."""
        due = [child.start_at for child in self._children if child.process is None]
        seconds = min([LOOK_S, *(start_at - time.monotonic() for start_at in due)])
        waits = select.poll()
        waits.register(self._woken, select.POLLIN)
        if waits.poll(max(0.0, seconds) * 1000):
            os.read(self._woken, 4096)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                if now - child.started > YOUNG_S:
                    child.deaths, child.has_lived = 0, True
                return
            if code == MISCONFIGURED and child.vital and not child.has_lived:
                child.process, child.deaths, child.start_at = None, GIVE_UP, inf
                return
            child.deaths = child.deaths + 1 if now - child.started < YOUNG_S else 0
            delay = min(MAX_DELAY_S, RETRY_S * 2**child.deaths) if child.deaths else 0.0
            log.warning("%s ended with status %s; starting it again in %.1f s", child.name, code, delay)
            child.process, child.start_at = None, now + delay
        if now >= child.start_at:
            child.process, child.started = self._begun(child), now

    def _begun(self, child: Child) -> RunningProcess:
        if self._fork_server is not None:
            forked = self._fork_server.fork(self._children.index(child))
            if forked is not None:
                return forked
            log.error("the fork server has died; processes are started by their command lines, which takes longer")
            self._fork_server = None
        # all are in one session, by which Linux may ration the processor: one alone would get next to nothing
        return subprocess.Popen(
            python(child.module, *child.arguments),
            pass_fds=[self.gate, *(sock.fileno() for sock in child.sockets)],
            preexec_fn=partial(_begin_program, child),
        )

    def _reap_strangers(self) -> None:
        """Processes that dead children have left come to this one, which has the fork server's children so, too."""
        if self._fork_server is not None:
            running = [child.process.pid for child in self._children if child.process is not None]
            reap_strangers([self._fork_server.pid, *running])

    def end(self) -> None:
        """End all, by force where they don't; children that wait at the gate would wait for ever. The sockets close
        first: nobody would answer what the kernel connects to one that only this process still has."""
        if self._fork_server is not None:
            self._fork_server.close()
        for sock in {sock for child in self._children for sock in child.sockets}:
            sock.close()
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_S
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def python(module: str, *arguments: str) -> list[str]:
    """The command line of one of our own processes."""
    return [sys.executable, "-m", module, *arguments]
