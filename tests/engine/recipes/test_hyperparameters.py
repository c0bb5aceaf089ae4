"""The ranges of the specification, as rows: recipe, hyperparameter, a value that is taken, one that is not."""

import msgspec
import pytest

from engine.recipes import RECIPES

V1, SIMS = "aws-user-personalization", "aws-sims"
ROWS = [
    (V1, "hidden_dimension", "256", "257"),
    (V1, "hidden_dimension", "32", "31"),
    (V1, "bptt", "32", "33"),
    (V1, "bptt", "2", "1"),
    (V1, "recency_mask", "False", "maybe"),
    (V1, "max_user_history_length_percentile", "0.5", "1.1"),
    ("aws-personalized-ranking", "hidden_dimension", "64", "x"),
    ("aws-user-personalization-v2", "apply_recency_bias", "false", "2"),
    (SIMS, "popularity_discount_factor", "1", "1.01"),
    (SIMS, "min_cointeraction_count", "0", "11"),
    (SIMS, "min_item_interaction_count_percentile", "0.1", "-0.1"),
    ("aws-hrnn", "hidden_dimension", "43", "31"),
    ("aws-hrnn-metadata", "bptt", "2", "33"),
    ("aws-hrnn-coldstart", "cold_start_max_interactions", "1", "0"),
    ("aws-hrnn-coldstart", "cold_start_max_duration", "0.5", "-1"),
    ("aws-hrnn-coldstart", "cold_start_relative_from", "currentTime", "never"),
    ("aws-item-affinity", "hidden_dimension", "32", "31"),
    ("aws-item-attribute-affinity", "hidden_dimension", "256", "257"),
    ("aws-similar-items", "item_id_hidden_dim", "30", "29"),
    ("aws-similar-items", "item_metadata_hidden_dim", "200", "201"),
]


@pytest.mark.parametrize(("recipe", "name", "good", "bad"), ROWS)
def test_range(recipe: str, name: str, good: str, bad: str) -> None:
    RECIPES[recipe].parse({name: good})
    with pytest.raises(msgspec.ValidationError, match=name):
        RECIPES[recipe].parse({name: bad})


DEFAULTS = {
    V1: {"hidden_dimension": 149, "bptt": 32, "recency_mask": True, "max_user_history_length_percentile": 0.99},
    "aws-user-personalization-v2": {"apply_recency_bias": True},
    SIMS: {"popularity_discount_factor": 0.5, "min_cointeraction_count": 3},
    "aws-similar-items": {"popularity_discount_factor": 0.0, "item_id_hidden_dim": 100},
    "aws-hrnn": {"hidden_dimension": 43, "bptt": 32, "recency_mask": True},
    "aws-hrnn-metadata": {"hidden_dimension": 43, "max_user_history_length_percentile": 0.99},
    "aws-hrnn-coldstart": {
        "hidden_dimension": 149,
        "cold_start_max_interactions": 15,
        "cold_start_max_duration": 5.0,
        "cold_start_relative_from": "latestItem",
    },
    "aws-item-affinity": {"hidden_dimension": 149},
    "aws-item-attribute-affinity": {"hidden_dimension": 149},
    "aws-trending-now": {"trend_discovery_frequency": "2 hours"},
}


@pytest.mark.parametrize("recipe", DEFAULTS)
def test_defaults(recipe: str) -> None:
    params = RECIPES[recipe].parse({})
    assert {name: getattr(params, name) for name in DEFAULTS[recipe]} == DEFAULTS[recipe]
