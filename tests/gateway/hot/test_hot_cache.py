"""What ends an answer's going out by hot entry, and what is counted of those that do."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.config import parse
from gateway.hot.heads import HeadReader, parsed
from tests.gateway.hot.servers import Pair, said, serving
from tests.gateway.serve.world import CONFIG, Clock, SmallEngine, app_over

LAST = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HOME = b"/recommend-items/shop/home/u1"
KEYS = """
auth:
  type: api_key
  keys:
    - {name: web, sha256: %s, expiration: "2023-11-15T00:00:00+00:00"}
""" % hashlib.sha256(b"open").hexdigest()  # noqa: UP031
EXPERIMENT = CONFIG.replace(
    "        split:\n",
    """        split:
          experiments:
            new-list: {method: builtin, metrics: {bought: {eventType: Purchase}}}
""",
)


class World(NamedTuple):
    engine: SmallEngine
    clock: Clock
    pair: Pair


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    engine, clock = SmallEngine(tmp_path), Clock()
    with serving(app_over(engine, clock)) as pair:
        yield World(engine, clock, pair)


def request(target: bytes = HOME, *fields: bytes) -> bytes:
    return b"\r\n".join((b"GET %b HTTP/1.1" % target, b"Host: localhost", *fields, b"", b""))


def is_hot(pair: Pair, asked: bytes) -> bool:
    before = pair.answered()
    said(pair.hot, [asked, LAST])
    return pair.answered() > before


def warm(pair: Pair, asked: bytes) -> None:
    for _ in range(3):  # it is made, it is found, it goes by hot entry
        answer = said(pair.hot, [asked, LAST])
    assert is_hot(pair, asked), answer


@pytest.mark.parametrize("kind", ["event", "item", "snapshot", "deploy", "record"])
def test_a_change_ends_it(world: World, kind: str) -> None:
    warm(world.pair, request())
    world.engine.change(kind, "u1" if kind == "event" else "home", "i5")
    assert not is_hot(world.pair, request())
    assert said(world.pair.hot, [request(), LAST]) == said(world.pair.plain, [request(), LAST])


@pytest.mark.parametrize("key", [b"X-Api-Key: open ", b"X-Api-Key:open", b"X-Api-Key: \topen\t "])
def test_blanks_around_a_field_are_no_part_of_it(tmp_path: Path, key: bytes) -> None:
    """RFC 9110 §5.5."""
    with serving(app_over(SmallEngine(tmp_path), Clock(), CONFIG + KEYS)) as pair:
        for port in (pair.hot, pair.plain):
            assert said(port, [request(HOME, key), LAST]).startswith(b"HTTP/1.1 200 ")


def test_what_another_user_does_does_not(world: World) -> None:
    warm(world.pair, request())
    world.engine.change("event", "u2", "i5")
    assert is_hot(world.pair, request())


def test_an_event_that_is_not_applied_yet(world: World) -> None:
    warm(world.pair, request())
    body = b'{"sessionId":"s","userId":"u1","eventList":[{"eventType":"View","itemId":"i9","sentAt":1}]}'
    head = b"POST /events/shop HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
    answer = said(world.pair.hot, [head + body, LAST])
    assert answer.startswith(b"HTTP/1.1 200 ")
    answer = said(world.pair.hot, [request(), LAST])
    assert b'"itemList":[{"itemId":"i9"' in answer, "the answer has not seen what its user did"


def test_the_first_event_of_somebody_without_history(world: World) -> None:
    """The answer was everybody's; now this one has its own."""
    for user in (b"u7", b"u8"):
        warm(world.pair, request(b"/recommend-items/shop/home/" + user))
    world.engine.change("event", "u7", "i5")
    assert not is_hot(world.pair, request(b"/recommend-items/shop/home/u7"))
    assert is_hot(world.pair, request(b"/recommend-items/shop/home/u8"))


def test_its_time(world: World) -> None:
    warm(world.pair, request())
    world.clock.tick(59)
    assert is_hot(world.pair, request())
    assert b"\r\nage: 59\r\n" in said(world.pair.hot, [request(), LAST])
    world.clock.tick(1)
    assert not is_hot(world.pair, request())


