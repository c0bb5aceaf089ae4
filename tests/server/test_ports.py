"""Two workers share one port: connections are spread, and none waits for a worker that does not answer."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from gateway.cli import serve
from gateway.processes import listen
from loadtests.processes import kept_to
from tests.server.world import Server, running

MANY = 200
FEW = 40  # of which a worker gets none once in 10 ** 12
ASK = b"GET /ready HTTP/1.1\r\nhost: localhost\r\n\r\n"
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers, both ready; nothing is configured."""
    with running(Server(tmp_path_factory.mktemp("ports"))) as server:
        until_ready(server, 2)
        yield server


def until_ready(server: Server, times: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(re.findall(r"worker-\d INFO Application startup complete", server.log())) < times:
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.05)


def workers(server: Server) -> list[int]:
    return [pid for pid, name in server.children().items() if name.startswith("worker")]


def sockets(pid: int) -> int:
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            found += str(link.readlink()).startswith("socket:")
    return found


def settled(pids: list[int]) -> dict[int, int]:
    """Each worker's sockets, once two looks agree: a connection that is being closed is none."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert time.monotonic() < deadline, "sockets come and go all the time"
        counts = {pid: sockets(pid) for pid in pids}
        time.sleep(0.3)
        if counts == {pid: sockets(pid) for pid in pids}:
            return counts


@contextlib.contextmanager
def connected(port: int, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", port)
        yield [stack.enter_context(socket.create_connection(address, timeout=PATIENCE_S)) for _ in range(count)]


def answered(callers: list[socket.socket]) -> int:
    for caller in callers:
        caller.sendall(ASK)
    return sum(caller.recv(4096).startswith(b"HTTP/1.1 200") for caller in callers)


def test_connections_are_spread_over_the_workers(empty: Server) -> None:
    pids = workers(empty)
    before = [sockets(pid) for pid in pids]
    with connected(empty.port, MANY) as callers:
        assert answered(callers) == MANY
        held = [sockets(pid) - had for pid, had in zip(pids, before, strict=True)]
    assert sum(held) == pytest.approx(MANY, abs=8), held  # a worker has sockets of its own, too
    assert min(held) > MANY / 4, held


def test_a_pinned_worker_gets_what_arrives_at_its_core(tmp_path: Path) -> None:
    """Packets on loopback arrive at the core that sends them."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    assert len(cores) == 2, "two processor cores are needed"
    with running(Server(tmp_path, flags=("--pin",))) as server:
        until_ready(server, 2)
        pids = workers(server)
        assert sorted(os.sched_getaffinity(pid) for pid in pids) == [{core} for core in cores]
        for core in cores:
            before = settled(pids)
            with kept_to([core]), connected(server.port, FEW) as callers:
                assert answered(callers) == FEW
                held = {os.sched_getaffinity(pid).pop(): sockets(pid) - before[pid] for pid in pids}
            # a busy kernel takes some packets up from another core's timer or thread; without pins, half would be there
            assert held[core] >= FEW * 3 // 4 and FEW <= sum(held.values()) < FEW + 8, held


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_it_says_where_it_can_be_asked(host: str, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "gateway", "serve", "--host", host, "--port", "0", "--workers", "1"]
    with subprocess.Popen([*argv, "--data", str(tmp_path)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            line = server.stdout.readline()
            said = re.fullmatch(r"recgate serves on (\S+) with .* docs at \1/docs, page at \1/ui\n", line)
            assert said is not None
            assert httpx.get(f"{said[1]}/health", timeout=PATIENCE_S).status_code == 200
        finally:
            server.terminate()


def test_pinned_workers_need_a_core_each() -> None:
    ran = CliRunner().invoke(serve.command, ["--pin", "--workers", "256"])
    assert ran.exit_code == 2 and "256 workers need as many cores; this process may use" in ran.output


def test_what_a_stuck_worker_leaves_waiting_is_taken_over(empty: Server) -> None:
    stuck, _ = workers(empty)
    os.kill(stuck, signal.SIGSTOP)
    try:
        with connected(empty.port, FEW) as callers:
            assert answered(callers) == FEW
    finally:
        os.kill(stuck, signal.SIGCONT)
    assert "that another worker left waiting" in empty.log()


def test_no_new_connection_is_lost_with_a_worker(empty: Server) -> None:
    killed, kept = workers(empty)
    with connected(empty.port, FEW) as before:
        assert answered(before) == FEW
        os.kill(killed, signal.SIGKILL)
        with connected(empty.port, FEW) as after:
            assert answered(after) == FEW
    until_ready(empty, 3)
    assert kept in workers(empty) and len(workers(empty)) == 2
    with connected(empty.port, FEW) as callers:
        assert answered(callers) == FEW


def test_what_ends_begins_anew_with_the_fork_server_and_without(empty: Server) -> None:
    seconds = []
    for number in range(2):
        killed, times = workers(empty)[0], empty.log().count("Application startup complete")
        os.kill(killed, signal.SIGKILL)
        began = time.monotonic()
        until_ready(empty, times + 1)
        seconds.append(time.monotonic() - began)
        if number == 0:
            assert "the fork server has died" not in empty.log()
            os.kill(next(pid for pid, name in empty.children().items() if name == "fork-server"), signal.SIGKILL)
    assert empty.log().count("the fork server has died") == 1 and len(workers(empty)) == 2
    print(f"a worker was back after {seconds[0]:.2f} s, and by its command line after {seconds[1]:.2f} s")
    assert seconds[0] < seconds[1]


def test_a_second_server_is_refused(empty: Server, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "gateway", "serve", "--port", str(empty.port), "--data", str(tmp_path / "data")]
    refused = subprocess.run([*argv, "--workers", "2"], capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode != 0 and "Address already in use" in refused.stderr and "--port" in refused.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_free_port_is_one_for_all(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "BIND_S", 0.0)
    each = listen.bind_each(host, 0, 3)
    try:
        (port,) = {sock.getsockname()[1] for sock in each}
        assert len({sock.fileno() for sock in each}) == 3
        with pytest.raises(OSError, match="in use"):
            listen.bind_each(host, port, 3)
    finally:
        for sock in each:
            sock.close()
