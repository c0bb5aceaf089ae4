"""The routes of cohorts over a small engine, in which a cohort is what its users touch most."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from engine import InvalidInput
from tests.gateway.config.documents import ARN, faults_of, shop, warnings_of
from tests.gateway.serve.test_serve import items, touch
from tests.gateway.serve.world import CONFIG, SmallEngine, app_over

COHORT = "/cohorts/shop/crowd/u1"
LIST = "/cohort-items/shop/crowd/c4-0123abcd"


def test_a_user_has_a_cohort_and_a_click_moves_it(client: TestClient[Any]) -> None:
    told = client.get(COHORT)
    assert told.json() == {"cohort": "c0", "count": 16, "model": "home/1"}
    assert told.headers["cache-control"] == "private,no-cache"
    assert (told.headers["x-recgate-model"], told.headers["x-recgate-variation"]) == ("home/1", "only")
    assert client.get(COHORT, headers={"if-none-match": told.headers["etag"]}).status_code == 304
    touch(client, "u1", "i3")
    moved = client.get(COHORT, headers={"if-none-match": told.headers["etag"]})
    assert (moved.status_code, moved.json()["cohort"]) == (200, "c4-0123abcd")


@pytest.mark.parametrize("cohort", ["c0", "c4-0123abcd"])
def test_a_list_is_for_caches_downstream(cohort: str, client: TestClient[Any], engine: SmallEngine) -> None:
    path = f"/cohort-items/shop/crowd/{cohort}?numResults=3"
    first, again = client.get(path), client.get(path)
    assert items(first) == ["i0", "i1", "i2"] and first.json()["itemList"][0]["metadata"] == {"price": 9.5}
    assert first.headers["cache-control"] == "public,max-age=300"
    assert (first.headers["x-cache"], again.headers["x-cache"], len(engine.asked)) == ("miss", "hit", 1)
    assert first.headers["vary"] == "Origin, accept-encoding"  # not the country: no context reaches a cohort's list
    assert client.get(path, headers={"if-none-match": first.headers["etag"]}).status_code == 304
    assert (engine.asked[0].user, engine.asked[0].cohort, engine.asked[0].context) == (None, cohort, {})
    assert client.head(path).headers["etag"] == first.headers["etag"]


def test_no_country_makes_another_entry(client: TestClient[Any], engine: SmallEngine) -> None:
    for country in ("DE", "FR"):
        client.get(LIST, headers={"cloudfront-viewer-country": country})
    assert len(engine.asked) == 1


def test_lists_of_cohorts_and_of_users_are_apart(client: TestClient[Any], engine: SmallEngine) -> None:
    """A user who is called as a cohort is, is a user."""
    client.get("/cohort-items/shop/crowd/c0")
    client.get("/recommend-items/shop/crowd/c0")
    assert [(asked.user, asked.cohort) for asked in engine.asked] == [(None, "c0"), ("c0", None)]


def test_a_click_leaves_a_list_and_a_new_model_does_not(client: TestClient[Any], engine: SmallEngine) -> None:
    client.get(LIST)
    touch(client, "u1", "i3")
    engine.feed.catch_up()
    assert client.get(LIST).headers["x-cache"] == "hit"
    engine.change("deploy", engine.home.campaign.arn)
    assert client.get(LIST).headers["x-cache"] == "miss"


def test_exclude_and_filters(client: TestClient[Any], engine: SmallEngine) -> None:
    assert items(client.get(f"{LIST}?numResults=2&exclude=i0,i1")) == ["i2", "i3"]
    assert client.get(f"{LIST}?filter=cheap&filterValues=%7B%22max%22:%225%22%7D").status_code == 200
    assert (engine.asked[-1].filter, engine.asked[-1].filter_values) == ("cheap", {"max": "5"})


def test_a_refused_filter_is_400_with_the_reason(client: TestClient[Any], engine: SmallEngine) -> None:
    engine.broken = InvalidInput("filterArn: the filter depends on the user, and the list of a cohort is for many.")
    refused = client.get(f"{LIST}?filter=mine")
    assert refused.status_code == 400 and "the list of a cohort is for many" in refused.json()["message"]
    assert refused.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "status", "code", "text"),
    [
        ("/cohort-items/shop/crowd/c4-ffffffff", 404, "CohortNotFound", "ask /cohorts"),
        ("/cohort-items/shop/crowd/c4", 404, "CohortNotFound", "'c4'"),
        ("/cohort-items/shop/home/c0", 404, "CohortsNotConfigured", "recommend-items/home"),
        ("/cohorts/shop/home/u1", 404, "CohortsNotConfigured", "recommend-items/home"),
        ("/cohorts/shop/nowhere/u1", 404, "RecommenderNotConfigured", "nowhere"),
        ("/cohort-items/shop/crowd", 404, "NotFound", "Not found"),
        (LIST + '?context={"device":"tv"}', 400, "InvalidContextParameter", "the same in every context"),
        (LIST + "?numResults=0", 400, "ValidationError", "numResults"),
        ("/cohorts/shop/crowd/" + "u" * 257, 400, "ValidationError", "user_id"),
    ],
)
def test_refusals(path: str, status: int, code: str, text: str, client: TestClient[Any]) -> None:
    refused = client.get(path)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert text in refused.json()["message"]


@pytest.fixture
def tested(tmp_path: Path) -> Iterator[TestClient[Any]]:
    """Two variations: the second one's model is not there."""
    split = "cohorts: {}\n          variations: {gone: {type: engine, model: nowhere, weight: 0}, left:"
    config = CONFIG.replace("variations: {left:", split)
    with TestClient(app_over(SmallEngine(tmp_path), config=config)) as client:
        yield client


