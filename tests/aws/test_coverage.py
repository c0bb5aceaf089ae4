"""Every operation that botocore knows is ours, but for those listed here; the list only shrinks."""

from __future__ import annotations

import boto3

from engine.control import OPERATIONS

MISSING: set[str] = set()


def test_every_operation_is_there_or_known_to_be_missing():
    model = boto3.Session().client("personalize", region_name="us-east-1").meta.service_model
    assert set(model.operation_names) - set(OPERATIONS) == MISSING


def test_no_operation_is_ours_alone():
    model = boto3.Session().client("personalize", region_name="us-east-1").meta.service_model
    assert set(OPERATIONS) <= set(model.operation_names)
