"""Tests between variations."""

from __future__ import annotations

from typing import ClassVar, Literal

from gateway.document.context import OperatorName
from gateway.document.values import (
    Count,
    FieldName,
    Fraction,
    Label,
    MetricName,
    Part,
    Text,
    Time,
    Value,
    Weight,
    Window,
)


class MetricPart(Part, frozen=True, forbid_unknown_fields=False):
    """A metric: what callers report by its name, and events of a type within a `window` after the unit first took part.
    Each counts 1, or what is at the path `valueKey` of the event."""

    extra: ClassVar[bool] = True

    event_type: Text | None = None
    window: Window = "7d"
    direction: Literal["increase", "decrease"] = "increase"


class EvidentlyMetric(MetricPart, frozen=True, forbid_unknown_fields=False, kw_only=True):
    """A metric of CloudWatch Evidently: `entityIdKey` and `valueKey` are paths, with dots, into its events. An exposure
    counts once, for all metrics, also where `trackExposures` says that Evidently was not told of it for this one."""

    entity_id_key: str
    value_key: str
    track_exposures: bool = True


class Metric(MetricPart, frozen=True, forbid_unknown_fields=False):
    """A metric of the gateway's own; the path `valueKey` is `eventValue` or begins with `properties.`"""

    entity_id_key: str = ""
    value_key: str = ""


class Condition(Part, frozen=True):
    """Of a field of the context; whoever has no such field is not meant."""

    field: FieldName
    operator: OperatorName
    value: Value


class Schedule(Part, frozen=True):
    """When an experiment runs: without a start from now on, without an end until it is taken out."""

    start: Time | None = None
    end: Time | None = None


class RampStep(Part, frozen=True, kw_only=True):
    """From then on, this share of the units takes part, or variations have these weights; what it omits stays."""

    at: Time
    traffic: Fraction | None = None
    weights: dict[Label, Weight] | None = None


class Exclusion(Part, frozen=True, kw_only=True):
    """A unit is in one experiment of a `group` at most: each has a range of it, from 0 to 1, and no two overlap."""

    group: Text
    range: tuple[Fraction, ...]


class Confirmation(Part, frozen=True):
    """A unit is exposed once an event tells that it saw its list: one of this type; where none is said, one that names
    the list by `recommendationId` or has an `impression`."""

    event_type: Text | None = None


class ExperimentPart(Part, frozen=True, tag_field="method"):
    """A test between the variations of a recommender, by the name of the feature that shows them. Whoever is in none
    is answered by the first variation. `weights` are the variations' own where none are given, or else equal."""

    description: str = ""
    unit: Literal["user", "session"] = "user"
    seed: Text | None = None
    weights: dict[Label, Weight] | None = None
    traffic: Fraction | None = None
    ramp: tuple[RampStep, ...] = ()
    schedule: Schedule = Schedule()
    audience: tuple[Condition, ...] = ()
    holdout: Fraction = 0
    exclusion: Exclusion | None = None
    overrides: dict[Text, Label] = {}
    include_synthetic: bool = False
    confirmation: Confirmation | None = None


class EvidentlyExperiment(ExperimentPart, frozen=True, tag="evidently", kw_only=True):
    """An experiment as it was written for CloudWatch Evidently, which has ended: the gateway runs it."""

    project: str
    metrics: dict[MetricName, EvidentlyMetric]
    guardrails: dict[MetricName, EvidentlyMetric] = {}


class BuiltinExperiment(ExperimentPart, frozen=True, tag="builtin", kw_only=True):
    """An experiment between variations: each unit is in one of them."""

    metrics: dict[MetricName, Metric]
    guardrails: dict[MetricName, Metric] = {}
    project: str = ""


class InterleavingExperiment(ExperimentPart, frozen=True, tag="interleaving", kw_only=True):
    """All variations' lists drafted into one, each item with its `team`: whose items earn more of the metrics is the
    better variation. There are no `weights`: each has the same part in every list."""

    metrics: dict[MetricName, Metric]
    guardrails: dict[MetricName, Metric] = {}


class BanditExperiment(ExperimentPart, frozen=True, tag="bandit", kw_only=True):
    """Weights that follow what the variations earn, by Thompson sampling: the `reward` is a metric, the first if not
    said. `weights` hold until each variation has had `burnIn` units; from then on they change with every `period`."""

    metrics: dict[MetricName, Metric]
    guardrails: dict[MetricName, Metric] = {}
    project: str = ""
    reward: MetricName | None = None
    period: Window = "1h"
    minimum_weight: Fraction = 0.01
    burn_in: Count = 100


AnyExperiment = EvidentlyExperiment | BuiltinExperiment | InterleavingExperiment | BanditExperiment
