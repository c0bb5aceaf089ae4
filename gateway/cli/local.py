"""A data directory as commands work on it: the Personalize operations, and jobs watched until they end.

A job is left to the server's job process where one is running; else this process does it.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from engine import (
    AlreadyExists,
    CommandForwarder,
    Engine,
    Job,
    Lanes,
    Owner,
    Runner,
    Settings,
    TrainingBudget,
    cancel,
    perform_command,
    renew,
)
from gateway.cli.interrupts import Interrupted

LOOK_S = 0.05
STOP_S = 5.0
TAKES_BACK = "`recgate jobs cancel {}` takes it back"
UNFINISHED = ("queued", "running")
PATIENCE_S = 0.5  # how long a job waits for a server's job process, which looks every 0.2 s, before it is done here


class Local:
    def __init__(self, engine: Engine, console: Console, alone: bool = False) -> None:
        """`alone`: there is no server, and no job waits for one."""
        self.engine, self.console = engine, console
        self.control = engine.resources.control(engine.settings.account_id, engine.settings.region)
        self._alone = alone
        self._worker: Worker | None = None
        self._status = 128 + signal.SIGINT  # of a process that ends while its thread works

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """One Personalize operation, in and out as boto3 spells it."""
        answer = perform_command(self.control, self.engine, operation, msgspec.json.encode(members))
        decoded: dict[str, Any] = msgspec.json.decode(answer) if answer else {}
        return decoded

    def within(self, budget: TrainingBudget) -> Local:
        """The same, whose solution versions train within so many minutes."""
        other = copy(self)
        other.control = replace(self.control, budget=budget)
        return other

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
        members = {"name": f"{group}-events", "datasetGroupArn": self.arn(f"dataset-group/{group}")}
        with suppress(AlreadyExists):
            body = msgspec.json.encode(members)
            perform_command(self.control, self.engine, "CreateEventTracker", body, tracking_id)

    def watch(self, arn: str, label: str, forecast: Callable[[], str] = str) -> Job:
        """Wait for the newest job about a resource, with a progress bar; do it where no server does. Its forecast is
        shown once there is one.

        Raises `ClickException` where it fails. An interrupted one is cancelled, or left to the server that does it.
        """
        job = self._newest(arn)
        try:
            with progress_bar(self.console, f"{label:<28}", "waiting") as (bar, task):
                words = ""
                for job in self._steps(arn):
                    if not words and (words := forecast()):
                        self._say(f"{label}, forecast: {words}")
                    bar.update(task, completed=job.fraction, message=job.message)
        except Interrupted as interrupted:
            self._status = interrupted.status
            self._leave(job)
            raise
        if job.state == "failed" or job.message.startswith("refused"):
            raise click.ClickException(f"{label}: {job.message}")
        return job

    def _steps(self, arn: str) -> Iterator[Job]:
        """The job again and again until it has ended, and with it whoever works here."""
        deadline = time.monotonic() + (0.0 if self._alone else PATIENCE_S)
        while True:
            job = self._newest(arn)
            yield job
            working = self._worker is not None and self._worker.is_working()
            if job.state not in UNFINISHED and not working:
                return
            if not working and time.monotonic() >= deadline and self._is_left_alone(job):
                self._settle(job)
                self._worker, self._alone = Worker(self.engine), True  # known here before it has a job
                self._worker.start()
            time.sleep(LOOK_S)

    def _is_left_alone(self, job: Job) -> bool:
        """True if no running process does the job: it fits beside the jobs that run, none of which is a server's."""
        running = [each for each in self.engine.jobs.unfinished_jobs() if self.engine.jobs.is_held(each)]
        owners = (Owner.of(each.owner) for each in running)
        if any(owner is None or owner.role != "command" for owner in owners):
            return False
        return job not in running and Lanes(self.engine).fits(job, running)

    def _newest(self, arn: str) -> Job:
        return next(job for job in self.engine.jobs.newest(1000) if job.arn == arn)

    def _settle(self, mine: Job) -> None:
        """Says which jobs are taken over or go first. Jobs of an interrupted command are cancelled: nobody waits for
        them any more."""
        for job in self.engine.jobs.unfinished_jobs():
            owner = Owner.of(job.owner)
            if job.id == mine.id:
                if job.state == "running":
                    renew(self.engine, job)
                    self._say(f"taken over, as its process has ended: {title_of(job)}")
            elif self.engine.jobs.is_held(job):
                continue  # in the other lane
            elif job.state == "running" and owner is not None and owner.role == "command":
                cancel(self.engine, job.id, "cancelled: its command was interrupted")
                self._say(f"cancelled, as its command was interrupted: {title_of(job)}")
            elif job.id < mine.id:
                self._say(f"first what waits from before: {title_of(job)}")

    def _leave(self, job: Job) -> None:
        """Leaves, hands over or cancels a job that nobody here waits for any more, and says which."""
        job = self._newest(job.arn)
        worker = self._worker
        if job.state not in UNFINISHED:
            return
        is_mine = worker is not None and job.owner == worker.owner
        if self.engine.jobs.is_held(job) and not is_mine:
            self._say(f"left to process {pid_of(job)}, which goes on: {title_of(job)}; {TAKES_BACK.format(job.id)}")
        elif worker is None and self.engine.jobs.runner_alive():
            self._say(f"left to the server, where it waits: {title_of(job)}; {TAKES_BACK.format(job.id)}")
        else:
            cancel(self.engine, job.id)
            self._say(f"cancelled: {title_of(job)}")
        if worker is not None:
            worker.stop()

    def close(self) -> None:
        """The engine too, unless a thread that can't be stopped needs it till the process ends."""
        if self._worker is not None and self._worker.is_alive():
            atexit.register(_end_at_once, self._status)
        else:
            self.engine.close()

    def _say(self, line: str) -> None:
        with suppress(OSError):  # a terminal that is gone
            self.console.print(line, highlight=False, soft_wrap=True)


