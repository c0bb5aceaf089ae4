"""The stories end to end, over a small engine."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from engine import NotFound, Question
from gateway.answer.make import body_of, encode
from gateway.answer.mix import most_careful
from gateway.answer.reply import cache_control, unkept
from gateway.ask import Answer, Ask, Item
from gateway.limits import admission
from tests.gateway.serve.world import CONFIG, Clock, SmallEngine, app_over

HOME = "/recommend-items/shop/home/u1"


def items(answer: Any) -> list[str]:
    body = answer.json()
    return [item["itemId"] for item in body.get("itemList") or body["personalizedRanking"]]


def touch(client: TestClient[Any], user: str, item: str) -> None:
    event = {"eventType": "View", "itemId": item}
    assert client.post("/events/shop", json={"sessionId": "s", "userId": user, "eventList": [event]}).status_code == 200


def until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 4
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def engine(tmp_path: Path) -> SmallEngine:
    return SmallEngine(tmp_path)


def test_the_next_answer_sees_the_event(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client:
        touch(client, "u1", "i3")
        assert items(client.get(HOME))[0] == "i3"
        for item in ("i7", "i7"):
            touch(client, "u1", item)
        answer = client.get(HOME)
        assert (items(answer)[:2], answer.headers["x-cache"]) == (["i7", "i3"], "miss")
        assert client.get(HOME).headers["x-cache"] == "hit"


class SlowToSee(SmallEngine):
    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.looks, self.seeing = 0, threading.Event()

    def catch_up(self) -> None:
        self.looks += 1
        assert self.seeing.wait(5)
        super().catch_up()


def test_one_look_at_the_log_is_for_all_who_wait_for_their_events(tmp_path: Path) -> None:
    engine = SlowToSee(tmp_path)
    with TestClient(app_over(engine)) as client, ThreadPoolExecutor(10) as threads:
        for number in range(10):
            touch(client, f"u{number}", f"i{number}")
        asked = [threads.submit(client.get, f"/recommend-items/shop/home/u{number}") for number in range(10)]
        until(lambda: engine.looks > 0)
        time.sleep(0.1)
        engine.seeing.set()
        assert [items(each.result())[0] for each in asked] == [f"i{number}" for number in range(10)]
        assert engine.looks <= 2


def test_the_first_event_makes_a_user_s_answer_their_own(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client:
        for user in ("u1", "u2"):
            client.get(f"/recommend-items/shop/home/{user}")
        assert len(engine.asked) == 1
        touch(client, "u1", "i3")
        assert items(client.get(HOME))[0] == "i3"
        other = client.get("/recommend-items/shop/home/u2")
        assert (items(other)[0], other.headers["x-cache"]) == ("i0", "shared")


def test_what_the_engine_can_not_make_in_time_is_refused_and_hits_go_on(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client, ThreadPoolExecutor(admission.BOUNDS.at_once + 2) as threads:
        client.get(HOME)
        engine.answering.clear()
        live = "/recommend-items/shop/live/{}?filter=for-adults"
        waiting = [
            threads.submit(client.get, live.format(f"u{number}")) for number in range(admission.BOUNDS.at_once + 1)
        ]
        until(lambda: "recgate_answers_waiting 1.0" in client.get("/metrics").text)
        time.sleep(admission.BOUNDS.longest_s)
        waiting.append(threads.submit(client.get, live.format("later")))  # who finds somebody late
        until(lambda: "recgate_answers_waiting 2.0" in client.get("/metrics").text)
        time.sleep(admission.BOUNDS.late_s)
        refused = client.get(live.format("late"))
        assert (refused.json()["code"], refused.headers["retry-after"]) == ("Overloaded", "1")
        assert client.get(HOME).headers["x-cache"] == "hit"
        assert client.get("/health").status_code == 200
        engine.answering.set()
        assert {each.result().status_code for each in waiting} == {200}
        assert client.get(live.format("late")).status_code == 200


def test_events_that_can_not_be_written_in_time_are_refused_unread(
    engine: SmallEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "EVENT_BOUNDS", admission.AdmissionBounds(at_once=1, least=1, target_s=0.1))
    with TestClient(app_over(engine)) as client, ThreadPoolExecutor(3) as threads:
        engine.writing = Future()
        taken = [threads.submit(touch, client, f"u{number}", "i3") for number in range(2)]
        until(lambda: "recgate_events_waiting 1.0" in client.get("/metrics").text)
        time.sleep(admission.BOUNDS.longest_s)
        taken.append(threads.submit(touch, client, "u3", "i3"))  # who finds somebody late
        until(lambda: "recgate_events_waiting 2.0" in client.get("/metrics").text)
        time.sleep(admission.BOUNDS.late_s)
        refused = client.post("/events/shop", content=b"no JSON")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert client.get(HOME).status_code == 200
        engine.writing.set_result(1)
        assert [each.result() for each in taken] == [None] * 3
        assert client.post("/events/shop", content=b"no JSON").status_code == 400
        assert "recgate_events_refused_total 1.0" in client.get("/metrics").text


@pytest.mark.parametrize("kind", ["snapshot", "deploy"])
def test_what_else_outdates_an_answer(kind: str, engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client:
        client.get(HOME)
        engine.change(kind, engine.home.campaign.arn if kind == "deploy" else "i1")
        assert client.get(HOME).headers["x-cache"] == "miss"


def test_a_filter_that_changed_outdates_answers_with_a_filter(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client:
        for _ in range(2):
            answers = [client.get(HOME), client.get(f"{HOME}?filter=cheap")]
            engine.change("record", "arn:aws:personalize:us-east-1:000000000000:filter/cheap")
        assert [answer.headers["x-cache"] for answer in answers] == ["hit", "miss"]


@pytest.mark.parametrize(
    ("query", "shared"),
    [
        ("", True),
        ("?filter=cheap", True),
        ("?filter=for-adults", False),
        ("?numResults=3", True),
    ],
)
def test_who_may_share(query: str, shared: bool, engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client:
        outcomes = [client.get(f"/recommend-items/shop/home/{user}{query}").headers["x-cache"] for user in "ab"]
    assert outcomes == ["miss", "shared" if shared else "miss"]


def test_a_filter_in_place_that_names_the_user(engine: SmallEngine) -> None:
    expression = 'EXCLUDE ItemID WHERE Items.CITY IN ("x") IF CurrentUser.AGE > 5'
    config = CONFIG.replace(
        "home: {variations: {only: {type: engine, model: home}}}",
        f"home: {{variations: {{only: {{type: engine, model: home, filters: [{{expression: '{expression}'}}]}}}}}}",
        1,
    )
    with TestClient(app_over(engine, config=config)) as client:
        assert [client.get(f"/recommend-items/shop/home/{user}").headers["x-cache"] for user in "ab"] == [
            "miss",
            "miss",
        ]
    assert engine.asked[0].expression == expression


def test_context_is_part_of_the_question_and_of_the_key(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client:
        for country in ("DE", "FR", "DE"):
            client.get(HOME, headers={"CloudFront-Viewer-Country": country})
        client.get(f'{HOME}?context={{"country":"IT"}}', headers={"cloudfront-viewer-country": "DE"})
    assert [asked.context["country"] for asked in engine.asked] == ["DE", "FR", "IT"]


def test_metadata_only_where_it_is_known_and_wanted(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client:
        decorated = client.get(f"{HOME}?numResults=2").json()["itemList"]
        plain = client.get(f"{HOME}?numResults=2&decorateItems=no").json()["itemList"]
    assert decorated == [{"itemId": "i0", "score": 1.0, "metadata": {"price": 9.5}}, {"itemId": "i1", "score": 0.5}]
    assert all("metadata" not in item for item in plain)


def test_the_variation_is_named_where_there_is_a_choice(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client:
        answers = [client.get(f"/recommend-items/shop/split/u{number}") for number in range(20)]
        assert "variation" not in client.get(HOME).json()
    named = [answer.json()["variation"] for answer in answers]
    assert set(named) == {"left", "right"}
    assert named == [answer.headers["x-recgate-variation"] for answer in answers]


def test_another_configuration_has_other_entity_tags(tmp_path: Path) -> None:
    tags = set()
    for version in ("7", "8"):
        with TestClient(
            app_over(SmallEngine(tmp_path), config=CONFIG.replace('version: "7"', f'version: "{version}"'))
        ) as client:
            tags.add(client.get(HOME).headers["etag"])
    assert len(tags) == 2


def test_events_as_the_engine_gets_them(engine: SmallEngine) -> None:
    event = {"eventType": "View", "itemId": "i1", "properties": json.dumps({"country": "mine", "a": 1})}
    told = {"sessionId": "s1", "eventList": [event, {"eventType": "Buy", "sentAt": 1_600_000_000}]}
    with TestClient(app_over(engine, Clock(1_700_000_000.9))) as client:
        client.post("/events/shop", json=told, headers={"cloudfront-viewer-country": "DE"})
    ((tracking, session, user, (view, buy)),) = engine.put
    assert (tracking, session, user) == ("tracker-1", "s1", None)
    assert (view.sent_at, view.properties) == (1_700_000_000, {"country": "mine", "a": 1})
    assert (buy.sent_at, buy.properties) == (1_600_000_000, {"country": "DE"})


def test_any_number_of_events_is_one_delivery(engine: SmallEngine) -> None:
    events = [{"eventType": "View", "itemId": f"i{number}"} for number in range(25)]
    with TestClient(app_over(engine)) as client:
        assert client.post("/events/shop", json={"sessionId": "s", "eventList": events}).status_code == 200
    assert [len(batch) for *_, batch in engine.put] == [25]


def test_an_unknown_tracker_is_the_engine_s_error(engine: SmallEngine) -> None:
    with TestClient(app_over(engine, config=CONFIG.replace("tracker-1", "tracker-2"))) as client:
        answer = client.post("/events/shop", json={"sessionId": "s", "eventList": [{"eventType": "View"}]})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInputException")


def test_the_upstream_breaks_and_the_last_answer_stays(engine: SmallEngine) -> None:
    clock = Clock()
    with TestClient(app_over(engine, clock)) as client:
        first = client.get(HOME)
        clock.tick(300)
        engine.broken = RuntimeError("no memory")
        stale = client.get(HOME)
    assert (stale.status_code, stale.headers["x-cache"], stale.headers["age"]) == (200, "stale", "300")
    assert stale.content == first.content


def test_an_old_answer_after_the_user_s_own_event_is_kept_by_nobody(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client:
        touch(client, "u1", "i3")
        first = client.get(HOME)
        assert "max-age=60" in first.headers["cache-control"]
        engine.broken = RuntimeError("no memory")
        touch(client, "u1", "i7")
        for _ in range(2):
            stale = client.get(HOME)
            assert (stale.content, stale.headers["x-cache"], stale.headers["age"]) == (first.content, "stale", "0")
            assert stale.headers["cache-control"] == "private,no-cache"
        asked_again = client.get(HOME, headers={"If-None-Match": stale.headers["etag"]})
        assert (asked_again.status_code, asked_again.headers["cache-control"]) == (304, "private,no-cache")
        engine.broken = None
        fresh = client.get(HOME, headers={"If-None-Match": stale.headers["etag"]})
        assert (fresh.status_code, items(fresh)[0]) == (200, "i3")
        assert "max-age=60" in fresh.headers["cache-control"] and "no-cache" not in fresh.headers["cache-control"]


def test_an_answer_that_an_event_overtakes_is_kept_by_nobody(engine: SmallEngine) -> None:
    """The event is acknowledged while the answer is being made, and before it goes out."""
    with TestClient(app_over(engine)) as client, ThreadPoolExecutor(1) as pool:
        touch(client, "u1", "i3")
        client.get("/recommend-items/shop/home/u2")
        engine.answering.clear()
        asked = pool.submit(client.get, HOME)
        until(lambda: engine.asked[-1].user == "u1")
        touch(client, "u1", "i7")
        engine.feed.catch_up()
        engine.answering.set()
        answer = asked.result()
        assert (answer.headers["x-cache"], answer.headers["cache-control"]) == ("miss", "private,no-cache")


def test_one_of_two_drafted_lists_that_is_outdated_is_enough() -> None:
    fresh, outdated = "private,stale-if-error=600,max-age=60", unkept("private,stale-if-error=600,max-age=60")
    assert most_careful([fresh, outdated]) == most_careful([outdated, fresh]) == "private,no-cache"


@pytest.mark.parametrize(
    ("header", "outdated"),
    [
        ("public,max-age=300,s-maxage=900,stale-while-revalidate=5,immutable", "public,no-cache"),
        ('private,no-cache="Set-Cookie, X-A",max-age=9', "private,no-cache"),
        ("max-age=60", "no-cache"),
        ("must-revalidate, MAX-AGE=60", "must-revalidate,no-cache"),
        ("", ""),
    ],
)
def test_nobody_keeps_what_is_known_to_be_outdated(header: str, outdated: str) -> None:
    assert unkept(header) == outdated


def test_concurrent_requests_are_one_question(engine: SmallEngine) -> None:
    engine.answering.clear()
    with TestClient(app_over(engine)) as client:
        answers: list[Any] = []
        callers = [threading.Thread(target=lambda: answers.append(client.get(HOME))) for _ in range(20)]
        for caller in callers:
            caller.start()
        while not engine.asked:
            pass
        threading.Timer(0.2, engine.answering.set).start()
        for caller in callers:
            caller.join()
    assert (len(answers), len(engine.asked)) == (20, 1)
    assert len({answer.content for answer in answers}) == 1


def test_cached_answers_are_what_uncached_ones_would_be(engine: SmallEngine, tmp_path: Path) -> None:
    """The same random story told to a gateway that caches and to one that has no room to."""
    other = SmallEngine(tmp_path / "other")
    clock, chance = Clock(), random.Random(7)
    with TestClient(app_over(engine, clock)) as cached, TestClient(app_over(other, clock, cache_bytes=8)) as bare:
        for _ in range(400):
            user, item = f"u{chance.randrange(4)}", f"i{chance.randrange(5)}"
            path = chance.choice(
                [
                    f"/recommend-items/shop/home/{user}?numResults={chance.choice([3, 25])}",
                    f"/recommend-items/shop/split/{user}",
                    f"/related-items/shop/like/{item}",
                    f"/related-items/shop/like/{item}?userId={user}",
                    f"/rerank-items/shop/order/{user}/i1,i2,{item}",
                ]
            )
            if chance.random() < 0.1:
                touch(cached, user, item)
                touch(bare, user, item)
            assert items(cached.get(path)) == items(bare.get(path))
            clock.tick(chance.choice([0, 1]))
    assert len(engine.asked) < len(other.asked) * 0.6


@pytest.mark.parametrize(
    ("life", "header"),
    [
        (float("inf"), "private,stale-while-revalidate=30,stale-if-error=600,max-age=60,s-maxage=90"),
        (100, "private,stale-while-revalidate=10,stale-if-error=10,max-age=60,s-maxage=90"),
        (75, "private,stale-while-revalidate=0,stale-if-error=0,max-age=60,s-maxage=75"),
        (12.9, "private,stale-while-revalidate=0,stale-if-error=0,max-age=12,s-maxage=12"),
        (-1, "private,stale-while-revalidate=0,stale-if-error=0,max-age=0,s-maxage=0"),
    ],
)
def test_nobody_downstream_keeps_an_answer_beyond_its_time(life: float, header: str) -> None:
    said = "private,stale-while-revalidate=30,stale-if-error=600,max-age=60,s-maxage=90"
    assert cache_control(said, life) == header


def test_an_answer_of_the_morning_ends_with_it(engine: SmallEngine) -> None:
    hour = "country: {type: string, default: XX, rules: [{type: hour-of-day}]}"
    config = CONFIG.replace(
        "country: {type: string, default: XX, rules: [{type: header-value, header: cloudfront-viewer-country}]}", hour
    )
    clock = Clock(1_700_002_800.0 - 20)  # twenty seconds before a full hour
    with TestClient(app_over(engine, clock, config=config)) as client:
        assert client.get(HOME).headers["cache-control"].endswith("max-age=20")
        clock.tick(15)
        later = client.get(HOME)
        assert (later.headers["age"], later.headers["cache-control"][-10:]) == ("15", "max-age=20")
        clock.tick(5)
        assert client.get(HOME).headers["x-cache"] == "miss"


def test_truncation_and_the_two_keys() -> None:
    answer = Answer(items=[Item(item_id="a"), Item(item_id="b")])
    recommend = Ask(action="recommend-items", namespace="n", recommender="r", num_results=1)
    rerank = Ask(action="rerank-items", namespace="n", recommender="r", num_results=1)
    assert encode(body_of(answer, recommend, None), recommend) == b'{"itemList":[{"itemId":"a"}]}'
    assert encode(body_of(answer, rerank, None), rerank) == b'{"personalizedRanking":[{"itemId":"a"},{"itemId":"b"}]}'


def test_the_small_engine_is_strict(engine: SmallEngine) -> None:
    with pytest.raises(NotFound):
        engine.answers.recommend(Question(campaign="nowhere"))
