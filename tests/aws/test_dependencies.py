"""What must be there before, and what must be gone first (specification §1.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.aws.flow import ROLE, Flow
from tests.aws.world import Clients, World

Act = Callable[[Any, Flow], object]

HELD: list[tuple[str, str, Act]] = [  # what holds it, what is refused, the refused call
    ("a dataset", "dataset", lambda p, flow: p.delete_dataset_group(datasetGroupArn=flow.group)),
    ("a tracker", "tracker", lambda p, flow: p.delete_dataset_group(datasetGroupArn=flow.group)),
    ("a filter", "filter", lambda p, flow: p.delete_dataset_group(datasetGroupArn=flow.group)),
    ("a solution", "solution", lambda p, flow: p.delete_dataset_group(datasetGroupArn=flow.group)),
    ("its dataset", "dataset", lambda p, flow: p.delete_schema(schemaArn=flow.schema)),
    ("its campaign", "campaign", lambda p, flow: p.delete_solution(solutionArn=flow.solution)),
]


@pytest.mark.parametrize(("holder", "step", "act"), HELD, ids=[row[0] for row in HELD])
def test_held_by(aws: Clients, flow: Flow, holder: str, step: str, act: Act):
    assert getattr(flow, step)
    with pytest.raises(aws.personalize.exceptions.ResourceInUseException, match="depends on it"):
        act(aws.personalize, flow)


def test_a_dataset_is_held_by_a_running_import(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    job = p.create_dataset_import_job(
        jobName="j", datasetArn=flow.dataset, dataSource={"dataLocation": "s3://b/k"}, roleArn=ROLE
    )["datasetImportJobArn"]
    with pytest.raises(p.exceptions.ResourceInUseException):
        p.delete_dataset(datasetArn=flow.dataset)
    world.finish(job)
    p.delete_dataset(datasetArn=flow.dataset)


def test_a_dataset_and_a_solution_are_held_by_a_running_training(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    assert flow.dataset
    version = p.create_solution_version(solutionArn=flow.solution)["solutionVersionArn"]
    world.finish(version, "CREATE IN_PROGRESS")
    for delete in (
        lambda: p.delete_dataset(datasetArn=flow.dataset),
        lambda: p.delete_solution(solutionArn=flow.solution),
    ):
        with pytest.raises(p.exceptions.ResourceInUseException):
            delete()
    world.finish(version, "CREATE FAILED")
    p.delete_dataset(datasetArn=flow.dataset)
    p.delete_solution(solutionArn=flow.solution)
    assert p.list_solution_versions()["solutionVersions"] == []


def test_a_campaign_needs_an_active_version(aws: Clients, flow: Flow):
    p = aws.personalize
    version = p.create_solution_version(solutionArn=flow.solution)["solutionVersionArn"]
    with pytest.raises(p.exceptions.ResourceInUseException, match="CREATE PENDING"):
        p.create_campaign(name="c", solutionVersionArn=version)
    with pytest.raises(p.exceptions.ResourceNotFoundException):
        p.create_campaign(name="c", solutionVersionArn=f"{version}0")


def test_a_new_dataset_of_the_same_arn_has_no_bulk_data(aws: Clients, flow: Flow):
    p = aws.personalize
    assert flow.import_job
    location = {"dataLocation": "s3://b/k"}
    job = {"jobName": "first", "datasetArn": flow.dataset, "dataSource": location, "roleArn": ROLE}
    p.delete_dataset(datasetArn=flow.dataset)
    p.create_dataset(name="d", schemaArn=flow.schema, datasetGroupArn=flow.group, datasetType="Interactions")
    with pytest.raises(p.exceptions.InvalidInputException, match="no bulk data"):
        p.create_dataset_import_job(**job, importMode="INCREMENTAL")
    assert p.list_dataset_import_jobs()["datasetImportJobs"] == []
    assert p.create_dataset_import_job(**job)["datasetImportJobArn"] == flow.import_job
