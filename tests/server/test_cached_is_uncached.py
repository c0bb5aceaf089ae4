"""Whatever happens in whatever order: a gateway that keeps answers for an hour says what one that keeps none says."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from litestar.testing import TestClient

from engine import Engine, Settings, perform
from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.gateway.asgi import asked
from tests.server.world import ARN, GROUP, TRACKING_ID

FILTERS = {
    "cheap": "INCLUDE ItemID WHERE Items.PRICE < $MAX",
    "kind": "INCLUDE ItemID WHERE Items.KIND IN ($KIND)",
    "unseen": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")',
    "bought": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase") | INCLUDE ItemID WHERE Items.PRICE > $MIN',
    "taste": "INCLUDE ItemID WHERE Items.KIND IN CurrentUser.TASTES AND Items.PRICE <= CurrentUser.BUDGET",
    "others": "EXCLUDE ItemID WHERE Items.KIND = CurrentUser.TASTES | EXCLUDE ItemID WHERE Items.NAME = CurrentUser.ID",
    "any": "",
    "dear": "",
}
USER_SCHEMA = (
    '{"type":"record","name":"Users","namespace":"shop","version":"1.0","fields":['
    '{"name":"USER_ID","type":"string"},{"name":"TASTES","type":["null","string"],"categorical":true},'
    '{"name":"BUDGET","type":["null","int"]}]}'
)


def document(max_age: int) -> str:
    """Models that explore nothing: what is drawn anew each hour is another matter."""

    def recommender(model: str, name: str) -> str:
        chosen = f"filters: [{{expression: '{FILTERS[name]}'}}], " if FILTERS[name] else ""
        chosen += "objective: {column: PRICE, weight: 5}, " if name == "dear" else ""
        return f"{name}: {{{chosen}variations: {{main: {{type: engine, model: {model}}}}}}}"

    def action(model: str) -> str:
        return "{" + ", ".join(recommender(model, name) for name in FILTERS) + "}"

    kinds = "userSpecified", "noUserSpecified"
    policies = ", ".join(f"{kind}: {{maxAge: {max_age}, directives: ''}}" for kind in kinds)
    return f"""
version: "1"
namespaces:
  shop:
    inferenceItemMetadata: {{type: engine, itemColumns: [PRICE, KIND]}}
    hide: [{{field: name, operator: equals, value: hidden}}]
    cacheControl: {{{policies}}}
    recommenders:
      recommend-items: {action("popular")}
      related-items: {action("near")}
      rerank-items: {action("search")}
    eventTargets: [{{type: personalize-event-tracker, trackingId: {TRACKING_ID}}}]
