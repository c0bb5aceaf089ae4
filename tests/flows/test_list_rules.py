"""Merchandising rules: by boto3 as a campaign's tag, which counts at once, and by HTTP, from the tag or the
configuration, cached or not, in batch jobs and explanations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.apart import let_in, url_of
from tests.aws.world import Clients, served
from tests.flows.site import START, Clock, Site
from tests.shared_state import new_state, open_engine

ARN = "arn:aws:personalize:us-east-1:000000000000"
CAMPAIGN = f"{ARN}:campaign/popular"
ODD = 'INCLUDE ItemID WHERE Items.KIND IN ("odd")'
CONFIG = """
namespaces:
  shop:
    cacheControl: {userSpecified: {maxAge: 3600, directives: "private,stale-while-revalidate=3600"}}
    recommenders:
      recommend-items:
        tagged: {variations: {main: {type: engine, model: popular}}}
        ruled:
          rules: [{type: pin, name: front, place: 2, items: [i19]}]
          variations: {main: {type: engine, model: popular}}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Items i0 to i19, the lower the more wanted, even and odd ones, with a popularity count."""
    folder, clock, state = tmp_path_factory.mktemp("ruled"), Clock(), new_state()
    engine = open_engine(folder / "data", state, clock)
    with served(create_app(parse(let_in(CONFIG)), engine, AppOptions(environ=state, clock=clock))) as url:
        clients = Clients(url)
        shop = Site(folder, engine, clients, clock)
        p = shop.personalize
        group = str(p.create_dataset_group(name="shop")["datasetGroupArn"])
        rows = [f"u{u},i{item},{START + u}" for u in range(20) for item in range(20 - u)]
        interactions = shop.dataset(
            group, "Interactions", ("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long")
        )
        shop.load(interactions, ["USER_ID,ITEM_ID,TIMESTAMP", *rows])
        shop.stock(group)
        recipe = "arn:aws:personalize:::recipe/aws-popularity-count"
        p.create_solution(name="popular", datasetGroupArn=group, recipeArn=recipe, performAutoTraining=False)
        version = p.create_solution_version(solutionArn=f"{ARN}:solution/popular")["solutionVersionArn"]
        shop.work()
        p.create_filter(name="odd", datasetGroupArn=group, filterExpression=ODD)
        p.create_campaign(
            name="popular",
            solutionVersionArn=version,
            tags=[tag({"type": "pin", "name": "p", "place": 1, "items": ["i9"]})],
        )
        shop.engine.feed.catch_up()
        yield shop
        clients.close()


def tag(*rules: dict[str, Any]) -> dict[str, str]:
    return {"tagKey": "recgate:rules", "tagValue": json.dumps(rules)}


def set_rules(shop: Site, *rules: dict[str, Any]) -> None:
    shop.personalize.tag_resource(resourceArn=CAMPAIGN, tags=[tag(*rules)])


def by_http(shop: Site, recommender: str, user: str = "u1", count: int = 4) -> httpx.Response:
    url = f"{shop.runtime.meta.endpoint_url}/recommend-items/shop/{recommender}/{user}?numResults={count}"
    return httpx.get(url, timeout=30)


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["itemId"] for item in answer.json()["itemList"]]


def test_a_tag_rules_boto3_and_http_and_the_configuration_wins(shop: Site):
    assert shop.items(CAMPAIGN, "u1", 4) == ["i9", "i0", "i1", "i2"]
    for outcome in ("miss", "hit"):
        answer = by_http(shop, "tagged")
        assert ids(answer) == ["i9", "i0", "i1", "i2"] and answer.headers["x-cache"] == outcome
    assert answer.json()["itemList"][0]["pin"] == {"rule": "p", "place": 1}
    assert ids(by_http(shop, "ruled")) == ["i0", "i19", "i1", "i2"]


def test_another_tag_counts_at_once_on_cached_lists_too(shop: Site):
    by_http(shop, "tagged")
    for rules, wanted in (
        ([{"type": "boost", "name": "b", "times": 3, "filterArn": "odd"}], ["i1", "i3", "i5", "i7"]),
        ([{"type": "boost", "name": "b", "times": 3, "filterArn": f"{ARN}:filter/odd"}], ["i1", "i3", "i5", "i7"]),
        ([{"type": "bury", "name": "b", "times": 100, "expression": ODD}], ["i0", "i2", "i4", "i6"]),
        ([{"type": "pin", "name": "q", "place": 2, "count": 2, "expression": ODD}], ["i0", "i1", "i3", "i2"]),
        ([], ["i0", "i1", "i2", "i3"]),
    ):
        set_rules(shop, *rules)
        assert ids(by_http(shop, "tagged")) == wanted == shop.items(CAMPAIGN, "u1", 4)
    set_rules(shop, {"type": "pin", "name": "p", "place": 1, "items": ["i9"]})
    shop.personalize.untag_resource(resourceArn=CAMPAIGN, tagKeys=["recgate:rules"])
    assert ids(by_http(shop, "tagged")) == ["i0", "i1", "i2", "i3"] == shop.items(CAMPAIGN, "u1", 4)


def test_the_clock_begins_and_ends_it(shop: Site):
    now = int(shop.clock()) + 3600
    start, end = (datetime.fromtimestamp(now + more, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for more in (0, 600))
    set_rules(shop, {"type": "pin", "name": "p", "place": 1, "items": ["i9"], "schedule": {"start": start, "end": end}})
    for ahead, first in ((0, "i0"), (now - 30, "i0"), (now + 1, "i9"), (now + 590, "i9"), (now + 601, "i0")):
        shop.clock.ahead += max(0.0, ahead - shop.clock())
        answer = by_http(shop, "tagged")
        assert ids(answer)[0] == first == shop.items(CAMPAIGN, "u1", 1)[0]
    set_rules(shop)


def test_boto3_is_told_why(shop: Site):
    set_rules(shop, {"type": "bury", "name": "b", "times": 100, "expression": ODD})
    headers = {"content-type": "application/json", "x-recgate-explain": "i1"}
    body = {"campaignArn": CAMPAIGN, "userId": "u1", "numResults": 4}
    answer = httpx.post(f"{shop.runtime.meta.endpoint_url}/recommendations", json=body, headers=headers, timeout=30)
    told = answer.json()["explanation"]
    assert (told["cause"], told["rules"]) == ("bury", [{"name": "b", "type": "bury", "times": 100.0}])
    assert (told["rank"], told["rankAfterRules"]) == (2, 11)
    set_rules(shop)


def test_a_batch_job_takes_rules_by_its_own_tag(shop: Site):
    version = shop.versions(f"{ARN}:solution/popular")[0]["solutionVersionArn"]
    pinned = tag({"type": "pin", "name": "p", "place": 2, "items": ["i19"]})
    assert shop.batch(version, "u1", 3, pinned) == ["i0", "i19", "i1"]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"type": "pin", "name": "p", "items": ["a"]}, "missing required field `place`"),
        ({"type": "boost", "name": "b", "times": 2, "expression": "INCLUDE"}, "the rule b: Invalid Expression"),
        (
            {"type": "boost", "name": "b", "times": 2, "expression": 'INCLUDE ItemID WHERE Items.COLOR = "x"'},
            "Items.COLOR: no such field; one of ITEM_ID, KIND",
        ),
        (
            {
                "type": "boost",
                "name": "b",
                "times": 2,
                "expression": "INCLUDE ItemID WHERE Items.KIND = CurrentItem.KIND",
            },
            "The rule b: its filter depends on CurrentItem, but the recipe aws-popularity-count",
        ),
    ],
)
def test_what_can_not_be_is_refused_by_name(shop: Site, rule: dict[str, Any], says: str):
    with pytest.raises(shop.personalize.exceptions.InvalidInputException, match=says):
        set_rules(shop, rule)
    version = shop.versions(f"{ARN}:solution/popular")[0]["solutionVersionArn"]
    with pytest.raises(shop.personalize.exceptions.InvalidInputException, match=says):
        shop.personalize.create_campaign(name="other", solutionVersionArn=version, tags=[tag(rule)])


def test_other_refusals(shop: Site):
    p, gone = shop.personalize, {"type": "boost", "name": "b", "times": 2, "filterArn": "gone"}
    with pytest.raises(p.exceptions.ResourceNotFoundException, match="filter/gone"):
        set_rules(shop, gone)
    with pytest.raises(p.exceptions.InvalidInputException, match=r"recgate:rules is for campaigns.*not for a solution"):
        p.tag_resource(resourceArn=f"{ARN}:solution/popular", tags=[tag()])
    solution = {"name": "s", "datasetGroupArn": f"{ARN}:dataset-group/shop", "performAutoTraining": False}
    with pytest.raises(p.exceptions.InvalidInputException, match=r"recgate:rules is for campaigns.*not for a solution"):
        p.create_solution(**solution, recipeArn="arn:aws:personalize:::recipe/aws-sims", tags=[tag()])
    with pytest.raises(p.exceptions.InvalidInputException, match="no setting recgate:rule; use one of recgate:"):
        p.tag_resource(resourceArn=CAMPAIGN, tags=[{"tagKey": "recgate:rule", "tagValue": "[]"}])
    p.create_filter(name="short", datasetGroupArn=f"{ARN}:dataset-group/shop", filterExpression=ODD)
    set_rules(shop, {**gone, "filterArn": "short"})
    p.delete_filter(filterArn=f"{ARN}:filter/short")
    shop.engine.feed.catch_up()
    ready = httpx.get(url_of(shop.runtime.meta.endpoint_url, "/ready"), timeout=30).json()
    assert f"rule b of {CAMPAIGN}: short" in ready["degraded"]
    set_rules(shop)
