"""The configuration of a solution: its members' rules, and what fits which recipe (specification §1.8, §3.2)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.control.fields import ColumnName, DatasetType, Request, Short, ShortMap, number_in
from engine.control.hpo_config import AutoMLConfig, HpoConfig, auto_ml_of, check_auto_ml, check_hpo
from engine.control.hyperparameters import BUDGETS, HPO_MINUTES, MINUTES, bare
from engine.control.recipes import auto_ml_recipes, recipe_of
from engine.data.schema import Schema
from engine.errors import InvalidInput
from engine.recipe import Recipe
from engine.records import JsonMap, SolutionRecord
from engine.words import in_words

WEIGHS_EVENTS = frozenset({"aws-user-personalization-v2", "aws-personalized-ranking-v2"})
HAS_OBJECTIVE = frozenset({"aws-user-personalization", "aws-personalized-ranking"})
LONGEST_DAYS = 30

Columns = Annotated[dict[DatasetType, Annotated[list[ColumnName], Meta(max_length=50)]], Meta(max_length=3)]


class EventParameters(Request, frozen=True, kw_only=True):
    event_type: Short | None = None
    event_value_threshold: float | None = None
    weight: Annotated[float, Meta(ge=-1, le=1)] | None = None  # AWS has none below 0


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
    """The members of a solution's configuration that may change."""

    auto_training_config: AutoTrainingConfig | None = None
    events_config: EventsConfig | None = None


def checked_update(config: SolutionUpdateConfig | None, recipe: Recipe[Any]) -> JsonMap:
    """The changes as they are stored and shown. Raises `InvalidInput` naming the member that doesn't fit."""
    if config is None:
        return {}
    return checked(msgspec.convert(msgspec.to_builtins(config), SolutionConfig), recipe)


def checked(
    config: SolutionConfig | None, recipe: Recipe[Any], *, perform_hpo: bool = False, perform_auto_ml: bool = False
) -> JsonMap:
    """The configuration as it is stored and shown. Raises `InvalidInput` naming the member that doesn't fit."""
    config = config or SolutionConfig()
    check_auto_ml(config.auto_ml_config, perform_auto_ml)
    if perform_auto_ml and (config.algorithm_hyper_parameters or config.feature_transformation_parameters):
        raise InvalidInput("solutionConfig: hyperparameters are a recipe's; performAutoML takes the recipes' defaults.")
    hyperparameters(config.algorithm_hyper_parameters | config.feature_transformation_parameters, recipe)
    if minutes_in(config.algorithm_hyper_parameters, HPO_MINUTES) is not None and not perform_hpo:
        raise InvalidInput(f"The hyperparameter {HPO_MINUTES} needs performHPO to be true.")
    if config.event_value_threshold and not math.isfinite(number_in(config.event_value_threshold)):
        raise InvalidInput(f"solutionConfig.eventValueThreshold is not a number: {config.event_value_threshold}")
    check_hpo(config.hpo_config, recipe, perform_hpo)
    check_columns(config.training_data_config)
    _check_schedule(config.auto_training_config)
    _check_events(config.events_config, recipe)
    if config.optimization_objective and recipe.name not in HAS_OBJECTIVE:
        raise InvalidInput(f"solutionConfig.optimizationObjective fits only {_all(HAS_OBJECTIVE)}, not {recipe.name}.")
    shown: JsonMap = msgspec.to_builtins(config)
    return shown


def recipe_for(solution: SolutionRecord) -> Recipe[Any]:
    """The solution's; until AutoML has chosen, the first of those that it may choose."""
    if solution.recipe_arn:
        return recipe_of(solution.recipe_arn)
    return auto_ml_recipes(auto_ml_of(solution.solution_config)[1])[0]


def hyperparameters(texts: Mapping[str, str], recipe: Recipe[Any]) -> msgspec.Struct:
    """The recipe's parameters from AWS's strings. Raises `InvalidInput` naming the one that doesn't fit."""
    for budget in BUDGETS:
        minutes_in(texts, budget)
    plain = {bare(name): value for name, value in texts.items() if bare(name) not in BUDGETS}
    names = {field.encode_name for field in msgspec.structs.fields(recipe.params)}
    for name in plain:
        if name not in names:
            raise InvalidInput(f"{recipe.name} has no hyperparameter {name}; it has {_all(names) or 'none'}.")
    try:
        return recipe.parse(plain)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        raise InvalidInput(f"A hyperparameter of {recipe.name} is not valid: {in_words(error)}") from error


def minutes_in(texts: Mapping[str, str], budget: str = MINUTES) -> float | None:
    """The minutes of one of `BUDGETS` among hyperparameters. Raises `InvalidInput` where they are no time."""
    words = next((value for name, value in texts.items() if bare(name) == budget), None)
    if words is None:
        return None
    minutes = number_in(words)
    if not 0 < minutes < math.inf:
        raise InvalidInput(f"The hyperparameter {budget} is a number of minutes above 0, not {words!r}.")
    return minutes


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
    weights = [1.0 if event.weight is None else event.weight for event in config.event_parameters_list]
    if seen and max(weights) <= 0:
        none = "every weight is 0" if not any(weights) else "no weight is above 0"
        raise InvalidInput(f"{where}: {none}; at least one must be greater, as only their ratios count.")


def check_weights(config: SolutionConfig | SolutionUpdateConfig | None, quotas: str) -> None:
    """Raises `InvalidInput` for a negative weight where AWS's quotas count: AWS has none."""
    if config is None or config.events_config is None or quotas != "aws":
        return
    for place, event in enumerate(config.events_config.event_parameters_list):
        if event.weight is not None and event.weight < 0:
            at = f"`$.solutionConfig.eventsConfig.eventParametersList[{place}].weight`"
            raise InvalidInput(f"1 validation error detected: expected a number >= 0.0 - at {at}")


def check_objective(config: JsonMap, items: Schema | None) -> None:
    """Raises `InvalidInput` unless the group's Items have the column that is to be optimised."""
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
