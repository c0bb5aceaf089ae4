"""The configuration of a solution: its members' rules, and what fits which recipe (specification §1.8, §3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.control.fields import Arn, ColumnName, DatasetType, JsonMap, Request, Short, ShortMap
from engine.data.schema import Schema
from engine.errors import InvalidInput
from engine.recipes.base import Recipe

PREFIXES = ("training.", "data.")  # AWS writes hyperparameters with or without them
WEIGHS_EVENTS = frozenset({"aws-user-personalization-v2", "aws-personalized-ranking-v2"})
HAS_OBJECTIVE = frozenset({"aws-user-personalization", "aws-personalized-ranking"})
LONGEST_DAYS = 30

Columns = Annotated[dict[DatasetType, Annotated[list[ColumnName], Meta(max_length=50)]], Meta(max_length=3)]
Bound = Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
Jobs = Annotated[str, Meta(max_length=256, pattern=r"^[0-9]+\Z")]


class HpoObjective(Request, frozen=True, kw_only=True):
    type: Short | None = None
    metric_name: Short | None = None
    metric_regex: Short | None = None


class HpoResourceConfig(Request, frozen=True, kw_only=True):
    max_number_of_training_jobs: Jobs | None = None
    max_parallel_training_jobs: Jobs | None = None


class IntegerRange(Request, frozen=True, kw_only=True):
    name: Short | None = None
    min_value: Bound | None = None
    max_value: Bound | None = None


class ContinuousRange(Request, frozen=True, kw_only=True):
    name: Short | None = None
    min_value: Annotated[float, Meta(ge=-1_000_000)] | None = None
    max_value: Annotated[float, Meta(ge=-1_000_000)] | None = None


class CategoricalRange(Request, frozen=True, kw_only=True):
    name: Short | None = None
    values: Annotated[list[Annotated[str, Meta(max_length=1000)]], Meta(max_length=100)] = msgspec.field(
        default_factory=list
    )


class HyperParameterRanges(Request, frozen=True, kw_only=True):
    integer_hyper_parameter_ranges: Annotated[list[IntegerRange], Meta(max_length=100)] | None = None
    continuous_hyper_parameter_ranges: Annotated[list[ContinuousRange], Meta(max_length=100)] | None = None
    categorical_hyper_parameter_ranges: Annotated[list[CategoricalRange], Meta(max_length=100)] | None = None


class HpoConfig(Request, frozen=True, kw_only=True):
    hpo_objective: HpoObjective | None = None
    hpo_resource_config: HpoResourceConfig | None = None
    algorithm_hyper_parameter_ranges: HyperParameterRanges | None = None


class AutoMLConfig(Request, frozen=True, kw_only=True):
    metric_name: Short | None = None
    recipe_list: Annotated[list[Arn], Meta(max_length=100)] = msgspec.field(default_factory=list)


class EventParameters(Request, frozen=True, kw_only=True):
    event_type: Short | None = None
    event_value_threshold: float | None = None
    weight: Annotated[float, Meta(ge=0, le=1)] | None = None


class EventsConfig(Request, frozen=True, kw_only=True):
    event_parameters_list: Annotated[list[EventParameters], Meta(max_length=10)] = msgspec.field(default_factory=list)


class OptimizationObjective(Request, frozen=True, kw_only=True):
    item_attribute: Annotated[str, Meta(min_length=1, max_length=150)] | None = None
    objective_sensitivity: Annotated[str, Meta(pattern=r"^(LOW|MEDIUM|HIGH|OFF)\Z")] | None = None


class TrainingDataConfig(Request, frozen=True, kw_only=True):
    excluded_dataset_columns: Columns | None = None
    included_dataset_columns: Columns | None = None


class AutoTrainingConfig(Request, frozen=True, kw_only=True):
    scheduling_expression: (
        Annotated[str, Meta(min_length=1, max_length=16, pattern=r"^rate\([0-9]+ days?\)\Z")] | None
    ) = None


class SolutionConfig(Request, frozen=True, kw_only=True):
    event_value_threshold: Short | None = None
    hpo_config: HpoConfig | None = None
    algorithm_hyper_parameters: ShortMap = msgspec.field(default_factory=dict)
    feature_transformation_parameters: ShortMap = msgspec.field(default_factory=dict)
    auto_ml_config: AutoMLConfig | None = msgspec.field(name="autoMLConfig", default=None)
    events_config: EventsConfig | None = None
    optimization_objective: OptimizationObjective | None = None
    training_data_config: TrainingDataConfig | None = None
    auto_training_config: AutoTrainingConfig | None = None


class SolutionUpdateConfig(Request, frozen=True, kw_only=True):
    """What of a solution's configuration may change."""

    auto_training_config: AutoTrainingConfig | None = None
    events_config: EventsConfig | None = None


def checked_update(config: SolutionUpdateConfig | None, recipe: Recipe[Any]) -> JsonMap:
    """The changes as they are stored and shown. Raises `InvalidInput` naming the member that doesn't fit."""
    if config is None:
        return {}
    return checked(msgspec.convert(msgspec.to_builtins(config), SolutionConfig), recipe, perform_hpo=False)


