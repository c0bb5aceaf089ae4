"""Quotas of resources (specification §8.1): counted only where the settings say `aws`.

What failed or is being deleted does not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
    counts = other.status in BUSY if quota.busy else other.status not in GOING
    return counts and (not quota.in_group or _group(other) == _group(record))


def _group(record: Record) -> str:
    return getattr(record, "dataset_group_arn", "")
