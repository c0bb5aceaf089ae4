"""Tags of every resource that takes them: what comes back, and how they are refused."""

from __future__ import annotations

import pytest

from tests.aws.flow import POPULAR, ROLE, Flow
from tests.aws.world import ACCOUNT, Clients

TAGS = [{"tagKey": "team", "tagValue": "shop"}, {"tagKey": "stage", "tagValue": ""}]
STEPS = ["group", "dataset", "import_job", "filter", "solution", "version", "campaign", "tracker"]


def tags(aws: Clients, arn: str) -> dict[str, str]:
    found = aws.personalize.list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["tagKey"]: tag["tagValue"] for tag in found}


@pytest.mark.parametrize("step", STEPS)
def test_what_is_tagged_can_be_untagged(aws: Clients, flow: Flow, step: str):
    made = getattr(flow, step)
    arn = made if isinstance(made, str) else made["eventTrackerArn"]
    assert tags(aws, arn) == {}
    aws.personalize.tag_resource(resourceArn=arn, tags=TAGS)
    aws.personalize.tag_resource(resourceArn=arn, tags=[{"tagKey": "stage", "tagValue": "live"}])
    assert tags(aws, arn) == {"team": "shop", "stage": "live"}
    aws.personalize.untag_resource(resourceArn=arn, tagKeys=["team", "never there"])
    assert tags(aws, arn) == {"stage": "live"}


def test_tags_of_a_creation_are_listed(aws: Clients):
    arn = aws.personalize.create_dataset_group(name="shop", tags=TAGS)["datasetGroupArn"]
    assert tags(aws, arn) == {"team": "shop", "stage": ""}


def test_a_pending_resource_stays_pending(aws: Clients, flow: Flow):
    version = aws.personalize.create_solution_version(solutionArn=flow.solution, tags=TAGS)["solutionVersionArn"]
    aws.personalize.untag_resource(resourceArn=version, tagKeys=["team"])
    shown = aws.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
    assert shown["status"] == "CREATE PENDING" and tags(aws, version) == {"stage": ""}


def test_fifty_tags_are_the_most(aws: Clients, flow: Flow):
    p = aws.personalize
    p.tag_resource(resourceArn=flow.group, tags=[{"tagKey": f"k{n}", "tagValue": "v"} for n in range(50)])
    p.tag_resource(resourceArn=flow.group, tags=[{"tagKey": "k0", "tagValue": "again"}])
    with pytest.raises(p.exceptions.TooManyTagsException, match="51"):
        p.tag_resource(resourceArn=flow.group, tags=[{"tagKey": "one more", "tagValue": ""}])
    with pytest.raises(p.exceptions.TooManyTagKeysException, match="51"):
        p.untag_resource(resourceArn=flow.group, tagKeys=[f"k{n}" for n in range(51)])
    assert len(tags(aws, flow.group)) == 50


def test_reserved_and_doubled_keys_are_refused(aws: Clients, flow: Flow):
    p = aws.personalize
    for call in (
        lambda: p.tag_resource(resourceArn=flow.group, tags=[{"tagKey": "AWS:x", "tagValue": ""}]),
        lambda: p.untag_resource(resourceArn=flow.group, tagKeys=["aws:x"]),
        lambda: p.tag_resource(resourceArn=flow.group, tags=[TAGS[0], TAGS[0]]),
        lambda: p.create_dataset_group(name="other", tags=[{"tagKey": "aws:x", "tagValue": ""}]),
        lambda: p.tag_resource(resourceArn=flow.schema, tags=TAGS),
    ):
        with pytest.raises(p.exceptions.InvalidInputException):
            call()


@pytest.mark.parametrize("rest", ["dataset-group/none", "solution/none/1a2b3c4d", "book/none", "solution-version/none"])
def test_nothing_unknown_has_tags(aws: Clients, rest: str):
    arn = f"arn:aws:personalize:us-east-1:{ACCOUNT}:{rest}"
    for call in (
        lambda: aws.personalize.list_tags_for_resource(resourceArn=arn),
        lambda: aws.personalize.tag_resource(resourceArn=arn, tags=TAGS),
        lambda: aws.personalize.list_tags_for_resource(resourceArn=POPULAR),
    ):
        with pytest.raises(aws.personalize.exceptions.ResourceNotFoundException):
            call()


def test_another_accounts_resource_is_unknown(aws: Clients, flow: Flow):
    assert flow.group and ROLE
    with pytest.raises(aws.personalize.exceptions.ResourceNotFoundException):
        aws.personalize.list_tags_for_resource(resourceArn=flow.group.replace(ACCOUNT, "000000000001"))
