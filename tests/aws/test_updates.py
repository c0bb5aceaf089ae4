"""Changing what is there: UpdateSolution, UpdateDataset, StopSolutionVersionCreation."""

from __future__ import annotations

from typing import Any

import pytest

from engine.records import SolutionRecord
from tests.aws.flow import PERSONAL, Flow, schema_text
from tests.aws.world import Clients, World

OLD = (("ITEM_ID", "string"), ("PRICE", "float"))
COLOUR = ("COLOUR", ["null", "string"])


def schema(aws: Clients, name: str, *fields: tuple[str, Any]) -> str:
    return aws.personalize.create_schema(name=name, schema=schema_text("Items", *fields))["schemaArn"]


@pytest.fixture
def items(aws: Clients, flow: Flow) -> str:
    made = {"name": "items", "datasetGroupArn": flow.group, "datasetType": "Items"}
    return aws.personalize.create_dataset(**made, schemaArn=schema(aws, "old", *OLD))["datasetArn"]


def described(aws: Clients, arn: str) -> dict[str, Any]:
    return aws.personalize.describe_dataset(datasetArn=arn)["dataset"]


# ---- datasets


def test_a_dataset_grows(aws: Clients, items: str):
    grown = schema(aws, "grown", COLOUR, *OLD)
    assert "latestDatasetUpdate" not in described(aws, items)
    assert aws.personalize.update_dataset(datasetArn=items, schemaArn=grown)["datasetArn"] == items
    shown = described(aws, items)
    assert shown["schemaArn"] == grown and shown["status"] == "ACTIVE"
    update = shown["latestDatasetUpdate"]
    assert (update["schemaArn"], update["status"]) == (grown, "ACTIVE")
    aws.personalize.delete_schema(schemaArn=items.rpartition("dataset/")[0] + "schema/old")
    with pytest.raises(aws.personalize.exceptions.ResourceInUseException):
        aws.personalize.delete_schema(schemaArn=grown)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ((OLD[0], ("SIZE", "float")), r"removed: \['PRICE'\]"),
        ((OLD[0], ("PRICE", "int"), COLOUR), r"changed: \['PRICE'\]"),
        ((*OLD, ("SIZE", "float")), r"allow null: \['SIZE'\]"),
    ],
)
def test_a_dataset_keeps_its_fields(aws: Clients, items: str, fields: Any, why: str):
    with pytest.raises(aws.personalize.exceptions.InvalidInputException, match=why):
        aws.personalize.update_dataset(datasetArn=items, schemaArn=schema(aws, "new", *fields))
    assert "latestDatasetUpdate" not in described(aws, items)


def test_interactions_stay(aws: Clients, flow: Flow):
    p = aws.personalize
    with pytest.raises(p.exceptions.InvalidInputException, match="INTERACTIONS"):
        p.update_dataset(datasetArn=flow.dataset, schemaArn=flow.schema)
    with pytest.raises(p.exceptions.ResourceNotFoundException):
        p.update_dataset(datasetArn=f"{flow.dataset}x", schemaArn=flow.schema)


def test_not_while_it_is_imported_into(aws: Clients, items: str):
    p = aws.personalize
    source = {"dataLocation": "s3://b/k"}
    p.create_dataset_import_job(
        jobName="j", datasetArn=items, dataSource=source, roleArn="arn:aws:iam::123456789012:role/r"
    )
    with pytest.raises(p.exceptions.ResourceInUseException):
        p.update_dataset(datasetArn=items, schemaArn=schema(aws, "grown", COLOUR, *OLD))


# ---- solutions


def weighing(event: str) -> dict[str, Any]:
    return {"eventsConfig": {"eventParametersList": [{"eventType": event, "weight": 0.5}]}}


