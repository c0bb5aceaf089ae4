"""Settings from the environment, a row a variable; and AWS's minimum of data, which comes with AWS's quotas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import InvalidInput, Settings
from engine.records import SolutionVersionRecord
from tests.engine.shop import T0, Shop

ROWS: list[tuple[dict[str, str], dict[str, Any], dict[str, Any]]] = [  # environment, changes, settings
    ({}, {}, {"pending_s": 0.25, "quotas": "open", "min_interactions": 0, "min_users": 0, "min_share": 0.0}),
    ({"RECGATE_INSTANT": "1"}, {}, {"pending_s": 0.0, "first_training_s": 1.0}),
    ({"RECGATE_INSTANT": "0"}, {}, {"pending_s": 0.25, "first_training_s": 3600.0}),
    ({"RECGATE_INSTANT": "yes"}, {"pending_s": 2.0}, {"pending_s": 2.0}),
    ({"RECGATE_PENDING_SECONDS": "0.5"}, {}, {"pending_s": 0.5}),
    ({"RECGATE_PENDING_SECONDS": "0.5", "RECGATE_INSTANT": "1"}, {}, {"pending_s": 0.0}),
    ({}, {"quotas": "aws"}, {"min_interactions": 1000, "min_users": 25, "min_share": 0.01}),
    ({"RECGATE_MIN_USERS": "0"}, {"quotas": "aws"}, {"min_interactions": 1000, "min_users": 0}),
    ({"RECGATE_MIN_INTERACTIONS": "50"}, {}, {"min_interactions": 50, "min_users": 0}),
    ({}, {}, {"account_id": "000000000000", "region": "us-east-1"}),
    ({"RECGATE_ACCOUNT_ID": "111122223333", "RECGATE_REGION": ""}, {}, {"account_id": "111122223333"}),
    ({"RECGATE_REGION": "eu-west-1"}, {"region": "eu-west-2"}, {"region": "eu-west-2"}),
]


@pytest.mark.parametrize(("environ", "changes", "expected"), ROWS)
def test_settings(environ: dict[str, str], changes: dict[str, Any], expected: dict[str, Any]):
    settings = Settings.of(Path("/data"), environ, **changes)
    assert {name: getattr(settings, name) for name in expected} == expected


@pytest.mark.parametrize("value", ["many", "-1", "1.5", ""])
def test_a_minimum_is_a_whole_number(value: str):
    with pytest.raises(InvalidInput, match="RECGATE_MIN_USERS"):
        Settings.of(Path("/data"), {"RECGATE_MIN_USERS": value})


@pytest.mark.parametrize(("name", "value"), [("RECGATE_ACCOUNT_ID", "12"), ("RECGATE_REGION", "Paris!")])
def test_the_account_and_the_region_are_spelled_as_at_aws(name: str, value: str):
    with pytest.raises(InvalidInput, match=name):
        Settings.of(Path("/data"), {name: value})


NUMBERS = ["RECGATE_PENDING_SECONDS", "RECGATE_SHOWN_HOURS", "RECGATE_EXPERIMENT_DAYS", "RECGATE_SHOWN_BYTES"]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["many", "-1", "nan", "inf", ""])
def test_the_other_numbers(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name} is '{value}'; it is a number, 0 or more"):
        Settings.of(Path("/data"), {name: value})


MINIMA: list[tuple[list[str], dict[str, Any], str | None]] = [  # clicks as user item second, settings, reason
    (["u a 1", "u b 2"], {"min_interactions": 3}, "Dataset has fewer than 3 interactions"),
    (["u a 1", "u b 2"], {"min_users": 25}, "Dataset has fewer than 25 users with at least 2 interactions each."),
    (
        ["u a 1", "u b 2", *(f"v{n} a {n}" for n in range(150))],
        {"min_users": 1, "min_share": 0.01},
        "Dataset has fewer than 1% of users with at least 2 interactions each.",
    ),
    (["u a 1", "u b 2", *(f"v{n} a {n}" for n in range(99))], {"min_users": 1, "min_share": 0.01}, None),
]


@pytest.mark.parametrize(("clicks", "minimum", "reason"), MINIMA)
def test_too_little_data(tmp_path: Path, clicks: list[str], minimum: dict[str, Any], reason: str | None):
    shop = Shop(tmp_path, **minimum).furnish()
    shop.load_clicks(*clicks)
    record = shop.engine.records.get(shop.train(), SolutionVersionRecord)
    assert (record.status, record.failure_reason) == ("CREATE FAILED" if reason else "ACTIVE", reason)
    shop.close()


def test_too_little_data_of_an_event_type(tmp_path: Path):
    shop = Shop(tmp_path, quotas="aws").furnish()
    header = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,DEVICE,SHELF"
    shop.load(
        "INTERACTIONS", [header, *(f"u{n},i{n % 7},{T0 + n},{'buy' if n % 2 else 'view'},,," for n in range(1500))]
    )
    recipe = "arn:aws:personalize:::recipe/aws-popularity-count"
    made = {"recipeArn": recipe, "datasetGroupArn": shop.group, "performAutoTraining": False}
    shop.do("CreateSolution", name="bought", eventType="buy", **made)
    record = shop.engine.records.get(shop.train("bought"), SolutionVersionRecord)
    assert record.failure_reason == "Dataset has fewer than 1000 interactions after filtering by event type: buy"
    shop.close()
