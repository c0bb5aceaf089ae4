"""The shown status, a row a case."""

from __future__ import annotations

import pytest

from engine.control.lifecycle import shown
from engine.records import DatasetGroup, Schema

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
    assert shown(DatasetGroup(uid="u", status=stored, **COMMON), 100.0 + age, pending_s) == expected


@pytest.mark.parametrize(
    ("age", "expected"), [(0.0, "DELETE PENDING"), (2.0, "DELETE IN_PROGRESS"), (4.0, None), (1e9, None)]
)
def test_deletion(age: float, expected: str | None):
    group = DatasetGroup(uid="u", deleted_at=100.0, **COMMON)
    assert shown(group, 100.0 + age, 4.0) == expected


def test_a_schema_is_there_at_once():
    assert shown(Schema(schema="{}", **COMMON), 100.0, 4.0) == "ACTIVE"
