"""Cohorts on a whole server: all workers agree, a click moves its user at once, a list is the same for everybody."""

from __future__ import annotations

import time

import httpx

from tests.server.world import ITEMS, USERS, Server

FRESH = httpx.Limits(max_keepalive_connections=0)  # a new connection each time: either worker may answer


def cohort(client: httpx.Client, user: str) -> str:
    answer = client.get(f"/cohorts/shop/crowd/{user}")
    assert answer.status_code == 200 and answer.json()["model"] == answer.headers["x-recgate-model"]
    return str(answer.json()["cohort"])


def odd(client: httpx.Client, name: str) -> set[int]:
    answer = client.get(f"/cohort-items/shop/crowd/{name}", params={"numResults": 5})
    assert answer.status_code == 200 and answer.headers["cache-control"] == "public,max-age=300"
    return {int(item["itemId"][1:]) % 2 for item in answer.json()["itemList"]}


def test_workers_agree_on_users_and_lists(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=10, limits=FRESH) as client:
        told = {user: {cohort(client, f"u{user}") for _ in range(6)} for user in range(0, USERS, 8)}
        assert all(len(names) == 1 for names in told.values())
        for user in (0, 8):
            (name,) = told[user]
            answers = [client.get(f"/cohort-items/shop/crowd/{name}") for _ in range(6)]
            assert len({(answer.content, answer.headers["etag"]) for answer in answers}) == 1


def test_a_click_moves_its_user_on_every_worker(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=10, limits=FRESH) as client:
        assert cohort(client, "mover") == "c0"
        for half in (0, 1):
            liked = [f"i{item}" for item in range(half, ITEMS, 8)]
            events = [{"eventType": "view", "itemId": item} for item in liked]
            body = {"sessionId": "moving", "userId": "mover", "eventList": events}
            assert client.post("/events/shop", json=body).status_code == 200
            began = time.monotonic()
            names = {cohort(client, "mover") for _ in range(8)}
            took = time.monotonic() - began
            assert len(names) == 1 and "c0" not in names and took < 5
            assert odd(client, names.pop()) == {half}


def test_filters_and_refusals(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=10) as client:
        name = cohort(client, "u3")
        path = f"/cohort-items/shop/crowd/{name}"
        own = client.get(path, params={"filter": "no-such-filter"})
        assert own.status_code == 404
        assert client.get(path.replace(name, "c99-00000000")).json()["code"] == "CohortNotFound"
        kept = {item["itemId"] for item in client.get(f"{path}?exclude=i1,i3").json()["itemList"]}
        assert kept and not kept & {"i1", "i3"}
