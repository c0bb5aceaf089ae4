"""What a user dislikes, and what a user was shown too often, by REST and by boto3, cached and not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.config import Config as BotoConfig
from botocore.exceptions import ClientError

from engine import Engine
from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.apart import let_in
from tests.aws.world import SESSION, Clients, served
from tests.flows.site import START, Clock, Site, eventually
from tests.shared_state import new_state, open_engine

ARN = "arn:aws:personalize:us-east-1:000000000000"
TRACKER = "22222222-2222-4222-8222-222222222222"
INTERACTIONS = (("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"), ("EVENT_TYPE", "string"))
CONFIG = """
namespaces:
  shop:
    negativeEvents: [{eventType: dislike, undoneBy: [undo]}]
    cacheControl:
      userSpecified: {maxAge: 300, directives: private}
      syntheticUserSpecified: {maxAge: 300, directives: private}
      noUserSpecified: {maxAge: 300, directives: public}
    recommenders:
      recommend-items:
        home: {variations: {main: {type: engine, model: home}}}
        rested:
          fatigue: {shown: 3, within: 1h, rest: 30m}
          variations: {main: {type: engine, model: popular}}
        lowered:
          fatigue: {shown: 2, weight: 0.001}
          variations: {main: {type: engine, model: home}}
        tagged: {variations: {main: {type: engine, model: tagged}}}
        untired:
          fatigue: {shown: 0}
          variations: {main: {type: engine, model: tagged}}
      related-items:
        like: {variations: {main: {type: engine, model: like}}}
      rerank-items:
        order: {variations: {main: {type: engine, model: order}}}
    eventTargets: [{type: personalize-event-tracker, trackingId: TRACKING}]
