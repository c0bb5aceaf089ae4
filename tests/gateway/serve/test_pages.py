"""Pages of one list: whatever becomes of it between them, none shows an item twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.gateway.serve.test_shown import HIDING, names, numbered
from tests.gateway.serve.world import CONFIG, Clock, SmallEngine, app_over

HOME = "/recommend-items/shop/home/u1"
LIKE = "/related-items/shop/like/i3"


@pytest.fixture
def engine(tmp_path: Path) -> SmallEngine:
    return SmallEngine(tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(engine: SmallEngine, clock: Clock) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, clock)) as client:
        yield client


def pages(client: TestClient[Any], path: str, query: str = "pageSize=6") -> Iterator[list[str]]:
    token = ""
    for _ in range(50):
        answer = client.get(f"{path}?{query}{token}")
        yield names(answer)
        if "next" not in answer.json():
            return
        token = f"&next={answer.json()['next']}"
    raise AssertionError("there is no last page")


@pytest.mark.parametrize(
    ("path", "query", "sizes"),
    [
        (HOME, "pageSize=6", [6, 6, 6, 2]),
        (HOME, "pageSize=5", [5, 5, 5, 5]),
        (HOME, "pageSize=20", [20]),
        (HOME, "pageSize=500", [20]),
        (HOME, "pageSize=6&numResults=10", [6, 4]),
        (HOME, "pageSize=6&exclude=i0,i7", [6, 6, 6]),
        (LIKE, "pageSize=8&userId=u1", [8, 8, 3]),
        (LIKE, "pageSize=8", [8, 8, 3]),
    ],
)
def test_pages_are_parts_of_one_list(
    path: str, query: str, sizes: list[int], client: TestClient[Any], engine: SmallEngine
) -> None:
    found = list(pages(client, path, query))
    assert [len(page) for page in found] == sizes
    whole = [item for page in found for item in page]
    more = query.partition("&")[2].replace("numResults=10", "")
    assert whole == names(client.get(f"{path}?numResults=100&{more}"))[: len(whole)]
    assert len(engine.asked) <= 2  # all pages are of one cached list


def test_a_list_that_changes_goes_on_without_what_was_shown(
    client: TestClient[Any], engine: SmallEngine, clock: Clock
) -> None:
    going = pages(client, HOME)
    shown = next(going)
    engine.items = tuple(reversed(engine.items))
    engine.change("snapshot", "")  # the list is made anew
    assert next(going) == numbered(*range(19, 13, -1))
    clock.tick(100_000)
    shown += [*numbered(*range(19, 13, -1)), *(item for page in going for item in page)]
    assert sorted(shown) == sorted(engine.items)
    assert len(engine.asked) == 3


def test_a_list_that_is_never_kept_has_pages(client: TestClient[Any], engine: SmallEngine) -> None:
    found = list(pages(client, "/recommend-items/shop/live/u1"))
    assert [item for page in found for item in page] == list(engine.items)
    assert len(engine.asked) == 4


def test_hidden_items_are_on_no_page(engine: SmallEngine, clock: Clock) -> None:
    engine.stock = {"i0": 0, "i9": 0}
    with TestClient(app_over(engine, clock, config=HIDING)) as client:
        first, second, third = pages(client, HOME)
        assert (first, second) == (numbered(*range(1, 7)), numbered(7, 8, 10, 11, 12, 13))
        assert third == numbered(*range(14, 20))


def test_any_replica_goes_on(engine: SmallEngine, clock: Clock, client: TestClient[Any]) -> None:
    going = pages(client, HOME)
    next(going)
    with TestClient(app_over(engine, clock, config=CONFIG)) as other:
        token = client.get(f"{HOME}?pageSize=6").json()["next"]
        assert names(other.get(f"{HOME}?pageSize=6&next={token}")) == next(going)


def test_without_a_page_size_there_is_no_token(client: TestClient[Any]) -> None:
    assert "next" not in client.get(f"{HOME}?numResults=5").json()


def test_what_is_no_token_is_refused(client: TestClient[Any]) -> None:
    token = client.get(f"{HOME}?pageSize=6").json()["next"]
    assert client.get(f"{HOME}?pageSize=3&next={token}").status_code == 200
    other = client.get(f"{LIKE}?pageSize=6").json()["next"]
    cut = (token[:-2], token[:-4], token[:12], "A" + token[1:], token + "AAAA")
    for wrong in ("x", "%C3%A9", "A" * 4000, other, *cut):
        answer = client.get(f"{HOME}?pageSize=6&next={wrong}")
        assert (answer.status_code, answer.json()["code"]) == (400, "InvalidNextToken"), wrong
    theirs = client.get(f"/recommend-items/shop/home/u2?pageSize=6&next={token}")
    assert (theirs.status_code, theirs.json()["code"]) == (400, "InvalidNextToken")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (f"{HOME}?next=abc", "next needs a pageSize"),
        (f"{HOME}?pageSize=0", "pageSize is a whole number from 1 to 500, not '0'"),
        (f"{HOME}?pageSize=many", "pageSize is a whole number"),
        ("/rerank-items/shop/order/u1/i1,i2?pageSize=1", "a ranking has no pages"),
    ],
)
def test_a_wrong_page_is_refused(path: str, says: str, client: TestClient[Any]) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (400, "ValidationError")
    assert says in answer.json()["message"]