def test_a_list_is_of_the_variation_whose_model_has_the_cohort(tested: TestClient[Any]) -> None:
    users = {}
    for user in ("u1", "u2", "u3", "u4"):
        touch(tested, user, "i3")
        users[user] = tested.get(f"/cohorts/shop/split/{user}").headers["x-recgate-variation"]
    assert set(users.values()) == {"left", "right"}
    assert tested.get("/cohort-items/shop/split/c4-0123abcd").headers["x-recgate-variation"] == "left"


def test_openapi_has_them_where_they_are_configured(client: TestClient[Any]) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert [path for path in paths if path.startswith("/cohort")] == [
        "/cohorts/shop/crowd/{user_id}",
        "/cohort-items/shop/crowd/{cohort}",
    ]
    named = {parameter["name"] for parameter in paths["/cohort-items/shop/crowd/{cohort}"]["get"]["parameters"]}
    assert {"cohort", "exclude", "filter"} <= named and not {"context", "user_id"} & named


PUBLIC = "cacheControl: {noUserSpecified: {maxAge: 60, directives: public}}"


@pytest.mark.parametrize(
    ("recommender", "root", "fault"),
    [
        ("{cohorts: {count: 17}, variations: {a: {type: engine, model: m}}}", "", "16"),
        ("{cohorts: {}, variations: {a: {type: function, arn: f}}}", "", "is answered elsewhere"),
        (
            f'{{cohorts: {{}}, variations: {{a: {{type: personalize-campaign, arn: "{ARN}:campaign/x"}}}}}}',
            "origins: {personalize: {type: aws}}",
            "is answered elsewhere",
        ),
    ],
)
def test_faults_of_configurations(recommender: str, root: str, fault: str) -> None:
    text = f"{root}\n{PUBLIC}\nnamespaces: {{shop: {{recommenders: {{recommend-items: {{for-you: {recommender}}}}}}}}}"
    (found,) = faults_of(text)
    assert fault in found


def test_only_lists_of_items_have_cohorts() -> None:
    recommender = "{cohorts: {}, variations: {a: {type: engine, model: m}}}"
    (found,) = faults_of(f"namespaces: {{shop: {{recommenders: {{related-items: {{like: {recommender}}}}}}}}}")
    assert "only recommend-items have cohorts" in found


@pytest.mark.parametrize(("root", "warned"), [(PUBLIC, 0), ("", 1), (PUBLIC.replace("public", "private"), 1)])
def test_lists_that_no_cdn_would_keep_are_warned_of(root: str, warned: int) -> None:
    config = shop("{cohorts: {}, variations: {a: {type: engine, model: m}}}", root=root)
    assert len([text for text in warnings_of(config) if "noUserSpecified" in text]) == warned


def test_the_door_is_before_both_routes(tmp_path: Path) -> None:
    digest = sha256(b"sesame").hexdigest()
    auth = f"auth: {{type: api_key, keys: [{{name: events, sha256: {digest}, actions: [events]}}]}}\n"
    with TestClient(app_over(SmallEngine(tmp_path), config=auth + CONFIG)) as client:
        for path in (COHORT, LIST):
            assert client.get(path).status_code == 401
            refused = client.get(path, headers={"x-api-key": "sesame"})
            assert (refused.status_code, refused.json()["code"]) == (403, "ActionNotAllowed")


def test_pages_of_one_cohort_are_not_anothers(client: TestClient[Any]) -> None:
    first = client.get(f"{LIST}?pageSize=3")
    rest = f"?pageSize=3&next={first.json()['next']}"
    assert (items(first), items(client.get(LIST + rest))) == (["i0", "i1", "i2"], ["i3", "i4", "i5"])
    assert client.get("/cohort-items/shop/crowd/c0" + rest).json()["code"] == "InvalidNextToken"
