"""What recipes are made of: defaults and ranges as the specification's §3.2 lists them."""

from __future__ import annotations

from typing import Any

import pytest

from engine import RECIPES
from tests.aws.world import Clients

AWS = "arn:aws:personalize:::"
SHARES = {"min_user_history_length_percentile": "0.0", "max_user_history_length_percentile": "0.99"}


def algorithm(aws: Clients, name: str) -> dict[str, Any]:
    return aws.personalize.describe_algorithm(algorithmArn=f"{AWS}algorithm/{name}")["algorithm"]


def transformation(aws: Clients, name: str) -> dict[str, str]:
    arn = f"{AWS}feature-transformation/{name}"
    found = aws.personalize.describe_feature_transformation(featureTransformationArn=arn)["featureTransformation"]
    assert (found["name"], found["featureTransformationArn"], found["status"]) == (name, arn, "ACTIVE")
    return found["defaultParameters"]


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_names_parts_that_can_be_described(aws: Clients, name: str):
    p = aws.personalize
    recipe = p.describe_recipe(recipeArn=f"{AWS}recipe/{name}")["recipe"]
    assert p.describe_algorithm(algorithmArn=recipe["algorithmArn"])["algorithm"]["name"]
    p.describe_feature_transformation(featureTransformationArn=recipe["featureTransformationArn"])


DEFAULTS = [
    ("aws-user-personalization-v2", {"apply_recency_bias": "true"}),
    ("aws-personalized-ranking-v2", {"apply_recency_bias": "true"}),
    ("aws-user-personalization", {"hidden_dimension": "149", "bptt": "32", "recency_mask": "True"}),
    ("aws-hrnn", {"hidden_dimension": "43", "bptt": "32", "recency_mask": "True"}),
    ("aws-hrnn-metadata", {"hidden_dimension": "43", "bptt": "32", "recency_mask": "True"}),
    (
        "aws-hrnn-coldstart",
        {
            "hidden_dimension": "149",
            "bptt": "32",
            "recency_mask": "True",
            "cold_start_max_interactions": "15",
            "cold_start_max_duration": "5.0",
            "cold_start_relative_from": "latestItem",
        },
    ),
    ("aws-sims", {"popularity_discount_factor": "0.5", "min_cointeraction_count": "3"}),
    ("aws-popularity-count", {}),
    ("aws-trending-now-custom", {}),
    ("aws-next-best-action", {"action_optimization_period": "14"}),
    ("aws-item-affinity", {"hidden_dimension": "149"}),
]


@pytest.mark.parametrize(("name", "expected"), DEFAULTS, ids=[row[0] for row in DEFAULTS])
def test_defaults_of_algorithms(aws: Clients, name: str, expected: dict[str, str]):
    assert algorithm(aws, name)["defaultHyperParameters"] == expected


@pytest.mark.parametrize("name", ["aws-next-best-action"])
def test_an_algorithm_is_described_under_its_arn(aws: Clients, name: str):
    assert algorithm(aws, name)["algorithmArn"] == f"{AWS}algorithm/{name}"


def test_ranges(aws: Clients):
    ranges = algorithm(aws, "aws-user-personalization")["defaultHyperParameterRanges"]
    assert ranges["integerHyperParameterRanges"] == [
        {"name": "hidden_dimension", "minValue": 32, "maxValue": 256, "isTunable": True},
        {"name": "bptt", "minValue": 2, "maxValue": 32, "isTunable": True},
    ]
    mask = {"name": "recency_mask", "values": ["True", "False"], "isTunable": True}
    assert ranges["categoricalHyperParameterRanges"] == [mask]
    (discount,) = algorithm(aws, "aws-similar-items")["defaultHyperParameterRanges"]["continuousHyperParameterRanges"]
    assert discount == {"name": "popularity_discount_factor", "minValue": 0.0, "maxValue": 1.0, "isTunable": False}


def test_defaults_of_transformations(aws: Clients):
    assert transformation(aws, "JSON-percentile-filtering") == SHARES
    assert transformation(aws, "aws-trending-now") == {"trend_discovery_frequency": "2 hours"}
    assert transformation(aws, "sims")["max_item_interaction_count_percentile"] == "0.9"
    assert transformation(aws, "item-attribute-affinity") == transformation(aws, "aws-semantic-similarity") == {}


def test_nothing_else_is_described(aws: Clients):
    p = aws.personalize
    for call in (
        lambda: p.describe_algorithm(algorithmArn=f"{AWS}algorithm/aws-trending-now"),
        lambda: p.describe_algorithm(algorithmArn=f"{AWS}recipe/aws-sims"),
        lambda: p.describe_feature_transformation(featureTransformationArn=f"{AWS}feature-transformation/none"),
    ):
        with pytest.raises(p.exceptions.ResourceNotFoundException):
            call()
