"""The configurations of specification §2.10 serve, one after the other, on a server that watches its file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.compat.table import heard, items
from tests.compat.test_documents import FOLDER
from tests.compat.world import World, records

ALL = [f"i{number}" for number in range(40)]
EVENT = {"eventType": "view", "itemId": "i1"}
ABROAD = {"cloudfront-viewer-country": "DE"}

Check = Callable[[httpx.Client, World], None]


def gives(path: str, fact: Callable[[Any], Any]) -> Check:
    """A list of which this is true."""

    def check(client: httpx.Client, world: World) -> None:
        answer = client.get(path, headers=ABROAD)
        assert answer.status_code == 200, answer.text
        assert fact(answer.json()), answer.json()

    return check


def takes(namespace: str, *operations: str) -> Check:
    """Events, of which streams hear by these operations."""

    def check(client: httpx.Client, world: World) -> None:
        before = len(world.origin.asked)
        answer = client.post(
            f"/events/{namespace}", json={"sessionId": namespace, "userId": "u1", "eventList": [EVENT]}
        )
        assert answer.status_code == 200, answer.text
        for operation in operations:
            heard(
                lambda asked: records(asked)[-1]["body"]["sessionId"] == namespace,
                world.origin.asked,
                before,
                operation,
            )

    return check


def counts_a_conversion(client: httpx.Client, world: World) -> None:
    conversion = {"recommender": "goes-with", "feature": "basket-widget", "metric": "basket-revenue", "value": 24.99}
    answer = client.post("/events/grocer", json={"userId": "u1", "experimentConversions": [conversion]})
    assert answer.status_code == 200, answer.text


def says_its_context(client: httpx.Client, world: World) -> None:
    """On a phone at a time of day, told to the function of the first row."""
    before = len(world.origin.asked)
    client.get(
        "/recommend-items/cinema/home-row/u7?numResults=2", headers={"cloudfront-is-mobile-viewer": "true", **ABROAD}
    )
    heard(lambda asked: len(asked.json["response"]["itemList"]) == 6, world.origin.asked, before, "")


CHECKS: dict[tuple[str, str], dict[str, Check]] = {  # by document and version: to change it takes more than a second
    ("minimal.yaml", "1"): {
        "for-you": gives("/recommend-items/bookshop/for-you/u1", lambda body: len(items(body)) == 25),
    },
    ("cinema.yaml", "42"): {
        "home-row": gives("/recommend-items/cinema/home-row/u1", lambda body: items(body) == ["o0", "o1", "o2"]),
        "more-like-this": gives("/related-items/cinema/more-like-this/i2", lambda body: set(items(body)) < set(ALL)),
        "a user's": gives("/related-items/cinema/more-like-this/i2?userId=u2", lambda body: "itemList" in body),
        "search": gives("/rerank-items/cinema/search/u1/i1,i2", lambda body: set(items(body)) == {"i1", "i2"}),
        "events": takes("cinema", "PutRecords", "PutRecordBatch"),
        "context": says_its_context,
    },
    ("grocer.yaml", "exp-3"): {
        "goes-with": gives(
            "/related-items/grocer/goes-with/i2?userId=u1",
            lambda body: body["variation"] == "fbt" and body["itemList"][0]["metadata"] == {"price": -0.25},
        ),
        "events": takes("grocer", "PutRecords"),
        "a conversion": counts_a_conversion,
    },
    ("music.yaml", "7"): {
        "mix": gives("/recommend-items/music/mix/u1", lambda body: len(items(body)) == 25),
        "events": takes("telemetry", "PutRecordBatch"),
    },
    ("generated.json", "2"): {
        "for-you": gives("/recommend-items/garden/garden-for-you/u1", lambda body: len(items(body)) == 25),
        "together": gives("/related-items/garden/garden-together/i2", lambda body: "i2" not in items(body)),
        "similar": gives("/related-items/garden/garden-similar/i2", lambda body: "i2" not in items(body)),
        "rank": gives("/rerank-items/garden/garden-rank/u1/i1,i2", lambda body: len(items(body)) == 2),
        "events": takes("garden"),
        "others' events": takes("tools"),
    },
}
ROWS = [
    pytest.param(*document, check, id=f"{document[0]} {name}")
    for document, checks in CHECKS.items()
    for name, check in checks.items()
]


@pytest.mark.parametrize(("document", "version", "check"), ROWS)
def test_a_document_is_served(document: str, version: str, check: Check, world: World) -> None:
    check(world.use(FOLDER / document, version), world)
