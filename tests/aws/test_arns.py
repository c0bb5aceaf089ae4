"""ARNs of what is not there: of another kind, region or account, or never made (specification §1.2, §1.3)."""

from __future__ import annotations

import boto3
import pytest
from botocore import xform_name

from tests.aws.flow import Flow
from tests.aws.world import ACCOUNT, Clients

MODEL = boto3.Session().client("personalize", region_name="us-east-1").meta.service_model
BY_ARN = [  # operations that need one ARN and nothing else, with its name
    (name, required[0])
    for name in MODEL.operation_names
    if len(required := MODEL.operation_model(name).input_shape.required_members) == 1 and required[0].endswith("Arn")
]
KINDS = {
    "datasetGroupArn": "dataset-group",
    "datasetImportJobArn": "dataset-import-job",
    "datasetExportJobArn": "dataset-export-job",
    "dataDeletionJobArn": "data-deletion-job",
    "eventTrackerArn": "event-tracker",
    "metricAttributionArn": "metric-attribution",
    "batchInferenceJobArn": "batch-inference-job",
    "batchSegmentJobArn": "batch-segment-job",
    "featureTransformationArn": "feature-transformation",
    "solutionVersionArn": "solution",
    "resourceArn": "campaign",
}


@pytest.mark.parametrize(("operation", "member"), BY_ARN, ids=[name for name, _ in BY_ARN])
def test_what_is_not_there_is_not_found(aws: Clients, flow: Flow, operation: str, member: str):
    call, ours = getattr(aws.personalize, xform_name(operation)), f"arn:aws:personalize:us-east-1:{ACCOUNT}:"
    kind = KINDS.get(member, member.removesuffix("Arn"))
    for arn in (
        f"{ours}{kind}/none",
        f"{ours}{kind}/none/1a2b3c4d",
        f"{ours}{kind}",
        f"{ours}nothing/none",
        f"arn:aws:personalize:::{kind}/none",
        f"arn:aws:personalize:eu-west-1:{ACCOUNT}:{kind}/none",
        f"arn:aws:personalize:us-east-1:999999999999:{kind}/none",
        f"arn:aws-cn:personalize:us-east-1:{ACCOUNT}:{kind}/none",
    ):
        with pytest.raises(aws.personalize.exceptions.ResourceNotFoundException, match=f"Arn {arn} does not exist"):
            call(**{member: arn})
    if member not in ("datasetGroupArn", "resourceArn"):  # something of another kind
        with pytest.raises(aws.personalize.exceptions.ResourceNotFoundException, match="does not exist"):
            call(**{member: flow.group})


def test_the_same_name_in_another_region_is_another_resource(aws: Clients, flow: Flow, url: str):
    there = Clients(url, "eu-west-1")
    with pytest.raises(there.personalize.exceptions.ResourceNotFoundException):
        there.personalize.describe_dataset_group(datasetGroupArn=flow.group)
    made = there.personalize.create_dataset_group(name="shop")["datasetGroupArn"]
    assert made == flow.group.replace("us-east-1", "eu-west-1")
    there.close()


@pytest.mark.parametrize(("length", "taken"), [(1, True), (63, True), (64, False)])
def test_names(aws: Clients, length: int, taken: bool):
    try:
        made = aws.personalize.create_dataset_group(name="x" * length)["datasetGroupArn"]
    except aws.personalize.exceptions.InvalidInputException as error:
        assert not taken and "$.name" in str(error)
    else:
        assert taken and made.endswith("/" + "x" * length)
