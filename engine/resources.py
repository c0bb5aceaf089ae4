"""Named resources of an open engine: the control plane's operations, and what commands show of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from engine.arns import region_of
from engine.attribution.figures import Figure, Figures
from engine.control.control import Control
from engine.control.fields import Tag
from engine.control.quotas import QuotaUse, quota_uses
from engine.control.schedule import USUAL_DAYS, Scheduled, days_of
from engine.control.tag_settings import NEGATIVE_EVENTS, negative_events_in, negative_events_text
from engine.control.tags import TagResource, tag_resource
from engine.data.compaction import compact
from engine.data.log import Log, LogEntry
from engine.data.negative_events import NegativeEvents
from engine.data.report import ImportReport
from engine.data.snapshot import Snapshot, learnable
from engine.errors import EngineError, NotFound
from engine.feed.directory import Directory
from engine.feed.follower import Follower
from engine.question import NegativeEvent
from engine.queue.queue import Queue
from engine.records import (
    CampaignRecord,
    DatasetGroupRecord,
    DatasetImportJobRecord,
    DatasetRecord,
    EventTrackerRecord,
    RecommenderRecord,
    Records,
    SolutionRecord,
    SolutionVersionRecord,
    kind_of,
)
from engine.settings import Settings
from engine.storage.sql import Database


class NegativeDeclaration(NamedTuple):
    """Events that say what users do not want, for the dataset groups of trackers (by tracking id) and of campaigns or
    recommenders (by name or ARN) of the settings' account."""

    events: tuple[NegativeEvent, ...]
    trackers: frozenset[str]
    campaigns: frozenset[str]


class Provisioned(NamedTuple):
    """A campaign or recommender, and the requests a second that AWS would keep ready for it."""

    arn: str
    name: str
    kind: str
    group_arn: str
    least_tps: int


