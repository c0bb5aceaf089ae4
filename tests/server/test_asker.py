"""Lists for who asks, by REST and boto3: filters that compare with the user, a history in the request, an objective."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.aws.world import Clients
from tests.server.world import ARN, GROUP, TRACKING_ID, Server, running

GROUP_ARN = f"{ARN}:dataset-group/{GROUP}"
OWN = "EXCLUDE ItemID WHERE Items.NAME = CurrentUser.ID"
TASTE = "INCLUDE ItemID WHERE Items.KIND IN CurrentUser.TASTES AND Items.PRICE <= CurrentUser.BUDGET"
USER_SCHEMA = json.dumps(
    {
        "type": "record",
        "name": "Users",
        "fields": [
            {"name": "USER_ID", "type": "string"},
            {"name": "TASTES", "type": ["null", "string"], "categorical": True},
            {"name": "BUDGET", "type": ["null", "int"]},
        ],
        "version": "1.0",
    }
)
CONFIG = f"""
namespaces:
  shop:
    cacheControl:
      userSpecified: {{maxAge: 300, directives: private}}
      noUserSpecified: {{maxAge: 300, directives: public}}
    recommenders:
      recommend-items:
        popular: {{variations: {{main: {{type: engine, model: popular}}}}}}
        own: {{filters: [{{expression: '{OWN}'}}], variations: {{main: {{type: engine, model: popular}}}}}}
        taste: {{filters: [{{expression: '{TASTE}'}}], variations: {{main: {{type: engine, model: popular}}}}}}
        dear:
          objective: {{column: price, weight: 10}}
          variations: {{main: {{type: engine, model: popular}}}}
        for-you: {{variations: {{main: {{type: engine, model: for-you}}}}}}
      rerank-items:
        search: {{variations: {{main: {{type: engine, model: search}}}}}}
"""


class Shop:
    def __init__(self, server: Server) -> None:
        self.http, self.aws = httpx.Client(base_url=server.url, timeout=10), Clients(server.url)

    def close(self) -> None:
        self.http.close()
        self.aws.close()

    def rest(self, path: str, **query: Any) -> tuple[list[str], str]:
        """The items, and where they came from."""
        answer = self.http.get(f"/recommend-items/shop/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return [item["itemId"] for item in answer.json()["itemList"]], answer.headers["x-cache"]

    def boto(self, campaign: str = "popular", **asked: Any) -> list[str]:
        answer = self.aws.runtime.get_recommendations(campaignArn=f"{ARN}:campaign/{campaign}", **asked)
        return [item["itemId"] for item in answer["itemList"]]

    def put_item(self, item: str, **row: Any) -> None:
        self.aws.events.put_items(
            datasetArn=f"{ARN}:dataset/{GROUP}/ITEMS", items=[{"itemId": item, "properties": json.dumps(row)}]
        )

    def put_user(self, user: str, **row: Any) -> None:
        self.aws.events.put_users(
            datasetArn=f"{ARN}:dataset/{GROUP}/USERS", users=[{"userId": user, "properties": json.dumps(row)}]
        )

    def filter(self, name: str, expression: str) -> str:
        p = self.aws.personalize
        arn = p.create_filter(name=name, datasetGroupArn=GROUP_ARN, filterExpression=expression)["filterArn"]
        eventually(lambda: p.describe_filter(filterArn=arn)["filter"]["status"] == "ACTIVE")
        return str(arn)


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def shop(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("asker")
    shutil.copytree(trained, folder / "data")
    (folder / "shop.yaml").write_text(CONFIG)
    with running(Server(folder / "data", folder / "shop.yaml", workers=1)) as server:
        shop = Shop(server)
        p = shop.aws.personalize
        schema = p.create_schema(name="users", schema=USER_SCHEMA)["schemaArn"]
        users = {"name": "users", "schemaArn": schema, "datasetGroupArn": GROUP_ARN, "datasetType": "Users"}
        p.create_dataset(**users)
        try:
            yield shop
        finally:
            shop.close()


def test_filters_that_compare_with_the_user(shop: Shop):
    """Cached lists follow PutItems and PutUsers; boto3's named filter says the same."""
    taste, own = shop.filter("taste", TASTE), shop.filter("own", OWN)
    assert shop.rest("taste/ann") == ([], "miss") and shop.boto(userId="ann", filterArn=taste) == []
    body = shop.http.get("/recommend-items/shop/taste/ann").json()  # empty, and it says why
    assert body["lacking"] == ["CurrentUser.BUDGET", "CurrentUser.TASTES"]
    shop.put_user("ann", tastes="even|rare", budget=20)
    eventually(lambda: shop.rest("taste/ann", numResults=40)[0] != [])
    items, _ = shop.rest("taste/ann", numResults=40)
    assert (
        set(items) == {f"i{n}" for n in range(0, 11, 2)} == set(shop.boto(userId="ann", filterArn=taste, numResults=40))
    )
    assert shop.rest("taste/ann", numResults=40) == (items, "hit")
    assert "lacking" not in shop.http.get("/recommend-items/shop/taste/ann?numResults=40").json()
    shop.put_item("i0", name="Item 0", price=99, kind="even")
    eventually(lambda: "i0" not in shop.rest("taste/ann", numResults=40)[0])
    shop.put_user("ann", tastes="odd", budget=12)
    eventually(lambda: shop.rest("taste/ann", numResults=40)[0] == ["i1"])
    assert shop.boto(userId="ann", filterArn=taste) == ["i1"]
    # a session that belongs to her stands for her, its cached lists too
    event = {"eventType": "view", "itemId": "i39", "sentAt": 1_700_000_000}
    shop.aws.events.put_events(trackingId=TRACKING_ID, userId="ann", sessionId="s-ann", eventList=[event])
    eventually(lambda: shop.rest("taste/s-ann", numResults=40)[0] == ["i1"])
    shop.put_user("ann", tastes="odd", budget=13)
    eventually(lambda: set(shop.rest("taste/s-ann", numResults=40)[0]) == {"i1", "i3"})
    # what belongs to somebody, to whom alone it is not shown
    everything, _ = shop.rest("own/bea", numResults=40)
    shop.put_item("i3", name="bea", price=13, kind="odd")
    eventually(lambda: shop.rest("own/bea", numResults=40)[0] != everything)
    assert set(everything) - set(shop.rest("own/bea", numResults=40)[0]) == {"i3"}
    assert set(shop.rest("own/cid", numResults=40)[0]) == set(everything)
    assert "i3" not in shop.boto(userId="bea", filterArn=own, numResults=40)
    told = shop.http.get("/explain-items/shop/taste/nobody/i1").json()
    assert told["filters"][0]["lacking"] == ["CurrentUser.BUDGET", "CurrentUser.TASTES"]


