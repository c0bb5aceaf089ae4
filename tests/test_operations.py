"""All of botocore's operations are in `aws/OPERATIONS.md`, each with a test that succeeds and one that is refused.

The fixture `operations` of those tests checks that they do what the table says.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import boto3
import pytest

from tests.aws import record
from tests.aws.world import SERVICES

ROOT = Path(__file__).parents[1]
MODELS = [boto3.Session().client(name, region_name="us-east-1").meta.service_model for name in SERVICES]
NAMES = [name for model in MODELS for name in model.operation_names]


@pytest.fixture(scope="module", autouse=True)
def written() -> None:
    if os.environ.get("RECGATE_WRITE_OPERATIONS"):
        record.write(NAMES)


def test_every_operation_has_a_row():
    assert len(NAMES) == 79
    assert list(record.rows()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_succeeds_and_is_refused(name: str):
    for ok, test in zip((True, False), record.rows()[name], strict=True):
        assert test, f"no test in which {name} {'succeeds' if ok else 'is refused'}"
        file, _, function = test.rpartition("::")
        assert re.search(rf"def {function}\(", (ROOT / file.partition("::")[0]).read_text()), f"{test} is gone"