def checked(config: SolutionConfig | None, recipe: Recipe[Any], perform_hpo: bool) -> JsonMap:
    """The configuration as it is stored and shown. Raises `InvalidInput` naming the member that doesn't fit."""
    if config is None:
        return {}
    hyperparameters(config.algorithm_hyper_parameters | config.feature_transformation_parameters, recipe)
    _check_threshold(config.event_value_threshold)
    _check_hpo(config.hpo_config, perform_hpo)
    check_columns(config.training_data_config)
    _check_schedule(config.auto_training_config)
    _check_events(config.events_config, recipe)
    if config.optimization_objective and recipe.name not in HAS_OBJECTIVE:
        raise InvalidInput(f"solutionConfig.optimizationObjective fits only {_all(HAS_OBJECTIVE)}, not {recipe.name}.")
    shown: JsonMap = msgspec.to_builtins(config)
    return shown


def hyperparameters(given: Mapping[str, str], recipe: Recipe[Any]) -> msgspec.Struct:
    """The recipe's parameters from AWS's strings. Raises `InvalidInput` naming the one that doesn't fit."""
    bare = {_bare(name): value for name, value in given.items()}
    known = {field.encode_name for field in msgspec.structs.fields(recipe.params)}
    for name in bare:
        if name not in known:
            raise InvalidInput(f"{recipe.name} has no hyperparameter {name}; it has {_all(known) or 'none'}.")
    try:
        return recipe.parse(bare)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        raise InvalidInput(f"A hyperparameter of {recipe.name} is not valid: {error}") from error


def _bare(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _check_threshold(threshold: str | None) -> None:
    try:
        float(threshold or 0)
    except ValueError as error:
        raise InvalidInput(f"solutionConfig.eventValueThreshold is not a number: {threshold}") from error


def _check_hpo(config: HpoConfig | None, perform_hpo: bool) -> None:
    if config is None:
        return
    if not perform_hpo:
        raise InvalidInput("solutionConfig.hpoConfig needs performHPO to be true.")
    if config.hpo_objective is not None:
        raise InvalidInput("solutionConfig.hpoConfig.hpoObjective can't be set.")
    ranges = config.algorithm_hyper_parameter_ranges
    if ranges is not None and None in msgspec.structs.astuple(ranges):
        raise InvalidInput(
            "solutionConfig.hpoConfig.algorithmHyperParameterRanges needs all three lists; they may be empty."
        )
    resources = config.hpo_resource_config or HpoResourceConfig()
    for name, value, most in (
        ("maxNumberOfTrainingJobs", resources.max_number_of_training_jobs, 40),
        ("maxParallelTrainingJobs", resources.max_parallel_training_jobs, 10),
    ):
        if value is not None and not 1 <= int(value) <= most:
            raise InvalidInput(f"solutionConfig.hpoConfig.hpoResourceConfig.{name} is {value}; it is 1 to {most}.")


def check_columns(config: TrainingDataConfig | None) -> None:
    excluded = {} if config is None else config.excluded_dataset_columns or {}
    if any(column.upper() == "EVENT_TYPE" for columns in excluded.values() for column in columns):
        raise InvalidInput("trainingDataConfig can't exclude EVENT_TYPE.")


def _check_events(config: EventsConfig | None, recipe: Recipe[Any]) -> None:
    """An empty list is as good as none: all event types count, and equally."""
    if config is None:
        return
    if recipe.name not in WEIGHS_EVENTS:
        raise InvalidInput(f"solutionConfig.eventsConfig fits only {_all(WEIGHS_EVENTS)}, not {recipe.name}.")
    where, seen = "solutionConfig.eventsConfig.eventParametersList", set[str]()
    for place, event in enumerate(config.event_parameters_list):
        if not event.event_type:
            raise InvalidInput(f"{where}[{place}].eventType is required.")
        if event.event_type.casefold() in seen:
            raise InvalidInput(f"{where}[{place}].eventType: {event.event_type} is listed twice; case does not count.")
        seen.add(event.event_type.casefold())
    if seen and all(event.weight == 0 for event in config.event_parameters_list):
        raise InvalidInput(f"{where}: every weight is 0; at least one must be greater, as only their ratios count.")


def check_objective(config: JsonMap, items: Schema | None) -> None:
    """Whether the group's Items have the column that is to be optimised. Raises `InvalidInput`."""
    objective = config.get("optimizationObjective")
    if objective is None:
        return
    where, name = "solutionConfig.optimizationObjective.itemAttribute", objective.get("itemAttribute")
    if not name:
        raise InvalidInput(f"{where} is required.")
    if items is None:
        raise InvalidInput(f"{where}: the dataset group has no Items dataset with a column {name}.")
    field = next((field for field in items.fields if field.name.casefold() == name.casefold()), None)
    fits = [each.name for each in items.fields if each.numeric and not each.nullable]
    if field is None or field.name not in fits:
        reason = "is no column of Items" if field is None else "allows null" if field.numeric else f"is a {field.type}"
        raise InvalidInput(
            f"{where}: {name} {reason}; a numeric column whose type has no null is needed: {_all(fits) or 'none here'}."
        )


def _check_schedule(config: AutoTrainingConfig | None) -> None:
    if config is None or config.scheduling_expression is None:
        return
    days = int("".join(filter(str.isdigit, config.scheduling_expression)))
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput(f"solutionConfig.autoTrainingConfig.schedulingExpression is 1 to {LONGEST_DAYS} days.")


def _all(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
