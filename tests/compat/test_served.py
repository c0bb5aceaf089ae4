"""The configurations of specification §2.10 serve, one after the other, on a server that watches its file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.compat.table import heard, items
from tests.compat.test_documents import FOLDER
from tests.compat.world import World, records

ALL = [f"i{number}" for number in range(40)]
EVENT = {"eventType": "view", "itemId": "i1"}
ABROAD = {"cloudfront-viewer-country": "DE"}

LISTS = [  # document, version, path, what is true of the answer's body
    ("minimal.yaml", "1", "/recommend-items/bookshop/for-you/u1", lambda body: len(items(body)) == 25),
    ("cinema.yaml", "42", "/recommend-items/cinema/home-row/u1", lambda body: items(body) == ["o0", "o1", "o2"]),
    ("cinema.yaml", "42", "/related-items/cinema/more-like-this/i2", lambda body: set(items(body)) < set(ALL)),
    ("cinema.yaml", "42", "/related-items/cinema/more-like-this/i2?userId=u2", lambda body: "itemList" in body),
    ("cinema.yaml", "42", "/rerank-items/cinema/search/u1/i1,i2", lambda body: set(items(body)) == {"i1", "i2"}),
    (
        "grocer.yaml",
        "exp-3",
        "/related-items/grocer/goes-with/i2?userId=u1",
        lambda body: body["variation"] == "fbt" and body["itemList"][0]["metadata"] == {"price": -0.25},
    ),
    ("music.yaml", "7", "/recommend-items/music/mix/u1", lambda body: len(items(body)) == 25),
    ("generated.json", "2", "/recommend-items/garden/garden-for-you/u1", lambda body: len(items(body)) == 25),
    ("generated.json", "2", "/related-items/garden/garden-together/i2", lambda body: "i2" not in items(body)),
    ("generated.json", "2", "/related-items/garden/garden-similar/i2", lambda body: "i2" not in items(body)),
    ("generated.json", "2", "/rerank-items/garden/garden-rank/u1/i1,i2", lambda body: len(items(body)) == 2),
]


@pytest.mark.parametrize(("document", "version", "path", "fact"), LISTS, ids=[f"{each[0]} {each[2]}" for each in LISTS])
def test_a_document_answers(document: str, version: str, path: str, fact: Callable[[Any], Any], world: World) -> None:
    answer = world.use(FOLDER / document, version).get(path, headers=ABROAD)
    assert answer.status_code == 200, answer.text
    assert fact(answer.json()), answer.json()


TOLD = [  # document, version, namespace, the operations that streams get
    ("cinema.yaml", "42", "cinema", ("PutRecords", "PutRecordBatch")),
    ("grocer.yaml", "exp-3", "grocer", ("PutRecords",)),
    ("music.yaml", "7", "telemetry", ("PutRecordBatch",)),
    ("generated.json", "2", "garden", ()),
    ("generated.json", "2", "tools", ()),
]


@pytest.mark.parametrize(("document", "version", "namespace", "operations"), TOLD)
def test_a_document_takes_events(
    document: str, version: str, namespace: str, operations: tuple[str, ...], world: World
) -> None:
    before, client = len(world.origin.asked), world.use(FOLDER / document, version)
    told = {"sessionId": namespace, "userId": "u1", "eventList": [EVENT]}
    answer = client.post(f"/events/{namespace}", json=told)
    assert answer.status_code == 200, answer.text
    for operation in operations:
        heard(lambda asked: records(asked)[-1]["body"]["sessionId"] == namespace, world.origin.asked, before, operation)


def test_a_conversion_of_the_example_counts(world: World) -> None:
    client = world.use(FOLDER / "grocer.yaml", "exp-3")
    conversion = {"recommender": "goes-with", "feature": "basket-widget", "metric": "basket-revenue", "value": 24.99}
    answer = client.post("/events/grocer", json={"userId": "u1", "experimentConversions": [conversion]})
    assert answer.status_code == 200, answer.text


def test_what_the_context_of_the_example_says(world: World) -> None:
    """On a phone at a time of day, told to the function of the first row."""
    client = world.use(FOLDER / "cinema.yaml", "42")
    before = len(world.origin.asked)
    client.get(
        "/recommend-items/cinema/home-row/u7?numResults=2", headers={"cloudfront-is-mobile-viewer": "true", **ABROAD}
    )
    heard(lambda asked: len(asked.json["response"]["itemList"]) == 6, world.origin.asked, before, "")
