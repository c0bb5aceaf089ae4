"""Every resource family: what Create, Describe, List and Delete answer, and how they refuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.flow import BATCH, INTERACTIONS, OUTPUT, POPULAR, ROLE, VIEWED, Flow
from tests.aws.world import ACCOUNT, Clients, World

HOME = f"arn:aws:personalize:us-east-1:{ACCOUNT}:"


@dataclass(frozen=True)
class Family:
    noun: str  # as operations spell it
    made: str  # the step of the flow that makes one
    by: str = ""  # the parent member that List filters by
    deletable: bool = True
    status: str = "ACTIVE"  # once the flow has made one

    @property
    def key(self) -> str:
        """The member of Describe's answer."""
        first, *rest = self.noun.split("_")
        return first + "".join(map(str.title, rest))

    @property
    def arn(self) -> str:
        """The member that holds the ARN."""
        return f"{self.key}Arn"

    @property
    def listed(self) -> str:
        """The member of List's answer."""
        return "Filters" if self.noun == "filter" else f"{self.key}s"


FAMILIES = [
    Family("dataset_group", "group"),
    Family("schema", "schema"),
    Family("dataset", "dataset", "datasetGroupArn"),
    Family("dataset_import_job", "import_job", "datasetArn", deletable=False),
    Family("dataset_export_job", "export", "datasetArn", deletable=False, status="CREATE PENDING"),
    Family("data_deletion_job", "deletion", "datasetGroupArn", deletable=False, status="PENDING"),
    Family("event_tracker", "tracker", "datasetGroupArn"),
    Family("filter", "filter", "datasetGroupArn"),
    Family("metric_attribution", "attribution", "datasetGroupArn"),
    Family("solution", "solution", "datasetGroupArn"),
    Family("solution_version", "version", "solutionArn", deletable=False),
    Family("batch_inference_job", "inference", "solutionVersionArn", deletable=False, status="CREATE PENDING"),
    Family("batch_segment_job", "segments", "solutionVersionArn", deletable=False, status="CREATE PENDING"),
    Family("campaign", "campaign", "solutionArn"),
    Family("recommender", "recommender", "datasetGroupArn"),
]
each = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.noun)


def made(flow: Flow, family: Family) -> str:
    made = getattr(flow, family.made)
    return made if isinstance(made, str) else made[family.arn]


def describe(aws: Clients, family: Family, arn: str) -> dict[str, Any]:
    return getattr(aws.personalize, f"describe_{family.noun}")(**{family.arn: arn})[family.key]


def listed(aws: Clients, family: Family, **params: Any) -> list[dict[str, Any]]:
    return getattr(aws.personalize, f"list_{family.noun}s")(**params)[family.listed]


@each
def test_describes_what_was_created(aws: Clients, flow: Flow, family: Family):
    arn = made(flow, family)
    shown = describe(aws, family, arn)
    assert shown[family.arn] == arn and arn.startswith(HOME)
    assert shown.get("status", family.status) == family.status
    assert shown["creationDateTime"].timestamp() > 1_700_000_000


@each
def test_lists_a_summary_that_says_the_same(aws: Clients, flow: Flow, family: Family):
    arn = made(flow, family)
    shown = describe(aws, family, arn)
    (summary,) = listed(aws, family)
    assert summary.items() <= shown.items()


@pytest.mark.parametrize("family", [f for f in FAMILIES if f.by], ids=lambda family: family.noun)
def test_lists_by_parent(aws: Clients, flow: Flow, family: Family):
    shown = describe(aws, family, made(flow, family))
    parent = shown.get(family.by) or flow.solution
    assert len(listed(aws, family, **{family.by: parent})) == 1
    if family.noun != "solution_version":  # ListSolutionVersions refuses an unknown solution
        assert listed(aws, family, **{family.by: f"{parent}x"}) == []


@each
def test_describes_nothing_unknown(aws: Clients, flow: Flow, family: Family):
    arn = f"{HOME}{family.noun.replace('_', '-')}/none"
    with pytest.raises(
        aws.personalize.exceptions.ResourceNotFoundException, match=f"Resource Arn {arn} does not exist."
    ):
        describe(aws, family, arn)


