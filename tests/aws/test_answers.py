"""Questions to a whole server, a row each: what is answered, and what is refused with which words (§4.3, §5.1, §9)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.flow import schema_text
from tests.flows.site import START, Site, eventually, site

RECIPES = {
    "pop": "aws-popularity-count",
    "you": "aws-user-personalization-v2",
    "near": "aws-sims",
    "rank": "aws-personalized-ranking",
}
QUICK = {"solutionConfig": {"algorithmHyperParameters": {"sequence_epochs": "1"}}}
FILTERS = {
    "kind": "INCLUDE ItemID WHERE Items.KIND IN ($K)",
    "not-kind": "EXCLUDE ItemID WHERE Items.KIND IN ($K)",
    "cheap": "INCLUDE ItemID WHERE Items.PRICE <= $P",
    "unseen": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")',
    "cheaper": "INCLUDE ItemID WHERE Items.PRICE < CurrentItem.PRICE",
    "adult": 'EXCLUDE ItemID WHERE Items.KIND IN ("odd") IF CurrentUser.AGE > 18',
    "nothing": 'INCLUDE ItemID WHERE Items.KIND IN ("none")',
}
ITEMS = [
    {"itemId": f"i{n}", "properties": json.dumps({"price": n, "kind": ("even", "odd")[n % 2], "CATEGORY_L2": f"c|{n}"})}
    for n in range(8)
]


@dataclass
class Shop:
    """Items i0 to i7, the lower the more popular; user u9 has seen all of them, nobody has seen none."""

    site: Site
    arns: dict[str, str]

    def ask(self, **asked: Any) -> list[dict[str, Any]]:
        """`campaign` and `filter` are names."""
        given = {"campaignArn": self.arns["pop"], "userId": "u9", "numResults": 4, **asked}
        for name in ("campaign", "filter"):
            if name in given:
                given[f"{name}Arn"] = self.arns[given.pop(name)]
        if "inputList" in given:
            del given["numResults"]
            return list(self.site.runtime.get_personalized_ranking(**given)["personalizedRanking"])
        return list(
            self.site.runtime.get_recommendations(**{k: v for k, v in given.items() if v is not None})["itemList"]
        )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with site(tmp_path_factory.mktemp("answers")) as made:
        p = made.personalize
        group = p.create_dataset_group(name="shop")["datasetGroupArn"]
        events = [(name, "string") for name in ("USER_ID", "ITEM_ID", "EVENT_TYPE")]
        interactions = made.dataset(group, "Interactions", *events, ("TIMESTAMP", "long"))
        text = [("KIND", ["null", "string"]), ("CATEGORY_L2", ["null", "string"])]
        items = made.dataset(group, "Items", ("ITEM_ID", "string"), ("PRICE", ["null", "int"]), *text)
        made.dataset(group, "Users", ("USER_ID", "string"), ("AGE", "int"))
        rows = [f"u{u},i{i},view,{START + u * 10 + i}" for u in range(10) for i in range(min(u + 1, 8))]
        made.load(interactions, ["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP", *rows])
        made.events.put_items(datasetArn=items, items=ITEMS)
        arns = {"group": group}
        for name, recipe in RECIPES.items():
            solution = p.create_solution(
                name=name,
                recipeArn=f"arn:aws:personalize:::recipe/{recipe}",
                datasetGroupArn=group,
                performAutoTraining=False,
                **(QUICK if name in ("you", "rank") else {}),
            )["solutionArn"]
            version = p.create_solution_version(solutionArn=solution)["solutionVersionArn"]
            made.work()
            config = {"campaignConfig": {"enableMetadataWithRecommendations": True}} if name == "pop" else {}
            arns[name] = p.create_campaign(name=name, solutionVersionArn=version, **config)["campaignArn"]
        for name, expression in FILTERS.items():
            arns[name] = p.create_filter(name=name, datasetGroupArn=group, filterExpression=expression)["filterArn"]
        arns["foreign"] = _foreign(p)
        arns["no-campaign"], arns["no-filter"] = f"{arns['pop']}x", f"{arns['kind']}x"
        arns["elsewhere"] = arns["pop"].replace("us-east-1", "eu-west-1")
        arns["another's"] = arns["pop"].replace("000000000000", "111111111111")
        arns["solution"] = arns["pop"].replace(":campaign/", ":solution/")
        yield (shop := Shop(made, arns))
        assert shop.ask()


def _foreign(p: Any) -> str:
    """A filter of another dataset group."""
    group = p.create_dataset_group(name="other")["datasetGroupArn"]
    fields = (("USER_ID", "string"), ("ITEM_ID", "string"), ("EVENT_TYPE", "string"), ("TIMESTAMP", "long"))
    schema = p.create_schema(name="other", schema=schema_text("Interactions", *fields))["schemaArn"]
    p.create_dataset(name="other", schemaArn=schema, datasetGroupArn=group, datasetType="INTERACTIONS")
    made = {"name": "foreign", "datasetGroupArn": group, "filterExpression": FILTERS["unseen"]}
    return str(p.create_filter(**made)["filterArn"])


ANSWERED: list[tuple[dict[str, Any], str]] = [
    ({}, "i0 i1 i2 i3"),
    ({"userId": None}, "i0 i1 i2 i3"),  # popular items need no user
    ({"numResults": None}, "i0 i1 i2 i3 i4 i5 i6 i7"),
    ({"numResults": 0}, "i0 i1 i2 i3 i4 i5 i6 i7"),
    ({"numResults": 500}, "i0 i1 i2 i3 i4 i5 i6 i7"),
    ({"context": {"DEVICE": "phone", "unknown": "x"}}, "i0 i1 i2 i3"),
    ({"filterValues": {"K": '"odd"'}}, "i0 i1 i2 i3"),  # without a filter
    ({"filter": "kind", "filterValues": {"K": '"even"'}}, "i0 i2 i4 i6"),
    ({"filter": "kind", "filterValues": {"K": '"even","odd"'}}, "i0 i1 i2 i3"),
    ({"filter": "kind", "filterValues": {"K": "even,odd"}}, "i0 i1 i2 i3"),
    ({"filter": "kind", "filterValues": {"K": '"even,odd"'}}, ""),  # a comma inside quotes is the value's
    ({"filter": "kind", "filterValues": {"K": '"even"', "X": "1"}}, "i0 i2 i4 i6"),
    ({"filter": "not-kind"}, "i0 i1 i2 i3"),  # what excludes is skipped without its parameter
    ({"filter": "cheap", "filterValues": {"P": "2"}}, "i0 i1 i2"),
    ({"filter": "cheap", "filterValues": {"P": '"2"'}}, "i0 i1 i2"),
    ({"filter": "nothing"}, ""),
    ({"filter": "unseen"}, ""),
    ({"filter": "adult"}, "i0 i1 i2 i3"),  # of this user nothing is known
    ({"campaign": "near", "itemId": "i3", "filter": "cheaper", "numResults": 9}, "i0 i1 i2"),
    ({"campaign": "near", "itemId": "none", "filter": "cheaper"}, ""),
    ({"campaign": "near", "itemId": "none", "userId": None}, "i0 i1 i2 i3"),  # popular ones for an unknown item
    ({"campaign": "you", "userId": "nobody", "numResults": 2}, "i0 i1"),  # and for an unknown user
    ({"campaign": "rank", "userId": "nobody", "inputList": ["none", "i3", "i1", "i3"]}, "i1 i3 none"),
]


@pytest.mark.parametrize(("asked", "items"), ANSWERED)
def test_answers(shop: Shop, asked: dict[str, Any], items: str):
    found = [item["itemId"] for item in shop.ask(**asked)]
    if "near" in asked.values() and "i3" in asked.values():
        found.sort()
    assert " ".join(found) == items


NOT_FOUND = "ResourceNotFoundException"
INVALID = "InvalidInputException"
PROMOTION = {"name": "p", "percentPromotedItems": 50}

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"campaign": "no-campaign"}, NOT_FOUND, "campaign/popx does not exist"),
    ({"campaign": "elsewhere"}, NOT_FOUND, "does not exist"),
    ({"campaign": "another's"}, NOT_FOUND, "does not exist"),
    ({"campaign": "solution"}, NOT_FOUND, "does not exist"),
    ({"campaign": "kind"}, NOT_FOUND, "does not exist"),
    ({"campaign": "rank"}, INVALID, "answers GetPersonalizedRanking only"),
    ({"campaign": "pop", "inputList": ["i1"]}, INVALID, "answers GetRecommendations only"),
    ({"campaign": "kind", "inputList": ["i1"]}, NOT_FOUND, "does not exist"),
    ({"campaign": "you", "userId": None}, INVALID, "userId is required"),
    ({"campaign": "near"}, INVALID, "itemId is required"),
    ({"filter": "no-filter"}, NOT_FOUND, "filter/kindx does not exist"),
    ({"filter": "pop"}, NOT_FOUND, "does not exist"),
    ({"filter": "foreign"}, INVALID, "another dataset group"),
    ({"filter": "kind"}, INVALID, "filterValues: .*K has no value"),
    ({"filter": "kind", "filterValues": {"k": '"odd"'}}, INVALID, "filterValues: .*K has no value"),
    ({"filter": "cheap", "filterValues": {"P": '"much"'}}, INVALID, "P must be a number"),
    ({"filter": "cheap", "filterValues": {"P": '"1","2"'}}, INVALID, "exactly one value"),
    ({"filter": "unseen", "userId": None}, INVALID, "userId is required"),
    ({"filter": "adult", "userId": None}, INVALID, "userId is required"),
    ({"filter": "cheaper", "itemId": "i3"}, INVALID, "CurrentItem"),
    ({"metadataColumns": {"ITEMS": ["PRICE", "NOPE"]}}, INVALID, "metadataColumns: .*no column NOPE; it has PRICE"),
    ({"metadataColumns": {"ITEMS": ["PRICE"]}, "numResults": 51}, INVALID, "at most 50"),
    (
        {"metadataColumns": {"ITEMS": ["PRICE"]}, "numResults": None, "campaign": "near", "itemId": "i1"},
        INVALID,
        "enable",
    ),
    ({"metadataColumns": {"ITEMS": ["PRICE"]}, "campaign": "rank", "inputList": ["i1"]}, INVALID, "enableMetadata"),
    ({"promotions": [{**PROMOTION, "filter": "kind"}]}, INVALID, "K has no value"),
    ({"promotions": [{**PROMOTION, "filter": "foreign"}]}, INVALID, "another dataset group"),
    ({"promotions": [{**PROMOTION, "filter": "no-filter"}]}, NOT_FOUND, "does not exist"),
]


@pytest.mark.parametrize(("asked", "code", "words"), REFUSED)
def test_refuses(shop: Shop, asked: dict[str, Any], code: str, words: str):
    promotions = [{**one, "filterArn": shop.arns[one["filter"]]} for one in asked.get("promotions", [])]
    asked = {**asked, "promotions": [{k: v for k, v in one.items() if k != "filter"} for one in promotions]}
    if "inputList" in asked:
        del asked["promotions"]
    with pytest.raises(ClientError, match=words) as refused:
        shop.ask(**asked)
    answer = refused.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (
        code,
        404 if code == NOT_FOUND else 400,
    )


def test_a_recommender_and_a_campaign_are_told_apart(shop: Shop):
    with pytest.raises(ClientError, match="does not exist"):
        shop.ask(campaignArn=None, recommenderArn=shop.arns["pop"])


@pytest.mark.parametrize("columns", [["PRICE", "CATEGORY_L2"], ["price", "category_l2"]])
def test_metadata_is_text_under_camel_case(shop: Shop, columns: list[str]):
    first = shop.ask(numResults=1, metadataColumns={"ITEMS": columns})[0]
    assert first["metadata"] == {"price": "0", "categoryL2": "c|0"}


def test_scores_of_a_ranking_sum_to_one_and_unknown_items_have_none(shop: Shop):
    ranked = shop.ask(campaign="rank", inputList=["i1", "none", "i2"])
    assert [("score" in item) for item in ranked] == [True, True, False]
    assert sum(item.get("score", 0) for item in ranked) == pytest.approx(1, abs=1e-6)


PROMOTED = [(1, 1), (25, 1), (50, 2), (74, 2), (75, 3), (100, 4)]  # of four; at least one, then rounded down


@pytest.mark.parametrize(("percent", "count"), PROMOTED)
def test_the_promoted_share(shop: Shop, percent: int, count: int):
    promotion = {**PROMOTION, "percentPromotedItems": percent, "filterArn": shop.arns["kind"]}
    answer = shop.ask(promotions=[{**promotion, "filterValues": {"K": '"odd"'}}])
    promoted = [item["itemId"] for item in answer if item.get("promotionName") == "p"]
    assert promoted == ["i1", "i3", "i5", "i7"][:count]
    assert len({item["itemId"] for item in answer}) == 4


def test_the_questions_filter_spares_the_promoted(shop: Shop):
    promotion = {**PROMOTION, "filterArn": shop.arns["kind"], "filterValues": {"K": '"odd"'}}
    answer = shop.ask(promotions=[promotion], filter="kind", filterValues={"K": '"even"'})
    assert [item["itemId"] for item in answer if "promotionName" in item] == ["i1", "i3"]
    assert [item["itemId"] for item in answer if "promotionName" not in item] == ["i0", "i2"]


def test_every_answer_has_a_recommendation_id_even_an_empty_one(shop: Shop):
    asked = {"campaignArn": shop.arns["pop"], "userId": "u9", "filterArn": shop.arns["nothing"]}
    answer = shop.site.runtime.get_recommendations(**asked)
    assert answer["itemList"] == []
    assert answer["recommendationId"].startswith("RID-") and len(answer["recommendationId"]) == 40


def test_a_deleted_filter_is_not_found(shop: Shop):
    p, group = shop.site.personalize, shop.arns["group"]
    arn = p.create_filter(name="brief", datasetGroupArn=group, filterExpression=FILTERS["nothing"])["filterArn"]
    assert shop.ask(filterArn=arn) == []
    p.delete_filter(filterArn=arn)

    def gone() -> bool:
        try:
            return bool(shop.ask(filterArn=arn))
        except ClientError as error:
            return "does not exist" in str(error)

    eventually(gone)
