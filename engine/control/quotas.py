"""Quotas of resources (specification §8.1): counted only where the settings say `aws`.

What failed or is being deleted does not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from engine.control.lifecycle import BUSY
from engine.errors import LimitExceeded
from engine.records import (
    BatchInferenceJobRecord,
    BatchSegmentJobRecord,
    CampaignRecord,
    DataDeletionJobRecord,
    DatasetGroupRecord,
    DatasetImportJobRecord,
    FilterRecord,
    RecommenderRecord,
    Record,
    Records,
    SchemaRecord,
    SolutionRecord,
    SolutionVersionRecord,
)

GOING = frozenset({"CREATE FAILED", "DELETE PENDING", "DELETE IN_PROGRESS"})


@dataclass(frozen=True)
class Quota:
    most: int
    busy: bool = False  # counts only what is pending or in progress
    in_group: bool = False  # counts the dataset group's, not the region's


QUOTAS: dict[type[Record], Quota] = {
    SchemaRecord: Quota(500),
    DatasetGroupRecord: Quota(5),
    DatasetImportJobRecord: Quota(5, busy=True),
    DataDeletionJobRecord: Quota(5, busy=True, in_group=True),
    BatchInferenceJobRecord: Quota(5, busy=True),
    BatchSegmentJobRecord: Quota(5, busy=True),
    SolutionVersionRecord: Quota(20, busy=True),
    SolutionRecord: Quota(10, in_group=True),
    FilterRecord: Quota(30, in_group=True),
    CampaignRecord: Quota(5, in_group=True),
    RecommenderRecord: Quota(5, in_group=True),
}


class QuotaUse(NamedTuple):
    """`group` is the ARN of the dataset group whose quota it is; "" for the region's."""

    kind: str
    used: int
    most: int
    busy: bool
    group: str = ""


def quota_uses(records: Records) -> list[QuotaUse]:
    """The use of every quota by those who use any of it."""
    uses: list[QuotaUse] = []
    for kind, quota in QUOTAS.items():
        counted = Counter(_group(each) if quota.in_group else "" for each in records.list(kind) if _uses(quota, each))
        uses += [QuotaUse(kind.kind, count, quota.most, quota.busy, group) for group, count in counted.items()]
    return uses


def check_quota(record: Record, others: Iterable[Record]) -> None:
    """Raises `LimitExceeded` where one more of its kind is one too many; `others` are those that there are."""
    quota = QUOTAS.get(type(record))
    if quota is None or sum(_counts(quota, record, other) for other in others) < quota.most:
        return
    if quota.busy:
        raise LimitExceeded(f"More than {quota.most} resources with PENDING or IN_PROGRESS status.")
    raise LimitExceeded(
        f"Cannot create a {record.kind.replace('-', ' ')}. More than {quota.most} resources in ACTIVE state. "
        "Please delete some and try again."
    )


def _counts(quota: Quota, record: Record, other: Record) -> bool:
    return _uses(quota, other) and (not quota.in_group or _group(other) == _group(record))


def _uses(quota: Quota, record: Record) -> bool:
    return record.status in BUSY if quota.busy else record.status not in GOING and record.deleted_at is None


def _group(record: Record) -> str:
    return getattr(record, "dataset_group_arn", "")
