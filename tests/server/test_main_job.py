"""The main job through the front door: answers, clicks that change the next one, sharing, and two workers as one."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.server.world import ITEMS, Server, running

CONNECTIONS = httpx.Limits(max_keepalive_connections=0)  # a fresh connection each time: either worker may answer


def items_of(answer: httpx.Response, key: str = "itemList") -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["itemId"] for item in answer.json()[key]]


def click(client: httpx.Client, user: str, item: str, event_type: str = "view") -> None:
    event = {"eventType": event_type, "itemId": item, "sentAt": int(time.time())}
    sent = client.post("/events/shop", json={"sessionId": f"s-{user}", "userId": user, "eventList": [event]})
    assert (sent.status_code, sent.content) == (200, b""), sent.text


def metric(client: httpx.Client, name: str) -> float:
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith(name)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_a_known_user_gets_items_with_metadata_and_nothing_seen(client: httpx.Client):
    answer = client.get("/recommend-items/shop/for-you/u2?numResults=5")
    assert len(items_of(answer)) == 5
    first = answer.json()["itemList"][0]
    number = int(first["itemId"][1:])
    assert first["metadata"] == {"name": f"Item {number}", "price": 10 + number}
    assert 0 < first["score"] < 1 and answer.json()["recommendationId"].startswith("RID-")
    seen = {f"i{2 * ((2 * 7 + step * 3) % (ITEMS // 2))}" for step in range(8)}
    assert not seen & set(items_of(client.get("/recommend-items/shop/for-you/u2?numResults=40")))


def test_an_event_changes_the_next_answer_of_every_worker_200_users_in_a_row(server: Server):
    seconds = []
    with httpx.Client(base_url=server.url, timeout=10, limits=CONNECTIONS) as client:
        for number in range(200):
            path = f"/recommend-items/shop/for-you/fresh-{number}?numResults=10"
            before = items_of(client.get(path))
            click(client, f"fresh-{number}", before[0])
            acknowledged = time.monotonic()
            after = items_of(client.get(path))
            seconds.append(time.monotonic() - acknowledged)
            assert after != before and before[0] not in after, number
    assert sorted(seconds)[-3] < 0.25  # whatever else runs may hold up one or two


def test_both_workers_answer(server: Server):
    workers = [pid for pid, name in server.children().items() if name.startswith("worker")]
    before = [cpu_ticks(pid) for pid in workers]
    with httpx.Client(base_url=server.url, limits=CONNECTIONS) as client, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.get("/health"), range(400)))
    assert len(workers) == 2
    assert all(cpu_ticks(pid) > ticks for pid, ticks in zip(workers, before, strict=True))


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_users_without_history_share_one_answer_until_their_first_event(client: httpx.Client):
    path = "/recommend-items/shop/popular/{}?numResults=4"
    client.get(path.format("stranger-1"))
    answers = [client.get(path.format(f"stranger-{n}")) for n in range(2, 8)]
    assert {answer.headers["x-cache"] for answer in answers} <= {"shared", "miss"}
    assert answers[-1].headers["x-cache"] == "shared"
    click(client, "stranger-7", "i3")
    assert client.get(path.format("stranger-7")).headers["x-cache"] == "miss"
    assert client.get(path.format("stranger-6")).headers["x-cache"] == "shared"


def test_a_hit_says_its_age_and_validates(client: httpx.Client):
    path = "/recommend-items/shop/for-you/u10?numResults=3"
    with httpx.Client(base_url=client.base_url) as same:
        first = same.get(path)
        again = same.get(path)
    assert again.headers["x-cache"] == "hit" and int(again.headers["age"]) >= 0
    assert again.content == first.content and again.headers["etag"] == first.headers["etag"]
    unchanged = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert unchanged.status_code == 304 and unchanged.content == b""
    assert again.headers["x-recgate-model"].startswith("for-you/") and again.headers["x-recgate-variation"] == "main"


def test_a_stale_answer_is_served_at_once_and_refreshed_behind(server: Server):
    path = "/recommend-items/shop/brief/u11"
    with httpx.Client(base_url=server.url) as client:
        first = client.get(path)
        time.sleep(1.1)
        stale = client.get(path)
        assert stale.headers["x-cache"] == "stale" and stale.content == first.content
        time.sleep(0.2)
        fresh = client.get(path)
        assert fresh.headers["x-cache"] == "hit" and int(fresh.headers["age"]) == 0


def test_weights_split_users_and_the_same_user_stays(client: httpx.Client):
    shares = Counter(
        client.get(f"/recommend-items/shop/tested/w{n}").headers["x-recgate-variation"] for n in range(300)
    )
    assert 0.60 < shares["a"] / 300 < 0.80
    again = {client.get("/recommend-items/shop/tested/w1").json()["variation"] for _ in range(4)}
    assert len(again) == 1


def test_related_and_rerank(client: httpx.Client):
    near = items_of(client.get("/related-items/shop/near/i4?numResults=5"))
    assert len(near) == 5 and "i4" not in near
    ranked = client.get("/rerank-items/shop/search/u4/i1,i2,unknown,i3")
    posted = client.post("/rerank-items/shop/search/u4", json=["i1", "i2", "unknown", "i3"])
    assert items_of(ranked, "personalizedRanking") == items_of(posted, "personalizedRanking")
    assert items_of(ranked, "personalizedRanking")[-1] == "unknown"
    assert posted.headers["cache-control"] == "no-store"


def test_two_hundred_concurrent_misses_make_one_engine_call(trained: Path, config: Path, tmp_path: Path):
    shutil.copytree(trained, tmp_path / "data")
    with running(Server(tmp_path / "data", config, workers=1)) as server:
        limits = httpx.Limits(max_connections=200)
        with httpx.Client(base_url=server.url, limits=limits, timeout=30) as client, ThreadPoolExecutor(200) as pool:
            client.get("/recommend-items/shop/for-you/u1")
            before = metric(client, "recgate_upstream_seconds_count")
            answers = list(pool.map(lambda _: client.get("/recommend-items/shop/for-you/u3"), range(200)))
            assert metric(client, "recgate_upstream_seconds_count") - before == 1
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/recommend-items/nowhere/for-you/u1", 404, "RecommenderNotConfigured"),
        ("/recommend-items/shop/nothing/u1", 404, "RecommenderNotConfigured"),
        ("/recommend-items/shop/for-you/u1?numResults=abc", 400, None),
        ("/recommend-items/shop/for-you/u1?numResults=0", 400, None),
        ("/recommend-items/shop/for-you/u1?numResults=501", 400, None),
        ("/recommend-items/shop/for-you/u1?context=%7B", 400, "InvalidContextParameter"),
        ("/recommend-items/shop/for-you/" + "x" * 257, 400, None),
        ("/recommend-items/shop/for-you/u1?filter=unknown", 404, None),
    ],
)
def test_bad_questions_are_refused_with_the_triple(client: httpx.Client, path: str, status: int, code: str | None):
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert {"type", "code", "message"} <= set(answer.json())
    assert code is None or answer.json()["code"] == code


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{", 400, "line 1"),
        (b"[]", 400, "object"),
        (b'{"sessionId":"s"}', 400, "eventList"),
        (b'{"eventList":[{"eventType":"view"}]}', 400, "sessionId"),
        (b'{"sessionId":"s","eventList":[{"itemId":"i1"}]}', 400, "eventType"),
        (b'{"sessionId":"s","eventList":[{"eventType":"view","sentAt":1700000000000}]}', 400, "millisecond"),
        (b'{"sessionId":"s","eventList":[{"eventType":1}]}', 400, "eventType"),
        (b" " * (2 << 20), 413, ""),
    ],
)
def test_bad_events_are_refused_and_nothing_is_stored(client: httpx.Client, body: bytes, status: int, words: str):
    stored = metric(client, "recgate_events_total")
    answer = client.post("/events/shop", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status and words in answer.text, answer.text
    assert {"type", "code", "message"} <= set(answer.json())
    assert metric(client, "recgate_events_total") == stored
