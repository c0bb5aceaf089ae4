"""Metric attributions on the wire: made, shown, changed, deleted, refused. What they count: tests/engine."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.aws.flow import CLICKS, ROLE, Flow, schema_text
from tests.aws.world import Clients, World

INTERACTIONS = schema_text(
    "Interactions",
    ("USER_ID", "string"),
    ("ITEM_ID", "string"),
    ("TIMESTAMP", "long"),
    ("EVENT_TYPE", "string"),
    ("EVENT_VALUE", ["null", "float"]),
    ("DEVICE", ["null", "string"]),
)
PRICES = {"eventType": "buy", "metricName": "PRICES", "expression": "SUM(Items.PRICE)"}
OUTPUT = {"s3DataDestination": {"path": "s3://bucket/metrics/"}, "roleArn": ROLE}


@pytest.fixture
def group(aws: Clients, flow: Flow) -> str:
    """With an Items dataset and an Interactions dataset that has event types."""
    for kind, text in (("Interactions", INTERACTIONS), ("Items", items_schema())):
        schema = aws.personalize.create_schema(name=kind, schema=text)["schemaArn"]
        made = {"name": kind, "schemaArn": schema, "datasetGroupArn": flow.group, "datasetType": kind}
        aws.personalize.create_dataset(**made)
    return flow.group


def items_schema() -> str:
    record = json.loads(schema_text("Items", ("ITEM_ID", "string"), ("PRICE", "float"), ("GENRE", "string")))
    record["fields"][2]["categorical"] = True
    return json.dumps(record)


def create(aws: Clients, group: str, **more: Any) -> str:
    made = {"name": "impact", "metrics": [CLICKS, PRICES], "metricsOutputConfig": OUTPUT, **more}
    return aws.personalize.create_metric_attribution(datasetGroupArn=group, **made)["metricAttributionArn"]


def metrics(aws: Clients, arn: str) -> list[str]:
    found = aws.personalize.list_metric_attribution_metrics(metricAttributionArn=arn)["metrics"]
    return [metric["metricName"] for metric in found]


def test_it_is_made_shown_changed_and_deleted(aws: Clients, group: str):
    p, arn = aws.personalize, create(aws, group)
    assert arn.endswith(":metric-attribution/impact")
    shown = p.describe_metric_attribution(metricAttributionArn=arn)["metricAttribution"]
    assert (shown["status"], shown["name"], shown["datasetGroupArn"]) == ("ACTIVE", "impact", group)
    assert shown["metricsOutputConfig"] == OUTPUT and "failureReason" not in shown
    assert p.list_metric_attribution_metrics(metricAttributionArn=arn)["metrics"] == [CLICKS, PRICES]

    buys = {"eventType": "buy", "metricName": "BUYS", "expression": "samplecount( )"}
    again = {**CLICKS, "eventType": "view"}
    changed = p.update_metric_attribution(
        metricAttributionArn=arn,
        addMetrics=[buys, again],
        removeMetrics=["CLICKS"],
        metricsOutputConfig={"roleArn": ROLE},
    )
    assert changed["metricAttributionArn"] == arn
    assert p.list_metric_attribution_metrics(metricAttributionArn=arn)["metrics"] == [PRICES, buys, again]
    after = p.describe_metric_attribution(metricAttributionArn=arn)["metricAttribution"]
    assert after["metricsOutputConfig"] == {"roleArn": ROLE}
    assert after["lastUpdatedDateTime"] > shown["lastUpdatedDateTime"]

    with pytest.raises(p.exceptions.ResourceInUseException):
        p.delete_dataset_group(datasetGroupArn=group)
    p.delete_metric_attribution(metricAttributionArn=arn)
    assert create(aws, group) == arn


def test_metrics_are_listed_in_pages(aws: Clients, group: str):
    p = aws.personalize
    arn = create(aws, group, metrics=[{**CLICKS, "metricName": f"M{n}"} for n in range(10)])
    seen, token = [], {}
    while True:
        answer = p.list_metric_attribution_metrics(metricAttributionArn=arn, maxResults=4, **token)
        seen += [metric["metricName"] for metric in answer["metrics"]]
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert seen == metrics(aws, arn) == [f"M{n}" for n in range(10)]
    assert len(p.list_metric_attribution_metrics()["metrics"]) == 10
    for wrong in ("x", token["nextToken"]):
        with pytest.raises(p.exceptions.InvalidNextTokenException):
            p.list_metric_attribution_metrics(nextToken=wrong)
        with pytest.raises(p.exceptions.InvalidNextTokenException):
            p.list_metric_attributions(nextToken=wrong)


def test_a_pending_one_can_be_neither_changed_nor_deleted(aws: Clients, group: str, world: World):
    world.settings = msgspec.structs.replace(world.settings, pending_s=0.1)
    world.clock.now += 1
    p, arn = aws.personalize, create(aws, group)
    assert p.describe_metric_attribution(metricAttributionArn=arn)["metricAttribution"]["status"] == "CREATE PENDING"
    for call in (p.update_metric_attribution, p.delete_metric_attribution):
        with pytest.raises(p.exceptions.ResourceInUseException):
            call(metricAttributionArn=arn)


def test_it_has_no_tags(aws: Clients, group: str):
    with pytest.raises(
        aws.personalize.exceptions.InvalidInputException, match="metric attribution's, which has no tags"
    ):
        aws.personalize.tag_resource(resourceArn=create(aws, group), tags=[{"tagKey": "k", "tagValue": "v"}])


def metric(expression: str = "SAMPLECOUNT()", **more: str) -> dict[str, Any]:
    return {"metrics": [{**CLICKS, "expression": expression, **more}]}


REFUSED = [  # what is given, and words of the answer
    (metric("COUNT()"), r"expression: 'COUNT\(\)' can't be read; write SUM"),
    (metric("SUM(Users.AGE)"), "can't be read"),
    (metric("SUM(Items.PRICE) + 1"), "can't be read"),
    (metric("SUM(Items.price)"), "must name a numeric column of the Items schema: PRICE."),
    (metric("SUM(Items.GENRE)"), "must name a numeric column of the Items schema: PRICE."),
    (metric("SUM(Interactions.DEVICE)"), "numeric column of the Interactions schema: TIMESTAMP, EVENT_VALUE."),
    ({"metrics": []}, "metrics: an attribution has 1 to 10 metrics; these would be 0"),
    ({"metrics": [CLICKS, CLICKS]}, "metrics: the metricName 'CLICKS' is given twice"),
    (metric(metricName=""), "metricName"),
    (metric(eventType="x" * 257), "eventType"),
    ({"metrics": [{**CLICKS, "metricName": f"M{n}"} for n in range(11)]}, "metrics"),
    ({"name": "-impact"}, "name"),
    ({"metricsOutputConfig": {"roleArn": "me"}}, "roleArn"),
    ({"metricsOutputConfig": {**OUTPUT, "s3DataDestination": {"path": "file:///tmp/x"}}}, "Invalid S3 output path"),
]


@pytest.mark.parametrize(("more", "words"), REFUSED)
def test_refused_creations(aws: Clients, group: str, more: dict[str, Any], words: str):
    with pytest.raises(aws.personalize.exceptions.InvalidInputException, match=words):
        create(aws, group, **more)
    assert aws.personalize.list_metric_attributions()["metricAttributions"] == []


def test_columns_need_their_dataset_and_event_types(aws: Clients, flow: Flow):
    assert flow.dataset  # without EVENT_TYPE
    with pytest.raises(aws.personalize.exceptions.InvalidInputException, match="with an EVENT_TYPE column"):
        create(aws, flow.group)
    p = aws.personalize
    other = p.create_dataset_group(name="other")["datasetGroupArn"]
    schema = p.create_schema(name="events", schema=INTERACTIONS)["schemaArn"]
    p.create_dataset(name="events", schemaArn=schema, datasetGroupArn=other, datasetType="Interactions")
    with pytest.raises(p.exceptions.InvalidInputException, match="needs an Items dataset"):
        create(aws, other)
    create(aws, other, metrics=[CLICKS])
    with pytest.raises(p.exceptions.ResourceAlreadyExistsException, match="metric-attribution/impact already exists"):
        create(aws, other, metrics=[CLICKS], name="second")


UPDATES = [  # what is given, the error, words of it
    ({"removeMetrics": ["NONE"]}, "InvalidInput", "removeMetrics: there is no metric 'NONE'; there are CLICKS, PRICES"),
    ({"removeMetrics": ["CLICKS", "PRICES"]}, "InvalidInput", "these would be 0"),
    ({"addMetrics": [{**CLICKS, "metricName": f"M{n}"} for n in range(9)]}, "InvalidInput", "these would be 11"),
    ({"addMetrics": [CLICKS]}, "ResourceAlreadyExists", "Another metric named CLICKS already exists"),
    ({"addMetrics": [{**CLICKS, "metricName": "N", "expression": "SUM()"}]}, "InvalidInput", "can't be read"),
    ({"metricsOutputConfig": {"roleArn": "me"}}, "InvalidInput", "roleArn"),
]


@pytest.mark.parametrize(("more", "error", "words"), UPDATES)
def test_refused_changes(aws: Clients, group: str, more: dict[str, Any], error: str, words: str):
    arn = create(aws, group)
    with pytest.raises(getattr(aws.personalize.exceptions, f"{error}Exception"), match=words):
        aws.personalize.update_metric_attribution(metricAttributionArn=arn, **more)
    assert metrics(aws, arn) == ["CLICKS", "PRICES"]
    with pytest.raises(aws.personalize.exceptions.InvalidInputException, match="metricAttributionArn"):
        aws.personalize.update_metric_attribution(addMetrics=[CLICKS])


def test_nothing_unknown(aws: Clients, group: str):
    p, arn = aws.personalize, create(aws, group).replace("impact", "other")
    for call in (
        lambda: create(aws, f"{group}x", name="other"),
        lambda: p.list_metric_attribution_metrics(metricAttributionArn=arn),
        lambda: p.update_metric_attribution(metricAttributionArn=arn),
    ):
        with pytest.raises(p.exceptions.ResourceNotFoundException, match="does not exist"):
            call()
