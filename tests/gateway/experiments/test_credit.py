"""Events that name an answer count in the arm that gave it, whoever sends them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from engine import ArmAnswer, UnitOutcome
from gateway.experiments.credit import attributed
from tests.gateway.experiments.test_matched import PATH, config
from tests.gateway.serve.world import SmallEngine, app_over

EXPERIMENT = "{method: builtin, metrics: {ctr: {eventType: click}}}"
BY_SESSION = EXPERIMENT.replace("builtin", "builtin, unit: session")
ARMS = {"ann": "left", "ben": "right"}
ANSWERS = [
    ArmAnswer("e", "RID-l", "left", "ann", 1.0),
    ArmAnswer("e", "RID-r", "right", "ben", 1.0),
    ArmAnswer("e", "RID-both", "left", "ann", 1.0),
    ArmAnswer("e", "RID-both", "right", "ben", 1.0),
    ArmAnswer("e", "RID-moved", "right", "ann", 2.0),
]


@pytest.mark.parametrize(
    ("unit", "name", "whose"),
    [
        ("ann", None, "ann"),
        ("ann", "RID-l", "ann"),
        ("ann", "RID-elsewhere", "ann"),  # another recommender's, or too old to be known
        ("ann", "RID-both", "ann"),
        ("ann", "RID-r", "ben"),  # it was not ann's list that led to it
        ("ann", "RID-moved", None),  # ann's new arm has no unit that saw this list
        ("", "RID-l", "ann"),
        ("", "RID-both", None),
        ("stranger", "RID-r", "ben"),
        ("stranger", None, None),
    ],
)
def test_whose_a_deed_is(unit: str, name: str | None, whose: str | None) -> None:
    outcome = UnitOutcome("shop", unit, "click ", 1.0, 3.0, name)
    assert [each.unit for each in attributed([outcome], ARMS, ANSWERS)] == ([] if whose is None else [whose])


@pytest.fixture
def engine(tmp_path: Path) -> SmallEngine:
    return SmallEngine(tmp_path)


def clicks(client: TestClient[Any], units: int) -> dict[str, float]:
    """Of each arm, by its verdict, once so many units are in it."""
    deadline = time.monotonic() + 10
    while sum((told := client.get("/experiments/shop/page/row").json())["units"].values()) < units:
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    return {
        row["arm"]: round(row["mean"] * told["units"][row["arm"]], 6) for row in told["rows"] if row["metric"] == "ctr"
    }


def click(client: TestClient[Any], name: str, session: str = "s", **who: str) -> None:
    event = {"eventType": "click", "itemId": "i1", "recommendationId": name}
    sent = client.post("/events/shop", json={"sessionId": session, **who, "eventList": [event]})
    assert sent.status_code == 200, sent.text


def asked(client: TestClient[Any], arm: str, query: Callable[[int], str]) -> tuple[int, str]:
    """The number of the first unit in the arm, and its answer's name."""
    for number in range(100):
        answer = client.get(f"{PATH}{query(number)}").json()
        if answer["variation"] == arm:
            return number, answer["recommendationId"]
    raise AssertionError(arm)


def test_events_without_the_unit_or_under_another_id(engine: SmallEngine) -> None:
    with TestClient(app_over(engine, config=config(EXPERIMENT))) as client:
        for number in range(20):
            client.get(f"{PATH}u{number}")
        left, shown_left = asked(client, "left", lambda number: f"u{number}")
        _, shown_right = asked(client, "right", lambda number: f"u{number}")
        click(client, shown_right)  # no userId at all
        click(client, shown_right, userId="another-device")
        click(client, shown_right, userId=f"u{left}")
        click(client, shown_left, userId=f"u{left}")
        click(client, "RID-of-nobody", userId="another-device")
        click(client, "RID-of-nobody")
        assert clicks(client, 20) == {"left": 1, "right": 3}


def test_events_of_another_session(engine: SmallEngine) -> None:
    with TestClient(app_over(engine, config=config(BY_SESSION))) as client:
        for number in range(20):
            client.get(f"{PATH}u1?sessionId=s{number}")
        left, shown_left = asked(client, "left", lambda number: f"u1?sessionId=s{number}")
        _, shown_right = asked(client, "right", lambda number: f"u1?sessionId=s{number}")
        click(client, shown_left, session="later")
        click(client, shown_right, session="later", userId="u1")
        click(client, shown_right, session=f"s{left}")
        assert clicks(client, 20) == {"left": 1, "right": 2}


def test_an_answer_of_the_cache_is_known_by_its_name(engine: SmallEngine) -> None:
    """A hit in another process, over the shared database: the first to get an answer there was another user."""
    with TestClient(app_over(engine, config=config(EXPERIMENT))) as client:
        number, name = asked(client, "right", lambda number: f"u{number}")
        assert client.get(f"{PATH}u{number}").headers["x-cache"] == "hit"
        click(client, name, userId="another-device")
        clicks(client, 1)
        assert {each.recommendation_id for each in engine.experiments.answers("shop/recommend-items/page/row")} == {
            name
        }
