"""What botocore lets through and the server must refuse (specification §0.5): a row a rule, and its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.flow import INTERACTIONS, ITEMS, PERSONAL, POPULAR, ROLE, Flow
from tests.aws.world import TRACKING_ID, Clients, Stage, World

NAME = "x" * 64
MANY_TAGS = [{"tagKey": f"k{n}", "tagValue": "v"} for n in range(51)]
CAMPAIGN = "arn:aws:personalize:us-east-1:123456789012:campaign/home"
ITEMS_ARN = "arn:aws:personalize:us-east-1:123456789012:dataset/shop/ITEMS"
EVENT = {"eventType": "click", "itemId": "i1", "sentAt": 1_700_000_000}


@dataclass
class Ready:
    aws: Clients
    flow: Flow


@pytest.fixture(scope="module")
def rules(aws: Clients, stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Flow]]:
    """Refusals change nothing, so all rows share one world with one of everything in it."""
    stage.world = world = World(tmp_path_factory.mktemp("rules"))
    flow = Flow(aws.personalize, world.finish)
    assert flow.campaign and flow.dataset
    yield world, flow
    world.database.close()


@pytest.fixture
def ready(aws: Clients, stage: Stage, world: World, rules: tuple[World, Flow]) -> Iterator[Ready]:
    own, stage.world = stage.world, rules[0]
    yield Ready(aws, rules[1])
    stage.world = own


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**params)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


CLICK = {"eventType": "click", "weight": 0.5}


def weighing(*events: dict[str, Any]) -> dict[str, Any]:
    return {"recipeArn": PERSONAL, "solutionConfig": {"eventsConfig": {"eventParametersList": list(events)}}}


CONTROL = [
    ("create_dataset_group", {"name": NAME}, "length <= 63.*name"),
    ("create_dataset_group", {"name": "-x"}, r"matching regex.*\$\.name"),
    ("create_dataset_group", {"name": "a b"}, r"matching regex.*\$\.name"),
    ("create_dataset_group", {"name": "x\n"}, r"matching regex.*\$\.name"),
    ("create_dataset_group", {"name": "x", "domain": "BOOKS"}, r"ECOMMERCE\|VIDEO_ON_DEMAND.*\$\.domain"),
    ("create_dataset_group", {"name": "x", "roleArn": "me"}, r"\$\.roleArn"),
    ("create_dataset_group", {"name": "x", "kmsKeyArn": "k"}, r"\$\.kmsKeyArn"),
    ("create_dataset_group", {"name": "x", "kmsKeyArn": "arn:aws:kms:e:123456789012:key/1"}, "roleArn"),
    ("create_dataset_group", {"name": "x", "tags": [{"tagKey": "k" * 129, "tagValue": ""}]}, r"\$\.tags"),
    ("describe_dataset_group", {"datasetGroupArn": "shop"}, r"personalize.*\$\.datasetGroupArn"),
    ("list_dataset_groups", {"maxResults": 101}, r"<= 100.*\$\.maxResults"),
    ("create_schema", {"name": "s", "schema": "x" * 20_001}, r"20000.*\$\.schema"),
    ("create_schema", {"name": "s", "schema": "no json"}, "(?i)json"),
    ("create_schema", {"name": NAME, "schema": INTERACTIONS}, r"\$\.name"),
    ("create_dataset", {"datasetType": "Books"}, "datasetType Books is none of INTERACTIONS, ITEMS, USERS"),
    ("create_dataset", {"datasetType": "Items"}, "(?i)items"),
    ("create_dataset_import_job", {"jobName": NAME}, r"\$\.jobName"),
    ("create_dataset_import_job", {"dataSource": {}}, "Invalid Data location"),
    ("create_dataset_import_job", {"dataSource": {"dataLocation": "file:///etc/passwd"}}, "Invalid Data location"),
    ("create_dataset_import_job", {"dataSource": {"dataLocation": "s3://"}}, r"\$\.dataSource\.dataLocation"),
    (
        "create_dataset_import_job",
        {"dataSource": {"dataLocation": "s3://" + "x" * 256}},
        r"\$\.dataSource\.dataLocation",
    ),
    ("create_dataset_import_job", {"importMode": "SOME"}, r"FULL\|INCREMENTAL.*\$\.importMode"),
    ("create_dataset_import_job", {"importMode": "INCREMENTAL"}, "no bulk data"),
    ("create_event_tracker", {"name": NAME}, r"\$\.name"),
    ("create_filter", {"filterExpression": "x" * 2501}, r"2500.*\$\.filterExpression"),
    ("create_filter", {"filterExpression": "ItemID WHERE"}, "."),
    ("create_solution", {"recipeArn": POPULAR, "performAutoML": True}, "not both"),
    ("create_solution", {"recipeArn": None}, "needs a recipeArn"),
    ("create_solution", {"eventType": "x" * 257}, r"\$\.eventType"),
    ("create_solution", {"solutionConfig": {"eventValueThreshold": "high"}}, "eventValueThreshold"),
    ("create_solution", {"solutionConfig": {"eventValueThreshold": "nan"}}, "eventValueThreshold is not a number"),
    ("create_solution", {"solutionConfig": {"eventValueThreshold": "inf"}}, "eventValueThreshold is not a number"),
    ("create_solution", {"solutionConfig": {"algorithmHyperParameters": {"depth": "3"}}}, "no hyperparameter depth"),
    ("create_solution", {"solutionConfig": {"hpoConfig": {}}}, "performHPO"),
    (
        "create_solution",
        {"performHPO": True, "solutionConfig": {"hpoConfig": {"hpoObjective": {"type": "x"}}}},
        "hpoObjective can't be set",
    ),
    (
        "create_solution",
        {
            "performHPO": True,
            "solutionConfig": {"hpoConfig": {"hpoResourceConfig": {"maxNumberOfTrainingJobs": "41"}}},
        },
        "maxNumberOfTrainingJobs is 41; it is 1 to 40",
    ),
    (
        "create_solution",
        {
            "performHPO": True,
            "solutionConfig": {"hpoConfig": {"algorithmHyperParameterRanges": {"integerHyperParameterRanges": []}}},
        },
        "all three lists",
    ),
    (
        "create_solution",
        {"solutionConfig": {"autoTrainingConfig": {"schedulingExpression": "rate(31 days)"}}},
        "1 to 30 days",
    ),
    (
        "create_solution",
        {"solutionConfig": {"autoTrainingConfig": {"schedulingExpression": "cron(1)"}}},
        r"rate.*schedulingExpression",
    ),
    (
        "create_solution",
        {"solutionConfig": {"trainingDataConfig": {"excludedDatasetColumns": {"INTERACTIONS": ["EVENT_TYPE"]}}}},
        "EVENT_TYPE",
    ),
    (
        "create_solution",
        {"solutionConfig": {"eventsConfig": {"eventParametersList": [{"eventType": "a", "weight": 1.0}]}}},
        "eventsConfig fits only aws-personalized-ranking-v2, aws-user-personalization-v2",
    ),
    (
        "create_solution",
        {
            "recipeArn": PERSONAL,
            "solutionConfig": {"eventsConfig": {"eventParametersList": [{"eventType": "a", "weight": 1.5}]}},
        },
        r"<= 1.*weight",
    ),
    ("create_solution", weighing({"weight": 1.0}), r"eventParametersList\[0\]\.eventType is required"),
    ("create_solution", weighing(CLICK, {"eventType": "CLICK"}), r"\[1\]\.eventType: CLICK is listed twice"),
    ("create_solution", weighing({**CLICK, "weight": 0.0}), "every weight is 0"),
    ("create_solution", weighing(*({"eventType": f"e{n}"} for n in range(11))), r"length <= 10.*eventParametersList"),
    ("create_solution", weighing({"eventType": "x" * 257}), r"length <= 256.*eventType"),
    (
        "create_solution",
        {"solutionConfig": {"optimizationObjective": {"itemAttribute": "PRICE", "objectiveSensitivity": "SOME"}}},
        r"LOW\|MEDIUM",
    ),
    (
        "create_solution",
        {"solutionConfig": {"optimizationObjective": {"itemAttribute": "PRICE"}}},
        "optimizationObjective",
    ),
    ("create_solution_version", {"trainingMode": "HALF"}, r"FULL\|UPDATE\|AUTOTRAIN.*trainingMode"),
    ("create_solution_version", {"trainingMode": "UPDATE"}, "UPDATE fits only"),
    ("create_campaign", {"name": NAME}, r"\$\.name"),
    ("create_campaign", {"campaignConfig": {"syncWithLatestSolutionVersion": True}}, r"\$LATEST"),
    (
        "create_campaign",
        {"campaignConfig": {"itemExplorationConfig": {"explorationWeight": "0.3"}}},
        "only the recipe aws-user-personalization",
    ),
    ("create_campaign", {"campaignConfig": {"rankingInfluence": {"POPULARITY": 1.5}}}, "<= 1"),
    ("create_campaign", {"campaignConfig": {"rankingInfluence": {"PRICE": 0.5}}}, r"POPULARITY\|FRESHNESS"),
    ("create_campaign", {"campaignConfig": {"rankingInfluence": {"POPULARITY": 0.5}}}, "aws-semantic-similarity"),
    ("update_campaign", {"campaignArn": "home"}, r"\$\.campaignArn"),
    ("list_recipes", {"recipeProvider": "MINE"}, "SERVICE.*recipeProvider"),
]


@pytest.mark.parametrize(("operation", "changes", "named"), CONTROL)
def test_control_plane_refuses(ready: Ready, operation: str, changes: dict[str, Any], named: str):
    flow = ready.flow
    valid: dict[str, dict[str, Any]] = {
        "create_dataset": {"name": "d", "schemaArn": flow.schema, "datasetGroupArn": flow.group},
        "create_dataset_import_job": {
            "jobName": "j",
            "datasetArn": flow.dataset,
            "dataSource": {"dataLocation": "s3://b/k"},
            "roleArn": ROLE,
        },
        "create_event_tracker": {"name": "t", "datasetGroupArn": flow.group},
        "create_filter": {"name": "f", "datasetGroupArn": flow.group},
        "create_solution": {"name": "s", "datasetGroupArn": flow.group, "recipeArn": POPULAR},
        "create_solution_version": {"solutionArn": flow.solution},
        "create_campaign": {"name": "c", "solutionVersionArn": flow.version},
    }
    params = {**valid.get(operation, {}), **changes}
    given = {name: value for name, value in params.items() if value is not None}
    code, message = refusal(getattr(ready.aws.personalize, operation), **given)
    assert code == "InvalidInputException"
    assert re.search(named, message), message


CODES = [
    ("create_dataset_group", {"name": "g", "tags": MANY_TAGS}, "TooManyTagsException"),
    ("create_dataset_group", {"name": "shop"}, "ResourceAlreadyExistsException"),
    ("list_dataset_groups", {"nextToken": "x"}, "InvalidNextTokenException"),
    ("list_schemas", {"nextToken": "eA=="}, "InvalidNextTokenException"),
    ("list_recipes", {"nextToken": "x"}, "InvalidNextTokenException"),
    ("describe_recipe", {"recipeArn": "arn:aws:personalize:::recipe/aws-none"}, "ResourceNotFoundException"),
    ("list_solution_versions", {"solutionArn": CAMPAIGN.replace("campaign", "solution")}, "ResourceNotFoundException"),
]


@pytest.mark.parametrize(("operation", "params", "code"), CODES)
def test_control_plane_error_types(ready: Ready, operation: str, params: dict[str, Any], code: str):
    assert refusal(getattr(ready.aws.personalize, operation), **params)[0] == code


PROMOTION = {"name": "p", "percentPromotedItems": 10, "filterArn": CAMPAIGN.replace("campaign", "filter")}


def _without(key: str) -> dict[str, Any]:
    return {name: value for name, value in PROMOTION.items() if name != key}


RUNTIME = [
    ({"userId": "u"}, "campaignArn or a recommenderArn is required"),
    ({"campaignArn": CAMPAIGN, "recommenderArn": CAMPAIGN, "userId": "u"}, "not both"),
    ({"campaignArn": "home", "userId": "u"}, r"\$\.campaignArn"),
    ({"campaignArn": CAMPAIGN, "userId": "u" * 257}, r"256.*\$\.userId"),
    ({"campaignArn": CAMPAIGN, "itemId": "u" * 257}, r"256.*\$\.itemId"),
    ({"campaignArn": CAMPAIGN, "userId": "u", "numResults": 501}, r"<= 500.*\$\.numResults"),
    ({"campaignArn": CAMPAIGN, "userId": "u", "context": {f"k{n}": "v" for n in range(151)}}, r"150.*\$\.context"),
    ({"campaignArn": CAMPAIGN, "userId": "u", "context": {"a b": "v"}}, "regex.*context"),
    ({"campaignArn": CAMPAIGN, "userId": "u", "context": {"a": "v" * 1001}}, "1000.*context"),
    ({"campaignArn": CAMPAIGN, "userId": "u", "filterValues": {f"k{n}": "v" for n in range(26)}}, "25.*filterValues"),
    ({"campaignArn": CAMPAIGN, "userId": "u", "filterValues": {"k" * 51: "v"}}, "50.*filterValues"),
    ({"campaignArn": CAMPAIGN, "userId": "u", "filterArn": "f"}, r"\$\.filterArn"),
    ({"campaignArn": CAMPAIGN, "userId": "u", "promotions": [PROMOTION, PROMOTION]}, r"\$\.promotions"),
    *(
        ({"campaignArn": CAMPAIGN, "userId": "u", "promotions": [{**PROMOTION, key: value}]}, rf"promotions.*\.{key}")
        for key, value in {
            "name": "a b",
            "percentPromotedItems": 101,
            "filterArn": "f",
            "filterValues": {"a b": "c"},
        }.items()
    ),
    *(
        ({"campaignArn": CAMPAIGN, "userId": "u", "promotions": [_without(key)]}, rf"field `{key}`.*promotions")
        for key in PROMOTION
    ),
    ({"campaignArn": CAMPAIGN, "userId": "u", "metadataColumns": {"ITEMS": ["c"] * 11}}, "10.*metadataColumns"),
    ({"campaignArn": CAMPAIGN, "userId": "u", "metadataColumns": {"USERS": ["c"]}}, "ITEMS.*metadataColumns"),
    ({"campaignArn": CAMPAIGN, "userId": "u", "numResults": 51, "metadataColumns": {"ITEMS": ["c"]}}, "at most 50"),
]


@pytest.mark.parametrize(("params", "named"), RUNTIME)
def test_get_recommendations_refuses(ready: Ready, params: dict[str, Any], named: str):
    code, message = refusal(ready.aws.runtime.get_recommendations, **params)
    assert code == "InvalidInputException"
    assert re.search(named, message), message


RANKING = [
    ({"inputList": []}, "1.*inputList"),
    ({"inputList": ["i"] * 501}, r"500.*\$\.inputList"),
    ({"inputList": ["i" * 257]}, r"256.*\$\.inputList"),
    ({"inputList": ["i"] * 51, "metadataColumns": {"ITEMS": ["c"]}}, "inputList is at most 50"),
    ({"inputList": ["i"], "campaignArn": "home"}, r"\$\.campaignArn"),
]


@pytest.mark.parametrize(("params", "named"), RANKING)
def test_get_personalized_ranking_refuses(ready: Ready, params: dict[str, Any], named: str):
    code, message = refusal(
        ready.aws.runtime.get_personalized_ranking, **{"campaignArn": CAMPAIGN, "userId": "u", **params}
    )
    assert code == "InvalidInputException"
    assert re.search(named, message), message


EVENTS = [
    ({"eventList": [EVENT] * 11}, r"10.*\$\.eventList"),
    ({"trackingId": "other"}, "tracker"),
    ({"trackingId": "x" * 257}, r"\$\.trackingId"),
    ({"sessionId": "x" * 257}, r"\$\.sessionId"),
    ({"userId": "x" * 257}, r"\$\.userId"),
    ({"eventList": [EVENT, {**EVENT, "sentAt": -1}]}, r"eventList\[.*\]\.sentAt"),
    ({"eventList": [{**EVENT, "properties": "x" * 1025}]}, "1024.*properties"),
    ({"eventList": [{**EVENT, "properties": "no json"}]}, r"eventList\[0\].*JSON object"),
    ({"eventList": [{**EVENT, "properties": "[1]"}]}, r"eventList\[0\].*JSON object"),
    ({"eventList": [{**EVENT, "properties": '{"userId": "u"}'}]}, "reserved key userId"),
    ({"eventList": [{**EVENT, "properties": '{"SESSIONID": "u"}'}]}, "reserved key SESSIONID"),
    ({"eventList": [{**EVENT, "properties": '{"eventValue": "much"}'}]}, "eventValue is not a number"),
    ({"eventList": [{**EVENT, "impression": ["i"] * 26}]}, "25.*impression"),
    ({"eventList": [{**EVENT, "recommendationId": "x" * 41}]}, "40.*recommendationId"),
    ({"eventList": [{**EVENT, "eventId": "x" * 257}]}, "256.*eventId"),
    ({"eventList": [{**EVENT, "itemId": "x" * 257}]}, "256.*itemId"),
    ({"eventList": [{**EVENT, "eventType": "x" * 257}]}, "256.*eventType"),
    (
        {"eventList": [{**EVENT, "metricAttribution": {"eventAttributionSource": "x" * 1025}}]},
        "1024.*metricAttribution",
    ),
]


@pytest.mark.parametrize(("params", "named"), EVENTS)
def test_put_events_refuses(ready: Ready, params: dict[str, Any], named: str):
    valid = {"trackingId": TRACKING_ID, "sessionId": "s", "userId": "u", "eventList": [EVENT]}
    code, message = refusal(ready.aws.events.put_events, **{**valid, **params})
    assert code == "InvalidInputException"
    assert re.search(named, message), message


ROWS = [
    ("put_items", {"datasetArn": "items", "items": [{"itemId": "i"}]}, r"\$\.datasetArn"),
    ("put_items", {"datasetArn": ITEMS_ARN, "items": [{"itemId": "i"}] * 11}, r"10.*\$\.items"),
    ("put_items", {"datasetArn": ITEMS_ARN, "items": [{"itemId": "i" * 257}]}, "256.*itemId"),
    ("put_items", {"datasetArn": ITEMS_ARN, "items": [{"itemId": "i", "properties": "x" * 32_001}]}, "32000"),
    ("put_items", {"datasetArn": ITEMS_ARN, "items": [{"itemId": "i7", "properties": "7"}]}, "i7.*JSON object"),
    ("put_users", {"datasetArn": ITEMS_ARN, "users": [{"userId": "u"}] * 11}, r"10.*\$\.users"),
    ("put_users", {"datasetArn": ITEMS_ARN, "users": [{"userId": "u", "properties": "x" * 24_001}]}, "24000"),
    ("put_users", {"datasetArn": ITEMS_ARN, "users": [{"userId": "u7", "properties": "{"}]}, "u7.*JSON object"),
]


@pytest.mark.parametrize(("operation", "params", "named"), ROWS)
def test_put_rows_refuses(ready: Ready, operation: str, params: dict[str, Any], named: str):
    code, message = refusal(getattr(ready.aws.events, operation), **params)
    assert code == "InvalidInputException"
    assert re.search(named, message), message


def test_a_domain_schema_does_not_fit_a_custom_group(ready: Ready):
    p = ready.aws.personalize
    text = INTERACTIONS.replace('"fields": [', '"fields": [{"name": "EVENT_TYPE", "type": "string"}, ')
    domain = p.create_schema(name="domain", schema=text, domain="ECOMMERCE")["schemaArn"]
    code, message = refusal(
        p.create_dataset, name="d", schemaArn=domain, datasetGroupArn=ready.flow.group, datasetType="INTERACTIONS"
    )
    assert (code, "domain" in message) == ("InvalidInputException", True)


def test_an_items_schema_does_not_fit_an_interactions_dataset(ready: Ready):
    p = ready.aws.personalize
    items = p.create_schema(name="items", schema=ITEMS)["schemaArn"]
    assert (
        refusal(
            p.create_dataset,
            name="d",
            schemaArn=items,
            datasetGroupArn=ready.flow.group,
            datasetType="INTERACTIONS",
        )[0]
        == "InvalidInputException"
    )