"""


@dataclass
class World:
    engines: tuple[Engine, Engine]
    kept: TestClient[Any]
    fresh: TestClient[Any]
    outcomes: Counter[str] = field(default_factory=Counter)

    def settle(self) -> None:
        for engine in self.engines:
            engine.feed.catch_up()


@pytest.fixture(scope="module")
def world(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data = tmp_path_factory.mktemp("cached") / "data"
    shutil.copytree(trained, data)
    engines = [Engine.open(Settings.of(data, {})) for _ in range(2)]
    add_users(engines[0])
    apps = [
        create_app(parse(document(max_age)), engine, AppOptions(name=f"w{max_age}", environ={}))
        for max_age, engine in zip((3600, 0), engines, strict=True)
    ]
    with TestClient(apps[0]) as kept, TestClient(apps[1]) as fresh:
        yield World((engines[0], engines[1]), kept, fresh)


def add_users(engine: Engine) -> None:
    control = engine.resources.control("000000000000", "us-east-1")
    made = perform(control, "CreateSchema", json.dumps({"name": "users", "schema": USER_SCHEMA}).encode())
    dataset = {"name": "users", "datasetType": "USERS", "datasetGroupArn": f"{ARN}:dataset-group/{GROUP}"}
    perform(control, "CreateDataset", json.dumps({**dataset, **json.loads(made or b"")}).encode())


USERS = ["u0", "u1", "new-1"]
ITEMS = [f"i{number}" for number in range(40)]
users, items = st.sampled_from(USERS), st.sampled_from(ITEMS)

events = st.tuples(st.just("event"), users, items, st.sampled_from(["view", "purchase"]))
names = st.sampled_from(["shown", "hidden", "u0"])
puts = st.tuples(st.just("put"), items, st.integers(5, 60), st.sampled_from(["even", "odd"]), names)
tastes = st.tuples(st.just("taste"), users, st.sampled_from(["even", "odd", "even|odd"]), st.integers(5, 60))
asks = st.tuples(
    st.just("ask"),
    st.sampled_from(["recommend-items", "related-items", "rerank-items"]),
    st.sampled_from(sorted(FILTERS)),
    users,
    st.sampled_from(ITEMS[:2]),
    st.just(25),
    st.frozensets(items, max_size=3),
    st.sampled_from([(), (), (), (), ("i1", "i2"), ("i0", "never")]),
)
stories = st.lists(st.one_of(*[asks] * 12, events, puts, tastes), min_size=20, max_size=60)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(stories)
def test_any_story(world: World, story: list[tuple[Any, ...]]) -> None:
    for kind, *what in story:
        {"event": happen, "put": put, "taste": put_user, "ask": ask}[kind](world, *what)


def test_the_stories_were_told(world: World) -> None:
    print(f"answers of the cache: {dict(world.outcomes)}")
    assert world.outcomes["hit"] + world.outcomes["shared"] > 50
    assert world.outcomes["miss"] > 100


def happen(world: World, user: str, item: str, event_type: str) -> None:
    event = {"eventType": event_type, "itemId": item}
    body = {"sessionId": f"s-{user}", "userId": user, "eventList": [event]}
    assert world.kept.post("/events/shop", json=body).status_code == 200
    world.settle()


def put_user(world: World, user: str, tastes: str, budget: int) -> None:
    rows = [(user, {"tastes": tastes, "budget": budget})]
    world.engines[0].feed.put_rows(f"{ARN}:dataset/{GROUP}/USERS", "USERS", rows).result()
    world.settle()


def put(world: World, item: str, price: int, kind: str, name: str) -> None:
    row = {"price": price, "kind": kind, "name": name}
    world.engines[0].feed.put_rows(f"{ARN}:dataset/{GROUP}/ITEMS", "ITEMS", [(item, row)]).result()
    world.settle()


def ask(
    world: World,
    action: str,
    name: str,
    user: str,
    item: str,
    count: int,
    exclude: frozenset[str],
    history: tuple[str, ...],
) -> None:
    limit = 30
    values = {"cheap": f'{{"MAX":"{limit}"}}', "kind": '{"KIND":"\\"even\\""}', "bought": f'{{"MIN":"{limit}"}}'}
    query = f"numResults={count}&filterValues={quote(values.get(name, '{}'))}"
    query += "&exclude=" + ",".join(sorted(exclude)) if exclude else ""
    query += "&history=" + ",".join(history) if history else ""
    path = {
        "recommend-items": f"{user}?{query}",
        "related-items": f"{item}?userId={user}&{query}",
        "rerank-items": f"{user}/{','.join(ITEMS[:12])}?{query}",
    }[action]
    kept, fresh = (get(client, f"/{action}/shop/{name}/{path}") for client in (world.kept, world.fresh))
    assert (kept.status_code, fresh.headers["x-cache"]) == (200, "miss"), kept.text
    assert kept.json() == fresh.json(), path
    world.outcomes[kept.headers["x-cache"]] += 1


def get(client: TestClient[Any], target: str) -> httpx.Response:
    with client.portal() as portal:
        answer: httpx.Response = portal.call(asked, client.app, "GET", target, {"Host": "testserver"})
    return answer
