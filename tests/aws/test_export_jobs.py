"""Dataset export jobs on the wire; what they write is tested beside the engine."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.flow import OUTPUT, ROLE, Flow
from tests.aws.world import Clients, World


def export(aws: Clients, dataset: str, **more: Any) -> str:
    made = {"jobName": "out", "datasetArn": dataset, "roleArn": ROLE, "jobOutput": OUTPUT, **more}
    return aws.personalize.create_dataset_export_job(**made)["datasetExportJobArn"]


def test_an_export_is_queued_and_shown(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    arn = export(aws, flow.dataset)
    assert arn.endswith(":dataset-export-job/out") and world.queued() == [("exporting", arn)]
    job = p.describe_dataset_export_job(datasetExportJobArn=arn)["datasetExportJob"]
    assert (job["status"], job["ingestionMode"], job["jobOutput"]) == ("CREATE PENDING", "PUT", OUTPUT)
    with pytest.raises(p.exceptions.ResourceInUseException):
        p.delete_dataset(datasetArn=flow.dataset)
    world.finish(arn, "CREATE FAILED", failure_reason="why")
    assert p.describe_dataset_export_job(datasetExportJobArn=arn)["datasetExportJob"]["failureReason"] == "why"
    p.delete_dataset(datasetArn=flow.dataset)
    assert p.list_dataset_export_jobs()["datasetExportJobs"] == []


@pytest.mark.parametrize(
    "more",
    [
        {"ingestionMode": "SOME"},
        {"roleArn": "me"},
        {"jobOutput": {"s3DataDestination": {"path": "file:///tmp/x/"}}},
        {"jobOutput": {"s3DataDestination": {"path": "s3://"}}},
        {"jobOutput": {"s3DataDestination": {"path": "exports"}}},
    ],
)
def test_refusals(aws: Clients, flow: Flow, more: dict[str, Any]):
    with pytest.raises(aws.personalize.exceptions.InvalidInputException):
        export(aws, flow.dataset, **more)


def test_nothing_unknown_is_exported(aws: Clients, flow: Flow):
    with pytest.raises(aws.personalize.exceptions.ResourceNotFoundException):
        export(aws, f"{flow.dataset}x")
