"""Metric attributions: what to count of a dataset group's events, by where they came from. One in a dataset group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from engine.attribution import ledger
from engine.attribution.expression import check_expression
from engine.control.control import Control
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import Arn, ListRequest, Name, Request, RoleArn, S3DataConfig, Short
from engine.control.operation import operation
from engine.control.pages import PAGE, listed, opened, sealed
from engine.control.schemas import schemas_of
from engine.data.destination import check_destination
from engine.data.schema import Schema
from engine.errors import AlreadyExists, InvalidInput
from engine.records import AttributedMetric, DatasetGroupRecord, JsonMap, MetricAttributionRecord

MOST_METRICS = 10

Text = Annotated[str, Meta(min_length=1, max_length=256)]


class MetricAttribute(Request, frozen=True):
    event_type: Text
    metric_name: Text
    expression: Text


class MetricAttributionOutput(Request, frozen=True, kw_only=True):
    s3_data_destination: S3DataConfig | None = msgspec.field(name="s3DataDestination", default=None)
    role_arn: RoleArn


Metrics = Annotated[tuple[MetricAttribute, ...], Meta(max_length=MOST_METRICS)]


class CreateMetricAttribution(Request, frozen=True, kw_only=True):
    name: Name
    dataset_group_arn: Arn
    metrics: Metrics
    metrics_output_config: MetricAttributionOutput


class ListMetricAttributionMetrics(ListRequest, frozen=True, kw_only=True):
    metric_attribution_arn: Arn | None = None


class UpdateMetricAttribution(Request, frozen=True, kw_only=True):
    metric_attribution_arn: Arn | None = None  # the service's model does not require what its operation does
    add_metrics: Metrics = ()
    remove_metrics: Annotated[tuple[Short, ...], Meta(max_length=MOST_METRICS)] = ()
    metrics_output_config: MetricAttributionOutput | None = None


@operation
def create_metric_attribution(control: Control, request: CreateMetricAttribution) -> JsonMap:
    output = _checked_output(control, request.metrics_output_config)
    with control.database.write() as within:
        group = control.active(request.dataset_group_arn, DatasetGroupRecord, within)
        for other in control.every(MetricAttributionRecord, parent=group.arn, within=within):
            raise AlreadyExists(f"Another resource with Arn {other.arn} already exists.")
        now = control.now()
        attribution = MetricAttributionRecord(
            dataset_group_arn=group.arn,
            metrics=_checked((), request.metrics, _schemas(control, group.arn, within), now),
            metrics_output_config=output,
            **control.new_fields(f"metric-attribution/{request.name}", request.name, now=now),
        )
        control.create(attribution, within)
        ledger.begin(within, attribution.arn, now)
    return view(attribution, "arn")


@operation
def list_metric_attribution_metrics(control: Control, request: ListMetricAttributionMetrics) -> JsonMap:
    """The metrics of one attribution, or of all; a token holds how many were shown."""
    arn = request.metric_attribution_arn
    scope = "|".join(("metric-attribution-metrics", arn or "", control.account, control.region))
    start = int(opened(request.next_token, scope)[0])
    end = start + (request.max_results or PAGE)
    of = control.every(MetricAttributionRecord) if arn is None else [control.get(arn, MetricAttributionRecord)]
    metrics = [metric for attribution in of for metric in attribution.metrics]
    shown = [msgspec.convert(metric, MetricAttribute, from_attributes=True) for metric in metrics[start:end]]
    return listed("metrics", shown, sealed((end, ""), scope) if end < len(metrics) else None)


@operation
def update_metric_attribution(control: Control, request: UpdateMetricAttribution) -> JsonMap:
    """Metrics are removed with their counts before others are added."""
    arn, config = request.metric_attribution_arn, request.metrics_output_config
    if arn is None:
        raise InvalidInput("metricAttributionArn: name the metric attribution to update.")
    output = None if config is None else _checked_output(control, config)
    with control.database.write() as within:
        attribution = control.active(arn, MetricAttributionRecord, within)
        remaining = _without(attribution.metrics, request.remove_metrics)
        schemas = _schemas(control, attribution.dataset_group_arn, within)
        now = control.now()
        metrics = _checked(remaining, request.add_metrics, schemas, now)
        output = attribution.metrics_output_config if output is None else output
        control.change(attribution, within, now, metrics=metrics, metrics_output_config=output)
        ledger.drop(within, attribution.arn, list(request.remove_metrics))
    return view(attribution, "arn")


def _delete(control: Control, attribution: MetricAttributionRecord, within: Connection) -> None:
    """Its counts go with it."""
    control.delete(attribution, within)
    ledger.end(within, attribution.arn)


def _checked_output(control: Control, config: MetricAttributionOutput) -> JsonMap:
    """Raises `InvalidInput` for a path that can't be written to."""
    if config.s3_data_destination is not None:
        check_destination(config.s3_data_destination.path, allow_file_urls=control.settings.allow_file_urls)
    output: JsonMap = msgspec.to_builtins(config)
    return output


def _schemas(control: Control, group_arn: str, within: Connection) -> dict[str, Schema]:
    """The group's schemas by dataset type. Raises `InvalidInput` where the interactions have no EVENT_TYPE."""
    schemas = schemas_of(control, group_arn, within)
    interactions = schemas.get("INTERACTIONS")
    if interactions is None or all(field.name != "EVENT_TYPE" for field in interactions.fields):
        raise InvalidInput(
            f"A metric attribution needs an Interactions dataset with an EVENT_TYPE column; {group_arn} has none."
        )
    return schemas


def _without(metrics: Sequence[AttributedMetric], names: Sequence[str]) -> tuple[AttributedMetric, ...]:
    """Raises `InvalidInput` for a name that is none of theirs."""
    present = [metric.metric_name for metric in metrics]
    for name in names:
        if name not in present:
            raise InvalidInput(f"removeMetrics: there is no metric {name!r}; there are {', '.join(present)}.")
    return tuple(metric for metric in metrics if metric.metric_name not in names)


def _checked(
    before: tuple[AttributedMetric, ...],
    added: Iterable[MetricAttribute],
    schemas: dict[str, Schema],
    now: float,
) -> tuple[AttributedMetric, ...]:
    """All of them. Raises `InvalidInput`, or `AlreadyExists` for an added metric that is there."""
    present = {metric.metric_name for metric in before}
    for metric in added:
        check_expression(metric.expression, schemas)
        if metric.metric_name in present:
            raise AlreadyExists(f"Another metric named {metric.metric_name} already exists.")
    new = (AttributedMetric(**msgspec.structs.asdict(metric), since=now) for metric in added)
    metrics = (*before, *new)
    twice = [name for name, count in Counter(metric.metric_name for metric in metrics).items() if count > 1]
    if twice:
        raise InvalidInput(f"metrics: the metricName {twice[0]!r} is given twice.")
    if not 1 <= len(metrics) <= MOST_METRICS:
        raise InvalidInput(f"metrics: an attribution has 1 to {MOST_METRICS} metrics; these would be {len(metrics)}.")
    return metrics


FAMILY = ResourceFamily(
    MetricAttributionRecord,
    summary=(*NAMED, "failure_reason"),  # of an ACTIVE one: why its last file could not be written
    detail=("dataset_group_arn", "metrics_output_config"),
    delete=_delete,
)
