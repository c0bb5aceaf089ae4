"""Whatever happens in whatever order: the AWS wire answers from the cache what it answers without, each time with an id
of its own."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from litestar.testing import TestClient

from engine import Engine, Settings, hide_item, perform
from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.gateway.asgi import asked
from tests.server.test_cached_is_uncached import add_users
from tests.server.world import ARN, GROUP, TRACKING_ID

EXPRESSIONS = (
    'INCLUDE ItemID WHERE Items.KIND IN ("even")',
    "INCLUDE ItemID WHERE Items.PRICE < 30",
    'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")',
    "INCLUDE ItemID WHERE Items.KIND IN CurrentUser.TASTES",
)
FILTERS = {
    "kind": "INCLUDE ItemID WHERE Items.KIND IN ($KIND)",
    "unseen": EXPRESSIONS[2],
    "taste": "INCLUDE ItemID WHERE Items.KIND IN CurrentUser.TASTES AND Items.PRICE <= CurrentUser.BUDGET",
    "changing": EXPRESSIONS[0],
}
CAMPAIGNS = ("popular", "near", "search")  # they explore nothing: that hangs on everybody's events
CONFIG = "{namespaces: {}, aws: {maxAge: %d}}"
GROUP_ARN = f"{ARN}:dataset-group/{GROUP}"


@dataclass
class World:
    engines: tuple[Engine, Engine]
    kept: TestClient[Any]
    fresh: TestClient[Any]
    ids: dict[str, tuple[str | None, tuple[str, ...]]] = field(default_factory=dict)  # user and items, by each id
    outcomes: Counter[str] = field(default_factory=Counter)

    def settle(self) -> None:
        for engine in self.engines:
            engine.feed.catch_up()

    def do(self, operation: str, **members: Any) -> None:
        control = self.engines[0].resources.control("000000000000", "us-east-1")
        perform(control, operation, json.dumps(members).encode())
        self.settle()


@pytest.fixture(scope="module")
def world(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data = tmp_path_factory.mktemp("wire") / "data"
    shutil.copytree(trained, data)
    engines = [Engine.open(Settings.of(data, {}, pending_s=0)) for _ in range(2)]
    add_users(engines[0])
    apps = [
        create_app(parse(CONFIG % max_age), engine, AppOptions(name=f"w{max_age}", environ={}))
        for max_age, engine in zip((3600, 0), engines, strict=True)
    ]
    with TestClient(apps[0]) as kept, TestClient(apps[1]) as fresh:
        world = World((engines[0], engines[1]), kept, fresh)
        for name, expression in FILTERS.items():
            world.do("CreateFilter", name=name, datasetGroupArn=GROUP_ARN, filterExpression=expression)
        yield world


NOBODIES = ("nobody-1", "nobody-2")  # nothing is ever known of them
USERS, ITEMS = ["u0", "u1", "new"], [f"i{number}" for number in range(40)]
users, items = st.sampled_from(USERS), st.sampled_from(ITEMS)
filters = st.sampled_from([None, None, None, *FILTERS])

changes = st.one_of(
    st.tuples(st.just("event"), users, items),
    st.tuples(st.just("put"), items, st.integers(5, 60), st.sampled_from(["even", "odd"])),
    st.tuples(st.just("taste"), users, st.sampled_from(["even", "odd", "even|odd"]), st.integers(5, 60)),
    st.tuples(st.just("filter"), st.sampled_from(EXPRESSIONS)),
    st.tuples(st.just("metadata"), st.booleans()),
    st.tuples(st.just("objective"), st.sampled_from([5, -5])),
    st.tuples(st.just("hide"), items, st.booleans()),
)


class Asked(NamedTuple):
    user: str | None = "u0"
    item: str = "i0"
    filter: str | None = None
    promoted: str | None = None
    columns: tuple[str, ...] = ()
    history: str = ""
    context: str = ""


asks = st.builds(
    Asked,
    user=st.sampled_from([*USERS, *NOBODIES, None]),
    item=st.sampled_from(ITEMS[:2]),
    filter=filters,
    promoted=filters,
    columns=st.sampled_from([(), ("PRICE",), ("price", "KIND")]),
    history=st.sampled_from(["", "i1,i2"]),
    context=st.sampled_from(["", "phone"]),
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@example("search", Asked(), Asked(columns=("PRICE",)), [("put", "i2", 7, "odd"), ("put", "i2", 9, "odd")])
@given(st.sampled_from(CAMPAIGNS), asks, asks, st.lists(changes, min_size=4, max_size=6))
def test_any_story(world: World, campaign: str, one: Asked, other: Asked, story: list[tuple[Any, ...]]) -> None:
    """The same questions before and after each change: one, and what differs from it in one member."""
    steps = {"event": happen, "put": put, "taste": put_user, "filter": change_filter, "metadata": change_metadata}
    steps |= {"objective": change_objective, "hide": hide}
    panel = [one, *(one._replace(**{name: getattr(other, name)}) for name in Asked._fields), Asked()]
    for kind, *what in [("event", "u1", "i1"), *story]:
        steps[kind](world, *what)
        for each in dict.fromkeys(panel):
            ask(world, campaign, each)
    for each in dict.fromkeys(panel):
        ask(world, campaign, each)


def test_the_stories_were_told_and_each_list_is_remembered_as_shown(world: World) -> None:
    print(f"answers of the cache: {dict(world.outcomes)}")
    assert world.outcomes["hit"] > 50 and world.outcomes["shared"] > 0 and world.outcomes["miss"] > 50
    assert world.outcomes["refused"] > 0
    shown = world.engines[0].shown.find(world.ids)
    assert {name: (each.user, each.items) for name, each in shown.items()} == world.ids


def post(client: TestClient[Any], path: str, members: Mapping[str, Any]) -> httpx.Response:
    with client.portal() as portal:
        headers = {"Host": "testserver", "Content-Type": "application/json"}
        body = json.dumps(members).encode()
        answer: httpx.Response = portal.call(asked, client.app, "POST", path, headers, body)
    return answer


def happen(world: World, user: str, item: str) -> None:
    event = {"eventType": "view", "itemId": item, "sentAt": 1_700_000_000}
    body = {"trackingId": TRACKING_ID, "sessionId": f"s-{user}", "userId": user, "eventList": [event]}
    assert post(world.kept, "/events", body).status_code == 200
    for engine in world.engines[1:]:
        engine.feed.catch_up()


def put_user(world: World, user: str, tastes: str, budget: int) -> None:
    rows = [(user, {"tastes": tastes, "budget": budget})]
    world.engines[0].feed.put_rows(f"{ARN}:dataset/{GROUP}/USERS", "USERS", rows).result()
    world.settle()


def put(world: World, item: str, price: int, kind: str) -> None:
    rows = [(item, {"price": price, "kind": kind, "name": item})]
    world.engines[0].feed.put_rows(f"{ARN}:dataset/{GROUP}/ITEMS", "ITEMS", rows).result()
    world.settle()


def change_filter(world: World, expression: str) -> None:
    world.do("DeleteFilter", filterArn=f"{ARN}:filter/changing")
    world.do("CreateFilter", name="changing", datasetGroupArn=GROUP_ARN, filterExpression=expression)


def change_metadata(world: World, gives: bool) -> None:
    config = {"enableMetadataWithRecommendations": gives}
    world.do("UpdateCampaign", campaignArn=f"{ARN}:campaign/popular", campaignConfig=config)


def change_objective(world: World, weight: int) -> None:
    tags = [{"tagKey": "recgate:objective", "tagValue": json.dumps({"column": "PRICE", "weight": weight})}]
    world.do("TagResource", resourceArn=f"{ARN}:campaign/popular", tags=tags)


def hide(world: World, item: str, hidden: bool) -> None:
    hide_item(world.engines[0], GROUP_ARN, item, hidden=hidden)
    world.settle()


def ask(world: World, campaign: str, asked: Asked) -> None:
    values = {"filterValues": {"KIND": '"even"'}}
    members: dict[str, Any] = {"campaignArn": f"{ARN}:campaign/{campaign}", "context": {}}
    members["context"] |= {"history": asked.history} if asked.history else {}
    members["context"] |= {"DEVICE": asked.context} if asked.context else {}
    if asked.filter is not None:
        members |= {"filterArn": f"{ARN}:filter/{asked.filter}", **(values if asked.filter == "kind" else {})}
    if asked.columns:
        members["metadataColumns"] = {"ITEMS": asked.columns}
    members |= {"inputList": ITEMS[:12]} if campaign == "search" else {"numResults": 10}
    if campaign == "near":
        members["itemId"] = asked.item
    if asked.promoted is not None and campaign != "search":
        promotion = {"name": "sale", "percentPromotedItems": 30, "filterArn": f"{ARN}:filter/{asked.promoted}"}
        members["promotions"] = [{**promotion, **(values if asked.promoted == "kind" else {})}]
    path = "/personalize-ranking" if campaign == "search" else "/recommendations"
    for user in (asked.user, "nobody-3") if asked.user in NOBODIES else (asked.user,):
        compare(world, path, members if user is None else {**members, "userId": user})


def compare(world: World, path: str, members: Mapping[str, Any]) -> None:
    before = lookups(world)
    kept, fresh = (post(client, path, members) for client in (world.kept, world.fresh))
    assert kept.status_code == fresh.status_code, (members, kept.text, fresh.text)
    ours, theirs = kept.json(), fresh.json()
    if kept.status_code != 200:
        assert ours == theirs
        world.outcomes["refused"] += 1
        return
    name = ours.pop("recommendationId")
    assert name not in world.ids and name != theirs.pop("recommendationId")
    assert ours == theirs, members
    (listed,) = ours.values()
    user = None if "history" in members["context"] else members.get("userId")
    world.ids[name] = user, tuple(each["itemId"] for each in listed)
    world.outcomes.update(lookups(world) - before)


def lookups(world: World) -> Counter[str]:
    rows = world.kept.app.state.hot_cache.counters.telemetry.numbers()["recgate_cache_lookups"]
    counts = Counter[str]()
    for (_, _, outcome), (count,) in rows:
        counts[outcome] += round(count)
    return counts
