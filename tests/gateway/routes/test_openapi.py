"""The OpenAPI document against the routes: each path is answered, and each parameter that is read is in it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from litestar.testing import TestClient

from engine import Cause, Explanation
from gateway.ask import Item
from gateway.routes import events, experiments, growthbook, many, query
from gateway.routes.openapi_groups import GROUPS
from tests.gateway.routes.experiments import CONFIG
from tests.gateway.serve.world import Clock, SmallEngine, app_over

MORE = """
  more:
    recommenders:
      recommend-items:
        crowd: {cohorts: {count: 16}, variations: {only: {type: engine, model: home}}}
        ruled:
          autoContext: {campaign: {type: string, rules: [{type: query-param, param: utm}]}}
          variations: {only: {type: engine, model: home}}
        elsewhere: {variations: {only: {type: http, url: "http://127.0.0.1:9/{userId}?shelf={shelf}"}}}
      related-items:
        near:
          experiments: {look: {method: builtin, metrics: {clicks: {}}}}
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
    eventTargets: [{type: personalize-event-tracker, trackingId: tracker-1}]
"""
PLACES = {"user_id": "u1", "item_id": "i1", "item_ids": "i1,i2", "cohort": "c0", "client_key": "sdk", "key": "a.b.c"}


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient[Any], dict[str, Any]]]:
    engine = SmallEngine(tmp_path_factory.mktemp("engine"))
    with TestClient(app_over(engine, Clock(), config=CONFIG.rstrip() + MORE)) as client:
        yield client, client.get("/openapi.json").json()["paths"]


def read_by(function: Any, name: str) -> set[str]:
    """The parameters that the function takes from the map of that name."""
    text = inspect.getsource(function)
    names = re.findall(rf'{name}(?:\.get\(|\[)"(\w+)"|\bids_in\(raw, "(\w+)"', text)
    return {first or second for first, second in names}


def parameters(operation: dict[str, Any], place: str = "query") -> set[str]:
    return {each["name"] for each in operation.get("parameters", ()) if each["in"] == place}


def test_every_parameter_that_a_recommender_s_routes_read_is_there(
    documented: tuple[TestClient[Any], dict[str, Any]],
) -> None:
    _, paths = documented
    read = read_by(query.query_of, "parameters")
    assert read == set(query.NAMES) and "feature" in read
    own, lists = read - {"userId"}, read - {"userId", "numResults", "pageSize", "next", "promotions"}
    assert parameters(paths["/recommend-items/shop/home/{user_id}"]["get"]) == own
    assert parameters(paths["/related-items/more/near/{item_id}"]["get"]) == own | {"userId"}
    assert parameters(paths["/rerank-items/shop/home/{user_id}/{item_ids}"]["get"]) == lists
    assert parameters(paths["/rerank-items/shop/home/{user_id}"]["post"]) == lists
    assert parameters(paths["/explain-items/shop/home/{user_id}/{item_id}"]["get"]) == own - {"pageSize", "next"}
    assert parameters(paths["/recommend-items/more/elsewhere/{user_id}"]["get"]) == own - {"sessionId"} | {"shelf"}
    assert parameters(paths["/recommend-items/more/ruled/{user_id}"]["get"]) == own - {"sessionId"} | {"utm"}
    assert parameters(paths["/cohorts/more/crowd/{user_id}"]["get"]) == {"feature"}
    of_one_user = {"context", "history", "syntheticUser", "feature", "sessionId"}
    assert parameters(paths["/cohort-items/more/crowd/{cohort}"]["get"]) == own - of_one_user


def test_every_tag_is_in_one_group(tmp_path: Path) -> None:
    with TestClient(app_over(SmallEngine(tmp_path), Clock(), config=CONFIG.rstrip() + MORE)) as client:
        document = client.get("/openapi.json").json()
    tags = [tag for group in document["x-tagGroups"] for tag in group["tags"]]
    assert sorted(tags) == sorted(tag["name"] for tag in document["tags"]) and len(set(tags)) == len(tags)
    assert [group["name"] for group in document["x-tagGroups"]] == [group.name for group in GROUPS]
    used = {tag for methods in document["paths"].values() for each in methods.values() for tag in each["tags"]}
    assert used == set(tags)


def test_every_parameter_of_the_other_routes_is_there(documented: tuple[TestClient[Any], dict[str, Any]]) -> None:
    _, paths = documented
    verdict = paths["/experiments/{namespace}/{recommender}/{feature}"]["get"]
    assert parameters(verdict, "path") == {"namespace", "recommender", "feature"}
    assert parameters(verdict) == read_by(experiments.experiment_route, "query") == {"action", "method", "alpha"}
    assert parameters(paths["/track"]["post"]) == read_by(growthbook.growthbook_routes, "query_params")
    for path, operations in paths.items():
        for operation in operations.values():
            assert parameters(operation, "path") == set(re.findall(r"\{(\w+)\}", path)), path


@pytest.mark.parametrize(
    ("path", "inner", "struct"),
    [
        ("/events/more", (), events.EventsBody),
        ("/events/more", ("eventList", "items"), events.EventBody),
        ("/recommend-many/shop", (), many.ManyBody),
        ("/recommend-many/shop", ("requests", "items"), many.OneBody),
    ],
)
def test_every_member_of_a_body_is_there(
    documented: tuple[TestClient[Any], dict[str, Any]], path: str, inner: tuple[str, ...], struct: type[msgspec.Struct]
) -> None:
    schema = documented[1][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    for step in inner:
        schema = schema[step] if step in schema else schema["properties"][step]
    assert set(schema["properties"]) == set(struct.__struct_encode_fields__)


@pytest.mark.parametrize(
    ("path", "inner", "struct"),
    [
        ("/explain-items/shop/home/{user_id}/{item_id}", (), Explanation),
        ("/recommend-items/shop/home/{user_id}", ("itemList", "items"), Item),
        ("/rerank-items/shop/home/{user_id}", ("personalizedRanking", "items"), Item),
    ],
)
def test_every_member_of_an_answer_is_there(
    documented: tuple[TestClient[Any], dict[str, Any]], path: str, inner: tuple[str, ...], struct: type[msgspec.Struct]
) -> None:
    method = documented[1][path].get("get") or documented[1][path]["post"]
    schema = method["responses"]["200"]["content"]["application/json"]["schema"]
    for step in inner:
        schema = schema[step] if step in schema else schema["properties"][step]
    assert set(schema["properties"]) == set(struct.__struct_encode_fields__)


def test_every_cause_of_an_explanation_is_there(documented: tuple[TestClient[Any], dict[str, Any]]) -> None:
    explained = documented[1]["/explain-items/shop/home/{user_id}/{item_id}"]["get"]["responses"]["200"]
    causes = explained["content"]["application/json"]["schema"]["properties"]["cause"]["enum"]
    assert set(causes) == set(get_args(Cause)) and {"capped", "alike", "unwanted", "tired", "pin", "bury"} <= set(
        causes
    )


def test_every_path_is_answered(documented: tuple[TestClient[Any], dict[str, Any]]) -> None:
    client, paths = documented
    for path, operations in paths.items():
        place = re.sub(r"\{(\w+)\}", lambda found: PLACES.get(found[1], "look"), path)
        for method in operations:
            # a stream does not end, and there is no /admin for others: tests/gateway/admin has both
            if not place.startswith(("/sub/", "/admin/")):
                answer = client.request(method, place, json={} if method == "post" else None)
                is_routed = answer.status_code != 405 and b'"Routing"' not in answer.content
                assert is_routed, (method, place)


def test_all_of_the_package_s_names_are_where_this_looks_for_them() -> None:
    """Whoever reads a query string elsewhere makes this test look there, too."""
    folder = Path(query.__file__).parent
    readers = {path.stem for path in folder.glob("*.py") if re.search(r"parse_qs|query_params", path.read_text())}
    of_operators = {
        f"admin_{name}" for name in ("configuration", "data", "experiments", "server", "stream")
    }  # RouteDoc.query
    assert readers - of_operators == {"query", "experiments", "growthbook", "aliases"}