def test_a_history_in_the_request(shop: Shop):
    seen = shop.filter("seen", 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")')
    asked: dict[str, Any] = {"history": ["i0", "i2", "i4"], "filter": "seen", "numResults": 5}
    first, outcome = shop.rest("for-you/guest-1", **asked)
    assert outcome == "miss" and not {"i0", "i2", "i4"} & set(first)
    assert shop.rest("for-you/guest-2", **asked) == (first, "shared")  # nobody knows either
    assert shop.http.get("/recommend-items/shop/for-you/x?history=i0,i2,i4&filter=seen&numResults=5").json() == (
        shop.http.get("/recommend-items/shop/for-you/guest-1", params=asked).json()
    )
    assert shop.rest("for-you/guest-1", **{**asked, "history": ["i4", "i2", "i0"]})[1] == "miss"
    boto: dict[str, Any] = {"campaign": "for-you", "filterArn": seen, "numResults": 5}
    for text in ("i0,i2,i4", '"i0", "i2","i4"'):
        assert shop.boto(**boto, context={"history": text}) == first  # and needs no userId
    ranked = shop.aws.runtime.get_personalized_ranking(
        campaignArn=f"{ARN}:campaign/search", userId="guest", inputList=["i1", "i2", "i6"], context={"history": "i0,i2"}
    )
    alike = shop.http.post(
        "/rerank-items/shop/search/guest", json={"itemIds": ["i1", "i2", "i6"], "history": ["i0", "i2"]}
    )
    assert [item["itemId"] for item in ranked["personalizedRanking"]] == [
        item["itemId"] for item in alike.json()["personalizedRanking"]
    ]
    body = {"history": ["i0", "i2", "i4"], "requests": [{"recommender": "for-you", "filter": "seen", "numResults": 5}]}
    (many,) = shop.http.post("/recommend-many/shop", json=body).json()["responses"]
    assert [item["itemId"] for item in many["itemList"]] == first
    told = shop.http.get(f"/explain-items/shop/for-you/guest-1/{first[0]}", params=asked).json()
    assert told["place"] == 1 and {pull["itemId"] for pull in told["history"]} <= {"i0", "i2", "i4"}
    # after what a user has done, and never kept
    assert shop.rest("for-you/u0", filter="seen")[0] != shop.rest("for-you/u0", **asked)[0]
    of_nobody = {"filter": "seen", "numResults": 5}
    assert shop.rest("for-you/guest-1", **of_nobody)[0] == shop.rest("for-you/x", **of_nobody)[0] != first


def test_of_a_history_what_nobody_has_heard_of_is_counted(shop: Shop):
    answer = shop.http.get(
        "/recommend-items/shop/for-you/guest", params={"history": ["i1", "never", "nor this"]}
    ).json()
    assert answer["unknownHistory"] == 2
    assert "unknownHistory" not in shop.http.get("/recommend-items/shop/for-you/guest", params={"history": "i1"}).json()
    assert 'recgate_history_unknown_total{namespace="shop"} 2.0' in shop.http.get("/metrics").text
    ranked = shop.http.post("/rerank-items/shop/search/guest", json={"itemIds": ["i1", "i2"], "history": ["i5", "no"]})
    assert ranked.json()["unknownHistory"] == 1 and len(ranked.json()["personalizedRanking"]) == 2


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (f"/recommend-items/shop/for-you/x?history={','.join(['a'] * 501)}", "history has at most 500 item ids"),
        (f"/recommend-items/shop/for-you/x?history={'a' * 257}", "each id of history has 1 to 256 characters"),
        ("/recommend-items/shop/for-you/x?histroy=a", "did you mean 'history'"),
    ],
)
def test_a_history_that_can_not_be(shop: Shop, path: str, reason: str):
    answer = shop.http.get(path)
    assert answer.status_code == 400 and reason in answer.json()["message"]


