"""Jobs of one PostgreSQL are done by `recgate worker` processes, each once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.queue.queue import Queue
from engine.storage.sql import Database
from gateway.cli.local import Local
from tests.server.worker_world import asked, awaited, is_under_way, trainable, worker
from tests.services import PostgresServer, postgres_server


@pytest.fixture
def local(postgres: PostgresServer, tmp_path: Path) -> Iterator[Local]:
    with trainable(tmp_path, postgres.url) as local:
        yield local


def test_a_worker_that_is_told_to_end_puts_its_job_back_at_once(local: Local) -> None:
    arn = asked(local)
    with worker(local, "--kinds", "training", "--concurrency", "2") as process:
        awaited(local, arn, is_under_way)
        local.engine.jobs.enqueue("folding", local.arn(f"dataset-group/{local.name}"))
        process.send_signal(signal.SIGTERM)
        assert awaited(local, arn, lambda job: job.state == "queued").attempts == 0
        assert process.wait(10) == 0
    assert not [each for each in local.engine.workers.all() if f":{process.pid}:" in each.name]
    assert [job.state for job in local.engine.jobs.newest(1)] == ["queued"]  # none of its kinds


def test_of_many_that_claim_at_once_each_job_has_one(postgres: PostgresServer) -> None:
    databases = [Database(postgres.url) for _ in range(4)]
    queues = [Queue(database, time.time) for database in databases]
    for number in range(20):
        queues[0].enqueue("claimed", f"claimed-{number}")
    claims: list[int] = []

    def claim_all(queue: Queue, owner: str) -> None:
        while (job := queue.claim(owner, lambda job, running: job.kind == "claimed")) is not None:
            claims.append(job.id)

    threads = [threading.Thread(target=claim_all, args=(queue, f"{number}")) for number, queue in enumerate(queues)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claims) == len(set(claims)) == 20
    for database in databases:
        database.close()


def test_what_holds_a_job_keeps_others_from_taking_it(postgres: PostgresServer) -> None:
    """From the check in a result's transaction to its commit."""
    database, other = Database(postgres.url), Database(postgres.url)
    mine, theirs = Queue(database, time.time), Queue(other, time.time)
    job = mine.seize(mine.enqueue("held", "held"), "me")
    assert job is not None
    taking = threading.Thread(target=theirs.seize, args=(job.id, "them"))
    with database.write() as within:
        assert mine.holds(job, within)
        taking.start()
        taking.join(0.2)
        assert taking.is_alive()
    taking.join()
    with database.write() as within:
        assert not mine.holds(job, within)
    assert not mine.is_still_held(job) and not mine.beat(job, 0.5, "late")
    for each in (database, other):
        each.close()


def test_a_worker_says_what_it_needs(tmp_path: Path, postgres: PostgresServer) -> None:
    def refused(url: str, *flags: str) -> str:
        argv = [sys.executable, "-m", "gateway", "worker", "--data", str(tmp_path / "elsewhere"), *flags]
        environ = {**os.environ, "RECGATE_DATABASE_URL": url} if url else None
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=environ)
        assert ended.returncode == 1
        return ended.stderr

    assert "RECGATE_DATABASE_URL=postgresql://" in refused("")
    assert "Kinds: cleaning, " in refused(postgres.url, "--kinds", "trainings")
    assert "RECGATE_STORAGE_URL" in refused(postgres.url)


def test_a_worker_says_when_it_has_started_and_stopped(tmp_path: Path) -> None:
    """Its database is its own: it refuses one with snapshots that its folder has not."""
    argv = [sys.executable, "-m", "gateway", "worker", "--json", "--kinds", "training", "--data", str(tmp_path)]
    with (
        postgres_server() as postgres,
        subprocess.Popen(
            argv, stdout=subprocess.PIPE, text=True, env={**os.environ, "RECGATE_DATABASE_URL": postgres.url}
        ) as process,
    ):
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        stopped = json.loads(process.stdout.readline())
    assert started["event"] == "started" and started["pid"] == process.pid and started["kinds"] == ["training"]
    assert stopped == {"event": "stopped", "inTime": True}
    assert process.returncode == 0
