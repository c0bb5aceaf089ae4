"""Contextual recommendations: what people want on the phone and at the television, asked through boto3."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.site import START, Site, site

CLIPS, FILMS = [f"clip{n}" for n in range(8)], [f"film{n}" for n in range(8)]
V2 = {"sequence_epochs": "0"}  # a hyperparameter of ours: without the neural scorer training takes a second


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as opened:
        yield opened


def dataset(shop: Site, group: str, kind: str, fields: list[dict[str, Any]]) -> str:
    schema = {"type": "record", "name": kind, "namespace": "com.example", "fields": fields, "version": "1.0"}
    arn = shop.personalize.create_schema(name=kind.lower(), schema=json.dumps(schema))["schemaArn"]
    made = {"name": kind.lower(), "schemaArn": arn, "datasetGroupArn": group, "datasetType": kind}
    return str(shop.personalize.create_dataset(**made)["datasetArn"])


def viewings(users: int = 80, each: int = 10) -> list[str]:
    """Everybody watches clips on the phone and films at the television; no item is so young that it is explored."""
    draw = random.Random(0)
    rows = []
    for user in range(users):
        for step in range(each):
            device = draw.choice(("phone", "tv"))
            item = draw.choice(CLIPS if device == "phone" else FILMS)
            rows.append(f"u{user},{item},{START + user * 43_200 + step},{device}")
    return rows


@pytest.fixture
def group(shop: Site) -> str:
    group = str(shop.personalize.create_dataset_group(name="video")["datasetGroupArn"])
    ids = [{"name": name, "type": "string"} for name in ("USER_ID", "ITEM_ID")]
    device = {"name": "DEVICE_TYPE", "type": ["null", "string"], "categorical": True}
    arn = dataset(shop, group, "Interactions", [*ids, {"name": "TIMESTAMP", "type": "long"}, device])
    shop.load(arn, ["USER_ID,ITEM_ID,TIMESTAMP,DEVICE_TYPE", *viewings()])
    return group


def campaign(shop: Site, group: str, recipe: str, **config: Any) -> str:
    personalize = shop.personalize
    solution = personalize.create_solution(
        name=recipe,
        datasetGroupArn=group,
        recipeArn=f"arn:aws:personalize:::recipe/{recipe}",
        performAutoTraining=False,
        solutionConfig={"algorithmHyperParameters": V2, **config},
    )["solutionArn"]
    version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    shop.work()
    assert shop.version(version)["status"] == "ACTIVE"
    arn = personalize.create_campaign(name=recipe, solutionVersionArn=version)["campaignArn"]
    shop.engine.feed.catch_up()
    return str(arn)


@pytest.mark.parametrize("recipe", ["aws-user-personalization-v2", "aws-user-personalization"])
def test_the_device_decides_the_list(shop: Site, group: str, recipe: str):
    home = campaign(shop, group, recipe)

    def asked(user: str, **context: str) -> list[str]:
        answer = shop.runtime.get_recommendations(campaignArn=home, userId=user, numResults=5, context=context)
        return [item["itemId"] for item in answer["itemList"]]

    for user in ("u1", "u2", "somebody new"):
        assert set(asked(user, DEVICE_TYPE="phone")) <= set(CLIPS), user
        assert set(asked(user, device_type="tv")) <= set(FILMS)
        assert set(asked(user, deviceType="tv", WEATHER="rain")) <= set(FILMS)  # no column: ignored
    marginal = shop.runtime.get_recommendations(campaignArn=home, userId="u1", numResults=16)["itemList"]
    assert 3 <= len({item["itemId"] for item in marginal[:8]} & set(CLIPS)) <= 5
    assert asked("u1", WEATHER="rain") == [item["itemId"] for item in marginal[:5]]


def test_a_ranking_follows_the_device(shop: Site, group: str):
    order = campaign(shop, group, "aws-personalized-ranking-v2")
    given = ["film1", "clip1", "film2", "clip2"]
    for device, first in (("phone", {"clip1", "clip2"}), ("tv", {"film1", "film2"})):
        answer = shop.runtime.get_personalized_ranking(
            campaignArn=order, inputList=given, userId="u3", context={"DEVICE_TYPE": device}
        )["personalizedRanking"]
        assert {item["itemId"] for item in answer[:2]} == first
        assert sum(item["score"] for item in answer) == pytest.approx(1, abs=1e-5)


def test_a_column_left_out_of_training_says_nothing(shop: Site, group: str):
    left_out = {"trainingDataConfig": {"excludedDatasetColumns": {"INTERACTIONS": ["DEVICE_TYPE"]}}}
    home = campaign(shop, group, "aws-user-personalization-v2", **left_out)
    answers = [
        shop.runtime.get_recommendations(campaignArn=home, userId="u1", numResults=8, context=context)["itemList"]
        for context in ({"DEVICE_TYPE": "phone"}, {"DEVICE_TYPE": "tv"}, {})
    ]
    assert answers[0] == answers[1] == answers[2]


def test_a_new_user_gets_what_people_alike_want(shop: Site, group: str):
    """The old want films, the young clips; a user put a moment ago is known by these columns alone."""
    fields = [{"name": "USER_ID", "type": "string"}, {"name": "AGE", "type": "int"}]
    users = dataset(shop, group, "Users", [*fields, {"name": "PLAN", "type": ["null", "string"], "categorical": True}])
    draw = random.Random(1)
    rows = [
        f"v{user},{draw.choice(FILMS if user % 2 else CLIPS)},{START + user * 17_000 + step},"
        for user in range(200)
        for step in range(4)
    ]
    interactions = shop.personalize.list_datasets(datasetGroupArn=group)["datasets"][0]["datasetArn"]
    shop.load(interactions, ["USER_ID,ITEM_ID,TIMESTAMP,DEVICE_TYPE", *rows])
    ages = (60 + user % 9 if user % 2 else 20 + user % 9 for user in range(200))
    shop.load(users, ["USER_ID,AGE,PLAN", *(f"v{user},{age}," for user, age in enumerate(ages))])
    home = campaign(shop, group, "aws-user-personalization-v2")
    shop.events.put_users(
        datasetArn=users,
        users=[{"userId": "old", "properties": '{"age": 66}'}, {"userId": "young", "properties": '{"age": 21}'}],
    )
    shop.engine.feed.catch_up()
    assert set(shop.items(home, "old", 5)) <= set(FILMS)
    assert set(shop.items(home, "young", 5)) <= set(CLIPS)


REFUSED = [
    ({f"K{n}": "x" for n in range(151)}, "length <= 150"),
    ({"DEVICE-TYPE": "x"}, r"matching regex|pattern"),
    ({"K" * 151: "x"}, "length <= 150"),
    ({"DEVICE_TYPE": "x" * 1001}, "length <= 1000"),
]


def test_a_context_that_breaks_a_rule_is_refused(shop: Site):
    """Whatever the campaign: the body is read first."""
    runtime = shop.runtime
    asked = {"campaignArn": "arn:aws:personalize:us-east-1:123456789012:campaign/none", "userId": "u1"}
    for context, why in REFUSED:
        for call in (runtime.get_recommendations, lambda **a: runtime.get_personalized_ranking(inputList=["a"], **a)):
            with pytest.raises(runtime.exceptions.InvalidInputException, match=why):
                call(**asked, context=context)
    with pytest.raises(runtime.exceptions.ResourceNotFoundException):
        runtime.get_recommendations(**asked, context={f"K{n}": "x" * 1000 for n in range(150)})
