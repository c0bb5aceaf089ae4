"""Event trackers: one in a dataset group; its tracking id is what PutEvents names."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from engine.control.control import Control
from engine.control.fields import Arn, ListRequest, Name, Request, ResourceShape, Shape, Tags, tag_map, view
from engine.control.operation import operation
from engine.control.pages import page
from engine.errors import AlreadyExists, InvalidInput
from engine.records import Dataset, DatasetGroup, EventTracker


class CreateEventTracker(Request, frozen=True, kw_only=True):
    name: Name
    dataset_group_arn: Arn
    tags: Tags = ()


class CreateEventTrackerResponse(Shape, frozen=True):
    event_tracker_arn: str
    tracking_id: str


class DescribeEventTracker(Request, frozen=True):
    event_tracker_arn: Arn


class EventTrackerSummary(ResourceShape, frozen=True, kw_only=True):
    name: str
    arn: str = msgspec.field(name="eventTrackerArn")


class EventTrackerShape(EventTrackerSummary, frozen=True, kw_only=True):
    account_id: str
    tracking_id: str
    dataset_group_arn: str


class DescribeEventTrackerResponse(Shape, frozen=True):
    event_tracker: EventTrackerShape


class ListEventTrackers(ListRequest, frozen=True, kw_only=True):
    dataset_group_arn: Arn | None = None


class ListEventTrackersResponse(Shape, frozen=True):
    event_trackers: list[EventTrackerSummary]
    next_token: str | None = None


class DeleteEventTracker(Request, frozen=True):
    event_tracker_arn: Arn


@operation
def create_event_tracker(control: Control, request: CreateEventTracker) -> CreateEventTrackerResponse:
    with control.database.write() as within:
        group = control.active(request.dataset_group_arn, DatasetGroup, within)
        datasets = control.every(Dataset, parent=group.arn, within=within)
        if all(dataset.dataset_type != "INTERACTIONS" for dataset in datasets):
            raise InvalidInput(f"The dataset group {group.arn} has no interactions dataset that events could go to.")
        for tracker in control.every(EventTracker, within=within):
            if tracker.dataset_group_arn == group.arn or tracker.name == request.name:
                raise AlreadyExists(f"Another resource with Arn {tracker.arn} already exists.")
        tracker = add_tracker(control, group, request.name, tag_map(request.tags), within)
    return CreateEventTrackerResponse(tracker.arn, tracker.tracking_id)


def add_tracker(
    control: Control, group: DatasetGroup, name: str, tags: dict[str, str], within: Connection
) -> EventTracker:
    now = control.now()
    tracker = EventTracker(
        arn=control.arn(f"event-tracker/{control.new_id()[:8]}"),
        account=control.account,
        name=name,
        account_id=control.account,
        tracking_id=control.new_id(),
        dataset_group_arn=group.arn,
        tags=tags,
        creation_date_time=now,
        last_updated_date_time=now,
    )
    control.create(tracker, within)
    return tracker


def tracker_of(control: Control, group_arn: str, within: Connection | None = None) -> EventTracker | None:
    """The group's one tracker, however it came to be (specification §11a)."""
    trackers = control.every(EventTracker, parent=group_arn, within=within)
    return next((tracker for tracker in trackers if tracker.deleted_at is None), None)


@operation
def describe_event_tracker(control: Control, request: DescribeEventTracker) -> DescribeEventTrackerResponse:
    return DescribeEventTrackerResponse(view(control.get(request.event_tracker_arn, EventTracker), EventTrackerShape))


@operation
def list_event_trackers(control: Control, request: ListEventTrackers) -> ListEventTrackersResponse:
    found = page(control, request, EventTracker, EventTrackerSummary, request.dataset_group_arn)
    return ListEventTrackersResponse(*found)


@operation
def delete_event_tracker(control: Control, request: DeleteEventTracker) -> None:
    with control.database.write() as within:
        control.delete(control.settled(request.event_tracker_arn, EventTracker, within), within)