def test_a_history_that_can_not_be_by_other_ways(shop: Shop):
    body = {"requests": [{"recommender": "for-you"}]}
    refused = shop.http.post("/recommend-many/shop", json=body)
    assert refused.status_code == 400 and "recommend-items needs userId" in refused.json()["message"]
    with pytest.raises(shop.aws.runtime.exceptions.InvalidInputException, match="context: the history can't be read"):
        shop.boto("for-you", context={"history": '"i0" "i2"'})
    with pytest.raises(shop.aws.runtime.exceptions.InvalidInputException, match="userId is required"):
        shop.boto("for-you", context={"history": ""})


def test_an_objective(shop: Shop):
    """The dearest first, though liked the least; a put price counts in cached lists; a tag is for boto3, at once."""
    popular, _ = shop.rest("popular/x", numResults=40)
    dear, _ = shop.rest("dear/x", numResults=40)
    assert sorted(dear) == sorted(popular) and dear != popular and shop.rest("dear/x", numResults=40)[1] == "hit"
    least = dear[-1]
    shop.put_item(least, name="x", price=500, kind="even")
    eventually(lambda: shop.rest("dear/x", numResults=40)[0].index(least) < 10)
    told = shop.http.get(f"/explain-items/shop/dear/x/{least}").json()["objective"]
    assert (told["column"], told["weight"], told["value"], told["shift"]) == ("PRICE", 10, 500, 5)
    assert told["rankWithout"] == popular.index(least) + 1
    campaign = f"{ARN}:campaign/popular"
    tag = {"tagKey": "recgate:objective", "tagValue": '{"column": "PRICE", "weight": 10}'}
    shop.aws.personalize.tag_resource(resourceArn=campaign, tags=[tag])
    now_dear = shop.rest("dear/x", numResults=40)[0]
    eventually(lambda: shop.boto(userId="x", numResults=40) == now_dear)
    eventually(lambda: shop.rest("popular/x", numResults=40)[0] == now_dear)  # was cached
    shop.aws.personalize.untag_resource(resourceArn=campaign, tagKeys=["recgate:objective"])
    eventually(lambda: shop.rest("popular/x", numResults=40)[0] == popular)
    with pytest.raises(shop.aws.personalize.exceptions.InvalidInputException, match="no numeric column KIND"):
        shop.aws.personalize.tag_resource(
            resourceArn=campaign, tags=[{**tag, "tagValue": '{"column": "KIND", "weight": 1}'}]
        )
