"""Filters: named expressions of a dataset group."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from engine.arns import name_of
from engine.control.control import Control, refuse_dependants
from engine.control.fields import Arn, ListRequest, Name, Request, ResourceShape, Shape, Tags, tag_map, view
from engine.control.lifecycle import BUSY
from engine.control.operation import operation
from engine.control.pages import page
from engine.data.schema import parse_schema
from engine.errors import InvalidInput, LimitExceeded
from engine.filters import EVENTS, MOST_FIELDS_OF_A_GROUP, Fields, compile_filter, fields_of
from engine.filters import Filter as CompiledFilter
from engine.recipes import RECIPES
from engine.records import BATCH_JOBS, Dataset, DatasetGroup, Filter, Schema, SolutionVersion


class CreateFilter(Request, frozen=True, kw_only=True):
    name: Name
    dataset_group_arn: Arn
    filter_expression: Annotated[str, Meta(min_length=1, max_length=2500)]
    tags: Tags = ()


class CreateFilterResponse(Shape, frozen=True):
    filter_arn: str


class DescribeFilter(Request, frozen=True):
    filter_arn: Arn


class FilterSummary(ResourceShape, frozen=True, kw_only=True):
    name: str
    arn: str = msgspec.field(name="filterArn")
    dataset_group_arn: str
    failure_reason: str | None = None


class FilterShape(FilterSummary, frozen=True, kw_only=True):
    filter_expression: str


class DescribeFilterResponse(Shape, frozen=True):
    filter: FilterShape


class ListFilters(ListRequest, frozen=True, kw_only=True):
    dataset_group_arn: Arn | None = None


class ListFiltersResponse(Shape, frozen=True):
    filters: list[FilterSummary] = msgspec.field(name="Filters")  # the one key that AWS writes in upper case
    next_token: str | None = None


class DeleteFilter(Request, frozen=True):
    filter_arn: Arn


@operation
def create_filter(control: Control, request: CreateFilter) -> CreateFilterResponse:
    """A bad expression is refused at once (specification §11a)."""
    made = compile_filter(request.filter_expression, control.settings.quotas)
    with control.database.write() as within:
        group = control.active(request.dataset_group_arn, DatasetGroup, within)
        made.check(_fields(control, group, within))
        if control.settings.quotas == "aws":
            _check_count(control, made, group, within)
        now = control.now()
        record = Filter(
            arn=control.arn(f"filter/{request.name}"),
            account=control.account,
            name=request.name,
            dataset_group_arn=group.arn,
            filter_expression=request.filter_expression,
            tags=tag_map(request.tags),
            creation_date_time=now,
            last_updated_date_time=now,
        )
        control.create(record, within)
    return CreateFilterResponse(record.arn)


@operation
def describe_filter(control: Control, request: DescribeFilter) -> DescribeFilterResponse:
    return DescribeFilterResponse(view(control.get(request.filter_arn, Filter), FilterShape))


@operation
def list_filters(control: Control, request: ListFilters) -> ListFiltersResponse:
    return ListFiltersResponse(*page(control, request, Filter, FilterSummary, request.dataset_group_arn))


@operation
def delete_filter(control: Control, request: DeleteFilter) -> None:
    """Not while a batch job filters by it (specification §1.5)."""
    with control.database.write() as within:
        record = control.settled(request.filter_arn, Filter, within)
        jobs = (job for kind in BATCH_JOBS for job in control.every(kind, uses=record.arn, within=within))
        refuse_dependants(record.arn, (job for job in jobs if job.status in BUSY))
        control.delete(record, within)


def check_batch_filter(control: Control, arn: str, target: str, version: SolutionVersion, within: Connection) -> None:
    """Raises `NotFound`, `InUse` while it is deleted, `InvalidInput` where it can't filter a version's answers."""
    record = control.usable(arn, Filter, within)
    if record.dataset_group_arn != version.dataset_group_arn:
        raise InvalidInput(f"filterArn: {arn} is of another dataset group than the solution version.")
    made = compile_filter(record.filter_expression, control.settings.quotas)
    if made.target != target:
        raise InvalidInput(f"filterArn: the filter is on {made.target}; the job's answers are filtered by {target}.")
    recipe = RECIPES[name_of(version.recipe_arn)]
    if made.needs_item and recipe.kind != "RELATED_ITEMS":
        raise InvalidInput(f"filterArn: the filter depends on CurrentItem, but the recipe is of type {recipe.kind}.")
    if recipe.by_attributes and any(dataset in EVENTS for dataset, _ in made.field_keys):
        raise InvalidInput(f"filterArn: the recipe {recipe.name} can't be filtered by Interactions.")


def _fields(control: Control, group: DatasetGroup, within: Connection) -> Fields:
    datasets = control.every(Dataset, parent=group.arn, within=within)
    schemas = (control.records.get(dataset.schema_arn, Schema, within) for dataset in datasets)
    return fields_of(parse_schema(schema.schema, schema.domain) for schema in schemas)


def _check_count(control: Control, made: CompiledFilter, group: DatasetGroup, within: Connection) -> None:
    """Raises `LimitExceeded` where the group's filters would use too many fields (specification §4.2)."""
    others = control.every(Filter, parent=group.arn, within=within)
    used = made.field_keys.union(*(compile_filter(other.filter_expression).field_keys for other in others))
    if len(used) > MOST_FIELDS_OF_A_GROUP:
        raise LimitExceeded(
            f"Cannot create a filter. The filters of the dataset group would use {len(used)} distinct fields; "
            f"{MOST_FIELDS_OF_A_GROUP} may be used."
        )
