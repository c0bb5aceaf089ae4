"""Event trackers: one in a dataset group; its tracking id is what PutEvents names."""

from __future__ import annotations

from sqlalchemy import Connection

from engine.control.control import Control
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import Arn, CreateRequest, Tags
from engine.control.operation import operation
from engine.errors import AlreadyExists, InvalidInput
from engine.records import DatasetGroupRecord, DatasetRecord, EventTrackerRecord, JsonMap


class CreateEventTracker(CreateRequest, frozen=True, kw_only=True):
    dataset_group_arn: Arn


@operation
def create_event_tracker(control: Control, request: CreateEventTracker) -> JsonMap:
    with control.database.write() as within:
        group = control.active(request.dataset_group_arn, DatasetGroupRecord, within)
        datasets = control.every(DatasetRecord, parent=group.arn, within=within)
        if all(dataset.dataset_type != "INTERACTIONS" for dataset in datasets):
            raise InvalidInput(f"The dataset group {group.arn} has no interactions dataset that events could go to.")
        for tracker in control.every(EventTrackerRecord, within=within):
            if tracker.dataset_group_arn == group.arn or tracker.name == request.name:
                raise AlreadyExists(f"Another resource with Arn {tracker.arn} already exists.")
        tracker = add_tracker(control, group, request.name, request.tags, within)
    return view(tracker, "arn", "tracking_id")


def add_tracker(
    control: Control, group: DatasetGroupRecord, name: str, tags: Tags, within: Connection
) -> EventTrackerRecord:
    tracker = EventTrackerRecord(
        account_id=control.account,
        dataset_group_arn=group.arn,
        **control.new_fields(f"event-tracker/{control.new_id()[:8]}", name, tags),
        tracking_id=control.new_id(),
    )
    control.create(tracker, within)
    return tracker


def tracker_of(control: Control, group_arn: str, within: Connection | None = None) -> EventTrackerRecord | None:
    """The group's one tracker, however it came to be (specification §11a)."""
    trackers = control.every(EventTrackerRecord, parent=group_arn, within=within)
    return next((tracker for tracker in trackers if tracker.deleted_at is None), None)


FAMILY = ResourceFamily(
    EventTrackerRecord,
    summary=NAMED,
    detail=("account_id", "tracking_id", "dataset_group_arn"),
    delete=Control.delete,
)
