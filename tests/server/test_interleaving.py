"""Interleaving on a server of two workers that share no cache: one list all the same, and credit over a kill."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import httpx

from tests.server.world import CONFIG, Server, running

USERS = [f"guest-{number}" for number in range(40)]
EXPERIMENT = "experiments: {row: {method: interleaving, metrics: {ctr: {eventType: click}}}}"
FRESH = httpx.Limits(max_keepalive_connections=0)  # either worker may answer
PATH = "/recommend-items/shop/tested/"
WON = 32  # users who click what `a` placed; the others what `b` did


def test_a_list_of_two_models_and_who_earned_the_clicks(trained: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(trained, data)
    (tmp_path / "shop.yaml").write_text(CONFIG.replace("        tested:", f"        tested:\n          {EXPERIMENT}"))
    server = Server(data, tmp_path / "shop.yaml")
    with running(server):
        lists = shown(server, times=2)
        time.sleep(1.2)  # what is older than that survives a kill
        server.kill_all()
        server.start()
        assert {user: body["itemList"] for user, body in shown(server).items()} == {
            user: body["itemList"] for user, body in lists.items()
        }
        with httpx.Client(base_url=server.url, timeout=10, limits=FRESH) as client:
            for number, (user, body) in enumerate(lists.items()):
                team = "a" if number < WON else "b"
                item = next(each["itemId"] for each in body["itemList"] if each["team"] == team)
                click = {"eventType": "click", "itemId": item, "recommendationId": body["recommendationId"]}
                told = {"sessionId": "s", "userId": user, "eventList": [{**click, "eventId": user}] * 2}
                assert client.post("/events/shop", json=told).status_code == 200
            verdict = client.get("/experiments/shop/tested/row").json()
    a, b = verdict["rows"]
    assert (a["events"], b["events"], verdict["unattributed"]) == (WON, len(USERS) - WON, {"ctr": 0})
    assert (verdict["control"], b["said"], b["preference"]["losses"]) == ("a", "worse", WON)
    assert sum(verdict["units"].values()) == len(USERS) and verdict["trusted"]


def shown(server: Server, times: int = 1) -> dict[str, dict]:  # type: ignore[type-arg]
    """Every user's list, the same however often and from whichever worker it comes."""
    found: dict[str, dict] = {}  # type: ignore[type-arg]
    outcomes = []
    with httpx.Client(base_url=server.url, timeout=10, limits=FRESH) as client:
        for _ in range(times):
            for user in USERS:
                answer = client.get(f"{PATH}{user}?numResults=6")
                body = answer.json()
                outcomes.append(answer.headers["x-cache"])
                assert body["matchedExperiment"]["details"]["variation"] == body["variation"] == "a+b"
                assert found.setdefault(user, body) == body
                assert len({each["itemId"] for each in body["itemList"]}) == 6
    assert times == 1 or "hit" in outcomes or "shared" in outcomes
    return found
