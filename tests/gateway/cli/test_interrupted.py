"""Commands that are interrupted say what becomes of their job, and the next one goes on or begins anew, at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from engine import Engine, Job, Settings
from engine.jobs.claims import cancel
from engine.queue.owner import COMMAND, Owner
from engine.queue.queue import ALIVE_S
from engine.records import DatasetImportJobRecord, SolutionVersionRecord
from gateway.__main__ import main
from gateway.cli import movielens, wheels
from gateway.cli.local import Local, Worker, opened

ROWS = 400_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A little world that one solution can be trained on."""
    file = tmp_path / "small.csv"
    rows = [f"u{user},i{(user + step) % 6},{1_700_000_000 + step},view" for user in range(12) for step in range(4)]
    file.write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", *rows]))
    assert run("import", str(file), "--type", "interactions", "--data", str(tmp_path / "data")).exit_code == 0
    return tmp_path / "data"


@pytest.fixture
def engine(data: Path) -> Iterator[Engine]:
    engine = Engine.open(Settings.of(data, {}, pending_s=0.0), follow=False)
    yield engine
    engine.close()


@pytest.fixture
def dead() -> str:
    """The owner that a killed command was."""
    with subprocess.Popen(["sleep", "60"]) as process:
        owner = str(Owner(COMMAND, *Owner.here(COMMAND, "x")[1:2], process.pid, start_of(process.pid), "x"))
        assert Owner.of(owner).condition() == "running"  # type: ignore[union-attr]
        process.kill()
    return owner


def start_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def words(result: Result) -> str:
    return " ".join(result.output.split())


def solution(data: Path) -> str:
    """The ARN of a version whose training waits."""
    with opened(data, Console(quiet=True)) as local:
        return version_of(local)


def version_of(local: Local) -> str:
    recipe = "arn:aws:personalize:::recipe/aws-popularity-count"
    made = {"datasetGroupArn": local.arn("dataset-group/main"), "recipeArn": recipe, "performAutoTraining": False}
    solution = local.call("CreateSolution", name="m", **made)["solutionArn"]
    return str(local.call("CreateSolutionVersion", solutionArn=solution)["solutionVersionArn"])


def claimed(engine: Engine, owner: str) -> Job:
    job = engine.jobs.claim(owner)
    assert job is not None
    return job


# ---- owners


def test_an_owner_is_known_to_live_to_be_stopped_and_to_be_gone(engine: Engine, dead: str):
    assert Owner.here(COMMAND, "a").condition() == "running"
    assert Owner.of(str(Owner.here(COMMAND, "a"))) == Owner.here(COMMAND, "a")
    assert Owner.of(dead).condition() == "gone"  # type: ignore[union-attr]
    assert Owner.here(COMMAND, "a")._replace(start="1").condition() == "gone"  # the number was given again
    assert Owner.here(COMMAND, "a")._replace(machine="elsewhere").condition() == "unknown"
    assert Owner.of("a runner of an earlier version") is None
    with subprocess.Popen(["sleep", "60"]) as process:
        owner = Owner.here(COMMAND, "a")._replace(pid=process.pid, start=start_of(process.pid))
        process.send_signal(signal.SIGSTOP)
        while owner.condition() == "running":
            time.sleep(0.01)
        assert owner.condition() == "stopped"
        process.kill()


def test_a_job_of_a_dead_owner_is_free_at_once_and_one_of_a_living_owner_is_not(data: Path, engine: Engine, dead: str):
    solution(data)
    job = claimed(engine, dead)
    assert not engine.jobs.is_held(job) and not engine.jobs.runner_alive()
    again = claimed(engine, str(Owner.here(COMMAND, "me")))
    assert again.id == job.id and engine.jobs.runner_alive()
    silent = Job(**{**{name: getattr(again, name) for name in Job.__struct_fields__}, "silent_s": 60})
    assert engine.jobs.is_held(silent)  # its process is seen running: starved, not dead
    assert ALIVE_S < 60


def test_a_worker_takes_no_job_before_its_command_knows_it(data: Path):
    with opened(data, Console(quiet=True)) as local:
        version_of(local)
        worker = Worker(local.engine)
        worker.stop()
        assert not worker.is_alive() and [job.state for job in local.engine.jobs.unfinished_jobs()] == ["queued"]


# ---- the next command


