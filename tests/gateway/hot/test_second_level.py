"""Two workers with caches that are too small, and a Redis where each finds what the other has answered."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from litestar import Litestar

from gateway.cache import purge
from tests.gateway.hot.servers import DATE, Pair, said, serving
from tests.gateway.serve.world import Clock, SmallEngine, app_over
from tests.services import RedisServer, redis_server

LAST = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
TINY = 100_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


def app(store: RedisServer, engine: SmallEngine, clock: Clock) -> Litestar:
    """`draw` never lets a request go the ordinary way where Redis could help."""
    environ = {"RECGATE_REDIS_URL": store.url}
    return app_over(engine, clock, environ=environ, cache_bytes=TINY, draw=lambda: 0.5)


class Two:
    def __init__(self, first: Pair, second: Pair, engines: tuple[SmallEngine, SmallEngine], clock: Clock) -> None:
        self.first, self.second, self.engines, self.clock = first, second, engines, clock


@pytest.fixture
def two(store: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    monkeypatch.setattr("gateway.cache.redis_nodes.PATIENCE_S", 5.0)  # a busy machine is no failure here
    redis.Redis.from_url(store.url).flushall()
    engines, clock = (SmallEngine(tmp_path / "a"), SmallEngine(tmp_path / "b")), Clock()
    with serving(app(store, engines[0], clock)) as first, serving(app(store, engines[1], clock)) as second:
        for pair in (first, second):
            crowd(pair, "x")
            assert pair.hot_cache._cache.is_crowded
        yield Two(first, second, engines, clock)


def request(path: str, *fields: bytes, method: bytes = b"GET") -> bytes:
    return b"\r\n".join((b"%b /%b HTTP/1.1" % (method, path.encode()), b"Host: localhost", *fields, b"", b""))


def crowd(pair: Pair, letter: str) -> None:
    """Ask for more answers than the worker's own cache holds."""
    said(pair.hot, [*(request(f"related-items/shop/like/{letter}{number}") for number in range(60)), LAST])


def share(two: Two, path: str, *fields: bytes) -> bytes:
    """Ask the first worker till its answer is in Redis, and push it out of both workers' own caches."""
    for _ in range(3):
        said(two.first.hot, [request(path, *fields), LAST])
    for pair in (two.first, two.second):
        crowd(pair, "y")
    return said(two.first.plain, [request(path, *fields), LAST])


def hits(pair: Pair) -> int:
    return pair.answered()


def test_what_one_has_answered_goes_out_of_the_other(two: Two) -> None:
    plain = share(two, "related-items/shop/like/i3")
    before = hits(two.second)
    asked = request("related-items/shop/like/i3")
    head = request("related-items/shop/like/i3", method=b"HEAD")
    told = said(two.second.hot, [asked + head + asked, LAST])
    assert hits(two.second) == before + 3
    assert told.count(plain.split(b"\r\n\r\n", 1)[0]) == 3
    assert told == said(two.second.plain, [asked + head + asked, LAST])


@pytest.mark.parametrize("coding", [b"gzip", b"zstd"])
def test_a_compressed_answer(two: Two, coding: bytes) -> None:
    path, field = "related-items/shop/like/i3", b"Accept-Encoding: " + coding
    compressed = share(two, path, field)
    before = hits(two.second)
    assert said(two.second.hot, [request(path, field), LAST]) == compressed
    assert hits(two.second) == before + 1
    assert b"content-encoding: " + coding in compressed
    assert b"content-encoding" not in said(two.second.hot, [request(path), LAST])


def test_a_304(two: Two) -> None:
    share(two, "related-items/shop/like/i3")
    before = hits(two.second)
    asked = request("related-items/shop/like/i3", b"If-None-Match: *")
    assert said(two.second.hot, [asked, LAST]).startswith(b"HTTP/1.1 304 ")
    assert hits(two.second) == before + 1


@pytest.mark.parametrize("kind", ["item", "snapshot", "deploy", "record"])
def test_a_change_that_its_maker_had_not_seen(two: Two, kind: str) -> None:
    share(two, "related-items/shop/like/i3")
    before = hits(two.second)
    two.engines[1].change(kind, "home")
    asked = request("related-items/shop/like/i3")
    said(two.second.plain, [asked, LAST])
    assert said(two.second.hot, [asked, LAST]) == said(two.second.plain, [asked, LAST])
    assert hits(two.second) == before


