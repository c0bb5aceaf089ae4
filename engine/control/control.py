"""The means of an operation: the records of the caller's account and region, the clock, and who else must hear."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypedDict

import msgspec
from sqlalchemy import Connection

from engine.arns import arn_of, belongs
from engine.control.fields import CreateRequest, Tags, tag_map
from engine.control.lifecycle import ACTIVE, SETTLED, USABLE, shown, shown_at
from engine.control.quotas import check_quota
from engine.errors import InUse, NotFound
from engine.records import (
    BATCH,
    START,
    CampaignRecord,
    DatasetGroupRecord,
    Key,
    R,
    RecommenderRecord,
    Record,
    Records,
)
from engine.settings import Settings
from engine.storage.sql import Database


class NewFields(TypedDict):
    """The fields that a record is created with, whatever its kind."""

    arn: str
    account: str
    name: str
    tags: dict[str, str]
    creation_date_time: float
    last_updated_date_time: float


class TrainingBudget(msgspec.Struct, frozen=True):
    """The minutes that a training may take, and those that a search for hyperparameters before it may."""

    training: float | None = None
    hpo: float | None = None


UNBOUNDED = TrainingBudget()


@dataclass(frozen=True)
class Control:
    """The control plane of one account and region. `enqueue`, `cancel` and `announce` work in the caller's transaction:
    they put a job (importing, training) about a resource into the jobs table, take a resource's jobs back, waiting or
    running, and append a change record to the event log, so that every worker follows."""

    settings: Settings
    database: Database
    records: Records
    clock: Callable[[], float]
    new_id: Callable[[], str]  # random UUIDs in lower case
    enqueue: Callable[[str, str, Connection], object]  # kind, ARN
    cancel: Callable[[str, Connection], object]  # ARN
    announce: Callable[[str, str, str, Connection], object]  # the dataset group's uid, kind, key
    account: str
    region: str
    budget: TrainingBudget = UNBOUNDED  # of the solution versions that it makes

    def now(self) -> float:
        """Epoch seconds to the millisecond, as timestamps are shown."""
        return round(self.clock(), 3)

    def arn(self, resource: str) -> str:
        return arn_of(self.region, self.account, resource)

    def new_fields(self, resource: str, name: str, tags: Tags = (), now: float | None = None) -> NewFields:
        """Raises as `tag_map` does. `resource` is what comes after the account in the ARN; `now` is the moment of the
        creation where the caller has read the clock."""
        now = self.now() if now is None else now
        return {
            "arn": self.arn(resource),
            "account": self.account,
            "name": name,
            "tags": tag_map(tags),
            "creation_date_time": now,
            "last_updated_date_time": now,
        }

    def record(self, kind: type[R], request: CreateRequest, now: float | None = None, **fields: object) -> R:
        """The record of what is asked for: `fields`, and the request's members, of which each is the record's as well.

        Raises as `tag_map` does, and `TypeError` or `ValidationError` where members or `fields` are not the record's,
        which a type checker can't see.
        """
        members = {name: getattr(request, name) for name in request.__struct_fields__}
        asked = {name: msgspec.to_builtins(value) for name, value in members.items() if value is not None}
        every = self.new_fields(f"{kind.kind}/{request.name}", request.name, request.tags, now)
        record = kind(**{**asked, **every, **fields})
        return msgspec.convert(msgspec.to_builtins(record), kind)  # as it will be read

    def status(self, record: Record) -> str | None:
        return shown(record, self.clock(), self.settings.pending_s)

    def get(self, arn: str, kind: type[R], within: Connection | None = None) -> R:
        """The record with its shown status. Raises `NotFound`: missing, gone, or another account's or region's."""
        record = self.records.find(arn, kind, within) if belongs(arn, self.region, self.account) else None
        status = None if record is None else self.status(record)
        if record is None or status is None:
            raise NotFound(f"Resource Arn {arn} does not exist.")
        return self._shown(record, status)

    def active(self, arn: str, kind: type[R], within: Connection | None = None) -> R:
        """A resource that something new may be built on. Raises `InUse` while it isn't ACTIVE (specification §1.5)."""
        record = self.get(arn, kind, within)
        if record.status != ACTIVE:
            raise InUse(f"Resource Arn {arn} is not in ACTIVE state, it is in {record.status} state.")
        return record

    def usable(self, arn: str, kind: type[R], within: Connection | None = None) -> R:
        """A resource that AWS asks nobody to wait for before something is built on it: ACTIVE, or about to be. Raises
        `InUse` while it is being deleted."""
        record = self.get(arn, kind, within)
        if record.status not in USABLE:
            raise InUse(f"Resource Arn {arn} is in {record.status} state.")
        return record

    def settled(self, arn: str, kind: type[R], within: Connection | None = None) -> R:
        """A resource that may be changed or deleted. Raises `InUse` while it is being made or deleted."""
        record = self.get(arn, kind, within)
        if record.status not in SETTLED:
            raise InUse(f"Resource Arn {arn} is in {record.status} state; wait until that has ended.")
        return record

    def every(
        self,
        kind: type[R],
        *,
        parent: str | None = None,
        uses: str | None = None,
        after: Key = START,
        within: Connection | None = None,
    ) -> Iterator[R]:
        """All of a kind, oldest first, with shown statuses; what is gone is left out."""
        full = True
        while full:
            batch = self.records.batch(kind, after, account=self.account, parent=parent, uses=uses, within=within)
            for record in batch:
                status = self.status(record)
                if status is not None and belongs(record.arn, self.region, self.account):
                    yield self._shown(record, status)
            full = len(batch) == BATCH
            after = (batch[-1].creation_date_time, batch[-1].arn) if full else after

    def _shown(self, record: R, status: str) -> R:
        moment = shown_at(record, self.clock(), self.settings.pending_s)
        return msgspec.structs.replace(record, status=status, last_updated_date_time=moment)

    def create(self, record: Record, within: Connection, job: str = "") -> None:
        """Raises `AlreadyExists`, or `LimitExceeded`. The name of something gone is free again. `job` is the kind of
        job to enqueue for it, if there is one."""
        previous = self.records.find(record.arn, type(record), within)
        if previous is not None and self.status(previous) is None:
            self.records.delete(record.arn, within)
        if self.settings.quotas == "aws":
            check_quota(record, self.every(type(record), within=within))
        self.records.create(record, within)
        if job:
            self.enqueue(job, record.arn, within)

    def change(self, record: R, within: Connection, now: float, **changes: object) -> R:
        """The record with these changes of that moment, as it is stored from then on."""
        changed = msgspec.structs.replace(record, last_updated_date_time=now, **changes)
        self.records.replace(changed, within)
        return changed

    def delete(self, record: Record, within: Connection) -> None:
        """Show it as being deleted, and forget those of its kind whose time has run out."""
        now = self.now()
        self.change(record, within, now, deleted_at=now)
        for other in self.records.list(type(record), account=self.account, within=within):
            if self.status(other) is None:
                self.records.delete(other.arn, within)

    def deploy(self, record: CampaignRecord | RecommenderRecord, within: Connection) -> None:
        """Announce a change of what answers, so that each worker loads the model or lets go."""
        group = self.records.get(record.dataset_group_arn, DatasetGroupRecord, within)
        self.announce(group.uid, "deploy", record.arn, within)


def refuse_dependants(arn: str, dependants: Iterable[Record]) -> None:
    """Raise `InUse` where there is one (specification §1.5)."""
    for dependant in dependants:
        raise InUse(f"Resource Arn {arn} can't be deleted: {dependant.arn} depends on it.")
