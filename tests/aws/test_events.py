"""PutEvents, PutItems and PutUsers: what reaches the engine; acknowledged with an empty body."""

from __future__ import annotations

import datetime
import json

import pytest
from botocore.exceptions import ClientError

from engine import Event, Question, Throttled
from gateway.errors import Overloaded
from tests.aws.world import ACCOUNT, TRACKING_ID, Clients, World

ITEMS = f"arn:aws:personalize:us-east-1:{ACCOUNT}:dataset/shop/ITEMS"
AT = 1_700_000_000


def test_every_member_of_an_event_arrives(aws: Clients, world: World):
    answer = aws.events.put_events(
        trackingId=TRACKING_ID,
        userId="u",
        sessionId="s",
        eventList=[
            {
                "eventId": "e1",
                "eventType": "buy",
                "eventValue": 9.5,
                "itemId": "i1",
                "properties": json.dumps({"device": "phone", "discount": 0.5}),
                "sentAt": datetime.datetime.fromtimestamp(AT, datetime.UTC),
                "recommendationId": "RID-" + "0" * 36,
                "impression": ["i1", "i2"],
                "metricAttribution": {"eventAttributionSource": "mail"},
            }
        ],
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    event = Event(
        event_id="e1",
        event_type="buy",
        event_value=9.5,
        item_id="i1",
        properties={"device": "phone", "discount": 0.5},
        sent_at=AT,
        recommendation_id="RID-" + "0" * 36,
        impression=("i1", "i2"),
        metric_attribution={"eventAttributionSource": "mail"},
    )
    assert world.taken == [("s", "u", event)]


def test_an_anonymous_event_has_only_its_session(aws: Clients, world: World):
    aws.events.put_events(trackingId=TRACKING_ID, sessionId="s", eventList=[{"eventType": "view", "sentAt": AT}] * 10)
    assert world.taken == [("s", None, *[Event(event_type="view", sent_at=AT)] * 10)]


@pytest.mark.parametrize(
    ("item", "value"), [("itemId", "eventValue"), ("ITEM_ID", "EVENT_VALUE"), ("itemid", "eventvalue")]
)
def test_the_older_form_has_item_and_value_among_the_properties(aws: Clients, world: World, item: str, value: str):
    properties = json.dumps({item: 7, value: "4.5", "device": "tv"})
    aws.events.put_events(
        trackingId=TRACKING_ID,
        userId="u",
        sessionId="s",
        eventList=[{"eventType": "rate", "sentAt": AT, "properties": properties}],
    )
    expected = Event(event_type="rate", sent_at=AT, item_id="7", event_value=4.5, properties={"device": "tv"})
    assert world.taken == [("s", "u", expected)]


def test_items_and_users_arrive_with_their_properties(aws: Clients, world: World):
    aws.events.put_items(datasetArn=ITEMS, items=[{"itemId": "i1", "properties": '{"price": 3}'}, {"itemId": "i2"}])
    aws.events.put_users(datasetArn=ITEMS, users=[{"userId": "u1", "properties": '{"age": 30}'}])
    assert world.taken == [(ITEMS, ("i1", {"price": 3}), ("i2", {})), (ITEMS, ("u1", {"age": 30}))]


def test_more_than_can_be_done_is_throttled(aws: Clients, world: World, monkeypatch: pytest.MonkeyPatch):
    def too_many(*_: object) -> None:
        raise Throttled("more events are waiting")

    async def too_much(_: Question) -> None:
        raise Overloaded("more is asked", 1)

    monkeypatch.setattr(world, "put_events", too_many)
    monkeypatch.setattr(world, "rank", too_much)
    event = {"eventType": "buy", "sentAt": datetime.datetime.fromtimestamp(AT, datetime.UTC)}
    campaign = f"arn:aws:personalize:us-east-1:{ACCOUNT}:campaign/home"
    for call in (
        lambda: aws.events.put_events(trackingId=TRACKING_ID, sessionId="s", eventList=[event]),
        lambda: aws.runtime.get_recommendations(campaignArn=campaign, userId="u"),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        said = refused.value.response
        assert said["Error"]["Code"] == "ThrottlingException"
        assert said["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert said["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