def test_a_solution_changes_and_trains_by_itself_from_then_on(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    made = {"name": "s", "recipeArn": PERSONAL, "datasetGroupArn": flow.group, "performAutoTraining": False}
    arn = p.create_solution(**made, solutionConfig=weighing("click"))["solutionArn"]
    config = {**weighing("buy"), "autoTrainingConfig": {"schedulingExpression": "rate(3 days)"}}
    p.update_solution(solutionArn=arn, performAutoTraining=True, solutionUpdateConfig=config)
    solution = p.describe_solution(solutionArn=arn)["solution"]
    assert solution["performAutoTraining"] is True and solution["solutionConfig"] == config
    update = solution["latestSolutionUpdate"]
    assert (update["status"], update["performAutoTraining"]) == ("ACTIVE", True)
    assert update["solutionUpdateConfig"] == config and "performIncrementalUpdate" not in update
    due = world.records.get(arn, SolutionRecord).next_training_at
    assert due is not None and 3590 < due - world.clock.now <= 3600
    p.update_solution(solutionArn=arn, performIncrementalUpdate=True)
    solution = p.describe_solution(solutionArn=arn)["solution"]
    assert solution["performIncrementalUpdate"] is True and solution["solutionConfig"] == config
    assert world.records.get(arn, SolutionRecord).next_training_at == due
    p.update_solution(solutionArn=arn, performAutoTraining=False)
    assert world.records.get(arn, SolutionRecord).next_training_at is None and world.queued() == []


@pytest.mark.parametrize("config", [weighing("buy"), {"autoTrainingConfig": {"schedulingExpression": "rate(31 days)"}}])
def test_a_solution_refuses_what_does_not_fit(aws: Clients, flow: Flow, config: dict[str, Any]):
    p = aws.personalize
    with pytest.raises(p.exceptions.InvalidInputException):
        p.update_solution(solutionArn=flow.solution, solutionUpdateConfig=config)
    with pytest.raises(p.exceptions.ResourceNotFoundException):
        p.update_solution(solutionArn=f"{flow.solution}x", performAutoTraining=True)


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([{"weight": 0.5}], r"eventParametersList\[0\]\.eventType is required"),
        ([{"eventType": "a"}, {"eventType": "A"}], "listed twice"),
        ([{"eventType": "a", "weight": 0}], "every weight is 0"),
        ([{"eventType": "a", "weight": 1.01}], "<= 1"),
    ],
)
def test_weights_keep_their_rules_in_an_update(aws: Clients, flow: Flow, events: list[dict[str, Any]], why: str):
    p = aws.personalize
    made = {"name": "s", "recipeArn": PERSONAL, "datasetGroupArn": flow.group, "performAutoTraining": False}
    arn = p.create_solution(**made, solutionConfig=weighing("click"))["solutionArn"]
    with pytest.raises(p.exceptions.InvalidInputException, match=why):
        p.update_solution(solutionArn=arn, solutionUpdateConfig={"eventsConfig": {"eventParametersList": events}})
    assert p.describe_solution(solutionArn=arn)["solution"]["solutionConfig"] == weighing("click")


# ---- stopping


def version_status(aws: Clients, arn: str) -> str:
    return aws.personalize.describe_solution_version(solutionVersionArn=arn)["solutionVersion"]["status"]


def test_a_waiting_version_stops_at_once(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    arn = p.create_solution_version(solutionArn=flow.solution)["solutionVersionArn"]
    p.stop_solution_version_creation(solutionVersionArn=arn)
    assert version_status(aws, arn) == "CREATE STOPPED" and world.queued() == []
    with pytest.raises(p.exceptions.ResourceInUseException, match="CREATE STOPPED"):
        p.stop_solution_version_creation(solutionVersionArn=arn)
    with pytest.raises(p.exceptions.InvalidInputException):
        p.get_solution_metrics(solutionVersionArn=arn)
    p.delete_solution(solutionArn=flow.solution)


@pytest.mark.parametrize("pending_s", [10.0])
def test_a_version_in_training_is_seen_stopping(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    for step in ("group", "solution"):
        assert getattr(flow, step)
        world.clock.now += 10
    arn = p.create_solution_version(solutionArn=flow.solution)["solutionVersionArn"]
    world.finish(arn, "CREATE IN_PROGRESS")
    p.stop_solution_version_creation(solutionVersionArn=arn)
    assert version_status(aws, arn) == "CREATE STOPPING"
    with pytest.raises(p.exceptions.ResourceInUseException):
        p.delete_solution(solutionArn=flow.solution)
    world.clock.now += 10
    assert version_status(aws, arn) == "CREATE STOPPED"
    p.delete_solution(solutionArn=flow.solution)


def test_a_trained_version_has_nothing_to_stop(aws: Clients, flow: Flow):
    p = aws.personalize
    with pytest.raises(p.exceptions.ResourceInUseException, match="ACTIVE"):
        p.stop_solution_version_creation(solutionVersionArn=flow.version)
    with pytest.raises(p.exceptions.ResourceNotFoundException):
        p.stop_solution_version_creation(solutionVersionArn=f"{flow.version}0")
