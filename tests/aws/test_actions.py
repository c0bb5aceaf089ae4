"""Actions on the wire: their datasets, their tracker, PutActions, PutActionInteractions, GetActionRecommendations."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from engine import Event, Question
from tests.aws.flow import Flow, schema_text
from tests.aws.world import ACCOUNT, TRACKING_ID, Clients, World

ACTIONS = f"arn:aws:personalize:us-east-1:{ACCOUNT}:dataset/shop/ACTIONS"
CAMPAIGN = f"arn:aws:personalize:us-east-1:{ACCOUNT}:campaign/next"
FILTER = f"arn:aws:personalize:us-east-1:{ACCOUNT}:filter/open"
AT = 1_700_000_000
LATE = datetime.datetime(6000, 1, 1, tzinfo=datetime.UTC)  # boto3 itself refuses milliseconds as a number
ACTION_FIELDS = (("ACTION_ID", "string"), ("VALUE", ["null", "long"]))
DEED_FIELDS = (("USER_ID", "string"), ("ACTION_ID", "string"), ("EVENT_TYPE", "string"), ("TIMESTAMP", "long"))
DEED = {"actionId": "join", "userId": "u", "sessionId": "s", "timestamp": AT, "eventType": "Taken"}


def dataset_of(aws: Clients, group: str, kind: str = "Action_Interactions", **more: Any) -> str:
    fields = ACTION_FIELDS if kind.upper() == "ACTIONS" else DEED_FIELDS
    text = schema_text(kind.replace("_", ""), *fields)
    schema = aws.personalize.create_schema(name=f"schema-{kind.lower()}", schema=text)["schemaArn"]
    made = {"name": kind.lower(), "schemaArn": schema, "datasetGroupArn": group, "datasetType": kind, **more}
    return aws.personalize.create_dataset(**made)["datasetArn"]


def test_datasets_of_both_types(aws: Clients, flow: Flow):
    p = aws.personalize
    actions, deeds = dataset_of(aws, flow.group, "Actions"), dataset_of(aws, flow.group)
    assert [arn.rpartition(":")[2] for arn in (actions, deeds)] == [
        "dataset/shop/ACTIONS",
        "dataset/shop/ACTION_INTERACTIONS",
    ]
    listed = {each["datasetType"]: each for each in p.list_datasets(datasetGroupArn=flow.group)["datasets"]}
    assert set(listed) == {"ACTIONS", "ACTION_INTERACTIONS"}
    assert "trackingId" not in p.describe_dataset(datasetArn=actions)["dataset"]
    for arn in (actions, deeds):
        with pytest.raises(p.exceptions.InvalidInputException, match="only Items and Users can"):
            p.update_dataset(datasetArn=arn, schemaArn=p.describe_dataset(datasetArn=arn)["dataset"]["schemaArn"])
    with pytest.raises(p.exceptions.ResourceAlreadyExistsException):
        p.create_dataset(
            name="again",
            schemaArn=p.describe_dataset(datasetArn=actions)["dataset"]["schemaArn"],
            datasetGroupArn=flow.group,
            datasetType="ACTIONS",
        )


def test_action_interactions_come_with_a_tracker(aws: Clients, flow: Flow):
    p = aws.personalize
    arn = dataset_of(aws, flow.group)
    (tracker,) = p.list_event_trackers(datasetGroupArn=flow.group)["eventTrackers"]
    tracking = p.describe_event_tracker(eventTrackerArn=tracker["eventTrackerArn"])["eventTracker"]["trackingId"]
    assert p.describe_dataset(datasetArn=arn)["dataset"]["trackingId"] == tracking
    assert flow.dataset
    with pytest.raises(p.exceptions.ResourceAlreadyExistsException):
        p.create_event_tracker(name="another", datasetGroupArn=flow.group)


def test_the_tracker_that_is_there_serves_them_too(aws: Clients, flow: Flow):
    tracking = flow.tracker["trackingId"]
    arn = dataset_of(aws, flow.group)
    assert aws.personalize.describe_dataset(datasetArn=arn)["dataset"]["trackingId"] == tracking
    assert len(aws.personalize.list_event_trackers()["eventTrackers"]) == 1


@pytest.mark.parametrize("kind", ["Actions", "Action_Interactions"])
def test_not_in_a_group_with_a_domain(aws: Clients, kind: str):
    p = aws.personalize
    group = p.create_dataset_group(name="store", domain="ECOMMERCE")["datasetGroupArn"]
    with pytest.raises(p.exceptions.InvalidInputException, match="can't be in a dataset group with a domain"):
        dataset_of(aws, group, kind)
    assert p.list_datasets()["datasets"] == [] and p.list_event_trackers()["eventTrackers"] == []


def test_the_schema_must_be_of_the_type(aws: Clients, flow: Flow):
    p = aws.personalize
    schema = p.create_schema(name="deeds", schema=schema_text("ActionInteractions", *DEED_FIELDS))["schemaArn"]
    with pytest.raises(p.exceptions.InvalidInputException, match="name the schema Actions"):
        p.create_dataset(name="a", schemaArn=schema, datasetGroupArn=flow.group, datasetType="ACTIONS")
    fewer = schema_text("ActionInteractions", *DEED_FIELDS[:2])
    with pytest.raises(p.exceptions.InvalidInputException, match="must have the field EVENT_TYPE"):
        p.create_schema(name="fewer", schema=fewer)


def test_actions_arrive_with_their_properties(aws: Clients, world: World):
    actions = [{"actionId": "join", "properties": '{"value": 3}'}, {"actionId": "call"}]
    answer = aws.events.put_actions(datasetArn=ACTIONS, actions=actions)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert world.taken == [(ACTIONS, ("join", {"value": 3}), ("call", {}))]


def test_every_member_of_an_action_interaction_arrives(aws: Clients, world: World):
    full = {
        **DEED,
        "timestamp": datetime.datetime.fromtimestamp(AT, datetime.UTC),
        "eventId": "e1",
        "recommendationId": "RID-" + "0" * 36,
        "impression": ["join", "call"],
        "properties": json.dumps({"channel": "mail"}),
    }
    bare = {key: DEED[key] for key in ("actionId", "sessionId", "timestamp", "eventType")}
    aws.events.put_action_interactions(trackingId=TRACKING_ID, actionInteractions=[full, bare])
    event = Event(
        event_type="Taken",
        sent_at=AT,
        item_id="join",
        event_id="e1",
        properties={"channel": "mail"},
        recommendation_id="RID-" + "0" * 36,
        impression=("join", "call"),
    )
    assert world.taken == [(("s", "u", event), ("s", None, Event(event_type="Taken", sent_at=AT, item_id="join")))]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"actionInteractions": [DEED] * 11}, r"\$\.actionInteractions"),
        ({"actionInteractions": [{**DEED, "actionId": "x" * 257}]}, r"\$\.actionInteractions\[0\]\.actionId"),
        ({"actionInteractions": [{**DEED, "timestamp": LATE}]}, r"actionInteractions\[0\]\.timestamp.*millisec"),
        ({"actionInteractions": [{**DEED, "properties": "{"}]}, r"actionInteractions\[0\] are not the text of a JSON"),
        ({"actionInteractions": [{**DEED, "properties": '{"userId": "v"}'}]}, "reserved key userId"),
        ({"actionInteractions": [{**DEED, "impression": ["x"] * 26}]}, r"impression"),
    ],
)
def test_a_wrong_action_interaction_is_refused(aws: Clients, world: World, wrong: dict[str, Any], said: str):
    with pytest.raises(aws.events.exceptions.InvalidInputException, match=said):
        aws.events.put_action_interactions(**{"trackingId": TRACKING_ID, **wrong})
    assert world.taken == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"datasetArn": "shop"}, r"\$\.datasetArn"),
        ({"actions": [{"actionId": "a"}] * 11}, r"\$\.actions"),
        ({"actions": [{"actionId": "a", "properties": "[1]"}]}, "properties of a are not the text of a JSON object"),
    ],
)
def test_a_wrong_action_is_refused(aws: Clients, world: World, wrong: dict[str, Any], said: str):
    with pytest.raises(aws.events.exceptions.InvalidInputException, match=said):
        aws.events.put_actions(**{"datasetArn": ACTIONS, "actions": [{"actionId": "a"}], **wrong})
    assert world.taken == []


def test_an_unknown_tracker_is_not_found(aws: Clients):
    with pytest.raises(aws.events.exceptions.ResourceNotFoundException, match="other"):
        aws.events.put_action_interactions(trackingId="other", actionInteractions=[DEED])


def test_every_member_of_a_question_about_actions_arrives(aws: Clients, world: World):
    values = {"KIND": '"card"'}
    asked = {"campaignArn": CAMPAIGN, "userId": "u", "numResults": 3, "filterArn": FILTER, "filterValues": values}
    answer = aws.runtime.get_action_recommendations(**asked)
    assert [(each["actionId"], each["score"]) for each in answer["actionList"]] == [
        ("i0", 0.5),
        ("i1", 0.25),
        ("i2", 0.5 / 3),
    ]
    assert answer["recommendationId"].startswith("RID-")
    (question,) = world.questions
    assert question == Question(
        of="actions",
        campaign=CAMPAIGN,
        account=ACCOUNT,
        user="u",
        num_results=3,
        filter=FILTER,
        filter_values=values,
    )


@pytest.mark.parametrize(("asked", "count"), [({}, 5), ({"numResults": 0}, 5), ({"numResults": 100}, 100)])
def test_how_many_actions(aws: Clients, world: World, asked: dict[str, Any], count: int):
    answer = aws.runtime.get_action_recommendations(campaignArn=CAMPAIGN, userId="u", **asked)
    assert len(answer["actionList"]) == world.questions[0].num_results == count


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"userId": "u"}, "campaignArn"),
        ({"campaignArn": CAMPAIGN}, "userId"),
        ({"campaignArn": "next", "userId": "u"}, r"\$\.campaignArn"),
        ({"campaignArn": CAMPAIGN, "userId": ""}, r"\$\.userId"),
        ({"campaignArn": CAMPAIGN, "userId": "x" * 257}, r"\$\.userId"),
        ({"campaignArn": CAMPAIGN, "userId": "u", "numResults": 101}, r"\$\.numResults"),
        ({"campaignArn": CAMPAIGN, "userId": "u", "filterArn": "open"}, r"\$\.filterArn"),
        ({"campaignArn": CAMPAIGN, "userId": "u", "filterValues": {"a b": "x"}}, r"\$\.filterValues"),
    ],
)
def test_get_action_recommendations_refuses(aws: Clients, world: World, asked: dict[str, Any], said: str):
    with pytest.raises(aws.runtime.exceptions.InvalidInputException, match=said):
        aws.runtime.get_action_recommendations(**asked)
    assert world.questions == []


def test_no_actions_of_a_campaign_that_is_not_there(aws: Clients):
    with pytest.raises(aws.runtime.exceptions.ResourceNotFoundException):
        aws.runtime.get_action_recommendations(campaignArn=CAMPAIGN.replace("next", "missing"), userId="u")
