"""Resources that take a moment: what polling sees, and what may be done meanwhile (specification §1.4)."""

from __future__ import annotations

import pytest

from tests.aws.flow import BATCH, INTERACTIONS, Flow
from tests.aws.world import Clients, World


@pytest.fixture
def pending_s() -> float:
    return 10.0


def status(aws: Clients, arn: str) -> str:
    return aws.personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["status"]


def test_a_group_is_pending_then_in_progress_then_active(aws: Clients, flow: Flow, world: World):
    seen = [status(aws, flow.group)]
    for _ in range(2):
        world.clock.now += 5
        seen.append(status(aws, flow.group))
    assert seen == ["CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE"]


def test_nothing_is_built_on_what_is_pending(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    with pytest.raises(p.exceptions.ResourceInUseException, match="CREATE PENDING"):
        p.create_dataset(name="d", schemaArn=flow.schema, datasetGroupArn=flow.group, datasetType="INTERACTIONS")
    with pytest.raises(p.exceptions.ResourceInUseException):
        p.delete_dataset_group(datasetGroupArn=flow.group)
    world.clock.now += 10
    assert flow.dataset


def test_nobody_waits_for_a_solution(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    assert flow.group
    world.clock.now += 10
    assert p.describe_solution(solutionArn=flow.solution)["solution"]["status"] == "ACTIVE"
    p.update_solution(solutionArn=flow.solution, performAutoTraining=True)
    update = p.describe_solution(solutionArn=flow.solution)["solution"]["latestSolutionUpdate"]
    assert update["status"] == "CREATE PENDING"
    p.update_solution(solutionArn=flow.solution, performAutoTraining=False)
    assert p.create_solution_version(solutionArn=flow.solution)["solutionVersionArn"]


def test_nobody_waits_for_a_dataset(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    assert flow.group
    world.clock.now += 10
    assert p.describe_dataset(datasetArn=flow.dataset)["dataset"]["status"] == "CREATE PENDING"
    assert flow.tracker and flow.import_job


def test_nobody_waits_for_a_filter_of_a_batch_job(aws: Clients, flow: Flow, world: World):
    assert flow.group
    world.clock.now += 10
    assert flow.version and flow.filter
    assert aws.personalize.describe_filter(filterArn=flow.filter)["filter"]["status"] == "CREATE PENDING"
    job = {"jobName": "nightly", "solutionVersionArn": flow.version, "filterArn": flow.filter}
    assert aws.personalize.create_batch_inference_job(**job, **BATCH)["batchInferenceJobArn"]


def test_becoming_active_is_an_update(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    assert flow.group
    world.clock.now += 10
    shown = p.describe_dataset_group(datasetGroupArn=flow.group)["datasetGroup"]
    (summary,) = p.list_dataset_groups()["datasetGroups"]
    assert (shown["lastUpdatedDateTime"] - shown["creationDateTime"]).total_seconds() == 10
    assert summary["lastUpdatedDateTime"] == shown["lastUpdatedDateTime"]


def test_a_deleted_group_lingers_and_then_its_name_is_free(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    assert flow.group
    world.clock.now += 10
    p.delete_dataset_group(datasetGroupArn=flow.group)
    assert status(aws, flow.group) == "DELETE PENDING"
    with pytest.raises(p.exceptions.ResourceInUseException):
        p.delete_dataset_group(datasetGroupArn=flow.group)
    with pytest.raises(p.exceptions.ResourceAlreadyExistsException):
        p.create_dataset_group(name="shop")
    world.clock.now += 5
    assert status(aws, flow.group) == "DELETE IN_PROGRESS"
    world.clock.now += 5
    with pytest.raises(p.exceptions.ResourceNotFoundException):
        status(aws, flow.group)
    assert p.list_dataset_groups()["datasetGroups"] == []
    assert p.create_dataset_group(name="shop")["datasetGroupArn"] == flow.group
    assert status(aws, flow.group) == "CREATE PENDING"


def test_a_schema_has_no_lifecycle(aws: Clients, flow: Flow):
    p = aws.personalize
    p.delete_schema(schemaArn=flow.schema)
    assert p.create_schema(name="shop-interactions", schema=INTERACTIONS)["schemaArn"] == flow.schema


def test_an_update_runs_through_its_own_states(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    for step in ("group", "solution", "version", "campaign"):
        assert getattr(flow, step)
        world.clock.now += 10
    p.update_campaign(campaignArn=flow.campaign, minProvisionedTPS=2)
    seen = []
    for _ in range(3):
        campaign = p.describe_campaign(campaignArn=flow.campaign)["campaign"]
        seen.append((campaign["status"], campaign["latestCampaignUpdate"]["status"]))
        world.clock.now += 5
    assert seen == [("ACTIVE", "CREATE PENDING"), ("ACTIVE", "CREATE IN_PROGRESS"), ("ACTIVE", "ACTIVE")]


DELETED = [  # what is deleted, the steps that must be there before, in order
    ("campaign", ("group", "solution", "version", "campaign")),
    ("dataset", ("group", "dataset")),
    ("event_tracker", ("group", "dataset", "tracker")),
    ("filter", ("group", "dataset", "filter")),
    ("solution", ("group", "solution")),
]


@pytest.mark.parametrize(("kind", "steps"), DELETED, ids=[kind for kind, _ in DELETED])
def test_deletion_takes_a_moment(aws: Clients, flow: Flow, world: World, kind: str, steps: tuple[str, ...]):
    p = aws.personalize
    for step in steps:
        found = getattr(flow, step)
        world.clock.now += 10
    member = kind.split("_")[0] + "".join(word.title() for word in kind.split("_")[1:])
    arn = {f"{member}Arn": found["eventTrackerArn"] if isinstance(found, dict) else found}
    describe, delete = getattr(p, f"describe_{kind}"), getattr(p, f"delete_{kind}")
    delete(**arn)
    seen = []
    for _ in range(2):
        seen.append(describe(**arn)[member]["status"])
        with pytest.raises(p.exceptions.ResourceInUseException, match="DELETE"):
            delete(**arn)
        with pytest.raises(p.exceptions.ResourceInUseException, match="DELETE"):
            p.tag_resource(resourceArn=next(iter(arn.values())), tags=[{"tagKey": "k", "tagValue": "v"}])
        world.clock.now += 5
    assert seen == ["DELETE PENDING", "DELETE IN_PROGRESS"]
    for call in (describe, delete):
        with pytest.raises(p.exceptions.ResourceNotFoundException, match="does not exist"):
            call(**arn)
