"""Jobs that the job process starts by itself: trainings whose time has come, new items for deployed models, cleaning.

Each decision on a training is one transaction that also moves the schedule on, so of several job processes one decides,
and what was missed while none ran is done once.
"""

from __future__ import annotations

import logging

import msgspec
import sqlalchemy as sa

from engine.arns import region_of
from engine.control.control import Control
from engine.control.lifecycle import ACTIVE, BUSY, shown
from engine.control.schedule import USUAL_DAYS, days_of, following
from engine.control.solution_versions import CreateSolutionVersion, add_version
from engine.engine import Engine
from engine.errors import LimitExceeded
from engine.jobs import claims
from engine.jobs.answering_models import extendable_models
from engine.records import (
    BATCH_JOBS,
    CampaignRecord,
    DatasetGroupRecord,
    DatasetImportJobRecord,
    DatasetRecord,
    RecommenderRecord,
    SolutionRecord,
    SolutionVersionRecord,
)
from engine.serving.deployments import Deployable
from engine.storage.writes import write

log = logging.getLogger(__name__)

LOOK_S = 0.5
ITEMS_S = 20.0  # between two times that a dataset group's models take new items, or ten times as long as that takes
ITEM_NEWS = ("item", "snapshot", "deploy")  # kinds of log records after which there may be something to take
CLEAN_S = 3600.0


class Scheduler:
    def __init__(self, engine: Engine) -> None:
        self._engine, self._commits = engine, engine.database.watch_commits()
        self._items: dict[str, tuple[int, bool]] = {}  # uid -> up to where its log was looked at, whether news wait
        self._clean_at = 0.0
        self._cleaned: set[tuple[str, float | None]] = set()  # deleted ones, whose models were asked to go

    def look_after_commits(self) -> None:
        """Start what is due, where anything has changed or time has passed."""
        if self._commits.has_news():
            self.look()

    def look(self) -> None:
        """Start what is due."""
        for solution in self._engine.records.list(SolutionRecord):
            if _due(self._engine, solution):
                train_if_due(self._engine, solution.arn)
        for recommender in self._engine.records.list(RecommenderRecord):
            if _due(self._engine, recommender):
                retrain_if_due(self._engine, recommender.arn)
        self._look_for_items()
        self._look_for_waste()

    def _look_for_items(self) -> None:
        """Two processes may both ask; the second job finds nothing to do."""
        last = self._engine.log.last()
        records = self._engine.records
        answering: list[Deployable] = [*records.list(CampaignRecord), *records.list(RecommenderRecord)]
        for arn in {each.dataset_group_arn for each in answering if each.deleted_at is None}:
            group = records.find(arn, DatasetGroupRecord)
            if group is None or group.deleted_at is not None:
                continue
            seen, waiting = self._items.get(group.uid, (last, True))
            waiting = waiting or self._engine.log.any_after(seen, group.uid, ITEM_NEWS)
            if waiting and self._rested(arn) and any(extendable_models(self._engine, arn)):
                claims.enqueue_once(self._engine, "extending", arn)
                waiting = False
            self._items[group.uid] = (last, waiting)

    def _rested(self, group_arn: str) -> bool:
        job = self._engine.jobs.newest_of("extending", group_arn)
        if job is None:
            return True
        pause = max(ITEMS_S, 10 * (job.ended - job.started))
        return job.state not in ("queued", "running") and self._engine.clock() >= job.created + pause

    def _look_for_waste(self) -> None:
        gone = {(each.arn, each.deleted_at) for each in self._gone()} - self._cleaned
        if self._engine.clock() >= self._clean_at or gone:
            self._clean_at, self._cleaned = self._engine.clock() + CLEAN_S, self._cleaned | gone
            claims.enqueue_once(self._engine, "cleaning", "models")

    def _gone(self) -> list[SolutionRecord | RecommenderRecord]:
        deleted: list[SolutionRecord | RecommenderRecord] = [
            *self._engine.records.list(SolutionRecord),
            *self._engine.records.list(RecommenderRecord),
        ]
        pending_s, now = self._engine.settings.pending_s, self._engine.clock()
        return [each for each in deleted if each.deleted_at is not None and shown(each, now, pending_s) is None]


def _due(engine: Engine, record: SolutionRecord | RecommenderRecord | None) -> bool:
    if record is None or record.deleted_at is not None or record.next_training_at is None:
        return False
    return record.next_training_at <= engine.clock()


