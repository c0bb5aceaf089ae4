"""Forks a server's processes from one that has loaded their code and has a single thread.

A process that is forked begins at once and shares the memory of what is loaded; to load it anew takes seconds where
processors are busy. A process with threads must not fork: the locks that they hold would stay locked. So the first
thing that the supervisor forks, while it has no thread, is the fork server, which forks all others when it is asked.
They become the supervisor's own children: it is told of their ends, and they end with it (Linux).
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import select
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

ANSWER_S = 5.0  # the longest for a fork: a fork server that takes longer is broken
POLL_S = 0.01
HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # by the supervisor or what called it
_PID = struct.Struct("i")
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36
_LIBC = ctypes.CDLL(None)  # loaded here: a child that is about to begin must not wait for a lock of the loader

Begin = Callable[[int], None]  # the program of a child, by its number


class ForkedProcess:
    """A child that this process has not forked itself, with the methods of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int:
        """Raises `subprocess.TimeoutExpired`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(POLL_S)
        return status


class ForkServer:
    """To be made before any thread begins. `begin` runs in a child, without the file descriptors in `foreign`."""

    def __init__(self, begin: Begin, foreign: Iterable[int]) -> None:
        _LIBC.prctl(
            _SET_CHILD_SUBREAPER, 1
        )  # so that whom the fork server's children leave behind comes to this process
        asked, self._ask = os.pipe()
        self._answers, answer = os.pipe()
        supervisor = os.getpid()
        before = signal.pthread_sigmask(
            signal.SIG_BLOCK, HANDLED
        )  # till a child has no handlers of this process any more
        self.pid = os.fork()
        if not self.pid:
            for descriptor in (self._ask, self._answers, *foreign):
                os.close(descriptor)
            _serve(asked, answer, supervisor, begin)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(asked)
        os.close(answer)
        self._is_open = True

    def fork(self, number: int) -> ForkedProcess | None:
        """The child of this number, begun; None if the fork server is gone."""
        if not self._is_open:
            return None
        with contextlib.suppress(OSError):  # a broken pipe
            os.write(self._ask, bytes((number,)))
            answers = select.poll()  # `select.select` takes no file descriptor above 1,023
            answers.register(self._answers, select.POLLIN)
            if answers.poll(ANSWER_S * 1000):
                told = os.read(self._answers, _PID.size)
                if len(told) == _PID.size:
                    return ForkedProcess(*_PID.unpack(told))
        self.close()
        return None

    def close(self) -> None:
        """End the fork server; what it has forked lives on."""
        if self._is_open:
            self._is_open = False
            os.close(self._ask)
            os.close(self._answers)
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def _serve(asked: int, answer: int, supervisor: int, begin: Begin) -> NoReturn:
    """Fork what is asked for until the supervisor is gone."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text("fork-server")  # as ps and top show it
    while number := os.read(asked, 1):
        between = os.fork()
        if not between:  # it leaves its child to the supervisor
            os.close(asked)
            arguments = (begin, number[0], supervisor, os.getpid(), answer)
            multiprocessing.get_context("fork").Process(target=_begin, args=arguments).start()
            os._exit(0)
        os.waitpid(between, 0)
    os._exit(0)


def _begin(begin: Begin, number: int, supervisor: int, between: int, answer: int) -> None:
    while os.getppid() == between:  # its end would be taken for the supervisor's
        time.sleep(0.0005)
    os.write(answer, _PID.pack(os.getpid()))
    os.close(answer)
    for each in HANDLED:
        if signal.getsignal(each) is not signal.SIG_IGN:  # nohup
            signal.signal(each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    end_with_parent()
    if os.getppid() == supervisor:  # else it has ended before it could be asked about
        begin(number)


def end_with_parent() -> None:
    """Ask for a SIGTERM at the parent's death, however it dies; called in a child before its program starts (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        _LIBC.prctl(_SET_PDEATHSIG, signal.SIGTERM)


def reap_strangers(known: Iterable[int]) -> None:
    """Let go of ended children other than these: descendants whose own parents have gone."""
    pids = set(known)
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in pids:
            os.waitpid(ended.si_pid, 0)
