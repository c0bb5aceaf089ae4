"""The engine, opened over a data directory: answers, resources and the change feed. Safe to use from many threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import sqlalchemy as sa

from engine.attribution.figures import Figures
from engine.data.doorbell import Doorbell, SharedDoorbell
from engine.data.fan_out import FanOut, NoFanOut
from engine.data.log import Log, LogEntry
from engine.data.replicas import Replicas
from engine.errors import Unavailable
from engine.experiments.store import ExperimentStore
from engine.feed.directory import Directory
from engine.feed.feed import Feed
from engine.feed.fetcher import Fetcher
from engine.feed.follower import Follower
from engine.feed.sourcing import Sourcing
from engine.impressions.ids import random_uuid
from engine.impressions.implicit import ImplicitImpressions
from engine.impressions.showings import Showings
from engine.impressions.shown_log import ShownLog
from engine.question import Change
from engine.queue.queue import Queue
from engine.queue.workers import WorkerRegister
from engine.ray_tasks import RayTasks
from engine.recipes import check_recipes
from engine.records import DatasetGroupRecord, Records
from engine.resources import Resources
from engine.serving.answers import Answers
from engine.serving.campaigns import Campaigns
from engine.serving.deployments import Deployments
from engine.serving.question_filters import QuestionFilters
from engine.settings import Settings
from engine.storage.artifact_store import open_artifacts
from engine.storage.sql import Database
from engine.storage.write_server import CommandForwarder, JobForwarder


class Engine:
    """Makes, opens and closes the parts. Callers outside the package use `answers`, `resources`, `feed`, `sourcing`,
    `experiments`, `jobs` and `workers`; the other attributes are for the engine's own jobs."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        forwarder: JobForwarder | CommandForwarder | None = None,
        fan_out: FanOut | None = None,
    ) -> None:
        self.settings, self.clock, self.new_id, self.forwarder = settings, clock, new_id, forwarder
        server = isinstance(forwarder, JobForwarder) or (
            isinstance(forwarder, CommandForwarder) and forwarder.connection() is not None
        )
        self.database = Database(settings.database_url, is_served=server, only_read=isinstance(forwarder, JobForwarder))
        self.replicas, self.log = self._opened_log(fan_out or NoFanOut(), beside=server)
        self.records = Records(self.database, self._record_changed)
        self.jobs, self.workers = Queue(self.database, clock), WorkerRegister(self.database, clock)
        self.tasks = None if settings.jobs == "local" else RayTasks(settings.jobs)
        self.experiments = ExperimentStore(self.database)
        self.directory = Directory(self.records)
        self.store = open_artifacts(settings.storage_url, settings.data_dir, settings.storage_cache_bytes, clock)
        self.fetcher = Fetcher(self.store, self.log, self._mapped)
        self.follower = Follower(self.store, self.database, self.log, clock, self.fetcher)
        self.deployments = Deployments(self.store, self.records, self.fetcher, self.follower.snapshot_seq)
        self.shown = ShownLog(
            settings.data_dir / "shown",
            clock,
            new_id,
            keep_s=settings.shown_hours * 3600,
            most_bytes=settings.shown_bytes,
        )
        self.showings = Showings(self.database, clock)
        self.impressions = ImplicitImpressions(self.shown, self.log)
        self.feed = Feed(self.directory, self.log, self.follower, self.impressions, settings.account_id)
        self.sourcing = Sourcing(self.database, self.log, self.feed, self.experiments, clock)
        self.answers, self.resources = self._answers(), self._resources()

    def _opened_log(self, fan_out: FanOut, beside: bool) -> tuple[Replicas | None, Log]:
        path, replicas = self.settings.data_dir / "doorbell", None
        try:
            if self.database.is_sqlite:
                return None, Log(self.database, Doorbell(path), self.clock, beside=beside)
            doorbell = SharedDoorbell(path)
            replicas = Replicas(self.database, doorbell, fan_out, self.new_id(), self.settings.lease_s)
            return replicas, Log(self.database, doorbell, self.clock, beside=beside, replicas=replicas)
        except BaseException:
            if replicas is not None:
                replicas.close()
            self.database.close()
            raise

    def _answers(self) -> Answers:
        return Answers(
            campaigns=Campaigns(self.settings, self.clock, self.deployments, self.follower),
            filters=QuestionFilters(self.directory, self.settings, self.clock),
            directory=self.directory,
            follower=self.follower,
            log=self.log,
            shown=self.shown,
            showings=self.showings,
            clock=self.clock,
            new_id=self.new_id,
        )

    def _resources(self) -> Resources:
        return Resources(
            settings=self.settings,
            clock=self.clock,
            new_id=self.new_id,
            database=self.database,
            records=self.records,
            jobs=self.jobs,
            log=self.log,
            directory=self.directory,
            follower=self.follower,
            figures=Figures(self.database, self.records, self.clock),
        )

    @classmethod
    def open(
        cls,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = random_uuid,
        *,
        follow: bool = True,
        forwarder: JobForwarder | CommandForwarder | None = None,
        fan_out: FanOut | None = None,
    ) -> Engine:
        """Opens the data directory (made where missing). To `follow` is to load every deployed model and group, and to
        keep up with the log; without it the engine only keeps records and takes events. `forwarder` hands the writes
        to another process; `fan_out` carries news between machines that share a database.

        Raises `Unavailable` where the directory, the database or an installed recipe can't be used, with the reason.
        """
        check_recipes()
        _make_folder(settings.data_dir)
        engine = cls(settings, clock, new_id, forwarder, fan_out)
        if follow:
            if engine.replicas is not None:
                engine.replicas.start()
            groups = (group for group in engine.records.list(DatasetGroupRecord) if group.deleted_at is None)
            engine.follower.load([group.uid for group in groups])
            engine.follower.subscribe(engine._follow_records)
            engine.deployments.load_all()
            engine.follower.start()
            engine.fetcher.start()
            engine.shown.start()
            engine.showings.start()
            engine.impressions.start()
        return engine

    def close(self) -> None:
        self.follower.close()
        self.fetcher.close()
        self.impressions.close()
        self.shown.close()
        self.showings.close()
        self.log.close()
        if self.tasks is not None:
            self.tasks.close()
        if self.replicas is not None:
            self.replicas.close()
        self.database.close()
        if self.forwarder is not None:
            self.forwarder.close()

    def check(self) -> None:
        """Raises `Unavailable` where the engine can't answer."""
        self.database.check()

    def _record_changed(self, connection: sa.Connection, arn: str) -> None:
        self.log.append_within(connection, [LogEntry("", "record", arn, b"")])

    def _mapped(self) -> set[str]:
        """The paths of the snapshots and models that this process answers from."""
        models = {each.folder.relative_to(self.settings.data_dir).as_posix() for each in self.deployments.all()}
        return models | self.follower.snapshot_paths()

    def _follow_records(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind == "snapshot":
                self.showings.forget(change.group)
                self.deployments.reload_late(change.group)
            elif change.kind == "record":
                self.directory.forget()
                if ":campaign/" in change.key or ":recommender/" in change.key:
                    self.deployments.reload(change.key)
                elif ":dataset-group/" in change.key:
                    self.deployments.reload_group(change.key)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / ".writable").touch()
    except OSError as error:
        raise Unavailable(
            f"the data directory {path} can't be used: {error.strerror}; choose another by --data"
        ) from error
