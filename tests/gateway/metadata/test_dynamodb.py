"""Item metadata from a DynamoDB table: real calls to moto, and every way in which a table may fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from litestar.testing import TestClient

from gateway.config import parse
from gateway.metadata.dynamodb import plain
from tests.gateway.config.documents import faults_of, warnings_of
from tests.gateway.serve.world import CONFIG, Clock, SmallEngine, app_over
from tests.gateway.upstreams.origin import CLOSED, CREDENTIALS, GARBAGE, Origin, Reply, hang, small_origin
from tests.moto_server import moto_server

TABLE = "PersonalizationApiItemMetadata_shop"
HOME = "/recommend-items/shop/home/u1"

VALUES = [
    ({"S": "x"}, "x"),
    ({"N": "-1.5"}, Decimal("-1.5")),
    ({"N": "-0.25"}, Decimal("-0.25")),
    ({"N": "7"}, 7),
    ({"N": "-12345678901234567890123"}, -12345678901234567890123),
    ({"BOOL": False}, False),
    ({"NULL": True}, None),
    ({"L": [{"N": "1"}, {"S": "a"}]}, [1, "a"]),
    ({"M": {"a": {"M": {"b": {"N": "2"}}}}}, {"a": {"b": 2}}),
    ({"SS": ["a", "b"]}, ["a", "b"]),
    ({"NS": ["1", "2.5"]}, [1, Decimal("2.5")]),
    ({"B": "aGk="}, "aGk="),
]


@pytest.mark.parametrize(("value", "found"), VALUES)
def test_a_value(value: Any, found: Any) -> None:
    """Weakness 12 of the specification: -1.5 is not -1."""
    assert plain(value) == found
    assert type(plain(value)) is type(found)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**CREDENTIALS, "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with small_origin() as origin:
        yield origin


class World:
    def __init__(self, folder: Path, url: str, more: str = "", config: str = CONFIG) -> None:
        metadata = f'{{type: dynamodb, endpointUrl: "{url}", timeout: 1, retries: 0{more}}}'
        config = config.replace("{type: engine, itemColumns: [PRICE]}", metadata)
        self.engine, self.clock = SmallEngine(folder), Clock()
        self.client = TestClient(app_over(self.engine, self.clock, config))

    def __enter__(self) -> World:
        self.client.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.client.__exit__(*error)

    def get(self, results: int = 2) -> Any:
        return self.client.get(f"{HOME}?numResults={results}")

    def shown(self, results: int = 2) -> list[Any]:
        answer = self.get(results)
        assert answer.status_code == 200, answer.text
        return [item.get("metadata") for item in answer.json()["itemList"]]


def row(item: str, **attributes: Any) -> Any:
    return {"id": {"S": item}, "put_via": {"S": "bulk"}, "attributes": {"M": attributes}}


def rows(*found: Any, left: Any = None) -> Reply:
    return Reply({"Responses": {TABLE: list(found)}, "UnprocessedKeys": left or {}})


def keys(origin: Origin) -> list[list[str]]:
    return [[key["id"]["S"] for key in asked.json["RequestItems"][TABLE]["Keys"]] for asked in origin.asked]


def test_a_real_table(tmp_path: Path) -> None:
    with moto_server() as url:
        table = boto3.resource("dynamodb", endpoint_url=url, region_name="us-east-1").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        with table.batch_writer() as batch:
            for number in range(120):
                attributes = {"price": Decimal("-1.5"), "place": number, "tags": ["a"], "on": True}
                item = {"id": f"i{number}", "version": "2024-01-01T00:00:00.000", "put_via": "bulk"}
                batch.put_item(Item={**item, "attributes": attributes})
        with World(tmp_path, url, ", itemColumns: [price, place]") as world:
            world.engine.items = tuple(f"i{number}" for number in range(121))
            assert world.shown() == [{"price": -1.5, "place": 0}, {"price": -1.5, "place": 1}]
            assert '"price":-1.5' in world.get().text
            found = world.shown(121)  # three requests
            assert [each and each["place"] for each in found] == [*range(120), None]


def test_popular_items_cost_one_read(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [rows(row("i0", price={"N": "1"})), rows(row("i0", price={"N": "2"}))]
    with World(tmp_path, origin.url, ", remember: 60") as world:
        assert world.shown() == [{"price": 1}, None]
        assert world.client.get("/recommend-items/shop/home/u2?numResults=2").json()["itemList"][0]["metadata"]
        assert keys(origin) == [["i0", "i1"]]
        world.clock.tick(61)
        assert world.shown() == [{"price": 2}, None]  # though its list may live on
        assert keys(origin) == [["i0", "i1"]] * 2
    (asked, _) = origin.asked
    assert (asked.region, asked.headers["x-amz-target"]) == ("us-east-1", "DynamoDB_20120810.BatchGetItem")


def test_what_was_left_unprocessed_is_asked_for_again(origin: Origin, tmp_path: Path) -> None:
    left = {TABLE: {"Keys": [{"id": {"S": "i1"}}], "ProjectionExpression": "id"}}
    origin.replies = [rows(row("i0", n={"N": "1"}), left=left), rows(row("i1", n={"N": "2"}))]
    with World(tmp_path, origin.url) as world:
        assert world.shown() == [{"n": 1}, {"n": 2}]
    assert keys(origin) == [["i0", "i1"], ["i1"]]


def test_an_item_without_attributes_has_none(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [rows({"id": {"S": "i0"}})]
    with World(tmp_path, origin.url) as world:
        assert world.shown() == [{}, None]


LEFT = {TABLE: {"Keys": [{"id": {"S": "i1"}}]}}
FAILURES = [
    Reply({"__type": "ProvisionedThroughputExceededException"}, 400),
    Reply({"__type": "ResourceNotFoundException"}, 400),
    Reply({}, 404),
    Reply({}, 429),
    Reply({}, 500),
    rows(row("i0", n={"N": "1"}), left=LEFT),  # for ever
    Reply([1]),
    Reply({"Responses": {TABLE: [{"id": {"S": "i0"}, "attributes": {"M": {"n": {"X": 1}}}}]}}),
    Reply({"Responses": {TABLE: [{"id": {"S": "i0"}, "attributes": {"M": {"n": {"N": "many"}}}}]}}),
    Reply({"Responses": {TABLE: [{"attributes": {"M": {}}}]}}),
    Reply(b"{"),
    CLOSED,
    GARBAGE,
    hang(0.6),
]


@pytest.mark.parametrize("failure", FAILURES, ids=[str(number) for number in range(len(FAILURES))])
def test_a_failure_costs_the_answer_its_metadata_and_no_more(failure: Reply, origin: Origin, tmp_path: Path) -> None:
    origin.replies = [failure]
    with World(tmp_path, origin.url) as world:
        assert world.shown() == [None, None]
        assert 'recgate_undecorated_total{namespace="shop"} 1.0' in world.client.get("/metrics").text
        origin.replies = [rows(row("i0", n={"N": "1"}))]
        again = world.get()
        assert again.headers["x-cache"] == "hit"  # the list is kept, that it had no metadata is not
        assert again.json()["itemList"][0]["metadata"] == {"n": 1}


def test_a_table_that_is_down_is_left_alone(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply({}, 500)]
    with World(tmp_path, origin.url, ", circuitBreaker: {failures: 2}") as world:
        for _ in range(5):
            assert world.shown() == [None, None]
    assert len(origin.asked) == 2


WRONG = [
    ("{type: dynamodb, remember: 0}", "remember: must be whole seconds, 1 to 3600, not 0"),
    ("{type: dynamodb, table: a/b}", "table: must be a table's name"),
    ("{type: dynamodb, billingMode: CHEAP}", "billingMode: cannot be 'CHEAP'"),
    ("{type: dynamodb, syncInterval: 5}", "unknown key 'syncInterval'"),
]


@pytest.mark.parametrize(("metadata", "says"), WRONG)
def test_a_wrong_configuration(metadata: str, says: str) -> None:
    (fault,) = faults_of(f"namespaces: {{}}\ninferenceItemMetadata: {metadata}")
    assert says in fault


PROVISIONED = "billingMode: PROVISIONED, provisionedThroughput: {readCapacityUnits: 25, writeCapacityUnits: 5}"


@pytest.mark.parametrize(
    ("more", "warned"), [("", 0), ("autoProvision: false", 0), ("autoProvision: true", 1), (PROVISIONED, 1)]
)
def test_what_upstream_would_provision_is_accepted_with_a_warning(more: str, warned: int) -> None:
    warnings = warnings_of(parse(f"namespaces: {{}}\ninferenceItemMetadata: {{type: dynamodb, {more}}}"))
    assert len(warnings) == warned
    assert json.dumps(warnings).count("neither made nor changed") == warned