@write
def train_if_due(engine: Engine, arn: str) -> None:
    """A version of a solution, unless one came by hand or nothing happened since the last (§1.8)."""
    with engine.database.write() as within:
        solution = engine.records.find(arn, SolutionRecord, within)
        if solution is None or solution.next_training_at is None or not _due(engine, solution):
            return
        control = _control(engine, solution)
        moment = following(solution.next_training_at, days_of(solution.solution_config), control.now())
        scheduled = msgspec.structs.replace(solution, next_training_at=moment, first_training_since=None)
        engine.records.replace(scheduled, within)
        if not _worth_it(engine, control, solution, within):
            return
        try:
            version = add_version(control, solution, CreateSolutionVersion(solution_arn=arn), within, "AUTOMATIC")
            log.info("automatic training: %s", version.arn)
        except LimitExceeded as error:
            log.warning("no automatic training of %s: %s", arn, error.message)
        _retire(engine, control, solution, within)


def _retire(engine: Engine, control: Control, solution: SolutionRecord, within: sa.Connection) -> None:
    """Delete automatic versions beyond the newest ones that are kept. Those that a campaign or a batch job uses stay,
    and the one that an UPDATE goes on from."""
    kept = int(engine.settings.versions_kept)
    versions = list(control.every(SolutionVersionRecord, parent=solution.arn, within=within))
    automatic = [each for each in versions if each.training_type == "AUTOMATIC"]
    campaigns = control.every(CampaignRecord, parent=solution.arn, within=within)
    used = {campaign.solution_version_arn for campaign in campaigns}
    used |= {each.arn for each in _trained(versions)[-1:]}
    for version in automatic[:-kept] if kept else ():
        jobs = (job for kind in BATCH_JOBS for job in control.every(kind, parent=version.arn, within=within))
        if version.deleted_at is None and version.status not in BUSY and version.arn not in used and not any(jobs):
            control.delete(version, within)
            log.info("%s goes: %d newer ones of automatic training are kept", version.arn, kept)


def _worth_it(engine: Engine, control: Control, solution: SolutionRecord, within: sa.Connection) -> bool:
    """Not while a version is in training; nor the first time, once somebody has made one by hand, however it ended;
    nor without interactions since the last."""
    versions = list(control.every(SolutionVersionRecord, parent=solution.arn, within=within))
    since = solution.first_training_since
    if any(version.status in BUSY for version in versions):
        return False
    if since is not None and any(version.creation_date_time >= since for version in versions):
        return False
    trained = _trained(versions)
    return not trained or _news(engine, control, solution, trained[-1].creation_date_time, within)


def _trained(versions: list[SolutionVersionRecord]) -> list[SolutionVersionRecord]:
    """Those that were trained from the start and may answer, oldest first."""
    return [each for each in versions if each.status == ACTIVE and each.training_mode != "UPDATE"]


def _news(engine: Engine, control: Control, solution: SolutionRecord, since: float, within: sa.Connection) -> bool:
    """True where interactions came after that moment."""
    group = control.records.get(solution.dataset_group_arn, DatasetGroupRecord, within)
    newest = (engine.log.newest(group.uid, kind) for kind in ("event", "action_event"))
    if any(moment is not None and moment > since for moment in newest):
        return True
    return any(
        job.status == ACTIVE and job.last_updated_date_time > since
        for dataset in control.every(DatasetRecord, parent=group.arn, within=within)
        if dataset.dataset_type.endswith("INTERACTIONS")
        for job in control.every(DatasetImportJobRecord, parent=dataset.arn, within=within)
    )


@write
def retrain_if_due(engine: Engine, arn: str) -> None:
    """A recommender that answers, unless it is in training; one that is stopped goes without."""
    with engine.database.write() as within:
        recommender = engine.records.find(arn, RecommenderRecord, within)
        if recommender is None or recommender.next_training_at is None or not _due(engine, recommender):
            return
        control = _control(engine, recommender)
        moment = following(recommender.next_training_at, USUAL_DAYS, control.now())
        engine.records.replace(msgspec.structs.replace(recommender, next_training_at=moment), within)
        if control.status(recommender) == ACTIVE and not engine.jobs.unfinished(arn, within):
            log.info("weekly training: %s", arn)
            engine.jobs.enqueue("recommending", arn, within)


def _control(engine: Engine, record: SolutionRecord | RecommenderRecord) -> Control:
    return engine.resources.control(record.account, region_of(record.arn))
