"""A family of resources is a row: from what it shows, its Describe, List and Delete operations are derived."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic

import msgspec
from sqlalchemy import Connection

from engine.control.control import Control
from engine.control.fields import Arn, ListRequest
from engine.control.lifecycle import shown_update
from engine.control.operation import ByArn, by_arn, register
from engine.control.pages import Pages, listed, page
from engine.records import JsonMap, R, Record

STATED = ("status", "creation_date_time", "last_updated_date_time")
NAMED = (*STATED, "name", "arn")


@dataclass(frozen=True)
class ResourceFamily(Generic[R]):
    record: type[R]
    summary: tuple[str, ...]  # the record's fields that List shows
    detail: tuple[str, ...] = ()  # the fields that Describe shows after them, and keys of `derived` in their places
    derived: Mapping[str, Callable[[Control, R], object]] = field(default_factory=dict)
    delete: Callable[[Control, R, Connection], None] | None = None
    pages: Pages[R] = page
    parent: type[Record] | None = None  # the kind of a parent that List refuses where it is not there
    listed: str = ""  # the key of List's answer where it is not the plural


class ByParent(ListRequest, frozen=True):
    parent: str | None = None


def register_family(family: ResourceFamily[Any]) -> None:
    noun = noun_of(family.record)
    title = noun[0].upper() + noun[1:]
    register(f"Describe{title}", by_arn(noun), partial(_describe, family))
    register(f"List{title}s", _list_request(family.record), partial(_list, family))
    if family.delete is not None:
        register(f"Delete{title}", by_arn(noun), partial(_delete, family))


def _list_request(kind: type[Record]) -> type[ListRequest]:
    if not kind.parent_field:
        return ListRequest
    name = dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))[kind.parent_field]
    parent = ("parent", Arn | None, msgspec.field(name=name, default=None))
    request: type[Any] = msgspec.defstruct("ByParent", [parent], bases=(ByParent,), frozen=True)
    return request


def _describe(family: ResourceFamily[R], control: Control, request: ByArn) -> JsonMap:
    record = control.get(request.arn, family.record)
    derived = {name: derive(control, record) for name, derive in family.derived.items()}
    if record.update_field:
        derived[record.update_field] = shown_update(record.latest_update, control.clock(), control.settings.pending_s)
    return {noun_of(family.record): view(record, *family.summary, *family.detail, **derived)}


def _list(family: ResourceFamily[R], control: Control, request: ListRequest) -> JsonMap:
    parent = request.parent if isinstance(request, ByParent) else None
    if parent is not None and family.parent is not None:
        control.get(parent, family.parent)
    records, token = family.pages(control, request, family.record, parent)
    shown = [view(record, *family.summary) for record in records]
    return listed(family.listed or f"{noun_of(family.record)}s", shown, token)


def _delete(family: ResourceFamily[R], control: Control, request: ByArn) -> None:
    assert family.delete is not None
    with control.database.write() as within:
        family.delete(control, control.settled(request.arn, family.record, within), within)


def noun_of(kind: type[Record]) -> str:
    """`datasetGroup` of a dataset group: the key of Describe's answer, and how the names of other members begin."""
    first, *rest = kind.kind.split("-")
    return first + "".join(map(str.title, rest))


def view(record: Record, *fields: str, **derived: object) -> JsonMap:
    """The record's fields as they are shown, under their names on the wire; what is empty is left out."""
    noun = noun_of(type(record))
    names = dict(zip(record.__struct_fields__, record.__struct_encode_fields__, strict=True))
    names |= {"arn": f"{noun}Arn", "name": "jobName" if noun.endswith("Job") else "name"}
    shown = {names.get(each, each): derived[each] if each in derived else getattr(record, each) for each in fields}
    return {name: value for name, value in shown.items() if value not in (None, {}, "")}
