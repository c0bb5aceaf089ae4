"""What of a cached list each caller is shown: fresh metadata, nothing excluded or hidden, filled up from below."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from engine import Diversity, ServingObjective
from tests.gateway.config.documents import faults_of
from tests.gateway.serve.world import CONFIG, SmallEngine, app_over

HOME = "/recommend-items/shop/home/u1"
HIDING = CONFIG.replace(
    "    recommenders:\n", "    hide: [{field: stock, operator: less-than, value: 1}]\n    recommenders:\n", 1
)


@pytest.fixture
def engine(tmp_path: Path) -> SmallEngine:
    return SmallEngine(tmp_path)


@pytest.fixture
def client(engine: SmallEngine) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine)) as client:
        yield client


@pytest.fixture
def hiding(engine: SmallEngine) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, config=HIDING)) as client:
        yield client


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [item["itemId"] for item in body.get("itemList", body.get("personalizedRanking"))]


def numbered(*numbers: int) -> list[str]:
    return [f"i{number}" for number in numbers]


def test_a_new_price_shows_at_once_in_cached_lists(client: TestClient[Any], engine: SmallEngine) -> None:
    first = client.get(HOME)
    assert client.get(HOME).headers["etag"] == first.headers["etag"]
    assert engine.looked_up == 1  # what went out is kept beside the list
    engine.price = 7.0
    engine.change("item", "i3")
    again = client.get(HOME, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.headers["x-cache"]) == (200, "hit")
    assert again.json()["itemList"][0]["metadata"]["price"] == 7.0
    assert (len(engine.asked), engine.looked_up) == (1, 2)


def test_an_item_that_changed_outdates_lists_with_a_filter(client: TestClient[Any], engine: SmallEngine) -> None:
    for path, outcome in ((HOME, "hit"), (f"{HOME}?filter=cheap", "miss")):
        client.get(path)
        engine.change("item", "i3")
        assert client.get(path).headers["x-cache"] == outcome


@pytest.mark.parametrize(
    ("level", "outcome"),
    [
        ("diversity: {caps: [{column: KIND, most: 9}]}", "miss"),
        ("diversity: {}", "hit"),
        ("objective: {column: PRICE, weight: 1}", "miss"),
        ("objective: {column: PRICE, weight: 0}", "hit"),
    ],
)
def test_an_item_that_changed_outdates_lists_that_its_columns_order(
    engine: SmallEngine, level: str, outcome: str
) -> None:
    """In place of the campaign's own, which items order."""
    engine.home.diversity, engine.home.objective = Diversity(strength=0.5), ServingObjective(column="PRICE", weight=1)
    both = {"diversity": "objective: {column: PRICE, weight: 0}", "objective": "diversity: {}"}[level.split(":")[0]]
    config = CONFIG.replace("        home: {", f"        home: {{{level}, {both}, ", 1)
    with TestClient(app_over(engine, config=config)) as client:
        client.get(HOME)
        engine.change("item", "i3")
        assert client.get(HOME).headers["x-cache"] == outcome


def test_without_metadata_none_is_looked_up(client: TestClient[Any], engine: SmallEngine) -> None:
    assert "metadata" not in client.get(f"{HOME}?decorateItems=false").json()["itemList"][0]
    assert engine.looked_up == 0


EXCLUDE = [
    ("exclude=i0", numbered(1, 2, 3, 4)),
    ("exclude=i0,i2", numbered(1, 3, 4, 5)),
    ("exclude=i0&exclude=i2", numbered(1, 3, 4, 5)),
    ("exclude=i3,i3,unknown", numbered(0, 1, 2, 4)),
    ("exclude=", numbered(0, 1, 2, 3)),
    ("exclude=i0%2Ci2", numbered(0, 1, 2, 3)),  # one id with a comma in it
]


@pytest.mark.parametrize(("query", "found"), EXCLUDE)
def test_what_is_excluded_is_filled_up(query: str, found: list[str], client: TestClient[Any]) -> None:
    assert names(client.get(f"{HOME}?numResults=4&{query}")) == found


def test_those_who_exclude_share_one_list(client: TestClient[Any], engine: SmallEngine) -> None:
    outcomes = [client.get(f"{HOME}?numResults=4&exclude=i{number}").headers["x-cache"] for number in range(8)]
    assert outcomes == ["miss", *["hit"] * 7]
    tags = {client.get(f"{HOME}?numResults=4&exclude=i{number}").headers["etag"] for number in range(3)}
    assert len(tags) == 3
    assert len(engine.asked) == 1


def test_a_ranking_leaves_out_what_is_excluded(client: TestClient[Any]) -> None:
    assert names(client.get("/rerank-items/shop/order/u1/i5,i6,i7?exclude=i6")) == numbered(5, 7)
    assert names(client.post("/rerank-items/shop/order/u1?exclude=i6", json=["i5", "i6"])) == ["i5"]


def test_a_list_is_fetched_again_until_enough_is_left(engine: SmallEngine, client: TestClient[Any]) -> None:
    engine.items = tuple(f"i{number}" for number in range(400))
    exclude = ",".join(numbered(*range(180)))
    answer = client.get(f"{HOME}?numResults=20&exclude={exclude}")
    assert names(answer) == numbered(*range(180, 200))
    assert [question.num_results for question in engine.asked] == [200]
    assert "short" not in answer.json()


