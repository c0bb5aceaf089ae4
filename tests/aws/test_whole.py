"""The getting-started flow on the whole gateway and engine: real import, training and answers; events count at once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

import engine
from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.apart import let_in
from tests.aws.flow import ROLE, Flow, schema_text
from tests.aws.world import Clients, served
from tests.shared_state import new_state, open_engine

USERS, ITEMS = 12, 6
COLUMNS = ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE")


@pytest.fixture
def state() -> dict[str, str]:
    return new_state()


@pytest.fixture
def whole(tmp_path: Path, state: dict[str, str]) -> engine.Engine:
    """An open engine; the app closes it."""
    return open_engine(tmp_path / "data", state)


@pytest.fixture
def aws(whole: engine.Engine, state: dict[str, str]) -> Iterator[Clients]:
    app = create_app(parse(let_in("namespaces: {}"), "no file"), whole, AppOptions(environ=state))
    with served(app) as url:
        clients = Clients(url)
        yield clients
        clients.close()


@pytest.fixture
def flow(aws: Clients, whole: engine.Engine, tmp_path: Path) -> Flow:
    """User u has touched the items 0..u (at most 5): the lower an item's number, the more popular it is."""
    rows = [f"u{u},i{i},{1_700_000_000 + u * 10 + i}" for u in range(USERS) for i in range(min(u + 1, ITEMS))]
    (tmp_path / "interactions.csv").write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *rows]))
    runner = engine.Runner(whole)

    def work(arn: str, **_: Any) -> None:
        while runner.run_one():
            pass

    return Flow(aws.personalize, work, f"file://{tmp_path / 'interactions.csv'}")


def items_of(answer: dict[str, Any], key: str = "itemList") -> list[str]:
    return [item["itemId"] for item in answer[key]]


def test_imports_trains_answers_and_follows_events(aws: Clients, flow: Flow):
    p = aws.personalize
    assert p.describe_dataset_import_job(datasetImportJobArn=flow.import_job)["datasetImportJob"]["status"] == "ACTIVE"
    version = p.describe_solution_version(solutionVersionArn=flow.version)["solutionVersion"]
    assert version["status"] == "ACTIVE", version.get("failureReason")
    assert "precision_at_5" in p.get_solution_metrics(solutionVersionArn=flow.version)["metrics"]
    answer = aws.runtime.get_recommendations(campaignArn=flow.campaign, userId="u1", numResults=3)
    assert items_of(answer) == ["i0", "i1", "i2"]

    tracking = flow.tracker["trackingId"]
    click = {"eventType": "click", "itemId": "i0", "sentAt": int(time.time())}
    aws.events.put_events(trackingId=tracking, userId="new", sessionId="s", eventList=[click])
    unseen = {"campaignArn": flow.campaign, "userId": "new", "numResults": 2, "filterArn": flow.filter}
    deadline = time.monotonic() + 5
    while items_of(answer := aws.runtime.get_recommendations(**unseen)) != ["i1", "i2"]:
        assert time.monotonic() < deadline, answer


def test_a_deleted_campaign_answers_no_more(aws: Clients, flow: Flow):
    assert flow.import_job and flow.campaign
    aws.runtime.get_recommendations(campaignArn=flow.campaign, userId="u1")
    aws.personalize.delete_campaign(campaignArn=flow.campaign)
    deadline = time.monotonic() + 5
    with pytest.raises(aws.runtime.exceptions.ResourceNotFoundException):
        while time.monotonic() < deadline:
            aws.runtime.get_recommendations(campaignArn=flow.campaign, userId="u1")


def test_promotes(aws: Clients, flow: Flow):
    assert flow.import_job
    unseen = flow.filter
    promotion = {"name": "discover", "percentPromotedItems": 50, "filterArn": unseen}
    assert flow.campaign
    answer = aws.runtime.get_recommendations(
        campaignArn=flow.campaign, userId="u1", numResults=4, promotions=[promotion]
    )
    promoted = [item["itemId"] for item in answer["itemList"] if item.get("promotionName") == "discover"]
    others = [item["itemId"] for item in answer["itemList"] if "promotionName" not in item]
    assert (promoted, others) == (["i2", "i3"], ["i0", "i1"])


def test_metadata_where_the_campaign_returns_it(aws: Clients, flow: Flow):
    assert flow.import_job
    question = {"campaignArn": flow.campaign, "userId": "u1", "metadataColumns": {"ITEMS": ["TITLE"]}}
    with pytest.raises(aws.runtime.exceptions.InvalidInputException, match="enableMetadataWithRecommendations"):
        aws.runtime.get_recommendations(**question)
    config = {"enableMetadataWithRecommendations": True}
    aws.personalize.update_campaign(campaignArn=flow.campaign, campaignConfig=config)
    put_films(aws, flow, 2)
    deadline = time.monotonic() + 5
    while True:
        try:
            first, second, third = aws.runtime.get_recommendations(**question, numResults=3)["itemList"]
            if "metadata" in second:
                break
        except aws.runtime.exceptions.InvalidInputException:  # another process would not have heard of it, either
            pass
        assert time.monotonic() < deadline
    assert (first["metadata"], second["metadata"]) == ({"title": "Film 0"}, {"title": "Film 1"})
    assert "metadata" not in third