class Worker:
    """A thread of this process that does all jobs that wait, from `start` on."""

    def __init__(self, engine: Engine) -> None:
        self._runner = Runner(engine)
        self._error: Exception | None = None
        self.owner = self._runner.owner
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def is_working(self) -> bool:
        """Raises what has ended it."""
        if self._error is not None:
            raise self._error
        return self.is_alive()

    def stop(self) -> None:
        """Stops at the next step; a step that takes longer ends with the process."""
        self._runner.stop()
        if self.is_alive():
            self._thread.join(STOP_S)

    def _work(self) -> None:
        try:
            while self._runner.run_one():
                pass
        except Exception as error:
            self._error = error


def _end_at_once(status: int) -> None:
    """Not by way of the threads, which may be in a library that does not bear it."""
    sys.stdout.flush()
    os._exit(status)


def pid_of(job: Job) -> str:
    owner = Owner.of(job.owner)
    return "?" if owner is None else str(owner.pid)


def title_of(job: Job) -> str:
    return f"job {job.id} ({job.kind} {job.arn.split(':')[-1]})"


@contextmanager
def progress_bar(console: Console, label: str, message: str = "") -> Iterator[tuple[Progress, TaskID]]:
    columns = (TextColumn(label), BarColumn(24), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[message]}"), console=console) as bar:
        yield bar, bar.add_task(label, total=1.0, message=message)


@contextmanager
def opened(data: Path, console: Console, **changes: Any) -> Iterator[Local]:
    """Raises `Unavailable` where the directory can't be used."""
    settings = Settings.of(data.resolve(), os.environ, pending_s=0.0, **changes)
    new = not any(data.glob("*"))  # an empty folder is no server's
    local = Local(
        Engine.open(settings, follow=False, forwarder=CommandForwarder(settings.data_dir)), console, alone=new
    )
    try:
        yield local
    finally:
        local.close()
