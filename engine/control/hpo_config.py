"""Hyperparameter optimisation and AutoML in a solution's configuration, and what they come to (specification §1.8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import inf
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.control.fields import Arn, Request, Short
from engine.control.hyperparameters import TUNABLE, Parameter, all_recipes, bare
from engine.errors import InvalidInput
from engine.measure.metrics import METRICS
from engine.measure.tuning import METRIC, TRIALS, Dimension, SearchBudget
from engine.recipe import Recipe
from engine.records import JsonMap

MOST_JOBS, MOST_PARALLEL = 40, 10
PLACE = "solutionConfig.hpoConfig"

Bound = Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
Jobs = Annotated[str, Meta(max_length=256, pattern=r"^[0-9]+\Z")]


class HpoObjective(Request, frozen=True, kw_only=True):
    type: Short | None = None
    metric_name: Short | None = None
    metric_regex: Short | None = None


class HpoResourceConfig(Request, frozen=True, kw_only=True):
    max_number_of_training_jobs: Jobs | None = None
    max_parallel_training_jobs: Jobs | None = None  # kept and shown: trials run one after the other


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


def check_hpo(config: HpoConfig | None, recipe: Recipe[Any], perform_hpo: bool) -> None:
    """Raises `InvalidInput` naming the member that doesn't fit."""
    if config is not None and not perform_hpo:
        raise InvalidInput(f"{PLACE} needs performHPO to be true.")
    if not perform_hpo:
        return
    config = config or HpoConfig()
    if config.hpo_objective is not None:
        raise InvalidInput(f"{PLACE}.hpoObjective can't be set.")
    resources = config.hpo_resource_config or HpoResourceConfig()
    for name, value, most in (
        ("maxNumberOfTrainingJobs", resources.max_number_of_training_jobs, MOST_JOBS),
        ("maxParallelTrainingJobs", resources.max_parallel_training_jobs, MOST_PARALLEL),
    ):
        if value is not None and not 1 <= int(value) <= most:
            raise InvalidInput(f"{PLACE}.hpoResourceConfig.{name} is {value}; it is 1 to {most}.")
    _dimensions(config, recipe)


def check_auto_ml(config: AutoMLConfig | None, perform_auto_ml: bool) -> None:
    """Raises `InvalidInput` naming the member that doesn't fit."""
    if config is not None and not perform_auto_ml:
        raise InvalidInput("solutionConfig.autoMLConfig needs performAutoML to be true.")
    if config is not None and config.metric_name not in (None, *METRICS):
        raise InvalidInput(
            f"solutionConfig.autoMLConfig.metricName is {config.metric_name}; it is one of {', '.join(METRICS)}."
        )


def search_of(
    solution_config: JsonMap, recipe: Recipe[Any], minutes: float | None = None
) -> tuple[list[Dimension], SearchBudget]:
    """The dimensions that a solution's stored configuration says to search, and what the search may take: by trials, by
    `minutes`, or by both."""
    config = msgspec.convert(solution_config.get("hpoConfig", {}), HpoConfig)
    resources = config.hpo_resource_config or HpoResourceConfig()
    usual = TRIALS if minutes is None else MOST_JOBS
    trials = int(resources.max_number_of_training_jobs or usual)
    return _dimensions(config, recipe), SearchBudget(trials, inf if minutes is None else 60 * minutes)


def auto_ml_of(solution_config: JsonMap) -> tuple[str, tuple[str, ...]]:
    """The metric to go by, and the ARNs of the recipes that may be taken; none named: any."""
    config = msgspec.convert(solution_config.get("autoMLConfig", {}), AutoMLConfig)
    return config.metric_name or METRIC, tuple(config.recipe_list)


def _dimensions(config: HpoConfig, recipe: Recipe[Any]) -> list[Dimension]:
    """The ranges asked for; where none is, all that the recipe can tune. Raises `InvalidInput`."""
    ranges = config.algorithm_hyper_parameter_ranges
    if ranges is not None and None in msgspec.structs.astuple(ranges):
        raise InvalidInput(f"{PLACE}.algorithmHyperParameterRanges needs all three lists; they may be empty.")
    if recipe.name not in TUNABLE:
        raise InvalidInput(f"performHPO: the recipe {recipe.name} has no hyperparameter that can be tuned.")
    tunable = {each.name: each for each in all_recipes()[recipe.name] if each.name in TUNABLE[recipe.name]}
    asked = list(_asked(ranges or HyperParameterRanges(), recipe.name, tunable))
    names = [each.name for each in asked]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(f"{PLACE}.algorithmHyperParameterRanges names {name} more than once.")
    return asked or [_whole_range(each) for each in tunable.values()]


def _asked(ranges: HyperParameterRanges, recipe: str, tunable: dict[str, Parameter]) -> Iterator[Dimension]:
    for kind, of_kind in zip(("integer", "continuous", "categorical"), msgspec.structs.astuple(ranges), strict=True):
        for asked in of_kind or ():
            name = bare(asked.name or "")
            if name not in tunable:
                raise InvalidInput(
                    f"{PLACE}: {recipe} can't tune {name or 'a range without a name'}; "
                    f"it tunes {', '.join(sorted(tunable))}."
                )
            if tunable[name].type != kind:
                raise InvalidInput(
                    f"{PLACE}: the range of {name} belongs in {tunable[name].type}HyperParameterRanges, not {kind}."
                )
            parameter = tunable[name]
            yield _among(asked, parameter) if isinstance(asked, CategoricalRange) else _between(asked, parameter)


def _between(asked: IntegerRange | ContinuousRange, parameter: Parameter) -> Dimension:
    whole = _whole_range(parameter)
    low = whole.low if asked.min_value is None else asked.min_value
    high = whole.high if asked.max_value is None else asked.max_value
    if not whole.low <= low <= high <= whole.high:
        raise InvalidInput(
            f"{PLACE}: the range of {parameter.name} is {low:g} to {high:g}; "
            f"it must be within {whole.low:g} to {whole.high:g}, minValue first."
        )
    return replace(whole, low=low, high=high)


def _among(asked: CategoricalRange, parameter: Parameter) -> Dimension:
    values = {value.casefold() for value in parameter.values}
    wrong = [value for value in asked.values if value.casefold() not in values]
    if wrong or not asked.values:
        raise InvalidInput(
            f"{PLACE}: the values of {parameter.name} are {', '.join(wrong) or 'none'}; "
            f"they are some of {', '.join(parameter.values)}."
        )
    return Dimension(parameter.name, values=tuple(dict.fromkeys(asked.values)))


def _whole_range(parameter: Parameter) -> Dimension:
    if parameter.type == "categorical":
        return Dimension(parameter.name, values=parameter.values)
    return Dimension(parameter.name, float(parameter.low or 0), float(parameter.high or 0), parameter.type == "integer")