def test_a_training_whose_command_was_killed_is_taken_over_at_once(data: Path, engine: Engine, dead: str):
    arn = solution(data)
    for _ in range(5):  # as often as you like
        job = claimed(engine, dead)
    assert (job.arn, job.attempts) == (arn, 5)
    trained = run("train", "m", "--recipe", "aws-popularity-count", "--data", str(data))
    assert trained.exit_code == 0 and f"taken over, as its process has ended: job {job.id}" in words(trained)
    assert engine.records.get(arn, SolutionVersionRecord).status == "ACTIVE"


def test_an_import_whose_command_was_killed_does_not_run_before_the_next(data: Path, engine: Engine, dead: str):
    file = data.with_name("small.csv")
    with opened(data, Console(quiet=True), allow_file_urls=True) as local:
        arn = local.call(
            "CreateDatasetImportJob",
            jobName="aborted",
            datasetArn=local.arn("dataset/main/INTERACTIONS"),
            dataSource={"dataLocation": f"file://{file}"},
            roleArn="arn:aws:iam::000000000000:role/local",
        )["datasetImportJobArn"]
    job = claimed(engine, dead)
    imported = run("import", str(file), "--type", "interactions", "--data", str(data))
    assert imported.exit_code == 0
    assert f"cancelled, as its command was interrupted: job {job.id} (importing" in words(imported)
    record = engine.records.get(arn, DatasetImportJobRecord)
    assert (record.status, record.failure_reason) == ("CREATE FAILED", "cancelled: its command was interrupted")


def test_a_version_that_was_stopped_is_not_waited_for(data: Path, engine: Engine):
    version = solution(data)
    cancel(engine, engine.jobs.newest(1)[0].id)
    trained = run("train", "m", "--recipe", "aws-popularity-count", "--data", str(data))
    assert trained.exit_code == 0, trained.output
    assert engine.records.get(version, SolutionVersionRecord).status == "CREATE STOPPED"


# ---- jobs are listed and taken back


def test_jobs_are_listed_and_cancelled_by_their_numbers(data: Path, engine: Engine, dead: str):
    version = solution(data)
    job = claimed(engine, dead)
    assert "interrupted" in run("jobs", "--data", str(data)).output
    taken = run("jobs", "cancel", str(job.id), "--data", str(data))
    assert taken.exit_code == 0 and f"cancelled: job {job.id} (training solution/m/" in words(taken)
    record = engine.records.get(version, SolutionVersionRecord)
    assert (record.status, record.failure_reason) == ("CREATE STOPPED", "cancelled")
    again = run("jobs", "--data", str(data), "cancel", str(job.id))
    assert again.exit_code == 1 and f"Job {job.id} has ended: it is failed." in words(again)
    assert "There is no job 99." in words(run("jobs", "cancel", "99", "--data", str(data)))


# ---- the interrupted one


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_import_is_cancelled_and_says_so(data: Path, engine: Engine, number: int, status: int):
    file = data.with_name("large.csv")
    rows = (f"u{row % 500},i{row % 97},{1_700_000_000 + row},view" for row in range(ROWS))
    file.write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", *rows]))
    argv = [sys.executable, "-m", "gateway", "import", str(file), "--type", "interactions", "--data", str(data)]
    pipe, merged = subprocess.PIPE, subprocess.STDOUT
    begin = partial(signal.signal, number, signal.SIG_DFL)  # which a shell's background ignores
    with subprocess.Popen(argv, stdout=pipe, stderr=merged, text=True, preexec_fn=begin) as process:
        while engine.jobs.newest(1)[0].state != "running":
            time.sleep(0.01)
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    job = engine.jobs.newest(1)[0]
    assert process.returncode == status and f"cancelled: job {job.id} (importing" in " ".join(output.split()), output
    assert "Traceback" not in output
    record = engine.records.get(job.arn, DatasetImportJobRecord)
    assert (job.state, record.status, record.failure_reason) == ("failed", "CREATE FAILED", "cancelled")


# ---- the demo's data


def test_a_download_that_was_cut_short_is_had_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(movielens, "PACKAGE", "recgate-has-no-such-package==0")
    (tmp_path / wheels.file_name(movielens.PACKAGE)).write_bytes(b"PK\x03\x04 half of it")
    refused = run("demo", "--once", "--cache", str(tmp_path), "--data", str(tmp_path / "data"))
    assert refused.exit_code == 1 and "can't be fetched" in words(refused)