"""
MODELS = {
    "home": "aws-user-personalization-v2",
    "order": "aws-personalized-ranking-v2",
    "popular": "aws-popularity-count",
    "tagged": "aws-popularity-count",
    "like": "aws-similar-items",
}


class Shop(Site):
    """The site with its answers by REST."""

    tracking = ""

    def get(self, path: str, **query: Any) -> httpx.Response:
        answer = httpx.get(f"{self.runtime.meta.endpoint_url}/{path}", params=query, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer

    def list(self, path: str, count: int = 5, **query: Any) -> list[str]:
        body = self.get(path, numResults=count, **query).json()
        return [item["itemId"] for item in body.get("itemList", body.get("personalizedRanking"))]

    def odds(self, user: str) -> dict[str, float]:
        answer = self.runtime.get_recommendations(campaignArn=f"{ARN}:campaign/home", userId=user, numResults=20)
        return {item["itemId"]: item["score"] for item in answer["itemList"]}

    def event(self, user: str, item: str, kind: str) -> None:
        """By boto3."""
        now = int(self.clock())
        event = {"eventType": kind, "sentAt": now, "itemId": item}
        self.events.put_events(trackingId=self.tracking, sessionId=f"s-{user}", userId=user, eventList=[event])

    def why(self, recommender: str, user: str, item: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.get(f"explain-items/shop/{recommender}/{user}/{item}", numResults=5).json()
        return answer


def stock(site: Shop) -> str:
    """Even users like even items, odd ones odd; the lower the number, the more liked. All but u39 dislike i19."""
    group = str(site.personalize.create_dataset_group(name="shop")["datasetGroupArn"])
    rows = [
        f"u{user},i{item},{START + user * 100 + step},view"
        for user in range(40)
        for step, item in enumerate([item for item in range(user % 2, 18, 2) if item * 3 < user + 20])
    ]
    dislikes = [f"u{user},i19,{START + 9000 + user},Dislike" for user in range(39)]
    fields = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE"
    site.load(site.dataset(group, "Interactions", *INTERACTIONS), [fields, *rows, *dislikes])
    return group


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder, clock, state = tmp_path_factory.mktemp("unwanted"), Clock(), new_state()
    opened: list[Shop] = []
    engine = open_engine(folder / "data", state, clock)
    with served(create_app(parse(let_in("namespaces: {}")), engine, AppOptions(environ=state, clock=clock))) as url:
        clients = Clients(url)
        site = Shop(folder, engine, clients, clock)
        group = stock(site)
        site.tracking = site.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
        opened.append(site)
        (folder / "config.yaml").write_text(let_in(CONFIG.replace("TRACKING", site.tracking)))
        clients.close()
    engine = open_engine(folder / "data", state, clock)
    config = parse((folder / "config.yaml").read_text())
    with served(create_app(config, engine, AppOptions(environ=state, clock=clock))) as url:
        clients = Clients(url)
        site = Shop(folder, engine, clients, clock)
        site.tracking = opened[0].tracking
        eventually(lambda: "recgate:negativeEvents" in tags(site, f"{ARN}:dataset-group/shop"))
        for name, recipe in MODELS.items():
            quick = {"solutionConfig": {"algorithmHyperParameters": {"sequence_epochs": "0"}}}
            site.personalize.create_solution(
                name=name,
                datasetGroupArn=f"{ARN}:dataset-group/shop",
                recipeArn=f"arn:aws:personalize:::recipe/{recipe}",
                performAutoTraining=False,
                **(quick if "v2" in recipe else {}),
            )
            version = site.personalize.create_solution_version(solutionArn=f"{ARN}:solution/{name}")
            site.work()
            site.personalize.create_campaign(name=name, solutionVersionArn=version["solutionVersionArn"])
        site.engine.feed.catch_up()
        yield site
        clients.close()


def tags(shop: Site, arn: str) -> dict[str, str]:
    listed = shop.personalize.list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["tagKey"]: tag["tagValue"] for tag in listed}


# ---- dislikes


def test_the_configuration_tells_the_dataset_group(shop: Shop):
    assert json.loads(tags(shop, f"{ARN}:dataset-group/shop")["recgate:negativeEvents"]) == [
        {"eventType": "dislike", "undoneBy": ["undo"]}
    ]


def test_a_disliked_item_leaves_cached_lists_at_once(shop: Shop):
    for recommender, models in (
        ("recommend-items/shop/home/u1", "home"),
        ("recommend-items/shop/rested/u1", "popular"),
    ):
        before = shop.list(recommender)
        assert shop.list(recommender) == before  # cached, and hot the third time
        assert shop.list(recommender) == before
        shop.event("u1", before[0], "dislike")
        after = shop.list(recommender)
        assert before[0] not in after and len(after) == 5
        assert before[0] not in shop.items(f"{ARN}:campaign/{models}", "u1", 20)


def test_a_dislike_is_taken_back(shop: Shop):
    path = "recommend-items/shop/rested/u7"
    first = shop.list(path)[0]
    shop.event("u7", first, "dislike")
    assert first not in shop.list(path)
    shop.clock.ahead += 1
    shop.event("u7", first, "undo")
    assert shop.list(path)[0] == first


def test_a_user_without_a_history_shares_no_list_after_a_dislike(shop: Shop):
    shared = shop.list("recommend-items/shop/home/new1")
    assert shop.list("recommend-items/shop/home/new2") == shared
    shop.event("new2", shared[0], "DISLIKE")
    assert shared[0] not in shop.list("recommend-items/shop/home/new2")
    assert shop.list("recommend-items/shop/home/new1") == shared


def test_related_items_leave_out_what_the_asking_user_dislikes(shop: Shop):
    near = shop.list("related-items/shop/like/i2", userId="u2")
    shop.event("u2", near[0], "dislike")
    assert near[0] not in shop.list("related-items/shop/like/i2", userId="u2")
    assert shop.list("related-items/shop/like/i2") == near


def test_a_ranking_keeps_what_is_disliked_and_puts_it_last(shop: Shop):
    shop.event("u3", "i5", "dislike")
    given = ["i5", "i1", "i3", "unheard-of"]
    assert shop.list(f"rerank-items/shop/order/u3/{','.join(given)}")[-1] == "i5"
    answer = shop.runtime.get_personalized_ranking(campaignArn=f"{ARN}:campaign/order", inputList=given, userId="u3")
    ranking = answer["personalizedRanking"]
    assert sorted(item["itemId"] for item in ranking) == sorted(given) and ranking[-1]["itemId"] == "i5"


def test_its_like_sink(shop: Shop):
    """A user of both halves who dislikes an odd item gets less of the odd half, in what the item leaves to others."""
    for item in ("i2", "i3"):
        shop.event("both", item, "view")
    before = shop.odds("both")
    shop.event("both", "i5", "dislike")
    after = shop.odds("both")
    assert "i5" not in after
    rest = 1 - before["i5"]
    assert all(after[item] < before[item] / rest for item in ("i7", "i9", "i11"))
    assert all(after[item] > before[item] / rest for item in ("i4", "i6", "i8"))
    reasons = shop.why("home", "both", "i7")["lowered"]
    assert reasons[0]["cause"] == "unwantedAlike" and reasons[0]["itemId"] == "i5" and 0 < reasons[0]["odds"] < 1


def test_negative_events_train_nothing(shop: Shop):
    """Everybody has a dislike of i19, and so nobody has chosen it."""
    assert "i19" not in shop.items(f"{ARN}:campaign/popular", "u39", 10)
    assert shop.items(f"{ARN}:campaign/popular", "u39", 19)[-1] != "i0"


def test_explain_says_that_an_item_is_unwanted(shop: Shop):
    shop.event("u4", "i0", "dislike")
    explained = shop.why("home", "u4", "i0")
    assert (explained["cause"], explained.get("place")) == ("unwanted", None)


def test_a_solution_has_weights_below_zero(shop: Shop):
    """boto3 refuses them unless it is told to leave that to the server."""
    unchecked = SESSION.client(
        "personalize",
        endpoint_url=shop.runtime.meta.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=BotoConfig(parameter_validation=False),
    )
    events = [{"eventType": "view", "weight": 1.0}, {"eventType": "hide", "weight": -0.5}]
    config = {"eventsConfig": {"eventParametersList": events}, "algorithmHyperParameters": {"sequence_epochs": "0"}}
    group, recipe = f"{ARN}:dataset-group/shop", "arn:aws:personalize:::recipe/aws-user-personalization-v2"
    more = {"datasetGroupArn": group, "recipeArn": recipe, "performAutoTraining": False}
    solution = unchecked.create_solution(name="weighed", solutionConfig=config, **more)["solutionArn"]
    version = shop.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    shop.work()
    shop.personalize.create_campaign(name="weighed", solutionVersionArn=version)
    shop.engine.feed.catch_up()
    weighed = f"{ARN}:campaign/weighed"
    first = shop.items(weighed, "u6")[0]
    shop.event("u6", first, "hide")
    assert first not in shop.items(weighed, "u6", 20)
    assert first in shop.items(f"{ARN}:campaign/popular", "u6", 20)  # another solution's lists have it
    with pytest.raises(ClientError, match="no weight is above 0"):
        alone = {"eventsConfig": {"eventParametersList": events[1:]}}
        unchecked.create_solution(name="other", solutionConfig=alone, **more)
    with pytest.raises(ClientError, match=r">= -1.*weight"):
        below = {"eventsConfig": {"eventParametersList": [{"eventType": "hide", "weight": -1.5}]}}
        unchecked.create_solution(name="other", solutionConfig=below, **more)


# ---- fatigue


def test_what_is_shown_three_times_rests_though_the_list_is_cached(shop: Shop):
    path = "recommend-items/shop/rested/t1"
    lists = [shop.list(path) for _ in range(4)]
    assert lists[0] == lists[1] == lists[2] and not set(lists[3]) & set(lists[0])
    explained = shop.why("rested", "t1", lists[0][0])
    assert explained["cause"] == "tired" and "place" not in explained
    shop.clock.ahead += 1801
    assert shop.list(path)[:1] == lists[0][:1]  # the rest is over


def test_a_touched_item_does_not_rest(shop: Shop):
    path = "recommend-items/shop/rested/t2"
    shop.clock.ahead += 5
    first = shop.list(path)
    shop.list(path)
    shop.clock.ahead += 2
    shop.event("t2", first[0], "view")
    shop.clock.ahead += 2
    shop.list(path)
    fourth = shop.list(path)
    assert first[0] in fourth and not set(fourth) & set(first[1:])


def test_a_list_is_never_shorter_for_fatigue(shop: Shop):
    path = "recommend-items/shop/rested/t3"
    whole = [shop.list(path, 20) for _ in range(5)]
    assert {len(each) for each in whole} == {len(whole[0])}


def test_others_and_synthetic_users_are_not_tired(shop: Shop):
    first = shop.list("recommend-items/shop/rested/t4")
    for _ in range(5):
        assert shop.list("recommend-items/shop/rested/t5", syntheticUser="true") == first
    assert shop.list("recommend-items/shop/rested/t5") == first


def test_a_head_request_shows_nothing(shop: Shop):
    url = f"{shop.runtime.meta.endpoint_url}/recommend-items/shop/rested/t6?numResults=5"
    first = shop.list("recommend-items/shop/rested/t6")
    for _ in range(4):
        assert httpx.head(url).status_code == 200
    assert shop.list("recommend-items/shop/rested/t6") == first


def test_many_lists_count_what_each_shows(shop: Shop):
    url = f"{shop.runtime.meta.endpoint_url}/recommend-many/shop"
    one = {"recommender": "rested", "numResults": 3}
    body = {"userId": "t7", "distinct": True, "requests": [one, one]}
    pages = [httpx.post(url, json=body).json()["responses"] for _ in range(4)]
    shown = [[item["itemId"] for each in page for item in each["itemList"]] for page in pages]
    assert shown[0] == shown[1] == shown[2] and len(set(shown[0])) == 6
    assert not set(shown[0]) & set(shown[3])


def test_tired_items_stand_lower_by_a_weight(shop: Shop):
    path = "recommend-items/shop/lowered/u8"
    lists = [shop.list(path) for _ in range(3)]
    assert lists[0] == lists[1] != lists[2]
    top = lists[0][0]
    (reason,) = [each for each in shop.why("lowered", "u8", top)["lowered"] if each["cause"] == "fatigue"]
    assert reason["odds"] == 0.001


def test_a_campaigns_tag_counts_for_boto3_and_for_rest(shop: Shop):
    campaign = f"{ARN}:campaign/tagged"
    before = shop.list("recommend-items/shop/tagged/t8")
    for _ in range(5):
        assert shop.items(campaign, "t8", 5) == before
    rule = {"tagKey": "recgate:fatigue", "tagValue": json.dumps({"shown": 2, "within": "1h", "rest": "1h"})}
    shop.personalize.tag_resource(resourceArn=campaign, tags=[rule])
    lists = [shop.items(campaign, "t8", 5), shop.list("recommend-items/shop/tagged/t8"), shop.items(campaign, "t8", 5)]
    assert lists[0] == lists[1] == before and not set(lists[2]) & set(before)
    assert shop.list("recommend-items/shop/untired/t8") == before  # its recommender says otherwise
    shop.personalize.untag_resource(resourceArn=campaign, tagKeys=["recgate:fatigue"])
    assert shop.items(campaign, "t8", 5) == before == shop.list("recommend-items/shop/tagged/t8")


def test_a_wrong_tag_is_refused_with_the_rule(shop: Shop):
    wrong = {"tagKey": "recgate:fatigue", "tagValue": json.dumps({"shown": 2, "rest": "soon"})}
    with pytest.raises(ClientError, match=r"recgate:fatigue is a setting.*rest"):
        shop.personalize.tag_resource(resourceArn=f"{ARN}:campaign/tagged", tags=[wrong])


def test_what_was_shown_survives_a_restart_and_is_seen_by_other_processes(shop: Shop, tmp_path: Path):
    path = "recommend-items/shop/rested/t9"
    first = shop.list(path)
    shop.list(path)
    shop.engine.showings.flush()
    config = parse((shop.folder / "config.yaml").read_text())
    other = Engine.open(shop.engine.settings, shop.clock)
    with served(create_app(config, other, AppOptions(environ={}, clock=shop.clock))) as url:
        assert [item["itemId"] for item in httpx.get(f"{url}/{path}?numResults=5").json()["itemList"]] == first
        fourth = httpx.get(f"{url}/{path}?numResults=5").json()["itemList"]
    assert not {item["itemId"] for item in fourth} & set(first)
