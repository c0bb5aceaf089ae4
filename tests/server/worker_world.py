"""Trainings that `recgate worker` processes do, in a PostgreSQL that they share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from engine import Job
from engine.records import DatasetGroupRecord, SolutionVersionRecord
from engine.serving.deployments import own_path
from gateway.cli.import_data import import_file
from gateway.cli.local import Local, opened
from tests.server.world import EVENT_SCHEMA, write_csvs

RECIPE = "arn:aws:personalize:::recipe/aws-user-personalization-v2"
WAIT_S = 900.0  # a training of seconds, on a machine that others keep busy


@contextmanager
def trainable(folder: Path, url: str) -> Iterator[Local]:
    """A dataset group with interactions, and a solution of its name, in a database that new processes use meanwhile."""
    interactions, _ = write_csvs(folder / "csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECGATE_DATABASE_URL", url)
        with opened(folder / "data", Console(quiet=True), allow_file_urls=True) as local:
            name = f"shop-{os.urandom(3).hex()}"
            import_file(local, name, "INTERACTIONS", interactions, EVENT_SCHEMA)
            config = {"recipeArn": RECIPE, "datasetGroupArn": local.arn(f"dataset-group/{name}")}
            local.ensure("CreateSolution", name=name, performAutoTraining=False, **config)
            local.name = name
            yield local


@contextmanager
def worker(local: Local, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "gateway", "worker", "--data", str(local.engine.settings.data_dir), *flags]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def asked(local: Local) -> str:
    """The ARN of a version that waits to be trained."""
    solution = local.arn(f"solution/{local.name}")
    return str(local.call("CreateSolutionVersion", solutionArn=solution)["solutionVersionArn"])


def awaited(local: Local, arn: str, reached: Callable[[Job], bool]) -> Job:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        job = next(each for each in local.engine.jobs.newest() if each.arn == arn)
        if reached(job):
            return job
        time.sleep(0.02)
    raise AssertionError(job)


def is_under_way(job: Job) -> bool:
    return job.state == "running" and job.fraction > 0.03


def model(local: Local, arn: str) -> dict[str, np.ndarray]:
    """The arrays of a version that is trained."""
    version = local.engine.records.get(arn, SolutionVersionRecord)
    assert version.status == "ACTIVE", version.failure_reason
    group = local.engine.records.get(version.dataset_group_arn, DatasetGroupRecord)
    folder = local.engine.store.fetch(own_path(version, group.uid))
    return {path.stem: np.load(path) for path in sorted(folder.glob("*.npy"))}


def assert_equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys() and one
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], name)
