"""Recipes that need more than interactions, or answer otherwise: trained through boto3, with their refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import engine
from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.apart import let_in
from tests.aws.flow import ROLE, schema_text
from tests.aws.world import Clients, served
from tests.shared_state import new_state, open_engine

RECIPE = "arn:aws:personalize:::recipe/"
SEGMENTS = ("aws-item-affinity", "aws-item-attribute-affinity")
PLOTS = ("two lovers quarrel and marry", "astronauts land their rocket on Mars", "detectives look for a murderer")
GENRES = ("Comedy", "Horror", "Crime")
INTERACTIONS = schema_text("Interactions", ("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"))


class Shop:
    """A real server on a real engine: 30 users, each of whom keeps to the 8 films of one genre."""

    def __init__(self, aws: Clients, whole: engine.Engine, folder: Path) -> None:
        self.aws, self.p, self.folder = aws, aws.personalize, folder
        self.runner = engine.Runner(whole)
        self.group = self.p.create_dataset_group(name="films")["datasetGroupArn"]
        rows = [f"u{u},i{u % 3 * 8 + (u + k) % 8},{1_700_000_000 + u * 10 + k}" for u in range(30) for k in range(6)]
        self.load("Interactions", INTERACTIONS, "USER_ID,ITEM_ID,TIMESTAMP", rows)

    def load(self, kind: str, schema: str, header: str, rows: list[str]) -> str:
        arn = self.p.create_schema(name=kind, schema=schema)["schemaArn"]
        made = self.p.create_dataset(name=kind, schemaArn=arn, datasetGroupArn=self.group, datasetType=kind)
        path = self.folder / f"{kind}.csv"
        path.write_text("\n".join([header, *rows]))
        job = self.p.create_dataset_import_job(
            jobName=kind,
            datasetArn=made["datasetArn"],
            dataSource={"dataLocation": f"file://{path}"},
            roleArn=ROLE,
        )["datasetImportJobArn"]
        self.work()
        shown = self.p.describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"]
        assert shown["status"] == "ACTIVE", shown
        return str(made["datasetArn"])

    def work(self) -> None:
        while self.runner.run_one():
            pass

    def solution(self, recipe: str, **more: Any) -> str:
        made = {"name": recipe, "recipeArn": RECIPE + recipe, "performAutoTraining": False, **more}
        return str(self.p.create_solution(datasetGroupArn=self.group, **made)["solutionArn"])

    def version(self, recipe: str, **more: Any) -> str:
        arn = self.p.create_solution_version(solutionArn=self.solution(recipe, **more))["solutionVersionArn"]
        self.work()
        shown = self.p.describe_solution_version(solutionVersionArn=arn)["solutionVersion"]
        assert shown["status"] == "ACTIVE", shown
        return str(arn)

    def metrics(self, version: str) -> dict[str, float]:
        return dict(self.p.get_solution_metrics(solutionVersionArn=version)["metrics"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("films")
    state = new_state()
    whole = open_engine(folder / "data", state)
    with served(create_app(parse(let_in("namespaces: {}"), "no file"), whole, AppOptions(environ=state))) as url:
        clients = Clients(url)
        yield Shop(clients, whole, folder)
        clients.close()


@pytest.fixture(scope="module")
def films(shop: Shop) -> str:
    """The Items dataset, made when a test first asks for it."""
    fields = [
        {"name": "ITEM_ID", "type": "string"},
        {"name": "GENRE", "type": "string", "categorical": True},
        {"name": "PLOT", "type": ["null", "string"], "textual": True},
    ]
    schema = json.dumps({"type": "record", "name": "Items", "fields": fields, "version": "1.0"})
    rows = [f"i{item},{GENRES[item // 8]},{PLOTS[item // 8]} in the year {1980 + item}" for item in range(24)]
    rows.append("cold,Unsorted,a starship flies to the moon with brave cosmonauts")
    return shop.load("Items", schema, "ITEM_ID,GENRE,PLOT", rows)


def test_attribute_affinity_needs_items(shop: Shop):
    refused = shop.p.exceptions.InvalidInputException
    with pytest.raises(refused, match="attribute-affinity needs an Items dataset with a column that is neither"):
        shop.solution("aws-item-attribute-affinity")


@pytest.mark.parametrize("recipe", SEGMENTS)
def test_segments_train_and_are_measured_but_have_no_campaign(shop: Shop, films: str, recipe: str):
    assert shop.p.describe_recipe(recipeArn=RECIPE + recipe)["recipe"]["recipeType"] == "USER_SEGMENTATION"
    hidden = {"algorithmHyperParameters": {"hidden_dimension": "32"}}
    version = shop.version(recipe, solutionConfig=hidden)
    metrics = shop.metrics(version)
    assert set(metrics) == {"coverage", "hits_at_1_percent", "recall_at_1_percent"}
    assert metrics["hits_at_1_percent"] > 0.2  # of one user named; by chance .04
    refused = shop.p.exceptions.InvalidInputException
    for arn in (version, f"{version.rpartition('/')[0]}/$LATEST"):
        with pytest.raises(refused, match=rf"{recipe} is of type USER_SEGMENTATION, which has no campaigns"):
            shop.p.create_campaign(name=recipe, solutionVersionArn=arn)
    campaign = f"{version.rpartition(':')[0]}:campaign/{recipe}"
    with pytest.raises(shop.aws.runtime.exceptions.ResourceNotFoundException):
        shop.aws.runtime.get_recommendations(campaignArn=campaign, userId="u1")


def test_segments_have_one_hyperparameter_and_no_tuning(shop: Shop, films: str):
    refused = shop.p.exceptions.InvalidInputException
    for config, reason in (
        ({"hidden_dimension": "31"}, "hidden_dimension"),
        ({"hidden_dimension": "257"}, "hidden_dimension"),
        ({"bptt": "2"}, "aws-item-affinity has no hyperparameter bptt; it has hidden_dimension"),
    ):
        with pytest.raises(refused, match=reason):
            shop.solution("aws-item-affinity", name="x", solutionConfig={"algorithmHyperParameters": config})
    (hidden,) = shop.p.describe_algorithm(algorithmArn="arn:aws:personalize:::algorithm/aws-item-affinity")[
        "algorithm"
    ]["defaultHyperParameterRanges"]["integerHyperParameterRanges"]
    assert hidden == {"name": "hidden_dimension", "minValue": 32, "maxValue": 256, "isTunable": False}


@pytest.mark.parametrize("recipe", ["aws-hrnn", "aws-hrnn-metadata", "aws-hrnn-coldstart"])
def test_withdrawn_recipes_answer_with_user_personalization(shop: Shop, recipe: str):
    shown = shop.p.describe_recipe(recipeArn=RECIPE + recipe)["recipe"]
    assert shown["recipeType"] == "USER_PERSONALIZATION" and shown["algorithmArn"].endswith(f"/{recipe}")
    version = shop.version(
        recipe,
        solutionConfig={"algorithmHyperParameters": {"hidden_dimension": "32", "bptt": "4", "sequence_epochs": "1"}},
    )
    assert "precision_at_5" in shop.metrics(version)
    campaign = shop.p.create_campaign(name=recipe, solutionVersionArn=version)["campaignArn"]
    answer = shop.aws.runtime.get_recommendations(campaignArn=campaign, userId="u1", numResults=8)["itemList"]
    own = [item for item in answer if item["itemId"] in {f"i{n}" for n in range(8, 16)}]
    assert len(answer) == 8 and len(own) >= 6 and "score" in answer[0]


def test_similar_items_place_a_cold_item_by_what_its_text_means(shop: Shop, films: str):
    """Nobody has seen it, its genre is its own, and it shares no word that matters: it is about space all the same."""
    campaign = shop.p.create_campaign(name="like", solutionVersionArn=shop.version("aws-similar-items"))["campaignArn"]
    answer = shop.aws.runtime.get_recommendations(campaignArn=campaign, itemId="cold", numResults=8)["itemList"]
    assert {item["itemId"] for item in answer} == {f"i{n}" for n in range(8, 16)} and "score" not in answer[0]
    answer = shop.aws.runtime.get_recommendations(campaignArn=campaign, itemId="i9", numResults=9)["itemList"]
    assert "cold" in {item["itemId"] for item in answer}