def test_an_event_of_its_user(two: Two) -> None:
    path = "recommend-items/shop/home/u1"
    for engine in two.engines:  # both know the user
        engine.change("event", "u1", "i5")
    share(two, path)
    before = hits(two.second)
    said(two.second.hot, [request(path), LAST])
    assert hits(two.second) == before + 1
    two.engines[1].change("event", "u1", "i6")
    assert b"i6" in said(two.second.hot, [request(path), LAST])
    assert hits(two.second) == before + 1


def share_with_two_users(two: Two) -> None:
    for engine in two.engines:  # both know both users
        for user in ("u1", "u2"):
            engine.change("event", user, "i5")
    for user in ("u1", "u2"):
        share(two, f"recommend-items/shop/home/{user}")


def test_what_answers_to_different_users_have_in_common_is_read_once(two: Two) -> None:
    share_with_two_users(two)
    before, far = hits(two.second), two.second.hot_cache.second_level
    assert far is not None
    far._common.clear()
    for user in ("u1", "u2"):
        said(two.second.hot, [request(f"recommend-items/shop/home/{user}"), LAST])
    assert hits(two.second) == before + 2
    assert len(far._common) == 1


def test_a_purge_of_one_user(two: Two) -> None:
    share_with_two_users(two)
    two.engines[1].change("purge", purge.encoded(purge.Purge("shop", user="u1")))
    two.engines[1].catch_up()
    before = hits(two.second)
    said(two.second.hot, [request("recommend-items/shop/home/u1"), LAST])
    assert hits(two.second) == before
    said(two.second.hot, [request("recommend-items/shop/home/u2"), LAST])
    assert hits(two.second) == before + 1


def test_its_time(two: Two) -> None:
    share(two, "related-items/shop/like/i3")
    before = hits(two.second)
    two.clock.tick(301)
    said(two.second.hot, [request("related-items/shop/like/i3"), LAST])
    assert hits(two.second) == before


def test_what_lies_there_and_is_nothing_of_ours(two: Two, store: RedisServer) -> None:
    share(two, "related-items/shop/like/i3")
    client = redis.Redis.from_url(store.url)
    names = client.keys("recgate:ready:*")
    assert names, "nothing was stored"
    for name in names:
        client.set(name, b"\xc1 not ours")
    before = hits(two.second)
    asked = request("related-items/shop/like/i3")
    assert said(two.second.hot, [asked, LAST]).startswith(b"HTTP/1.1 200 ")
    assert hits(two.second) == before


def test_a_caller_that_leaves_meanwhile(two: Two) -> None:
    share(two, "related-items/shop/like/i3")
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", two.second.hot)) as connection:
            connection.sendall(request("related-items/shop/like/i3"))
    assert said(two.second.hot, [request("related-items/shop/like/i3"), LAST]).startswith(b"HTTP/1.1 200 ")


def test_what_comes_while_redis_is_asked_waits_its_turn(two: Two) -> None:
    plain = share(two, "related-items/shop/like/i3")
    asked, other = request("related-items/shop/like/i3"), request("health")
    with socket.create_connection(("127.0.0.1", two.second.hot), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in (asked[:30], asked[30:] + other + asked[:10], asked[10:], other, LAST):
            connection.sendall(part)
            time.sleep(0.002)
        told = b""
        while more := connection.recv(65536):
            told += more
    told = DATE.sub(b"-", told)
    body = plain.split(b"\r\n\r\n")[1][:200]
    places = [told.find(body), told.find(b'{"status":"ok"}'), told.rfind(body), told.rfind(b'{"status":"ok"}')]
    assert places == sorted(places) and len(set(places)) == 4


def test_no_redis(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        engine = SmallEngine(tmp_path / "engine")
        with serving(app(server, engine, Clock())) as pair:
            crowd(pair, "x")
            server.kill()
            for number in range(60):
                answer = said(pair.hot, [request(f"related-items/shop/like/x{number}"), LAST])
                assert answer.startswith(b"HTTP/1.1 200 ")
