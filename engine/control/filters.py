"""Filters: named expressions of a dataset group."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from sqlalchemy import Connection

from engine.arns import name_of
from engine.control.control import Control, refuse_dependants
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import Arn, CreateRequest
from engine.control.lifecycle import BUSY
from engine.control.operation import operation
from engine.control.schemas import schemas_of
from engine.errors import InvalidInput, LimitExceeded
from engine.filters import EVENTS, MOST_FIELDS_OF_A_GROUP, CompiledFilter, compile_filter, fields_of
from engine.recipes import RECIPES
from engine.records import BATCH_JOBS, DatasetGroupRecord, FilterRecord, JsonMap, SolutionVersionRecord


class CreateFilter(CreateRequest, frozen=True, kw_only=True):
    dataset_group_arn: Arn
    filter_expression: Annotated[str, Meta(min_length=1, max_length=2500)]


@operation
def create_filter(control: Control, request: CreateFilter) -> JsonMap:
    """A bad expression is refused at once (specification §11a)."""
    compiled = compile_filter(request.filter_expression, control.settings.quotas)
    with control.database.write() as within:
        group = control.active(request.dataset_group_arn, DatasetGroupRecord, within)
        compiled.check(fields_of(schemas_of(control, group.arn, within).values()))
        if control.settings.quotas == "aws":
            _check_count(control, compiled, group, within)
        record = control.record(FilterRecord, request)
        control.create(record, within)
    return view(record, "arn")


def _delete(control: Control, record: FilterRecord, within: Connection) -> None:
    """Refused while a batch job filters by it (specification §1.5)."""
    jobs = (job for kind in BATCH_JOBS for job in control.every(kind, uses=record.arn, within=within))
    refuse_dependants(record.arn, (job for job in jobs if job.status in BUSY))
    control.delete(record, within)


def check_batch_filter(
    control: Control, arn: str, target: str, version: SolutionVersionRecord, within: Connection
) -> None:
    """Raises `NotFound`, `InUse` while it is deleted, `InvalidInput` where it can't filter a version's answers."""
    record = control.usable(arn, FilterRecord, within)
    if record.dataset_group_arn != version.dataset_group_arn:
        raise InvalidInput(f"filterArn: {arn} is of another dataset group than the solution version.")
    compiled = compile_filter(record.filter_expression, control.settings.quotas)
    if compiled.target != target:
        raise InvalidInput(
            f"filterArn: the filter is on {compiled.target}; the job's answers are filtered by {target}."
        )
    recipe = RECIPES[name_of(version.recipe_arn)]
    if compiled.needs_item and recipe.kind != "RELATED_ITEMS":
        raise InvalidInput(f"filterArn: the filter depends on CurrentItem, but the recipe is of type {recipe.kind}.")
    if recipe.by_attributes and any(dataset in EVENTS for dataset, _ in compiled.field_keys):
        raise InvalidInput(f"filterArn: the recipe {recipe.name} can't be filtered by Interactions.")


def _check_count(control: Control, compiled: CompiledFilter, group: DatasetGroupRecord, within: Connection) -> None:
    """Raises `LimitExceeded` where the group's filters would use too many fields (specification §4.2)."""
    others = control.every(FilterRecord, parent=group.arn, within=within)
    used = compiled.field_keys.union(*(compile_filter(other.filter_expression).field_keys for other in others))
    if len(used) > MOST_FIELDS_OF_A_GROUP:
        raise LimitExceeded(
            f"Cannot create a filter. The filters of the dataset group would use {len(used)} distinct fields; "
            f"{MOST_FIELDS_OF_A_GROUP} may be used."
        )


FAMILY = ResourceFamily(
    FilterRecord,
    summary=(*NAMED, "dataset_group_arn", "failure_reason"),
    detail=("filter_expression",),
    delete=_delete,
    listed="Filters",  # the one key that AWS writes in upper case
)
