"""Algorithms and feature transformations: what recipes are made of, with their parameters' defaults and ranges."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from engine.arns import PARTITION
from engine.control.control import Control
from engine.control.fields import Arn, Request, ResourceShape, Shape
from engine.control.hyperparameters import TUNABLE, Parameter, all_recipes
from engine.control.lifecycle import ACTIVE
from engine.control.operation import operation
from engine.control.recipes import ALGORITHMS, SINCE, TRANSFORMATIONS
from engine.errors import NotFound


class DescribeAlgorithm(Request, frozen=True):
    algorithm_arn: Arn


class DescribeFeatureTransformation(Request, frozen=True):
    feature_transformation_arn: Arn


class IntegerRange(Shape, frozen=True, kw_only=True):
    name: str
    min_value: int
    max_value: int
    is_tunable: bool


class ContinuousRange(Shape, frozen=True, kw_only=True):
    name: str
    min_value: float
    max_value: float
    is_tunable: bool


class CategoricalRange(Shape, frozen=True, kw_only=True):
    name: str
    values: tuple[str, ...]
    is_tunable: bool


class Ranges(Shape, frozen=True):
    integer_hyper_parameter_ranges: list[IntegerRange]
    continuous_hyper_parameter_ranges: list[ContinuousRange]
    categorical_hyper_parameter_ranges: list[CategoricalRange]


class AlgorithmShape(Shape, frozen=True, kw_only=True):
    name: str
    algorithm_arn: str
    default_hyper_parameters: dict[str, str]
    default_hyper_parameter_ranges: Ranges
    training_input_mode: str
    creation_date_time: float
    last_updated_date_time: float


class DescribeAlgorithmResponse(Shape, frozen=True):
    algorithm: AlgorithmShape


class TransformationShape(ResourceShape, frozen=True, kw_only=True):
    name: str
    arn: str = msgspec.field(name="featureTransformationArn")
    default_parameters: dict[str, str]


class DescribeFeatureTransformationResponse(Shape, frozen=True):
    feature_transformation: TransformationShape


@operation
def describe_algorithm(control: Control, request: DescribeAlgorithm) -> DescribeAlgorithmResponse:
    name, recipe = _named(request.algorithm_arn, "algorithm", ALGORITHMS)
    parameters = [each for each in all_recipes()[recipe] if not each.prepares]
    shape = AlgorithmShape(
        name=name,
        algorithm_arn=request.algorithm_arn,
        default_hyper_parameters=_defaults(parameters),
        default_hyper_parameter_ranges=_ranges(parameters, TUNABLE.get(recipe, ())),
        training_input_mode="File",
        creation_date_time=SINCE,
        last_updated_date_time=SINCE,
    )
    return DescribeAlgorithmResponse(shape)


@operation
def describe_feature_transformation(
    control: Control, request: DescribeFeatureTransformation
) -> DescribeFeatureTransformationResponse:
    name, recipe = _named(request.feature_transformation_arn, "feature-transformation", TRANSFORMATIONS)
    shape = TransformationShape(
        name=name,
        arn=request.feature_transformation_arn,
        status=ACTIVE,
        default_parameters=_defaults(each for each in all_recipes()[recipe] if each.prepares),
        creation_date_time=SINCE,
        last_updated_date_time=SINCE,
    )
    return DescribeFeatureTransformationResponse(shape)


def _named(arn: str, kind: str, names: dict[str, str]) -> tuple[str, str]:
    """The name in the ARN, and a recipe that it belongs to; `names` has those not called as their recipe is.

    Raises `NotFound`.
    """
    name = arn.removeprefix(f"{PARTITION}:::{kind}/")
    for recipe in all_recipes():
        if names.get(recipe, recipe) == name:
            return name, recipe
    raise NotFound(f"Resource Arn {arn} does not exist.")


def _defaults(parameters: Iterable[Parameter]) -> dict[str, str]:
    return {each.name: each.default for each in parameters}


def _ranges(parameters: Iterable[Parameter], tunable: tuple[str, ...]) -> Ranges:
    integers: list[IntegerRange] = []
    numbers: list[ContinuousRange] = []
    choices: list[CategoricalRange] = []
    for each in parameters:
        name, is_tunable = each.name, each.name in tunable
        if each.low is None or each.high is None:
            choices.append(CategoricalRange(name=name, values=each.values, is_tunable=is_tunable))
        elif each.type == "continuous":
            low, high = float(each.low), float(each.high)
            numbers.append(ContinuousRange(name=name, min_value=low, max_value=high, is_tunable=is_tunable))
        else:
            low, high = int(each.low), int(each.high)
            integers.append(IntegerRange(name=name, min_value=low, max_value=high, is_tunable=is_tunable))
    return Ranges(integers, numbers, choices)
