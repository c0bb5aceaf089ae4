"""Caps and diversity by REST and by boto3: by the configuration, by a campaign's tags, on cached lists, in files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.flows.site import START, Site, site

CONFIG = """
namespaces:
  shop:
    cacheControl:
      userSpecified: {maxAge: 600}
      noUserSpecified: {maxAge: 600}
    recommenders:
      recommend-items:
        plain: {variations: &home {only: {type: engine, model: home}}}
        capped:
          diversity: {caps: [{column: BRAND, most: 2}]}
          variations: *home
        window:
          diversity: {caps: [{column: BRAND, most: 1, first: 3}, {column: BRAND, most: 3}]}
          variations: *home
        diverse:
          diversity: {strength: 0.8, columns: [KIND]}
          variations: *home
        without:
          diversity: {}
          variations: *home
        wrong:
          diversity: {caps: [{column: BRND, most: 2}]}
          variations: *home
      rerank-items:
        order:
          diversity: {caps: [{column: BRAND, most: 1}]}
          variations: {only: {type: engine, model: ranker}}
"""

BRANDS = dict(zip([f"i{item}" for item in range(12)], "aaaabbbbcdef", strict=True))
ARN = "arn:aws:personalize:us-east-1:000000000000"
CAMPAIGN = f"{ARN}:campaign/home"
KINDS = {item: "even" if int(item[1:]) % 2 == 0 else "odd" for item in BRANDS}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Items i0 to i11, the lower the more wanted: four of brand a, four of b, and four others."""
    with site(tmp_path_factory.mktemp("diverse"), CONFIG) as opened:
        p = opened.personalize
        group = str(p.create_dataset_group(name="shop")["datasetGroupArn"])
        fields = (("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"))
        rows = [f"u{user},i{item},{START + user * 20 + item}" for user in range(12) for item in range(user + 1)]
        opened.load(opened.dataset(group, "Interactions", *fields), ["USER_ID,ITEM_ID,TIMESTAMP", *rows])
        stock = opened.dataset(group, "Items", ("ITEM_ID", "string"), ("BRAND", "string"), ("KIND", "string"))
        opened.load(stock, ["ITEM_ID,BRAND,KIND", *(f"{i},{BRANDS[i]},{KINDS[i]}" for i in BRANDS)])
        for name, recipe, parameters in (
            ("home", "aws-popularity-count", {}),
            ("ranker", "aws-personalized-ranking-v2", {"sequence_epochs": "0"}),
        ):
            solution = p.create_solution(
                name=name,
                datasetGroupArn=group,
                recipeArn=f"arn:aws:personalize:::recipe/{recipe}",
                performAutoTraining=False,
                solutionConfig={"algorithmHyperParameters": parameters},
            )["solutionArn"]
            version = p.create_solution_version(solutionArn=solution)["solutionVersionArn"]
            opened.work()
            p.create_campaign(name=name, solutionVersionArn=version)
        opened.engine.feed.catch_up()
        yield opened


def get(shop: Site, path: str) -> httpx.Response:
    answer = httpx.get(f"{shop.runtime.meta.endpoint_url}{path}", timeout=30)
    assert answer.status_code == 200, answer.text
    return answer


def listed(shop: Site, path: str) -> list[str]:
    body = get(shop, path).json()
    return [item["itemId"] for item in body.get("itemList", body.get("personalizedRanking"))]


def most(items: Sequence[str], brands: dict[str, str] = BRANDS) -> int:
    return max(Counter(brands[item] for item in items).values())


@contextmanager
def tagged(shop: Site, **diversity: Any) -> Iterator[None]:
    tag = {"tagKey": "recgate:diversity", "tagValue": json.dumps(diversity)}
    shop.personalize.tag_resource(resourceArn=CAMPAIGN, tags=[tag])
    try:
        yield
    finally:
        shop.personalize.untag_resource(resourceArn=CAMPAIGN, tagKeys=["recgate:diversity"])


def test_a_recommender_has_caps_cached_or_not(shop: Site):
    assert listed(shop, "/recommend-items/shop/plain/u1?numResults=4") == ["i0", "i1", "i2", "i3"]
    for _ in range(3):
        answer = get(shop, "/recommend-items/shop/capped/u1?numResults=5")
        assert [item["itemId"] for item in answer.json()["itemList"]] == ["i0", "i1", "i4", "i5", "i8"]
        assert "short" not in answer.json()
    assert answer.headers["age"] is not None
    short = get(shop, "/recommend-items/shop/capped/u1?numResults=12").json()
    assert len(short["itemList"]) == 8 and short["short"] is True
    assert listed(shop, "/recommend-items/shop/window/u1?numResults=6") == ["i0", "i4", "i8", "i1", "i2", "i5"]


def test_strength_mixes_kinds(shop: Site):
    assert [KINDS[item] for item in listed(shop, "/recommend-items/shop/diverse/u1?numResults=4")][:2] == [
        "even",
        "odd",
    ]


@pytest.mark.parametrize(
    "query", ["&exclude=i0", "&exclude=i0,i4,i8", "&exclude=i4,i8,i9,i10,i11", "&exclude=i1,i5&pageSize=3"]
)
def test_what_is_left_out_makes_no_list_break_its_window(shop: Site, query: str):
    items = listed(shop, f"/recommend-items/shop/window/u1?numResults=6{query}")
    assert items and most(items[:3]) == 1 and most(items) <= 3


