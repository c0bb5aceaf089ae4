"""Recommendations of a message's recipients, as Amazon Pinpoint had them: the endpoints come back with items."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from litestar.testing import TestClient

from gateway.routes.pinpoint import attribute_text
from tests.gateway.serve.world import CONFIG, Clock, SmallEngine, app_over

PLACE = "/pinpoint/shop/home"
BY_USER = {"recommendationProviderIdType": "PINPOINT_USER_ID"}
SOFIA = {
    "ChannelType": "EMAIL",
    "Address": "sofia@example.com",
    "Attributes": {"AddressType": ["primary"]},
    "User": {"UserId": "u1", "UserAttributes": {"FirstName": ["Sofia"]}},
    "Location": {"Latitude": 47.6, "Country": "US"},
    "RecommendationItems": ["of", "another", "time"],
}


def sent(client: TestClient[Any], endpoints: Any, **query: Any) -> Any:
    payload = {"ApplicationId": "a1", "CampaignId": "c1", "MessageConfiguration": {}, "Endpoints": endpoints}
    answer = client.post(PLACE, json=payload, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def test_each_endpoint_has_its_items_and_their_texts(client: TestClient[Any], engine: SmallEngine):
    endpoints = sent(client, {"e1": SOFIA, "e2": {"ChannelType": "SMS"}}, numResults=2)
    items = {"RecommendationItems": ["i0", "i1"], "Recommendations": {"price": ["9.5", ""]}}
    assert endpoints == {"e1": {**SOFIA, **items}, "e2": {"ChannelType": "SMS", **items}}
    assert {each.user for each in engine.asked} <= {"e1", "e2"}


@pytest.mark.parametrize(
    ("value", "text"),
    [("Lamp", "Lamp"), (Decimal("9.50"), "9.50"), (True, "true"), (None, ""), (["a", 1], '["a",1]')],
)
def test_values_are_texts_that_a_template_prints(value: Any, text: str):
    assert attribute_text(value) == text


def test_five_items_are_what_an_endpoint_gets_where_nothing_is_said(client: TestClient[Any]):
    assert sent(client, {"e1": {}})["e1"]["RecommendationItems"] == ["i0", "i1", "i2", "i3", "i4"]


def test_a_user_s_items_are_those_of_recommend_items(client: TestClient[Any], engine: SmallEngine):
    listed = client.get("/recommend-items/shop/home/u1?numResults=3&exclude=i0").json()["itemList"]
    endpoints = sent(client, {"e1": SOFIA, "e2": {"User": {}}}, numResults=3, exclude="i0", **BY_USER)
    assert endpoints["e1"]["RecommendationItems"] == [each["itemId"] for each in listed] == ["i1", "i2", "i3"]
    assert endpoints["e2"] == {"User": {}}, "an endpoint without a user comes back as it came"
    assert {each.user for each in engine.asked} == {"u1"}


@pytest.mark.parametrize(
    ("endpoints", "query", "named"),
    [
        ({}, {}, "Endpoints"),
        ([], {}, "Endpoints"),
        ({"e1": 1}, {}, "Endpoints"),
        ({"": {}}, {}, "Endpoints"),
        ({f"e{number}": {} for number in range(101)}, {}, "Endpoints"),
        ({"e1": {"User": {"UserId": 1}}}, BY_USER, "Endpoints.e1.User.UserId"),
        ({"e1": {"User": {"UserId": ""}}}, BY_USER, "Endpoints.e1.User.UserId"),
        ({"e1": {}}, {"recommendationProviderIdType": "EMAIL"}, "recommendationProviderIdType"),
        ({"e1": {}}, {"numResults": 0}, "numResults"),
        ({"e1": {}}, {"pageSize": 5}, "numResults"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_name(
    client: TestClient[Any], endpoints: Any, query: dict[str, Any], named: str
):
    answer = client.post(PLACE, json={"Endpoints": endpoints}, params=query)
    assert (answer.status_code, answer.json()["code"]) == (400, "ValidationError")
    assert named in answer.json()["message"]


def test_an_endpoint_that_fails_fails_the_message(client: TestClient[Any], engine: SmallEngine):
    assert client.post("/pinpoint/shop/unknown", json={"Endpoints": {"e1": {}}}).status_code == 404
    assert client.post("/pinpoint/shop/gone", json={"Endpoints": {"e1": {}}}).status_code == 404
    engine.broken = OSError("the disk")
    assert client.post(PLACE, json={"Endpoints": {"e1": {}}}).status_code >= 500


def test_each_endpoint_counts(engine: SmallEngine, clock: Clock):
    with TestClient(app_over(engine, clock, CONFIG + "rateLimits: {perAddress: 3/minute}\n")) as client:
        two = {"Endpoints": {"e1": {}, "e2": {}}}
        assert client.post(PLACE, json=two).status_code == 200
        refused = client.post(PLACE, json=two)
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
