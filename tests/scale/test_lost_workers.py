"""Workers that are killed, or come back after they were thought dead: a job ends once, as if nothing had happened."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Owner
from engine.records import SolutionVersionRecord
from gateway.cli.local import Local
from gateway.cli.status import workers_table
from tests.server.worker_world import (
    asked,
    assert_equal,
    awaited,
    is_under_way,
    model,
    trainable,
    worker,
)
from tests.services import postgres_server


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    with postgres_server() as postgres, trainable(tmp_path, postgres.url) as local:
        yield local


def test_a_worker_is_killed_in_the_middle_of_a_training_and_another_ends_it(local: Local) -> None:
    with worker(local) as first, worker(local) as second:
        undisturbed = asked(local)
        awaited(local, undisturbed, lambda job: job.state == "done")
        arn = asked(local)
        taken = awaited(local, arn, is_under_way)
        process = first if f":{first.pid}:" in taken.owner else second
        assert f":{process.pid}:" in taken.owner
        assert len([each for each in local.engine.workers.all() if each.silent_s < 10]) == 2
        assert workers_table(local.engine).row_count >= 2
        process.kill()
        done = awaited(local, arn, lambda job: job.state == "done")
        assert (done.attempts, done.lease) == (2, 2) and f":{process.pid}:" not in done.owner
        assert_equal(model(local, arn), model(local, undisturbed))
        assert local.engine.records.get(arn, SolutionVersionRecord).model_folder.endswith("-2")


def test_a_worker_that_comes_back_after_its_lease_publishes_nothing(local: Local) -> None:
    with worker(local) as first:
        undisturbed = asked(local)
        awaited(local, undisturbed, lambda job: job.state == "done")
        arn = asked(local)
        taken = awaited(local, arn, is_under_way)
        first.send_signal(signal.SIGSTOP)
        with worker(local) as second:
            done = awaited(local, arn, lambda job: job.state == "done")
            assert done.lease == 2 and f":{second.pid}:" in done.owner
        before, record = model(local, arn), local.engine.records.get(arn, SolutionVersionRecord)
        first.send_signal(signal.SIGCONT)
        owner = Owner.of(taken.owner)
        assert owner is not None and owner.condition() == "running"
        following = asked(local)  # which it takes once it has noticed
        assert f":{first.pid}:" in awaited(local, following, lambda job: job.state == "done").owner
        assert local.engine.records.get(arn, SolutionVersionRecord) == record
        after = next(job for job in local.engine.jobs.newest() if job.id == done.id)
        assert (after.state, after.owner, after.ended) == (done.state, done.owner, done.ended)
        for other in (before, model(local, undisturbed)):
            assert_equal(model(local, arn), other)