def test_another_configuration(world: World) -> None:
    warm(world.pair, request())
    world.pair.hot_cache.use(parse(CONFIG))
    assert not is_hot(world.pair, request())
    warm(world.pair, request())


def test_an_entry_that_is_pushed_out(tmp_path: Path) -> None:
    with serving(app_over(SmallEngine(tmp_path), cache_bytes=100_000)) as pair:
        for number in range(100):  # lists of their own, and one for all these users
            for target in (b"/related-items/shop/like/i%d" % number, HOME + b"%d" % number):
                for _ in range(2):
                    said(pair.hot, [request(target), LAST])
        (group,) = pair.hot_cache.heads._groups.values()
        assert 0 < sum(b"related" in target for target in group) < 60
        assert 0 < sum(b"home" in target for target in group) < 20
        assert 50_000 < pair.hot_cache._cache.size <= 100_000
        assert len(pair.hot_cache._cache) > 5


def test_what_an_answer_depends_on_tells_senders_apart(world: World) -> None:
    german, french = (request(HOME, b"CloudFront-Viewer-Country: " + each) for each in (b"DE", b"FR"))
    warm(world.pair, german)
    assert not is_hot(world.pair, french), "another country may have another answer"
    assert is_hot(world.pair, german + b"")
    assert is_hot(world.pair, request(HOME, b"Cookie: x", b"CloudFront-Viewer-Country: DE")), "nobody reads cookies"


def test_who_stands_in_is_asked_anew(tmp_path: Path) -> None:
    config = CONFIG.replace("gone: {variations: {only: {type: engine, model: nowhere}}}", DOWN)
    with serving(app_over(SmallEngine(tmp_path), config=config)) as pair:
        asked = request(b"/recommend-items/shop/gone/u1")
        for _ in range(3):
            assert b"x-cache: fallback" in said(pair.hot, [asked, LAST])
        assert not is_hot(pair, asked), "the one who failed may be back"


def test_keys(tmp_path: Path) -> None:
    clock = Clock()
    with serving(app_over(SmallEngine(tmp_path), clock, CONFIG + KEYS)) as pair:
        asked = request(HOME, b"X-Api-Key: open")
        warm(pair, asked)
        for other in (request(), request(HOME, b"X-Api-Key: wrong")):
            assert not is_hot(pair, other)
            assert said(pair.hot, [other, LAST]).startswith(b"HTTP/1.1 401 ")
        clock.tick(20)
        assert is_hot(pair, asked)
        clock.tick(86_400)  # the key has expired
        assert said(pair.hot, [asked, LAST]).startswith(b"HTTP/1.1 401 ")


def test_rate_limits_are_for_every_request(tmp_path: Path) -> None:
    with serving(app_over(SmallEngine(tmp_path), config=CONFIG + "\nrateLimits: {perAddress: 5/hour}\n")) as pair:
        told = [said(pair.hot, [request()] * 2 + [LAST]) for _ in range(4)]
        assert sum(each.count(b"HTTP/1.1 200 ") for each in told) == 5


