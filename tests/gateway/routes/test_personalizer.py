"""Azure Personalizer's Rank and Reward: what is chosen, by which chance, and what of it is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.gateway.config.documents import faults_of
from tests.gateway.serve.world import CONFIG, Clock, SmallEngine, app_over

INTAKE = "    intake: {personalizer: {keys: [k3y], recommender: order, exploration: 0.4}}\n"
CONFIGURED = CONFIG.replace("  quiet:\n", f"{INTAKE}  quiet:\n")
KEY = {"Ocp-Apim-Subscription-Key": "k3y"}
BASE = "/personalizer/v1.1"
ACTIONS = [{"id": f"i{number}", "features": [{"genre": "news"}]} for number in range(4)]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> SmallEngine:
    return SmallEngine(Path(tmp_path_factory.mktemp("personalizer")))


@pytest.fixture(scope="module")
def client(engine: SmallEngine) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, Clock(), CONFIGURED)) as client:
        client.headers.update(KEY)
        yield client


def ranked(client: TestClient[Any], **members: Any) -> dict[str, Any]:
    answer = client.post(f"{BASE}/rank", json={"contextFeatures": [{"time": "noon"}], "actions": ACTIONS, **members})
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()
    return result


def stored(engine: SmallEngine, event_id: str) -> list[tuple[Any, ...]]:
    return [
        (user, each.event_type, each.item_id, each.event_value, each.impression)
        for _, session, user, events in engine.put
        if session == event_id
        for each in events
    ]


def test_probabilities_are_those_of_the_draw(client: TestClient[Any]):
    answers = [ranked(client, eventId=f"draw-{number}", deferActivation=True) for number in range(400)]
    chances = {each["id"]: each["probability"] for each in answers[0]["ranking"]}
    assert sum(chances.values()) == pytest.approx(1) and sorted(chances.values()) == pytest.approx([0.1] * 3 + [0.7])
    for answer in answers:
        assert {each["id"]: each["probability"] for each in answer["ranking"]} == chances
        assert answer["ranking"][0]["id"] == answer["rewardActionId"]
    counts = Counter(answer["rewardActionId"] for answer in answers)  # the same in every run
    assert all(abs(counts[name] / 400 - chance) < 0.07 for name, chance in chances.items())


def test_an_event_that_is_sent_again_has_its_action(client: TestClient[Any]):
    first = ranked(client, eventId="again")
    assert ranked(client, eventId="again", actions=ACTIONS[::-1])["rewardActionId"] == first["rewardActionId"]


def test_excluded_actions_keep_their_places(client: TestClient[Any]):
    answer = ranked(client, excludedActions=["i0", "i2"])
    ranking = [(each["id"], each["probability"]) for each in answer["ranking"]]
    assert ranking[0] == ("i0", 0) and ranking[2] == ("i2", 0)
    assert answer["rewardActionId"] == ranking[1][0]
    assert {name: round(chance, 9) for name, chance in ranking} == {"i0": 0, "i1": 0.8, "i2": 0, "i3": 0.2}


def test_a_reward_is_an_event_of_the_chosen_action(client: TestClient[Any], engine: SmallEngine):
    answer = ranked(client, contextFeatures=[{"user": {"id": "u7", "isNew": False}}, {"time": "noon"}])
    event_id, action = answer["eventId"], answer["rewardActionId"]
    asked, context = engine.asked[-1], {"id": "u7", "isNew": "false", "time": "noon"}
    assert asked.user == "u7" and context.items() <= asked.context.items()
    assert stored(engine, event_id) == [("u7", "Impression", None, None, (action,))]
    rewarded = client.post(f"{BASE}/events/{event_id}/reward", json={"value": 0.5})
    assert (rewarded.status_code, rewarded.content) == (204, b"")
    assert stored(engine, event_id)[1:] == [("u7", "Reward", action, 0.5, ())]


def test_one_that_waits_is_shown_once_it_is_activated(client: TestClient[Any], engine: SmallEngine):
    answer = ranked(client, eventId="a/b", deferActivation=True)
    assert stored(engine, "a/b") == []
    assert client.post(f"{BASE}/events/a%2Fb/activate").status_code == 204
    assert stored(engine, "a/b") == [(None, "Impression", None, None, (answer["rewardActionId"],))]


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("rank", {}, "actions"),
        ("rank", {"actions": []}, "actions"),
        ("rank", {"actions": [{"id": f"a{number}"} for number in range(51)]}, "actions"),
        ("rank", {"actions": [{"id": "a"}, {"id": "a"}]}, "actions"),
        ("rank", {"actions": [{"id": "a"}], "excludedActions": ["a"]}, "excludedActions"),
        ("rank", {"actions": [{"id": "a"}], "eventId": "e" * 257}, "eventId"),
        ("rank", {"actions": [{"id": "a"}], "contextFeatures": {}}, "contextFeatures"),
        ("rank", {"actions": [{"id": "a"}], "contextFeatures": [{f"f{n}": n for n in range(151)}]}, "contextFeatures"),
        ("events/again/reward", {"value": 2}, "value"),
        ("events/again/reward", {}, "value"),
    ],
)
def test_what_breaks_a_rule_is_refused_in_azure_s_words(client: TestClient[Any], path: str, body: Any, named: str):
    answer = client.post(f"{BASE}/{path}", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "BadRequest") and named in error["message"]


def test_what_nobody_knows_is_refused(client: TestClient[Any]):
    unknown = client.post(f"{BASE}/events/never/reward", json={"value": 1})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "ResourceNotFound")
    for key in ("", "guessed"):
        refused = client.post(f"{BASE}/rank", json={"actions": ACTIONS}, headers={"Ocp-Apim-Subscription-Key": key})
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "401")
    assert client.post(f"{BASE}/events/never", json={}).status_code == 404


def test_the_recommender_is_one_that_ranks():
    (fault,) = faults_of(CONFIGURED.replace("recommender: order", "recommender: home"))
    assert "namespaces.shop.intake.personalizer.recommender" in fault and "one of: order" in fault


def test_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path):
    config = CONFIGURED + "rateLimits: {perKey: 1/minute}\n"
    with TestClient(app_over(SmallEngine(tmp_path), Clock(), config)) as client:
        client.headers.update(KEY)
        assert ranked(client)["rewardActionId"]
        refused = client.post(f"{BASE}/rank", json={"actions": ACTIONS})
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "429")
        assert int(refused.headers["retry-after"]) > 0
