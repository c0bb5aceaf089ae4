"""The control plane's operations are those that botocore knows, no more and no fewer."""

from __future__ import annotations

import boto3

from engine.control import OPERATIONS


def test_every_operation_is_there_and_none_is_ours_alone():
    model = boto3.Session().client("personalize", region_name="us-east-1").meta.service_model
    assert set(OPERATIONS) == set(model.operation_names)