def test_exposures_and_numbers_are_complete(tmp_path: Path) -> None:
    with serving(app_over(SmallEngine(tmp_path), config=EXPERIMENT)) as pair:
        asked = [request(b"/recommend-items/shop/split/u%d" % number) for number in range(10)]
        told = [said(pair.hot, [each, LAST]) for each in asked * 2] + [said(pair.hot, [b"".join(asked * 18), LAST])]
        assert b"".join(told).count(b'"matchedExperiment"') == 200
        page = said(pair.hot, [b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", LAST]).decode()
        numbers = [line.rsplit(" ", 1) for line in page.splitlines() if line.startswith("recgate_")]
        total = {start: sum(float(v) for k, v in numbers if k.startswith(start)) for start in STARTS}
        assert list(total.values()) == [200, 200, 200, 200]
        assert sum(float(v) for k, v in numbers if 'outcome="miss"' in k) <= 2, "the users have one answer a variation"


def asked_by(connection: HTTPConnection, user: str = "u1", key: str = "open") -> tuple[int, str | None]:
    """Its answer's status and age, on a connection that stays open."""
    connection.request("GET", f"/recommend-items/shop/home/{user}", headers={"X-Api-Key": key})
    with connection.getresponse() as answer:
        answer.read()
        return answer.status, answer.getheader("age")


def answered_before_next(pair: Pair, connection: HTTPConnection) -> int:
    """By hot entry, till now: an answer is counted when it has gone, before the connection's next one, refused here."""
    assert asked_by(connection, key="wrong")[0] == 401
    return pair.answered()


def test_a_connection_whose_requests_have_one_head(tmp_path: Path) -> None:
    """What ends an answer, and who is admitted, is looked at each time."""
    clock, engine = Clock(), SmallEngine(tmp_path)
    config = CONFIG + KEYS
    with serving(app_over(engine, clock, config)) as pair, closing(HTTPConnection("127.0.0.1", pair.hot)) as open_one:
        for user in ("u1", "u2") * 3:
            assert asked_by(open_one, user)[0] == 200
        counted = answered_before_next(pair, open_one)
        assert [asked_by(open_one, user) for user in ("u1", "u2", "u1")] == [(200, "0")] * 3
        assert answered_before_next(pair, open_one) == counted + 3
        clock.tick(30)
        assert asked_by(open_one) == (200, "30")
        engine.change("event", "u1", "i5")
        assert asked_by(open_one) == (200, None), "it has not seen what its user did"
        assert asked_by(open_one, "u2") == (200, "30")
        assert asked_by(open_one, "u2") == (200, "30")
        pair.hot_cache.use(
            parse(config.replace(hashlib.sha256(b"open").hexdigest(), hashlib.sha256(b"new").hexdigest()))
        )
        counted = answered_before_next(pair, open_one)
        for _ in range(2):
            asked_by(open_one, "u2")
        assert answered_before_next(pair, open_one) == counted, "the key was of the configuration before"
        clock.tick(86_400)
        assert asked_by(open_one)[0] == 401


DOWN = "gone: {fallback: [home], variations: {only: {type: http, url: 'http://127.0.0.1:1/'}}}"
STARTS = (
    'recgate_exposures_total{experiment="',
    "recgate_cache_lookups_total{",
    'recgate_requests_total{route="recommend-items",status="200"}',
    'recgate_request_seconds_count{route="recommend-items"}',
)


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    warm(world.pair, request())
    import socket

    from gateway.connection.protocol import HotProtocol

    asleep: list[float] = []
    monkeypatch.setattr(HotProtocol, "_wait", lambda self, seconds: asleep.append(seconds))
    with socket.create_connection(("127.0.0.1", world.pair.hot), timeout=5) as connection:
        connection.sendall(request())
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        deadline = time.monotonic() + 5
        while not asleep and time.monotonic() < deadline:
            time.sleep(0.01)
        assert set(asleep) == {75}, "nothing would ever close it"


def test_heads_that_are_too_many_are_forgotten() -> None:
    heads = HeadReader(parse(CONFIG)).table_for(None)
    for number in range(3000):
        heads[b"Host: localhost\r\nX-Odd: " + b"%d" % number + b"a" * 6000]
    assert sum(map(len, heads)) <= 8 * 1024 * 1024


@pytest.mark.parametrize("odd", [b"a b: c", b" a: b", b"a : b", b"a: \x00", b"a: b\xe9", b"a", b": b", b"a: b\nc: d"])
def test_odd_fields_are_not_read(odd: bytes) -> None:
    assert parsed(b"Host: x\r\n" + odd) is None


RULED = CONFIG.replace(
    "        home: {variations: {only: {type: engine, model: home}}}",
    """        home:
          rules: [{type: pin, name: noon, place: 1, items: [i9], schedule: {hours: ["22:14-22:15"]}}]
          variations: {only: {type: engine, model: home}}""",
)


def test_a_rule_that_begins_or_ends_ends_it(tmp_path: Path) -> None:
    engine, clock = SmallEngine(tmp_path), Clock()  # 22:13:20
    with serving(app_over(engine, clock, RULED)) as pair:
        for seconds, names in ((39, ()), (1, ("noon",)), (59, ("noon",)), (1, ())):
            clock.tick(seconds)
            if seconds == 1:
                assert not is_hot(pair, request())
            warm(pair, request())
            assert tuple(rule.name for rule in engine.asked[-1].rules or ()) == names
