"""The shown status, a row a case."""

from __future__ import annotations

import pytest

from engine.control.lifecycle import shown, shown_at, shown_update
from engine.records import (
    CampaignRecord,
    DatasetGroupRecord,
    RecommenderRecord,
    Record,
    SchemaRecord,
    SolutionRecord,
    SolutionVersionRecord,
)

COMMON = {"arn": "a", "account": "1", "name": "n", "creation_date_time": 100.0, "last_updated_date_time": 100.0}

ROWS = [  # age, pending_s, stored status, shown
    (0.0, 4.0, "ACTIVE", "CREATE PENDING"),
    (1.9, 4.0, "ACTIVE", "CREATE PENDING"),
    (2.0, 4.0, "ACTIVE", "CREATE IN_PROGRESS"),
    (4.0, 4.0, "ACTIVE", "ACTIVE"),
    (4.0, 4.0, "CREATE FAILED", "CREATE FAILED"),
    (0.0, 0.0, "ACTIVE", "ACTIVE"),
]


@pytest.mark.parametrize(("age", "pending_s", "stored", "expected"), ROWS)
def test_creation(age: float, pending_s: float, stored: str, expected: str):
    assert shown(DatasetGroupRecord(uid="u", status=stored, **COMMON), 100.0 + age, pending_s) == expected


@pytest.mark.parametrize(
    ("age", "expected"), [(0.0, "DELETE PENDING"), (2.0, "DELETE IN_PROGRESS"), (4.0, None), (1e9, None)]
)
def test_deletion(age: float, expected: str | None):
    group = DatasetGroupRecord(uid="u", deleted_at=100.0, **COMMON)
    assert shown(group, 100.0 + age, 4.0) == expected


def test_a_schema_is_there_at_once():
    assert shown(SchemaRecord(schema="{}", **COMMON), 100.0, 4.0) == "ACTIVE"


@pytest.mark.parametrize(("age", "expected"), [(0.0, 100.0), (1.9, 100.0), (2.0, 102.0), (4.0, 104.0), (1e6, 104.0)])
def test_every_state_moves_the_last_update(age: float, expected: float):
    now, group = 100.0 + age, {"dataset_group_arn": "g", "recipe_arn": "r"}
    update = {"status": "ACTIVE", "creationDateTime": 100.0, "lastUpdatedDateTime": 100.0}
    version = {"solution_arn": "s", "stopped_at": 100.0, "status": "CREATE STOPPED"}
    made: list[Record] = [
        DatasetGroupRecord(uid="u", **COMMON),
        DatasetGroupRecord(uid="u", deleted_at=100.0, **COMMON),
        RecommenderRecord(turned_at=100.0, **group, **COMMON),
        SolutionVersionRecord(**version, **group, **COMMON),
        SolutionRecord(latest_solution_update=update, **group, **COMMON),
        CampaignRecord(solution_arn="s", solution_version_arn="v", latest_campaign_update=update, **COMMON),
    ]
    assert [shown_at(record, now, 4.0) for record in made] == [expected] * len(made)
    assert shown_update(update, now, 4.0)["lastUpdatedDateTime"] == expected


def test_what_has_no_states_was_updated_last_when_it_was_stored():
    solution = SolutionRecord(dataset_group_arn="g", recipe_arn="r", **COMMON)
    assert shown(solution, 100.0, 4.0) == "ACTIVE"
    assert shown_at(solution, 1e6, 4.0) == shown_at(DatasetGroupRecord(uid="u", **COMMON), 1e6, 0.0) == 100.0
