"""Algorithms and feature transformations: what recipes are made of, with their parameters' defaults and ranges."""

from __future__ import annotations

from collections.abc import Iterable

from engine.arns import PARTITION
from engine.control.control import Control
from engine.control.fields import Arn, Request
from engine.control.hyperparameters import TUNABLE, Parameter, all_recipes
from engine.control.lifecycle import stated
from engine.control.operation import operation
from engine.control.recipes import ALGORITHMS, SINCE, TRANSFORMATIONS
from engine.errors import NotFound
from engine.records import JsonMap


class DescribeAlgorithm(Request, frozen=True):
    algorithm_arn: Arn


class DescribeFeatureTransformation(Request, frozen=True):
    feature_transformation_arn: Arn


@operation
def describe_algorithm(control: Control, request: DescribeAlgorithm) -> JsonMap:
    name, recipe = _named(request.algorithm_arn, "algorithm", ALGORITHMS)
    parameters = [each for each in all_recipes()[recipe] if not each.prepares]
    shown = {
        "name": name,
        "algorithmArn": request.algorithm_arn,
        "defaultHyperParameters": _defaults(parameters),
        "defaultHyperParameterRanges": _ranges(parameters, TUNABLE.get(recipe, ())),
        "trainingInputMode": "File",
        "creationDateTime": SINCE,
        "lastUpdatedDateTime": SINCE,
    }
    return {"algorithm": shown}


@operation
def describe_feature_transformation(control: Control, request: DescribeFeatureTransformation) -> JsonMap:
    arn = request.feature_transformation_arn
    name, recipe = _named(arn, "feature-transformation", TRANSFORMATIONS)
    defaults = _defaults(each for each in all_recipes()[recipe] if each.prepares)
    shown = {**stated(SINCE), "name": name, "featureTransformationArn": arn, "defaultParameters": defaults}
    return {"featureTransformation": shown}


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


def _ranges(parameters: Iterable[Parameter], tunable: tuple[str, ...]) -> JsonMap:
    ranges: dict[str, list[JsonMap]] = {"integer": [], "continuous": [], "categorical": []}
    for each in parameters:
        ranges[each.type].append({"name": each.name, **_values(each), "isTunable": each.name in tunable})
    return {f"{kind}HyperParameterRanges": of_kind for kind, of_kind in ranges.items()}


def _values(parameter: Parameter) -> JsonMap:
    if parameter.low is None or parameter.high is None:
        return {"values": parameter.values}
    number = float if parameter.type == "continuous" else int
    return {"minValue": number(parameter.low), "maxValue": number(parameter.high)}
