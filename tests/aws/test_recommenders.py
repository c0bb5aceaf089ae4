"""Recommenders on the wire: what is asked of a domain dataset group, what is shown, and what each state allows."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from engine.records import RecommenderRecord
from engine.use_cases import USE_CASES
from tests.aws.flow import POPULAR, VIEWED, schema_text
from tests.aws.world import Clients, World

RECIPE = "arn:aws:personalize:::recipe/"
FOR_YOU = f"{RECIPE}aws-ecomm-recommended-for-you"
FIELDS = (("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"), ("EVENT_TYPE", "string"))


def domain_group(aws: Clients, domain: str = "ECOMMERCE", name: str = "shop") -> str:
    """With an interactions dataset."""
    p = aws.personalize
    group = p.create_dataset_group(name=name, domain=domain)["datasetGroupArn"]
    schema = p.create_schema(name=name, domain=domain, schema=schema_text("Interactions", *FIELDS))["schemaArn"]
    p.create_dataset(name="i", schemaArn=schema, datasetGroupArn=group, datasetType="Interactions")
    return group


@pytest.fixture
def group(aws: Clients) -> str:
    return domain_group(aws)


def created(aws: Clients, group: str, recipe: str = VIEWED, name: str = "r", **more: Any) -> str:
    made = aws.personalize.create_recommender(name=name, datasetGroupArn=group, recipeArn=recipe, **more)
    return made["recommenderArn"]


def trained(world: World, arn: str, **changes: Any) -> None:
    model = {"solution_version_arn": f"{arn}/1a2b3c4d", "model_metrics": {"coverage": 0.5}}
    world.finish(arn, **{**model, **changes})


def shown(aws: Clients, arn: str) -> dict[str, Any]:
    return aws.personalize.describe_recommender(recommenderArn=arn)["recommender"]


def test_a_recommender_is_trained_by_a_job(aws: Clients, group: str, world: World):
    arn = created(aws, group, tags=[{"tagKey": "a", "tagValue": "b"}])
    assert arn.endswith(":recommender/r") and world.queued() == [("recommending", arn)]
    assert shown(aws, arn)["status"] == "CREATE PENDING"
    trained(world, arn)
    described = shown(aws, arn)
    assert (described["status"], described["modelMetrics"]) == ("ACTIVE", {"coverage": 0.5})
    assert described["recommenderConfig"] == {"minRecommendationRequestsPerSecond": 1}
    assert len(aws.personalize.list_tags_for_resource(resourceArn=arn)["tags"]) == 1


def test_an_objective_by_tag(aws: Clients, group: str, world: World):
    p, tag = aws.personalize, {"tagKey": "recgate:objective", "tagValue": '{"column": "PRICE", "weight": 0.3}'}
    with pytest.raises(p.exceptions.InvalidInputException, match="Items have no numeric column PRICE; they have none"):
        created(aws, group, tags=[tag])
    fields = (("ITEM_ID", "string"), ("PRICE", "float"), ("CATEGORY_L1", ["string"]))
    described = [{"name": name, "type": type_} for name, type_ in fields]
    described[2]["categorical"] = True
    text = json.dumps({"type": "record", "name": "Items", "fields": described, "version": "1.0"})
    schema = p.create_schema(name="items", domain="ECOMMERCE", schema=text)["schemaArn"]
    p.create_dataset(name="items", schemaArn=schema, datasetGroupArn=group, datasetType="Items")
    arn = created(aws, group, tags=[tag])
    trained(world, arn)
    before = len(world.announced())
    p.tag_resource(resourceArn=arn, tags=[{**tag, "tagValue": '{"column": "PRICE", "weight": 0.3}'}])
    assert len(world.announced()) == before  # nothing is another
    p.tag_resource(resourceArn=arn, tags=[{**tag, "tagValue": '{"column": "PRICE", "weight": 0.4}'}])
    assert len(world.announced()) == before + 1
    p.tag_resource(resourceArn=arn, tags=[{"tagKey": "team", "tagValue": "x"}])
    assert len(world.announced()) == before + 1


@pytest.mark.parametrize("use_case", USE_CASES.values(), ids=lambda use_case: use_case.name)
def test_every_use_case_is_a_recipe_of_its_domain(aws: Clients, use_case: Any):
    arn = RECIPE + use_case.name
    listed = aws.personalize.list_recipes(domain=use_case.domain)["recipes"]
    assert arn in [recipe["recipeArn"] for recipe in listed] and len(listed) == 5
    assert {recipe["domain"] for recipe in listed} == {use_case.domain}
    recipe = aws.personalize.describe_recipe(recipeArn=arn)["recipe"]
    assert recipe["description"] == use_case.description
    assert aws.personalize.describe_algorithm(algorithmArn=recipe["algorithmArn"])


def test_stops_and_starts(aws: Clients, group: str, world: World):
    p, arn = aws.personalize, created(aws, group)
    for call in (p.stop_recommender, p.start_recommender):
        with pytest.raises(p.exceptions.ResourceInUseException, match="CREATE PENDING"):
            call(recommenderArn=arn)
    trained(world, arn)
    assert p.stop_recommender(recommenderArn=arn)["recommenderArn"] == arn
    assert shown(aws, arn)["status"] == "INACTIVE"
    with pytest.raises(p.exceptions.ResourceInUseException, match="INACTIVE"):
        p.stop_recommender(recommenderArn=arn)
    p.start_recommender(recommenderArn=arn)
    assert shown(aws, arn)["status"] == "ACTIVE" and [row[1:] for row in world.announced()] == [("deploy", arn)] * 2


@pytest.mark.parametrize("pending_s", [10.0])
def test_stopping_and_starting_take_a_moment(aws: Clients, world: World):
    aws.personalize.create_dataset_group(name="shop", domain="ECOMMERCE")
    record = RecommenderRecord(
        arn="arn:aws:personalize:us-east-1:123456789012:recommender/r",
        account="123456789012",
        name="r",
        dataset_group_arn="arn:aws:personalize:us-east-1:123456789012:dataset-group/shop",
        recipe_arn=VIEWED,
        creation_date_time=world.clock(),
        last_updated_date_time=world.clock(),
    )
    world.records.create(record)
    seen = []
    for call in (aws.personalize.stop_recommender, aws.personalize.start_recommender):
        call(recommenderArn=record.arn)
        for _ in range(3):
            seen.append(shown(aws, record.arn)["status"])
            world.clock.now += 5
    stopping, starting = ["STOP PENDING", "STOP IN_PROGRESS"], ["START PENDING", "START IN_PROGRESS"]
    assert seen == [*stopping, "INACTIVE", *starting, "ACTIVE"]


def test_an_update_retrains_only_for_other_columns(aws: Clients, group: str, world: World):
    p, arn = aws.personalize, created(aws, group, FOR_YOU)
    trained(world, arn)
    config: dict[str, Any] = {"minRecommendationRequestsPerSecond": 2, "enableMetadataWithRecommendations": True}
    p.update_recommender(recommenderArn=arn, recommenderConfig=config)
    described = shown(aws, arn)
    assert described["recommenderConfig"] == described["latestRecommenderUpdate"]["recommenderConfig"] == config
    assert described["latestRecommenderUpdate"]["status"] == "ACTIVE" and len(world.queued()) == 1
    columns = {"trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["PRICE"]}}}
    p.update_recommender(recommenderArn=arn, recommenderConfig=columns)
    described = shown(aws, arn)
    assert (described["status"], described["latestRecommenderUpdate"]["status"]) == ("ACTIVE", "CREATE PENDING")
    assert described["recommenderConfig"] == {**config, **columns} and len(world.queued()) == 2
    with pytest.raises(p.exceptions.ResourceInUseException):
        p.update_recommender(recommenderArn=arn, recommenderConfig=config)


def test_deletes_once_and_holds_its_group(aws: Clients, group: str, world: World):
    p, arn = aws.personalize, created(aws, group)
    with pytest.raises(p.exceptions.ResourceInUseException):
        p.delete_recommender(recommenderArn=arn)
    with pytest.raises(p.exceptions.ResourceInUseException):
        p.delete_dataset(datasetArn=group.replace("dataset-group", "dataset") + "/INTERACTIONS")
    trained(world, arn)
    p.delete_dataset(datasetArn=group.replace("dataset-group", "dataset") + "/INTERACTIONS")
    with pytest.raises(p.exceptions.ResourceInUseException, match="depends on it"):
        p.delete_dataset_group(datasetGroupArn=group)
    p.delete_recommender(recommenderArn=arn)
    for call in (p.start_recommender, p.stop_recommender):
        with pytest.raises(p.exceptions.ResourceNotFoundException):
            call(recommenderArn=arn)
    p.delete_dataset_group(datasetGroupArn=group)


def test_refusals(aws: Clients, group: str):
    p = aws.personalize
    plain = p.create_dataset_group(name="plain")["datasetGroupArn"]
    films = domain_group(aws, "VIDEO_ON_DEMAND", "films")
    exploring = {"itemExplorationConfig": {"explorationWeight": "0.5"}}
    too_much = {"itemExplorationConfig": {"explorationWeight": "2"}}
    for call, why in (
        (partial(created, aws, plain), "domain is none"),
        (partial(created, aws, films), "VIDEO_ON_DEMAND"),
        (partial(created, aws, films, f"{RECIPE}aws-vod-more-like-x"), "ITEMS"),
        (partial(created, aws, group, POPULAR), "no use case"),
        (partial(created, aws, group, recommenderConfig=exploring), "does not explore"),
        (partial(created, aws, group, FOR_YOU, recommenderConfig=too_much), "from 0 to 1"),
        (partial(p.create_solution, name="s", recipeArn=VIEWED, datasetGroupArn=group), "create a recommender"),
    ):
        with pytest.raises(p.exceptions.InvalidInputException, match=why):
            call()
    with pytest.raises(p.exceptions.ResourceNotFoundException):
        created(aws, group, f"{RECIPE}aws-ecomm-none")
