"""A job process that may not run holds up nobody: whatever it is stopped at, events are acknowledged."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from rich.console import Console

from gateway.__main__ import main
from gateway.cli.local import opened
from gateway.processes.starvation import Starvation
from tests.server.world import GROUP, Server, running

LIMIT_S = 2.0  # of an event on a busy machine; whoever waited for a stopped process would wait for ever
TIMES = 15
JOBS = 30


@pytest.fixture(scope="module")
def server(trained: Path, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("stopped") / "data"
    shutil.copytree(trained, data)
    with running(Server(data, config, workers=1, environ={"RECGATE_ALLOW_FILE_URLS": "1"})) as started:
        yield started


def event(number: int) -> bytes:
    told = {"eventType": "view", "itemId": f"i{number % 40}", "sentAt": int(time.time())}
    return json.dumps({"sessionId": f"s-{number}", "userId": f"u{number % 80}", "eventList": [told]}).encode()


def enqueue(server: Server, count: int) -> None:
    with opened(server.data, Console(quiet=True)) as local, local.engine.database.write() as within:
        for _ in range(count):
            local.engine.jobs.enqueue("cleaning", "models", within)


def holds_the_turn(pid: int, data: Path) -> bool:
    """Whether a process has the lock that all writers take turns at."""
    inode = (data / "recgate.db-turn").stat().st_ino
    locks = (line.split() for line in Path("/proc/locks").read_text().splitlines() if " FLOCK " in line)
    return any(lock[4] == str(pid) and lock[5].endswith(f":{inode}") for lock in locks if lock[1] != "->")


def test_events_go_on_while_the_job_process_is_stopped_in_the_middle_of_its_writes(server: Server):
    """It is stopped whenever it has the turn to write, and a few times at random, while it does many jobs."""
    pid, unfinished, rounds = server.job_pid(), 1, 0
    enqueue(server, JOBS)
    with (
        opened(server.data, Console(quiet=True)) as local,
        httpx.Client(base_url=server.url, timeout=LIMIT_S) as client,
    ):
        try:
            while unfinished:
                rounds += 1
                if holds_the_turn(pid, server.data) or rounds % 50 == 0:
                    os.kill(pid, signal.SIGSTOP)
                    assert client.post("/events/shop", content=event(rounds)).status_code == 200
                    os.kill(pid, signal.SIGCONT)
                if rounds % 10 == 0:
                    unfinished = len(local.engine.jobs.unfinished_jobs())
        finally:
            os.kill(pid, signal.SIGCONT)


def test_a_job_process_that_gets_no_processor_is_told_of(server: Server):
    pid = server.job_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + 20
        while "recgate_jobs_processor_share 0.0\n" not in httpx.get(f"{server.url}/metrics").text:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        status = CliRunner().invoke(main, ["status", "--data", str(server.data)])
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "the job process is stopped: jobs wait" in " ".join(status.output.split())
    assert "the job process is stopped" in server.log()


def test_the_share_of_the_processor_is_what_the_kernel_gave(tmp_path: Path):
    """Two busy processes on one core, of which one stands far back."""
    busy, core = [sys.executable, "-c", "while True: pass"], min(os.sched_getaffinity(0))
    with subprocess.Popen(["taskset", "-c", str(core), *busy]) as other:
        with subprocess.Popen(["taskset", "-c", str(core), "nice", "-n", "19", *busy]) as starved:
            looks = [Starvation(tmp_path, lambda: starved.pid), Starvation(tmp_path, lambda: None)]
            looks[0].look()
            time.sleep(1.0)
            shares = [each.look() for each in looks]
            starved.kill()
        other.kill()
    assert shares[0] < 0.3 and shares[1] == 1.0


def test_a_command_beside_a_server_leaves_its_writes_to_it(server: Server):
    """Stopped by Ctrl-Z wherever it is, it holds up no event either."""
    argv = [sys.executable, "-m", "gateway", "train", "again", "--recipe", "aws-popularity-count", "--group", GROUP]
    with subprocess.Popen([*argv, "--data", str(server.data)], stdout=subprocess.PIPE) as process:
        with httpx.Client(base_url=server.url, timeout=LIMIT_S) as client:
            for number in range(TIMES):
                if process.poll() is not None:
                    break
                os.kill(process.pid, signal.SIGSTOP)
                assert client.post("/events/shop", content=event(number)).status_code == 200
                os.kill(process.pid, signal.SIGCONT)
                time.sleep(0.02)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and b"deployed as model again" in output


def test_a_command_that_is_interrupted_beside_a_server_leaves_its_job_to_it(server: Server, tmp_path: Path):
    file = tmp_path / "large.csv"
    rows = (f"u{row % 500},i{row % 97},{1_700_000_000 + row},view" for row in range(200_000))
    file.write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", *rows]))
    argv = [sys.executable, "-m", "gateway", "import", str(file), "--type", "interactions", "--group", "left"]
    with opened(server.data, Console(quiet=True)) as local:
        while True:
            process = subprocess.Popen([*argv, "--data", str(server.data)], stdout=subprocess.PIPE, text=True)
            while (job := local.engine.jobs.newest(1)[0]).state != "running" or job.kind != "importing":
                time.sleep(0.01)
            os.kill(server.job_pid(), signal.SIGSTOP)  # else the job may be done first
            unfinished = [each.owner for each in local.engine.jobs.unfinished_jobs() if each.id == job.id]
            if unfinished and f":{process.pid}:" not in unfinished[0] and process.poll() is None:
                break
            os.kill(server.job_pid(), signal.SIGCONT)
            process.communicate(timeout=60)  # it is done, or the job process came too late and the command does it
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        os.kill(server.job_pid(), signal.SIGCONT)
        assert process.returncode == 130
        assert f"left to process {server.job_pid()}, which goes on: job {job.id} (importing" in " ".join(output.split())
        while local.engine.jobs.unfinished_jobs():
            time.sleep(0.05)
        assert [each.state for each in local.engine.jobs.newest(100) if each.id == job.id] == ["done"]


def test_a_job_process_ends_with_its_server(server: Server):
    pid = server.job_pid()
    os.kill(pid, signal.SIGSTOP)
    server.kill_all()  # the job process is in a process group of its own
    server.start()  # the stopped one has no lock that this waits for
    with contextlib.suppress(ProcessLookupError):  # Linux may have ended it, as nobody is left to continue it
        os.kill(pid, signal.SIGCONT)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
