"""fields and locale in requests, and filter values from the current item's metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from engine import Unavailable
from gateway.config import parse
from tests.gateway.config.documents import faults_of, warnings_of
from tests.gateway.serve.world import CONFIG, SmallEngine, app_over

HOME = "/recommend-items/shop/home/u1?numResults=1"
Open = Callable[[str], TestClient[Any]]


@pytest.fixture
def engine(tmp_path: Path) -> SmallEngine:
    engine = SmallEngine(tmp_path)
    engine.more = {"title": "lamp", "titleDe": "Lampe"}
    return engine


@pytest.fixture
def opened(engine: SmallEngine) -> Iterator[Open]:
    clients: list[TestClient[Any]] = []

    def over(config: str) -> TestClient[Any]:
        clients.append(TestClient(app_over(engine, config=config)))
        return clients[-1].__enter__()

    yield over
    for client in clients:
        client.__exit__(None, None, None)


def metadata(said: str) -> str:
    return CONFIG.replace("{type: engine, itemColumns: [PRICE]}", said)


GERMAN = metadata("{type: engine, itemColumns: [PRICE, TITLE], locales: [de, en]}")
ANSWERS = [
    ("", {"price": 9.5, "title": "lamp"}),
    ("&locale=de", {"price": 9.5, "title": "Lampe"}),
    ("&locale=de-AT", {"price": 9.5, "title": "Lampe"}),
    ("&locale=en", {"price": 9.5, "title": "lamp"}),
    ("&fields=title", {"title": "lamp"}),
    ("&fields=title,stock&locale=de", {"title": "Lampe"}),  # stock is not configured
    ("&fields=", {"price": 9.5, "title": "lamp"}),
]


def test_one_cached_list_is_told_in_every_way(opened: Open, engine: SmallEngine) -> None:
    client = opened(GERMAN)
    for _ in range(2):
        for query, found in ANSWERS:
            assert client.get(HOME + query).json()["itemList"][0]["metadata"] == found, query
    assert len(engine.asked) == 1
    tags = {client.get(HOME + query).headers["etag"] for query, _ in ANSWERS[:2]}
    assert len(tags) == 2


def test_the_same_question_is_answered_from_what_went_out(opened: Open, engine: SmallEngine) -> None:
    client = opened(GERMAN)
    for _ in range(3):
        client.get(HOME + "&locale=de&fields=title")
    assert engine.looked_up == 1


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("fields=a%20b", "fields has at most 50 names"),
        ("fields=" + ",".join(f"f{number}" for number in range(51)), "fields has at most 50 names"),
        ("locale=d", "locale is a language such as de or de-AT, not 'd'"),
        ("locale=de;DROP", "locale is a language"),
    ],
)
def test_a_wrong_one_is_refused(query: str, says: str, opened: Open) -> None:
    answer = opened(CONFIG).get(f"{HOME}&{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "ValidationError")
    assert says in answer.json()["message"]


# ---- filter values from the current item

RELATED = """
namespaces:
  shop:
    inferenceItemMetadata: {type: engine}
    cacheControl: {noUserSpecified: {maxAge: 300}, userSpecified: {maxAge: 300}}
    filters:
      - expression: 'INCLUDE ItemID WHERE Items.GENRE IN ($GENRE)'
        autoDynamicFilterValues:
          GENRE: {type: TYPE, default: DEFAULT, rules: [{type: item-metadata, field: GENRES}]}
    recommenders:
      related-items: {like: {variations: {only: {type: engine, model: home}}}}
      recommend-items: {home: {variations: {only: {type: engine, model: home}}}}
"""
VALUES = [
    ("string", "a", '"a"'),
    ("string", "a|b", '"a","b"'),
    ("string", ["a", "b", {"c": 1}], '"a","b"'),
    ("string", 'a"|b\\', '"a","b"'),  # no value closes the quotes
    ("string", True, '"true"'),
    ("string", Decimal("-1.5"), '"-1.5"'),
    ("integer", 7, "7"),
    ("integer", Decimal(7), "7"),
    ("string", "", '"none"'),
    ("string", None, '"none"'),
]


@pytest.mark.parametrize(("kind", "genres", "value"), VALUES)
def test_a_value_of_the_current_item(kind: str, genres: Any, value: str, opened: Open, engine: SmallEngine) -> None:
    engine.more = {"genres": genres}
    client = opened(RELATED.replace("TYPE", kind).replace("DEFAULT", "none" if kind == "string" else "1"))
    assert client.get("/related-items/shop/like/i3").status_code == 200
    assert engine.asked[-1].filter_values == {"GENRE": value}


def test_the_list_is_another_one_when_the_item_changes(opened: Open, engine: SmallEngine) -> None:
    client = opened(RELATED.replace("TYPE", "string").replace("DEFAULT", "none"))
    engine.more = {"genres": "a"}
    path = "/related-items/shop/like/i3"
    assert [client.get(path).headers["x-cache"] for _ in range(2)] == ["miss", "hit"]
    engine.more = {"genres": "b"}
    assert client.get(path).headers["x-cache"] == "miss"
    assert [question.filter_values for question in engine.asked] == [{"GENRE": '"a"'}, {"GENRE": '"b"'}]
    client.get(path + "?filterValues=%7B%22GENRE%22%3A%22%5C%22c%5C%22%22%7D")
    assert engine.asked[-1].filter_values == {"GENRE": '"c"'}  # the caller's own wins
    client.get("/recommend-items/shop/home/u1")
    assert engine.asked[-1].filter_values == {"GENRE": '"none"'}  # there is no current item


def test_an_item_that_can_t_be_looked_up_fails_the_answer(
    opened: Open, engine: SmallEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = opened(RELATED.replace("TYPE", "string").replace("DEFAULT", "none"))

    def fail(*_: object) -> None:
        raise Unavailable("down")

    monkeypatch.setattr(engine, "metadata", fail)
    assert client.get("/related-items/shop/like/i3").status_code == 503
    assert engine.asked == []


def test_the_rule_is_for_filters() -> None:
    field = "{g: {type: string, rules: [{type: item-metadata, field: GENRES}]}}"
    (fault,) = faults_of(f"namespaces: {{}}\nautoContext: {field}")
    assert fault.startswith("autoContext.g: item-metadata gives values to filters")


def test_the_rule_needs_metadata() -> None:
    text = RELATED.replace("TYPE", "string").replace("DEFAULT", "none")
    assert warnings_of(parse(text)) == []
    (warning,) = warnings_of(parse(text.replace("    inferenceItemMetadata: {type: engine}\n", "")))
    assert "related-items.like.variations.only: item-metadata never has a value" in warning
