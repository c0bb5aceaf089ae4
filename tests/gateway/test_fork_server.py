"""Processes that another one forks become this one's own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ORPHAN = """
import os, time
from gateway.processes.fork_server import ForkServer, reap_strangers
def begin(number):
    if not os.fork():
        os._exit(0)  # its parent ends before it
server = ForkServer(begin, ())
child = server.fork(0)
assert child.wait(10) == 0
deadline = time.monotonic() + 10
while len(open(f"/proc/self/task/{os.getpid()}/children").read().split()) > 1:
    assert time.monotonic() < deadline
    reap_strangers([server.pid])
    time.sleep(0.01)
"""
SUPERVISOR = """
import os, sys, time
from gateway.processes.fork_server import ForkServer
def begin(number):
    print(number, os.getpid(), os.getppid(), flush=True)
    time.sleep(60)
server = ForkServer(begin, ())
print(os.getpid(), server.pid, flush=True)
for number in range(2):
    assert server.fork(number) is not None
time.sleep(60)
"""


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_children_are_the_askers_own_and_end_with_it() -> None:
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, text=True) as asker:
        assert asker.stdout is not None
        pid, server = map(int, asker.stdout.readline().split())
        children = [list(map(int, asker.stdout.readline().split())) for _ in range(2)]
        assert sorted(number for number, _, _ in children) == [0, 1]
        assert {parent for _, _, parent in children} == {pid} == {asker.pid}
        asker.kill()
        asker.wait()
        deadline = time.monotonic() + 10
        while any(map(lives, (server, *(child for _, child, _ in children)))):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_what_dead_children_leave_is_let_go_of() -> None:
    run(ORPHAN)


def test_the_exit_status_and_signals_of_a_child() -> None:
    code = """
import signal, subprocess, sys, time
from gateway.processes.fork_server import ForkServer
server = ForkServer(lambda number: time.sleep(60) if number else sys.exit(7), ())
assert server.fork(0).wait(10) == 7
for stop, status in (("terminate", -signal.SIGTERM), ("kill", -signal.SIGKILL)):
    child = server.fork(1)
    try:
        child.wait(0.05)
    except subprocess.TimeoutExpired:
        assert child.poll() is None
    getattr(child, stop)()
    assert child.wait(10) == child.poll() == status
    child.kill()  # it is gone: nobody else's process is meant
"""
    run(code)


def test_one_that_has_died_forks_nothing() -> None:
    code = """
import os, signal, time
from gateway.processes.fork_server import ForkServer
server = ForkServer(lambda number: time.sleep(60), ())
child = server.fork(0)
os.kill(server.pid, signal.SIGKILL)
assert server.fork(0) is None and server.fork(0) is None
assert child.poll() is None
child.kill()
child.wait()
server.close()
"""
    run(code)