def test_pages_go_on_within_the_caps(shop: Site):
    path, items = "/recommend-items/shop/window/u1?numResults=9&pageSize=2&exclude=i4", list[str]()
    page = get(shop, path).json()
    while True:
        items += [item["itemId"] for item in page["itemList"]]
        if "next" not in page:
            break
        page = get(shop, f"{path}&next={page['next']}").json()
    assert most(items[:3]) == 1 and most(items) <= 3 and len(items) == len(set(items)) >= 8


def test_lists_of_a_page_are_distinct_and_capped(shop: Site):
    lists = [{"recommender": name, "numResults": 4} for name in ("plain", "window")]
    answer = httpx.post(
        f"{shop.runtime.meta.endpoint_url}/recommend-many/shop",
        json={"userId": "u1", "distinct": True, "requests": lists},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    first, second = [[item["itemId"] for item in each["itemList"]] for each in answer.json()["responses"]]
    assert not set(first) & set(second) and most(second[:3]) == 1 and most(second) <= 3


def test_rankings_leave_out_what_a_cap_refuses(shop: Site):
    answer = get(shop, "/rerank-items/shop/order/u1/i0,i1,i8,i4,unknown").json()
    items = [item["itemId"] for item in answer["personalizedRanking"]]
    assert set(items) in ({"i0", "i8", "i4", "unknown"}, {"i1", "i8", "i4", "unknown"}) and answer["short"] is True


def test_a_column_that_is_not_there_is_refused(shop: Site):
    answer = httpx.get(f"{shop.runtime.meta.endpoint_url}/recommend-items/shop/wrong/u1")
    assert answer.status_code == 400 and "BRND" in answer.json()["message"] and "BRAND" in answer.json()["message"]


def test_an_explanation_names_the_cap(shop: Site):
    why = get(shop, "/explain-items/shop/capped/u1/i2?numResults=5").json()
    assert why["cause"] == "capped" and why["caps"] == [{"column": "BRAND", "value": "a", "most": 2}]
    assert get(shop, "/explain-items/shop/capped/u1/i8?numResults=5").json()["cause"] == "diversity"


def test_a_campaigns_tag_is_for_everyone_who_asks_it(shop: Site):
    before = listed(shop, "/recommend-items/shop/plain/u1?numResults=4")
    with tagged(shop, caps=[{"column": "BRAND", "most": 1}]):
        assert shop.items(CAMPAIGN, "u1", 4) == ["i0", "i4", "i8", "i9"]
        assert listed(shop, "/recommend-items/shop/plain/u1?numResults=4") == ["i0", "i4", "i8", "i9"]
        assert most(listed(shop, "/recommend-items/shop/capped/u1?numResults=4")) == 2  # its own setting wins
        assert listed(shop, "/recommend-items/shop/without/u1?numResults=4") == before
        short = shop.runtime.get_recommendations(campaignArn=CAMPAIGN, userId="u1", numResults=12)
        assert len(short["itemList"]) == 6
        assert short["ResponseMetadata"]["HTTPHeaders"]["x-recgate-short"] == "true"
    assert shop.items(CAMPAIGN, "u1", 4) == listed(shop, "/recommend-items/shop/plain/u1?numResults=4") == before


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", "recgate:diversity is a setting as a JSON object"),
        ('{"strength": 2}', "strength"),
        ('{"cap": []}', "there is no field `cap`"),
        ('{"caps": [{"column": "BRND", "most": 1}]}', r"recgate:diversity.caps\[0\].column: .*BRAND"),
    ],
)
def test_wrong_tags_name_what_is_wrong(shop: Site, value: str, message: str):
    tag = {"tagKey": "recgate:diversity", "tagValue": value}
    with pytest.raises(ClientError, match=message):
        shop.personalize.tag_resource(resourceArn=CAMPAIGN, tags=[tag])


def test_a_setting_that_there_is_none_of(shop: Site):
    for tags, message in (
        ([{"tagKey": "recgate:diversty", "tagValue": "{}"}], "use one of .*recgate:diversity"),
        ([{"tagKey": "team", "tagValue": "{}"}], "the tagValue of team"),
    ):
        with pytest.raises(ClientError, match=message):
            shop.personalize.tag_resource(resourceArn=CAMPAIGN, tags=tags)


def test_batch_jobs_have_the_tag_too(shop: Site):
    version = shop.personalize.describe_campaign(campaignArn=CAMPAIGN)["campaign"]["solutionVersionArn"]
    tag = {"tagKey": "recgate:diversity", "tagValue": '{"caps": [{"column": "BRAND", "most": 1}]}'}
    assert shop.batch(version, "u1", 5, tag) == ["i0", "i4", "i8", "i9", "i10"]


def test_an_item_that_changes_its_brand_leaves_no_cached_list_that_breaks_a_cap(shop: Site):
    path = "/recommend-items/shop/capped/u2?numResults=5"
    for _ in range(3):  # the last from the cache
        assert listed(shop, path) == ["i0", "i1", "i4", "i5", "i8"]

    def put(brand: str) -> None:
        item = {"itemId": "i8", "properties": json.dumps({"brand": brand, "kind": "even"})}
        shop.events.put_items(datasetArn=f"{ARN}:dataset/shop/ITEMS", items=[item])

    put("b")
    assert most(listed(shop, path), {**BRANDS, "i8": "b"}) == 2
    assert listed(shop, path) == ["i0", "i1", "i4", "i5", "i9"]
    put("c")
    assert listed(shop, path) == ["i0", "i1", "i4", "i5", "i8"]
