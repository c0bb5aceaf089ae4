"""Why is this item there, and that one not? Asked by HTTP, and beside an answer to boto3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import httpx
import pytest

from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.apart import let_in
from tests.aws.world import Clients, served
from tests.flows.site import START, Clock, Site
from tests.shared_state import new_state, open_engine

ARN = "arn:aws:personalize:us-east-1:000000000000"
KEYS = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
SEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
CONFIG = f"""
namespaces:
  shop:
    recommenders:
      recommend-items:
        home:
          filters: [{{expression: '{SEEN}'}}]
          variations: {{main: {{type: engine, model: home}}}}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, clock, state = tmp_path_factory.mktemp("explained"), Clock(), new_state()
    engine = open_engine(folder / "data", state, clock)
    with served(create_app(parse(let_in(CONFIG)), engine, AppOptions(environ=state))) as url:
        clients = Clients(url)
        opened = Site(folder, engine, clients, clock)
        group = opened.shop()
        opened.personalize.create_solution(
            name="home",
            datasetGroupArn=group,
            recipeArn="arn:aws:personalize:::recipe/aws-user-personalization",
            performAutoTraining=False,
            solutionConfig={"algorithmHyperParameters": {"sequence_epochs": "1"}},
        )
        version = opened.personalize.create_solution_version(solutionArn=f"{ARN}:solution/home")["solutionVersionArn"]
        opened.work()
        opened.personalize.create_campaign(name="home", solutionVersionArn=version)
        opened.engine.feed.catch_up()
        yield opened
        clients.close()


def why(shop: Site, user: str, item: str, query: str = "") -> dict[str, Any]:
    url = shop.runtime.meta.endpoint_url
    answer = httpx.get(f"{url}/explain-items/shop/home/{user}/{item}{query}", timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told: dict[str, Any] = answer.json()
    return told


def listed(shop: Site, user: str, query: str = "") -> list[str]:
    url = shop.runtime.meta.endpoint_url
    answer = httpx.get(f"{url}/recommend-items/shop/home/{user}{query}", timeout=30).json()
    return [item["itemId"] for item in answer["itemList"]]


def test_every_item_of_an_answer_is_explained_as_it_stands_there(shop: Site):
    items = listed(shop, "u2", "?numResults=5")
    for place, item in enumerate(items, 1):
        told = why(shop, "u2", item, "?numResults=5")
        assert told["place"] == place and told["cause"] in ("relevance", "exploration"), told
        assert told["source"] == f"{ARN}:campaign/home" and told["model"].startswith("home/")
        assert told["filters"] == [{"filter": SEEN, "keeps": True}]


def test_what_a_user_did_pulls(shop: Site):
    """Even users like even items: of what u2 did, all is even, and it is that which brings an even item up."""
    items = listed(shop, "u2")
    pulled = next(item for item in items if int(item[1:]) % 2 == 0)
    told = why(shop, "u2", pulled)
    assert told["history"] and {int(pull["itemId"][1:]) % 2 for pull in told["history"]} == {0}
    assert max(pull["contribution"] for pull in told["history"]) > 0
    assert all(pull["timestamp"] >= START for pull in told["history"])


def test_what_is_not_there_is_explained_too(shop: Site):
    items = listed(shop, "u2", "?numResults=2")
    seen = next(f"i{item}" for item in range(0, 20, 2) if f"i{item}" not in listed(shop, "u2", "?numResults=100"))
    told = why(shop, "u2", seen, "?numResults=2")
    assert told["cause"] == "filtered" and told["filters"] == [{"filter": SEEN, "keeps": False}]
    assert "place" not in told and "rankAfterFilters" not in told and told["rank"] >= 1
    below = next(item for item in listed(shop, "u2", "?numResults=100") if item not in items)
    told = why(shop, "u2", below, "?numResults=2")
    assert told["cause"] in ("outranked", "displaced") and told["because"]
    assert why(shop, "u2", "never-heard-of")["cause"] == "unknownItem"
    assert why(shop, "newcomer", "i1")["userId"] == "newcomer"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/explain-items/shop/nothing/u/i", 404, "RecommenderNotConfigured"),
        ("/explain-items/shop/home/u", 404, "NotFound"),
        ("/explain-items/shop/home/u/i?numResults=0", 400, "ValidationError"),
    ],
)
def test_wrong_requests(shop: Site, path: str, status: int, code: str):
    answer = httpx.get(f"{shop.runtime.meta.endpoint_url}{path}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@contextmanager
def explaining(shop: Site, item: str | None) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """A runtime client that sends our header, and the bodies that it gets."""
    client, bodies = boto3.client("personalize-runtime", endpoint_url=shop.runtime.meta.endpoint_url, **KEYS), []

    def ask(request: Any, **_: Any) -> None:
        if item is not None:
            request.headers["X-Recgate-Explain"] = item

    client.meta.events.register("before-send.personalize-runtime.*", ask)
    client.meta.events.register(
        "before-parse.personalize-runtime.*",
        lambda response_dict, **_: bodies.append(json.loads(response_dict["body"])),
    )
    yield client, bodies
    client.close()


def test_boto3_gets_an_explanation_only_if_it_asks(shop: Site):
    call = {"campaignArn": f"{ARN}:campaign/home", "userId": "u3", "numResults": 5}
    with explaining(shop, None) as (client, bodies):
        items = [item["itemId"] for item in client.get_recommendations(**call)["itemList"]]
        assert set(bodies[0]) == {"itemList", "recommendationId"}
    with explaining(shop, items[1]) as (client, bodies):
        answer = client.get_recommendations(**call)
        assert [item["itemId"] for item in answer["itemList"]] == items and "explanation" not in answer
        told = bodies[0]["explanation"]
        assert (told["itemId"], told["place"], told["userId"]) == (items[1], 2, "u3")
