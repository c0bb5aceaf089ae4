"""A data directory as commands work on it: the Personalize operations, and jobs watched until they end.

A job is left to the server's job process where one is running; else this process does it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from engine import AlreadyExists, Engine, Job, Runner, Settings, perform

LOOK_S = 0.05
PATIENCE_S = 0.5  # how long a job waits for a server's job process, which looks every 0.2 s, before it is done here


class Local:
    def __init__(self, engine: Engine, console: Console, alone: bool = False) -> None:
        """`alone`: there is no server, and no job waits for one."""
        self.engine, self.console = engine, console
        self.control = engine.control(engine.settings.account_id, engine.settings.region)
        self._alone = alone

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """One Personalize operation, in and out as boto3 spells it."""
        answer = perform(self.control, operation, msgspec.json.encode(members))
        decoded: dict[str, Any] = msgspec.json.decode(answer) if answer else {}
        return decoded

    def ensure(self, operation: str, **members: Any) -> dict[str, Any]:
        """The same, where the resource may be there already: then an empty answer."""
        try:
            return self.call(operation, **members)
        except AlreadyExists:
            return {}

    def arn(self, resource: str) -> str:
        return self.control.arn(resource)

    def track(self, group: str, tracking_id: str) -> None:
        """Give the group an event tracker with an id that is known beforehand, as a configuration file names it."""
        control = replace(self.control, new_id=lambda: tracking_id)
        members = {"name": f"{group}-events", "datasetGroupArn": self.arn(f"dataset-group/{group}")}
        with suppress(AlreadyExists):
            perform(control, "CreateEventTracker", msgspec.json.encode(members))

    def watch(self, arn: str, label: str) -> Job:
        """Wait for the newest job about a resource, with a progress bar. Raises `ClickException` where it fails."""
        job = self._newest(arn)
        with self._bar(label) as (bar, task):
            if not self._alone:
                job = self._wait_for_server(job)
            helper = self._help() if job.state == "queued" else None
            while job.state in {"queued", "running"} or (helper is not None and helper.is_alive()):
                bar.update(task, completed=job.fraction, message=job.message)
                time.sleep(LOOK_S)
                job = self._newest(arn)
            bar.update(task, completed=job.fraction, message=job.message)
        if job.state == "failed" or job.message.startswith("refused"):
            raise click.ClickException(f"{label}: {job.message}")
        return job

    def _newest(self, arn: str) -> Job:
        return next(job for job in self.engine.jobs.newest(1000) if job.arn == arn)

    def _wait_for_server(self, job: Job) -> Job:
        deadline = time.monotonic() + PATIENCE_S
        while job.state == "queued" and (time.monotonic() < deadline or self.engine.jobs.runner_alive()):
            time.sleep(LOOK_S)
            job = self._newest(job.arn)
        self._alone = job.state == "queued"
        return job

    def _help(self) -> threading.Thread:
        def work() -> None:
            runner = Runner(self.engine)
            while runner.run_one():
                pass

        helper = threading.Thread(target=work, daemon=True)
        helper.start()
        return helper

    @contextmanager
    def _bar(self, label: str) -> Iterator[tuple[Progress, TaskID]]:
        columns = (
            TextColumn(f"{label:<28}"),
            BarColumn(24),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, TextColumn("{task.fields[message]}"), console=self.console) as bar:
            yield bar, bar.add_task(label, total=1.0, message="waiting")


@contextmanager
def opened(data: Path, console: Console, **changes: Any) -> Iterator[Local]:
    """Raises `Unavailable` where the directory can't be used."""
    settings = Settings.of(data.resolve(), os.environ, pending_s=0.0, **changes)
    new = not any(data.glob("*"))  # an empty folder is no server's
    engine = Engine.open(settings, follow=False)
    try:
        yield Local(engine, console, alone=new)
    finally:
        engine.close()
