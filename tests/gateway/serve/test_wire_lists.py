"""Lists of the AWS wire from the cache, over a small engine: what is kept, how long, and what is each answer's own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from litestar.testing import TestClient

from engine import Fatigue, Unavailable
from tests.gateway.serve.test_serve import items, touch, until
from tests.gateway.serve.world import ARN, CONFIG, Clock, SmallEngine, app_over

ASKED = {"campaignArn": ARN, "userId": "u1"}


@pytest.fixture
def engine(tmp_path: Path) -> SmallEngine:
    return SmallEngine(tmp_path)


def recommend(client: TestClient[Any], **more: Any) -> Any:
    return client.post("/recommendations", json={**ASKED, **more})


def test_a_list_is_made_once_until_its_user_does_something(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client:
        one, other = (recommend(client) for _ in range(2))
        assert items(one) == items(other) and items(one)[0] == "i0" and len(engine.asked) == 1
        assert [each.json()["recommendationId"] for each in (one, other)] == ["RID-1", "RID-again-1"]
        touch(client, "u1", "i3")
        assert items(recommend(client))[0] == "i3" and len(engine.asked) == 2
    ((question, shown),) = engine.again
    assert (question.user, list(shown.items), shown.model) == ("u1", items(other), "home/1")


@pytest.mark.parametrize(
    "more",
    [
        {"userId": "u2"},
        {"numResults": 3},
        {"context": {"DEVICE": "phone"}},
        {"context": {"history": "i3"}},
        {"itemId": "i1"},
        {"metadataColumns": {"ITEMS": ["PRICE"]}},
    ],
)
def test_another_question_is_another_list(engine: SmallEngine, more: dict[str, Any]) -> None:
    with TestClient(app_over(engine)) as client:
        touch(client, "u1", "i3")
        touch(client, "u2", "i4")
        for _ in range(2):
            assert recommend(client).status_code == recommend(client, **more).status_code == 200
    assert len(engine.asked) == 2


def test_users_of_whom_nothing_is_known_share_a_list_and_nobody_has_one_of_their_own(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client:
        for user in ("new-1", "new-2"):
            recommend(client, userId=user)
        assert len(engine.asked) == 1
        client.post("/recommendations", json={"campaignArn": ARN})  # without a user, which other models refuse
        assert [each.user for each in engine.asked] == ["new-1", None]


def test_what_is_explored_is_each_users_own_and_drawn_anew_each_hour(engine: SmallEngine) -> None:
    engine.home.exploration, clock = SimpleNamespace(weight=0.3), Clock(1_700_002_790.0)  # ten seconds before the hour
    with TestClient(app_over(engine, clock)) as client:
        for user in ("new-1", "new-2", "new-1"):
            recommend(client, userId=user)
        assert len(engine.asked) == 2
        clock.tick(11)
        recommend(client, userId="new-1")
        assert len(engine.asked) == 3


@pytest.mark.parametrize(("aws", "asked"), [("", 2), ("aws: {maxAge: 600}", 1), ("aws: {maxAge: 0}", 3)])
def test_for_how_long(engine: SmallEngine, aws: str, asked: int) -> None:
    clock = Clock()
    with TestClient(app_over(engine, clock, f"{CONFIG}\n{aws}")) as client:
        recommend(client)
        clock.tick(50)
        recommend(client)
        clock.tick(11)
        recommend(client)
    assert len(engine.asked) == asked


def test_what_shows_counts_is_asked_for_each_time(engine: SmallEngine) -> None:
    engine.home.fatigue = Fatigue(shown=3)
    with TestClient(app_over(engine)) as client:
        for _ in range(3):
            recommend(client)
    assert len(engine.asked) == 3 and engine.again == []


def test_an_explained_answer_is_made_anew(engine: SmallEngine) -> None:
    engine.explain = lambda question, item, answered: {"item": item}  # type: ignore[assignment, method-assign, return-value, misc]
    with TestClient(app_over(engine)) as client:
        recommend(client)
        headers = {"X-Recgate-Explain": "i3"}
        answer = client.post("/recommendations", json=ASKED, headers=headers).json()
        assert answer["recommendationId"] == "RID-2" and answer["explanation"]["item"] == "i3"
    assert len(engine.asked) == 2


def test_a_failure_is_no_reason_to_give_an_outdated_list(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client:
        recommend(client)
        engine.broken = Unavailable("the model is away")
        assert recommend(client).status_code == 200  # it is still true
        touch(client, "u1", "i3")
        assert recommend(client).status_code == 503
        engine.broken = None
        assert items(recommend(client))[0] == "i3"


def test_who_asks_the_same_at_once_has_one_list_by_ids_of_their_own(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client, ThreadPoolExecutor(4) as pool:
        engine.answering.clear()
        answers = [pool.submit(recommend, client) for _ in range(4)]
        until(lambda: len(engine.asked) == 1)
        engine.answering.set()
        ids = {each.result().json()["recommendationId"] for each in answers}
    assert len(ids) == 4 and len(engine.asked) == 1