@pytest.mark.parametrize("family", [f for f in FAMILIES if f.deletable], ids=lambda family: family.noun)
def test_deletes_once(aws: Clients, flow: Flow, family: Family):
    arn = made(flow, family)
    delete = getattr(aws.personalize, f"delete_{family.noun}")
    assert delete(**{family.arn: arn})["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert listed(aws, family) == []
    for call in (lambda: describe(aws, family, arn), lambda: delete(**{family.arn: arn})):
        with pytest.raises(aws.personalize.exceptions.ResourceNotFoundException):
            call()


CREATIONS = [
    ("create_dataset_group", "group", lambda flow: {"name": "shop"}),
    ("create_schema", "schema", lambda flow: {"name": "shop-interactions", "schema": INTERACTIONS}),
    (
        "create_dataset",
        "dataset",
        lambda flow: {
            "name": "another",
            "schemaArn": flow.schema,
            "datasetGroupArn": flow.group,
            "datasetType": "INTERACTIONS",
        },
    ),
    (
        "create_dataset_import_job",
        "import_job",
        lambda flow: {
            "jobName": "first",
            "datasetArn": flow.dataset,
            "dataSource": {"dataLocation": "s3://b/k"},
            "roleArn": ROLE,
        },
    ),
    (
        "create_solution",
        "solution",
        lambda flow: {"name": "popular", "recipeArn": POPULAR, "datasetGroupArn": flow.group},
    ),
    ("create_campaign", "campaign", lambda flow: {"name": "home", "solutionVersionArn": flow.version}),
    (
        "create_filter",
        "filter",
        lambda flow: {
            "name": "unseen",
            "datasetGroupArn": flow.group,
            "filterExpression": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("a")',
        },
    ),
    (
        "create_batch_inference_job",
        "inference",
        lambda flow: {"jobName": "nightly", "solutionVersionArn": flow.version, **BATCH},
    ),
    (
        "create_batch_segment_job",
        "segments",
        lambda flow: {"jobName": "nightly", "solutionVersionArn": flow.affinity_version, **BATCH},
    ),
    (
        "create_dataset_export_job",
        "export",
        lambda flow: {"jobName": "out", "datasetArn": flow.dataset, "jobOutput": OUTPUT, "roleArn": ROLE},
    ),
    (
        "create_data_deletion_job",
        "deletion",
        lambda flow: {
            "jobName": "leave",
            "datasetGroupArn": flow.group,
            "dataSource": {"dataLocation": "s3://b/u/"},
            "roleArn": ROLE,
        },
    ),
    (
        "create_recommender",
        "recommender",
        lambda flow: {"name": "r", "datasetGroupArn": flow.domain_group, "recipeArn": VIEWED},
    ),
]


@pytest.mark.parametrize(
    ("operation", "step", "params"), CREATIONS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_name_can_be_taken_once(aws: Clients, flow: Flow, operation: str, step: str, params: Any):
    arn = getattr(flow, step)
    with pytest.raises(
        aws.personalize.exceptions.ResourceAlreadyExistsException,
        match=f"Another resource with Arn {arn} already exists.",
    ):
        getattr(aws.personalize, operation)(**params(flow))


def test_one_tracker_a_group(aws: Clients, flow: Flow):
    tracker = flow.tracker
    assert len(tracker["trackingId"]) == 36 and tracker["trackingId"] == tracker["trackingId"].lower()
    with pytest.raises(aws.personalize.exceptions.ResourceAlreadyExistsException):
        aws.personalize.create_event_tracker(name="another", datasetGroupArn=flow.group)
    aws.personalize.delete_event_tracker(eventTrackerArn=tracker["eventTrackerArn"])
    again = aws.personalize.create_event_tracker(name="another", datasetGroupArn=flow.group)
    assert again["trackingId"] != tracker["trackingId"]


def test_a_tracker_needs_an_interactions_dataset(aws: Clients, flow: Flow):
    with pytest.raises(aws.personalize.exceptions.InvalidInputException, match="interactions dataset"):
        aws.personalize.create_event_tracker(name="clicks", datasetGroupArn=flow.group)


def test_members_come_back_as_they_were_sent(aws: Clients, flow: Flow):
    kms, role = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1", ROLE
    made_group = aws.personalize.create_dataset_group(
        name="vod", domain="VIDEO_ON_DEMAND", roleArn=role, kmsKeyArn=kms, tags=[{"tagKey": "a", "tagValue": ""}]
    )
    assert made_group["domain"] == "VIDEO_ON_DEMAND"
    group = aws.personalize.describe_dataset_group(datasetGroupArn=made_group["datasetGroupArn"])["datasetGroup"]
    assert (group["domain"], group["roleArn"], group["kmsKeyArn"]) == ("VIDEO_ON_DEMAND", role, kms)
    job = aws.personalize.describe_dataset_import_job(datasetImportJobArn=flow.import_job)["datasetImportJob"]
    assert job["dataSource"] == {"dataLocation": "s3://b/i.csv"} and job["importMode"] == "FULL"
    assert job["publishAttributionMetricsToS3"] is False and job["roleArn"] == role
    schema = aws.personalize.describe_schema(schemaArn=flow.schema)["schema"]
    assert schema["schema"] == INTERACTIONS and "domain" not in schema
    assert flow.dataset == f"{HOME}dataset/shop/INTERACTIONS"


def test_an_import_is_queued_and_a_second_one_may_be_incremental(aws: Clients, flow: Flow, world: World):
    assert flow.import_job and world.queued() == [("importing", flow.import_job)]
    second = aws.personalize.create_dataset_import_job(
        jobName="second",
        datasetArn=flow.dataset,
        dataSource={"dataLocation": "s3://b/more/"},
        roleArn=ROLE,
        importMode="INCREMENTAL",
    )["datasetImportJobArn"]
    job = aws.personalize.describe_dataset_import_job(datasetImportJobArn=second)["datasetImportJob"]
    assert (job["status"], job["importMode"]) == ("CREATE PENDING", "INCREMENTAL")
    world.finish(second, "CREATE FAILED", failure_reason="Input CSV is missing the following columns:[USER_ID].")
    job = aws.personalize.describe_dataset_import_job(datasetImportJobArn=second)["datasetImportJob"]
    assert job["failureReason"] == "Input CSV is missing the following columns:[USER_ID]."


def test_recipes(aws: Clients):
    recipes = aws.personalize.list_recipes(recipeProvider="SERVICE")["recipes"]
    assert POPULAR in [recipe["recipeArn"] for recipe in recipes]
    assert {recipe["status"] for recipe in recipes} == {"ACTIVE"}
    recipe = aws.personalize.describe_recipe(recipeArn=POPULAR)["recipe"]
    assert (recipe["name"], recipe["recipeType"]) == ("aws-popularity-count", "POPULAR_ITEMS")
    assert recipe["description"]


def test_a_bad_filter_is_refused_at_once(aws: Clients, flow: Flow):
    with pytest.raises(ClientError) as refused:
        aws.personalize.create_filter(name="f", datasetGroupArn=flow.group, filterExpression="INCLUDE everything")
    assert refused.value.response["Error"]["Code"] == "InvalidInputException"
    assert aws.personalize.list_filters()["Filters"] == []
