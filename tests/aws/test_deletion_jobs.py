"""Data deletion jobs on the wire; what they delete is tested beside the engine."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.flow import ROLE, Flow
from tests.aws.world import Clients, World


def delete(aws: Clients, group: str, name: str = "leave", **more: Any) -> str:
    made = {"datasetGroupArn": group, "dataSource": {"dataLocation": "s3://b/u/"}, "roleArn": ROLE, **more}
    return aws.personalize.create_data_deletion_job(jobName=name, **made)["dataDeletionJobArn"]


def test_a_deletion_is_queued_and_shown(aws: Clients, flow: Flow, world: World):
    p, arn = aws.personalize, delete(aws, flow.group)
    assert arn.endswith(":data-deletion-job/leave") and world.queued() == [("deleting", arn)]
    job = p.describe_data_deletion_job(dataDeletionJobArn=arn)["dataDeletionJob"]
    assert (job["status"], job["dataSource"]) == ("PENDING", {"dataLocation": "s3://b/u/"}) and "numDeleted" not in job
    with pytest.raises(p.exceptions.ResourceInUseException):
        p.delete_dataset_group(datasetGroupArn=flow.group)
    world.finish(arn, "COMPLETED", num_deleted=0)
    job = p.describe_data_deletion_job(dataDeletionJobArn=arn)["dataDeletionJob"]
    assert (job["status"], job["numDeleted"]) == ("COMPLETED", 0)
    (summary,) = p.list_data_deletion_jobs(datasetGroupArn=flow.group)["dataDeletionJobs"]
    assert summary.items() <= job.items()
    with pytest.raises(p.exceptions.ResourceAlreadyExistsException):
        delete(aws, flow.group)
    p.delete_dataset_group(datasetGroupArn=flow.group)
    assert p.list_data_deletion_jobs()["dataDeletionJobs"] == []


def test_the_newest_is_listed_first(aws: Clients, flow: Flow):
    made = [delete(aws, flow.group, f"job-{number}") for number in range(5)]
    seen, token = [], {}
    while True:
        answer = aws.personalize.list_data_deletion_jobs(maxResults=2, **token)
        seen += [job["dataDeletionJobArn"] for job in answer["dataDeletionJobs"]]
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert seen == made[::-1]


def test_refusals(aws: Clients, flow: Flow):
    p = aws.personalize
    for more in ({"dataSource": {"dataLocation": "file:///tmp/u.csv"}}, {"dataSource": {}}, {"roleArn": "me"}):
        with pytest.raises(p.exceptions.InvalidInputException):
            delete(aws, flow.group, **more)
    with pytest.raises(p.exceptions.ResourceNotFoundException):
        delete(aws, f"{flow.group}x")