def test_metadata_is_the_same_text_whichever_way_an_item_came(aws: Clients, flow: Flow, tmp_path: Path):
    assert flow.import_job
    p, columns = aws.personalize, ["SALE", "STARS", "PRICE"]
    fields = [("ITEM_ID", "string"), ("SALE", ["null", "boolean"]), ("STARS", ["null", "int"]), ("PRICE", "float")]
    schema = p.create_schema(name="shelf", schema=schema_text("Items", *fields))["schemaArn"]
    dataset = p.create_dataset(name="shelf", schemaArn=schema, datasetGroupArn=flow.group, datasetType="Items")
    (tmp_path / "shelf.csv").write_text("ITEM_ID,SALE,STARS,PRICE\ni0,True,5,3\ni1,0,4,2.5\ni2,,,1")
    source = {"dataLocation": f"file://{tmp_path / 'shelf.csv'}"}
    p.create_dataset_import_job(jobName="s", datasetArn=dataset["datasetArn"], dataSource=source, roleArn=ROLE)
    flow.finish("import-job")
    config = {"enableMetadataWithRecommendations": True}
    made = p.create_campaign(name="shelf", solutionVersionArn=flow.version, campaignConfig=config)
    put = {"itemId": "i3", "properties": json.dumps({"sale": True, "stars": 5, "price": 3})}
    aws.events.put_items(datasetArn=dataset["datasetArn"], items=[put])
    asked = {"campaignArn": made["campaignArn"], "numResults": 4, "metadataColumns": {"ITEMS": columns}}
    deadline = time.monotonic() + 5
    while "metadata" not in (items := aws.runtime.get_recommendations(**asked)["itemList"])[3]:
        assert time.monotonic() < deadline
    shown = {item["itemId"]: item["metadata"] for item in items}
    assert shown["i0"] == shown["i3"] == {"sale": "true", "stars": "5", "price": "3.0"}
    assert (shown["i1"]["sale"], shown["i2"]) == ("false", {"price": "1.0"})


def put_films(aws: Clients, flow: Flow, count: int) -> None:
    fields = [{"name": "ITEM_ID", "type": "string"}, {"name": "TITLE", "type": "string", "categorical": True}]
    schema = json.dumps({"type": "record", "name": "Items", "fields": fields, "version": "1.0"})
    arn = aws.personalize.create_schema(name="films", schema=schema)["schemaArn"]
    made = {"name": "films", "schemaArn": arn, "datasetGroupArn": flow.group, "datasetType": "Items"}
    dataset = aws.personalize.create_dataset(**made)["datasetArn"]
    films = [{"itemId": f"i{n}", "properties": json.dumps({"title": f"Film {n}"})} for n in range(count)]
    aws.events.put_items(datasetArn=dataset, items=films)


@pytest.mark.parametrize("path", ["/nothing", "/aws/nothing", "/recommendations/more"])
def test_a_path_that_nobody_answers(aws: Clients, path: str):
    url = aws.runtime.meta.endpoint_url + path
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/personalize/aws4_request"}
    answer = httpx.post(url, content=b"{}", headers=signed)
    assert (answer.status_code, answer.json()["__type"]) == (404, "UnknownOperationException")
    assert answer.headers["x-amzn-errortype"] == "UnknownOperationException"
    if not path.startswith("/aws"):
        assert httpx.post(url, content=b"{}").json()["code"] == "NotFound"  # the gateway's own words


def test_a_body_that_is_too_large(aws: Clients):
    with pytest.raises(ClientError) as refused:
        aws.personalize.create_schema(name="s", schema=" " * 11_000_000)
    assert refused.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_a_recommender_answers_by_its_arn_without_scores(aws: Clients, flow: Flow, tmp_path: Path):
    p = aws.personalize
    group = p.create_dataset_group(name="store", domain="ECOMMERCE")["datasetGroupArn"]
    fields = [(name, "long" if name == "TIMESTAMP" else "string") for name in COLUMNS]
    schema = p.create_schema(name="store", domain="ECOMMERCE", schema=schema_text("Interactions", *fields))["schemaArn"]
    dataset = p.create_dataset(name="i", schemaArn=schema, datasetGroupArn=group, datasetType="Interactions")
    rows = [f"u{u},i{i},{1_700_000_000 + u * 10 + i},View" for u in range(USERS) for i in range(min(u + 1, ITEMS))]
    (tmp_path / "views.csv").write_text("\n".join([",".join(COLUMNS), *rows]))
    source = {"dataLocation": f"file://{tmp_path / 'views.csv'}"}
    p.create_dataset_import_job(jobName="v", datasetArn=dataset["datasetArn"], dataSource=source, roleArn=ROLE)
    recipe = "arn:aws:personalize:::recipe/aws-ecomm-popular-items-by-views"
    arn = p.create_recommender(name="seen", datasetGroupArn=group, recipeArn=recipe)["recommenderArn"]
    flow.finish(arn)
    asked = {"recommenderArn": arn, "userId": "u1", "numResults": 3}
    assert aws.runtime.get_recommendations(**asked)["itemList"] == [{"itemId": f"i{n}"} for n in range(3)]
    p.stop_recommender(recommenderArn=arn)
    deadline = time.monotonic() + 5
    with pytest.raises(aws.runtime.exceptions.InvalidInputException, match="INACTIVE"):
        while time.monotonic() < deadline:
            aws.runtime.get_recommendations(**asked)
