"""Tags: short pairs of text that every resource carries but schemas and metric attributions (specification §1.8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from engine.control.control import Control
from engine.control.fields import MOST_TAGS, Arn, Request, Tag, TagKey, Tags, check_tag_key, check_tags, tag_map
from engine.control.operation import ByArn, operation, operation_on
from engine.control.tag_settings import (
    HIDDEN_ITEMS,
    Answering,
    check_group_tags,
    check_tags_of,
    hidden_items_in,
    refuse_settings,
    settings_of,
)
from engine.errors import InUse, InvalidInput, TooManyTagKeys
from engine.records import (
    CampaignRecord,
    DatasetGroupRecord,
    JsonMap,
    MetricAttributionRecord,
    RecommenderRecord,
    Record,
    SchemaRecord,
    SolutionRecord,
    kind_of,
)

UNTAGGED = (SchemaRecord, MetricAttributionRecord)


class TagResource(Request, frozen=True):
    resource_arn: Arn
    tags: Tags


class UntagResource(Request, frozen=True):
    resource_arn: Arn
    tag_keys: Annotated[tuple[TagKey, ...], Meta(max_length=200)]


@operation
def tag_resource(control: Control, request: TagResource) -> None:
    """A value given for a key that is there replaces the earlier one."""
    with control.database.write() as within:
        record = _taggable(control, request.resource_arn, within)
        new = tag_map(request.tags)
        tags = {**record.tags, **new}
        check_tags(tags)
        if not isinstance(record, Answering):
            refuse_settings(new, record.kind)
        _store(control, record, tags, within)


@operation
def untag_resource(control: Control, request: UntagResource) -> None:
    """A key that is not there is no error."""
    if len(request.tag_keys) > MOST_TAGS:
        raise TooManyTagKeys(
            f"{len(request.tag_keys)} tag keys are more than the {MOST_TAGS} that a resource can have."
        )
    for key in request.tag_keys:
        check_tag_key(key)
    with control.database.write() as within:
        record = _taggable(control, request.resource_arn, within)
        tags = {key: value for key, value in record.tags.items() if key not in request.tag_keys}
        _store(control, record, tags, within)


@operation_on("resource")
def list_tags_for_resource(control: Control, request: ByArn) -> JsonMap:
    record = _taggable(control, request.arn)
    return {"tags": [Tag(key, value) for key, value in sorted(record.tags.items())]}


def set_hidden(control: Control, group_arn: str, item: str, *, hidden: bool) -> None:
    """Take an item out of every list of a dataset group, or let it in again. Raises as TagResource does."""
    with control.database.write() as within:
        record = _taggable(control, group_arn, within)
        others = [each for each in hidden_items_in(record.tags) if each != item]
        listed = [*others, item] if hidden else others
        tags = {key: value for key, value in record.tags.items() if key != HIDDEN_ITEMS}
        if listed:
            tags[HIDDEN_ITEMS] = msgspec.json.encode(listed).decode()
            check_tags(tags)
        _store(control, record, tags, within)


def _taggable(control: Control, arn: str, within: Connection | None = None) -> Record:
    """Raises `NotFound`, `InvalidInput` for a resource that has no tags, `InUse` for one that is being deleted."""
    kind = kind_of(arn)
    record = control.get(arn, kind, within)
    if kind in UNTAGGED:
        raise InvalidInput(f"Resource Arn {arn} is a {kind.kind.replace('-', ' ')}'s, which has no tags.")
    if record.deleted_at is not None:
        raise InUse(f"Resource Arn {arn} is in {record.status} state.")
    return record


def _store(control: Control, record: Record, tags: dict[str, str], within: Connection) -> None:
    """The stored record with other tags: its shown status may be a passing one. Other settings count at once."""
    stored = control.records.get(record.arn, type(record), within)
    changed = msgspec.structs.replace(stored, tags=tags)
    control.records.replace(changed, within)
    if settings_of(tags) == settings_of(stored.tags):
        return
    if isinstance(changed, Answering):
        check_tags_of(control, changed, within)
    if isinstance(changed, CampaignRecord | RecommenderRecord):
        control.deploy(changed, within)
    elif isinstance(changed, DatasetGroupRecord):
        check_group_tags(changed)
        for each in _answering(control, changed.arn, within):
            control.deploy(each, within)


def _answering(control: Control, group_arn: str, within: Connection) -> Iterator[CampaignRecord | RecommenderRecord]:
    """The campaigns and recommenders that answer from a dataset group."""
    yield from control.every(RecommenderRecord, parent=group_arn, within=within)
    for solution in control.every(SolutionRecord, parent=group_arn, within=within):
        yield from control.every(CampaignRecord, parent=solution.arn, within=within)