def test_a_list_that_ends_is_not_called_short(client: TestClient[Any]) -> None:
    answer = client.get(f"{HOME}?numResults=20&exclude=i0,i1")
    assert names(answer) == numbered(*range(2, 20))  # the catalogue has 20 items
    assert "short" not in answer.json()


def test_what_is_hidden_is_filled_up(engine: SmallEngine, hiding: TestClient[Any]) -> None:
    engine.stock = {"i0": 0, "i2": 0}
    shown = hiding.get(f"{HOME}?numResults=3")
    assert names(shown) == numbered(1, 3, 4)  # i1 has no metadata: it is not hidden
    assert shown.json()["itemList"][1]["metadata"] == {"price": 9.5}  # the columns that are configured, no others
    engine.stock = {"i3": 0}
    engine.change("item", "i3")
    answer = hiding.get(f"{HOME}?numResults=3")
    assert (names(answer), answer.headers["x-cache"]) == (numbered(0, 1, 2), "hit")


def test_many_hidden_items_are_refilled_in_steps(engine: SmallEngine, hiding: TestClient[Any]) -> None:
    engine.items = tuple(f"i{number}" for number in range(1000))
    engine.stock = {f"i{number}": 0 for number in range(120)}
    assert names(hiding.get(f"{HOME}?numResults=10")) == numbered(1, *range(120, 129))
    assert [question.num_results for question in engine.asked] == [25, 50, 100, 200]


def test_a_list_that_can_t_be_filled_says_so(engine: SmallEngine, hiding: TestClient[Any]) -> None:
    engine.items = tuple(f"i{number}" for number in range(1000))
    engine.stock = {f"i{number}": 0 for number in range(499)}
    answer = hiding.get(f"{HOME}?numResults=10")
    assert names(answer) == numbered(1, 499)
    assert answer.json()["short"] is True


def test_what_this_session_has_seen_is_not_shown(engine: SmallEngine) -> None:
    seen = CONFIG.replace("    recommenders:\n", "    hideSeen: 3600\n    recommenders:\n", 1)
    with TestClient(app_over(engine, config=seen)) as client:
        for session, item in (("s1", "i3"), ("s2", "i0")):
            event = {"eventType": "View", "itemId": item}
            assert client.post("/events/shop", json={"sessionId": session, "eventList": [event]}).status_code == 200
        paths = [f"/recommend-items/shop/home/cold?numResults=3&sessionId={name}" for name in ("s1", "s2", "s3")]
        answers = [client.get(path) for path in (*paths, paths[0])]
        assert [names(answer) for answer in answers[:3]] == [numbered(0, 1, 2), numbered(1, 2, 3), numbered(0, 1, 2)]
        assert [answer.headers["x-cache"] for answer in answers[1:]] == ["hit", "miss", "hit"]
        brought = client.get("/recommend-items/shop/home/cold?numResults=3&history=i1,i2")
        assert names(brought) == numbered(0, 3, 4) and engine.asked[-1].history == ("i1", "i2")
        ranked = client.get("/rerank-items/shop/order/cold/i3,i4?sessionId=s1")
        assert names(ranked) == numbered(3, 4)


def test_hidden_items_are_hidden_from_undecorated_lists(engine: SmallEngine, hiding: TestClient[Any]) -> None:
    engine.stock = {"i0": 0}
    answer = hiding.get(f"{HOME}?numResults=2&decorateItems=false")
    assert answer.json()["itemList"][0] == {"itemId": "i1", "score": 0.5}


def test_cached_lists_are_what_uncached_ones_would_be(tmp_path: Path) -> None:
    """Any order of any requests and changes: a gateway with a cache says what one without says."""
    rng = random.Random(7)
    uncached = HIDING.replace("maxAge: 60", "maxAge: 0").replace("stale-while-revalidate=30,", "")
    both = [SmallEngine(tmp_path / name) for name in ("a", "b")]
    with TestClient(app_over(both[0], config=HIDING)) as one, TestClient(app_over(both[1], config=uncached)) as two:
        hits = 0
        for step in range(300):
            if rng.random() < 0.2:
                item, stock = f"i{rng.randrange(20)}", rng.randrange(2)
                for engine in both:
                    engine.stock[item], engine.price = stock, float(step)
                    engine.change("item", item)
            query = f"numResults={rng.choice([3, 5, 25])}"
            if rng.random() < 0.5:
                query += "&exclude=" + ",".join(numbered(*rng.sample(range(20), rng.randrange(1, 6))))
            path = f"/recommend-items/shop/home/u{rng.randrange(3)}?{query}"
            answers = [client.get(path) for client in (one, two)]
            shown = [(names(answer), answer.json()["itemList"]) for answer in answers]
            assert shown[0] == shown[1], (step, path)
            hits += answers[0].headers["x-cache"] in ("hit", "shared")
            assert answers[1].headers["x-cache"] == "miss"
    assert hits > 150


@pytest.mark.parametrize(
    ("query", "says"),
    [("exclude=" + "a" * 257, "each id of exclude"), ("exclude=" + ",".join(map(str, range(501))), "at most 500")],
)
def test_a_wrong_exclude_is_refused(query: str, says: str, client: TestClient[Any]) -> None:
    answer = client.get(f"{HOME}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "ValidationError")
    assert says in answer.json()["message"]


def test_a_wrong_rule_is_refused() -> None:
    (fault,) = faults_of("namespaces: {}\nhide: [{field: stock, operator: below, value: 1}]")
    assert fault.startswith("hide[0].operator: cannot be 'below'; one of: contains, ")