@dataclass(frozen=True)
class Resources:
    settings: Settings
    clock: Callable[[], float]
    new_id: Callable[[], str]
    database: Database
    records: Records
    jobs: Queue
    log: Log
    directory: Directory
    follower: Follower
    figures: Figures

    def control(self, account: str, region: str, settings: Settings | None = None, new_id: str = "") -> Control:
        """The control plane of one account and region; `new_id` is the only one that its operation makes, if any."""
        return Control(
            settings=settings or self.settings,
            database=self.database,
            records=self.records,
            clock=self.clock,
            new_id=(lambda: new_id) if new_id else self.new_id,
            enqueue=self.jobs.enqueue,
            cancel=self.jobs.cancel,
            announce=self._announce,
            account=account,
            region=region,
        )

    def _announce(self, group_uid: str, kind: str, key: str, within: sa.Connection) -> None:
        self.log.append_within(within, [LogEntry(group_uid, kind, key, b"")])

    def snapshot(self, group_arn: str) -> Snapshot:
        """A group's data as of now, for evaluation: without negative events. Raises `NotFound`."""
        group = self.directory.get(group_arn, DatasetGroupRecord)
        state = self.follower.restored(group.uid)
        last = state.stored.snapshot
        columns = {"ITEMS": last.item_columns, "USERS": last.user_columns, "INTERACTIONS": last.interaction_columns}
        kinds = {part: {name: type(column) for name, column in each.items()} for part, each in columns.items()}
        listed = negative_events_in(self.directory.get(group_arn, DatasetGroupRecord).tags)
        return NegativeEvents.of(listed).left_out(compact(state, kinds).snapshot)

    def has_groups(self) -> bool:
        """True once there is a dataset group, without which no job has work."""
        return bool(self.records.list(DatasetGroupRecord))

    def learnable(self, group_arn: str) -> Snapshot:
        """The part of `snapshot` that a solution without settings trains on: without plain strings and booleans of
        items and users. Raises `NotFound`."""
        datasets = self.directory.datasets(group_arn)
        schemas = {kind: self.directory.schema(each) for kind, each in datasets.items()}
        return learnable(self.snapshot(group_arn), schemas)

    def declare_negative(self, declared: Sequence[NegativeDeclaration]) -> None:
        """Sees to it that dataset groups list these negative events in their tag, and only these. Trackers and
        campaigns that are not there are passed over. Raises as TagResource does."""
        wanted: dict[str, dict[str, set[str]]] = {}
        for each in declared:
            for arn in self._groups_of(each):
                undone_by = wanted.setdefault(arn, {})
                for event in each.events:
                    undone_by.setdefault(event.event_type, set()).update(event.undone_by)
        for arn, undone_by in wanted.items():
            group = self.directory.get(arn, DatasetGroupRecord)
            events = [
                NegativeEvent(event_type=name, undone_by=tuple(sorted(undone_by[name]))) for name in sorted(undone_by)
            ]
            text = negative_events_text(events)
            if text == group.tags.get(NEGATIVE_EVENTS, "[]"):
                continue
            tag = Tag(tag_key=NEGATIVE_EVENTS, tag_value=text)
            tag_resource(self.control(group.account, region_of(arn)), TagResource(arn, (tag,)))

    def _groups_of(self, declared: NegativeDeclaration) -> set[str]:
        """The ARNs of the dataset groups of trackers and campaigns, of those that there are."""
        trackers = (each for each in self.records.list(EventTrackerRecord) if each.tracking_id in declared.trackers)
        answering = (*self.records.list(CampaignRecord), *self.records.list(RecommenderRecord))
        campaigns = (each for each in answering if each.arn in declared.campaigns or each.name in declared.campaigns)
        own = (EventTrackerRecord, CampaignRecord, RecommenderRecord)
        living = (each for each in (*trackers, *campaigns) if each.deleted_at is None and isinstance(each, own))
        return {each.dataset_group_arn for each in living if each.account == self.settings.account_id}

    def group_of(self, arn: str) -> str:
        """The ARN of the dataset group that a resource belongs to; "" where there is none (any more)."""
        try:
            record = self.records.find(arn, kind_of(arn))
        except NotFound:
            return ""
        if record is None or isinstance(record, DatasetGroupRecord):
            return "" if record is None else arn
        group: str | None = getattr(record, "dataset_group_arn", None)
        return self.group_of(record.parent) if group is None and record.parent else group or ""

    def measured(self, name: str, account: str) -> str:
        """The ARN that a data call about this counts for: a campaign or recommender itself, of a dataset or tracking id
        its dataset group; "" where the account has none of the name."""
        try:
            if not name.startswith("arn:"):
                tracker = self.directory.tracker(name)
                return tracker.dataset_group_arn if tracker.account == account else ""
            record = self.directory.get(name, kind_of(name), account)
        except EngineError:
            return ""
        if isinstance(record, CampaignRecord | RecommenderRecord):
            return record.arn
        return record.dataset_group_arn if isinstance(record, DatasetRecord) else ""

    def groups_of(self, campaigns: Collection[str], trackers: Collection[str]) -> frozenset[str]:
        """The ARNs of the dataset groups of campaigns and recommenders, by name or ARN, and of trackers, by their ids,
        of the settings' account."""
        return frozenset(self._groups_of(NegativeDeclaration((), frozenset(trackers), frozenset(campaigns))))

    def provisioned(self) -> list[Provisioned]:
        """The campaigns and recommenders of all accounts, the oldest first."""
        campaigns = (each for each in self.records.list(CampaignRecord) if each.deleted_at is None)
        rows = [
            Provisioned(each.arn, each.name, CampaignRecord.kind, each.dataset_group_arn, each.min_provisioned_tps)
            for each in campaigns
        ]
        return rows + [
            Provisioned(
                each.arn,
                each.name,
                RecommenderRecord.kind,
                each.dataset_group_arn,
                int(each.recommender_config.get("minRecommendationRequestsPerSecond", 1)),
            )
            for each in self.recommenders()
        ]

    def training_hours(self) -> list[tuple[str, float]]:
        """The hours of each training so far, with the ARN of its dataset group."""
        versions = self.records.list(SolutionVersionRecord)
        return [(each.dataset_group_arn, each.training_hours) for each in versions if each.training_hours is not None]

    def failure_reason(self, arn: str) -> str | None:
        """The reason that a resource gives for its failure."""
        try:
            record = self.records.find(arn, kind_of(arn))
        except NotFound:
            return None
        return None if record is None else record.failure_reason

    def quota_uses(self) -> list[QuotaUse]:
        """Each quota of AWS, and how much of it is used by whom."""
        return quota_uses(self.records)

    def recommenders(self) -> list[RecommenderRecord]:
        """All accounts', oldest first."""
        return [each for each in self.records.list(RecommenderRecord) if each.deleted_at is None]

    def forecast(self, version_arn: str) -> str:
        """The forecast of a solution version's training, in words; empty where nothing was forecast (yet)."""
        version = self.records.find(version_arn, SolutionVersionRecord)
        return "" if version is None else str(version.forecast.get("words", ""))

    def schedules(self) -> list[Scheduled]:
        """The automatic trainings of solutions and recommenders, the next first."""
        solutions = (each for each in self.records.list(SolutionRecord) if each.deleted_at is None)
        rows = [(each.arn, days_of(each.solution_config), each.next_training_at) for each in solutions]
        rows += [(each.arn, USUAL_DAYS, each.next_training_at) for each in self.recommenders()]
        scheduled = (Scheduled(arn, days, at) for arn, days, at in rows if at is not None)
        return sorted(scheduled, key=lambda each: each.next_at)

    def import_report(self, job_arn: str) -> dict[str, Any]:
        """The outcome of an import's rows (see engine.data.report.ImportReport), in camel case."""
        return self.records.get(job_arn, DatasetImportJobRecord).report

    def import_notes(self, job_arn: str) -> list[str]:
        """All that a user should know of an import that went well, a sentence each."""
        return msgspec.convert(self.import_report(job_arn), ImportReport).notes()

    def attributed(self) -> list[Figure]:
        """The counts of metric attributions, by metric and source; at most two seconds old."""
        return self.figures.read()
