"""Exposures that count once an event shows that the list was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from engine import Exposure, UnitOutcome
from gateway.experiments.ledger import Ledger
from tests.gateway.experiments.test_ledger import experiment
from tests.gateway.experiments.test_matched import PATH, config
from tests.gateway.serve.world import Clock, SmallEngine, app_over

NOW = 1_700_000_000.0
ANY = "{method: builtin, confirmation: {}, metrics: {ctr: {eventType: click}}}"
VIEW = ANY.replace("{}", "{eventType: view}")


@pytest.fixture
def engine(tmp_path: Path) -> SmallEngine:
    return SmallEngine(tmp_path)


EVENTS = [  # each of user u1, whose answer is named where "own" is
    (ANY, {}, False),
    (ANY, {"recommendationId": "own"}, True),
    (ANY, {"recommendationId": "another"}, False),
    (ANY, {"impression": ["i1", "i2"]}, True),
    (ANY, {"recommendationId": "another", "impression": ["i1"]}, False),
    (ANY, {"impression": ["i1"], "sentAt": NOW - 60}, False),  # before the answer
    (VIEW, {"impression": ["i1"]}, False),
    (VIEW, {"eventType": "view"}, True),
    (VIEW, {"eventType": "view", "recommendationId": "own"}, True),
    (VIEW, {"eventType": "view", "recommendationId": "another"}, False),
]


@pytest.mark.parametrize(("test", "event", "counts"), EVENTS)
def test_what_shows_that_a_list_was_seen(engine: SmallEngine, test: str, event: dict[str, Any], counts: bool) -> None:
    with TestClient(app_over(engine, config=config(test))) as client:
        name = client.get(f"{PATH}u1").json()["recommendationId"]
        client.get(f"{PATH}u2")  # nobody tells of this one
        told = {"eventType": "scroll", **event}
        if told.get("recommendationId") == "own":
            told["recommendationId"] = name
        sent = client.post("/events/shop", json={"sessionId": "s", "userId": "u1", "eventList": [told]})
        assert sent.status_code == 200, sent.text
    assert [row.unit for row in Ledger(engine.experiments).units(experiment(test))] == (["u1"] if counts else [])


def test_what_a_unit_does_counts_from_when_it_saw_its_list(engine: SmallEngine) -> None:
    clock = Clock()
    with TestClient(app_over(engine, clock, config=config(VIEW))) as client:
        client.get(f"{PATH}u1")
        for kind in ("click", "view", "click", "view"):
            clock.tick(10)
            client.post(
                "/events/shop", json={"sessionId": "s", "userId": "u1", "eventList": [{"eventType": kind}]}
            ).raise_for_status()
    (row,) = Ledger(engine.experiments).units(experiment(VIEW))
    assert (row.first_exposed_at, row.metrics) == (clock.now - 20, {"ctr": (1.0, 1.0)})


def test_a_click_on_the_list_shows_it_and_counts(engine: SmallEngine) -> None:
    with TestClient(app_over(engine, config=config(ANY))) as client:
        name = client.get(f"{PATH}u1").json()["recommendationId"]
        click = {"eventType": "click", "recommendationId": name}
        client.post("/events/shop", json={"sessionId": "s", "eventList": [click]}).raise_for_status()  # without a user
    (row,) = Ledger(engine.experiments).units(experiment(ANY))
    assert (row.unit, row.metrics) == ("u1", {"ctr": (1.0, 1.0)})


def test_many_views_of_an_answer_are_one_row(engine: SmallEngine) -> None:
    with TestClient(app_over(engine, config=config(ANY))) as client:
        name = client.get(f"{PATH}u1").json()["recommendationId"]
        for number in range(3):
            event = {"eventType": "scroll", "eventId": str(number), "recommendationId": name}
            client.post("/events/shop", json={"sessionId": "s", "userId": "u1", "eventList": [event]})
    assert len(engine.experiments.outcomes("shop")) == 1


def test_without_confirmation_an_answer_is_an_exposure(engine: SmallEngine) -> None:
    test = experiment()
    engine.experiments.write(
        [Exposure(test.id, "u", "left", NOW, 0.5, test.allocation)], {}, [UnitOutcome("shop", "v", " ", 1.0, NOW)]
    )
    assert [row.unit for row in Ledger(engine.experiments).units(test)] == ["u"]
