"""Where too much is asked, most is refused before it is parsed, and nobody who is within their share."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.hot.servers import DATE, Pair, said, serving
from tests.gateway.hot.test_hot_cache import KEYS, LAST, request
from tests.gateway.serve.world import CONFIG, Clock, SmallEngine, app_over

OTHERS = KEYS.replace("keys:", "keys:\n    - {name: app, sha256: %s}") % (
    "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of "secret"
)
LIVE = b"/related-items/shop/like/z%d"
HOME = b"/recommend-items/shop/home/z%d?filter=for-adults"


class World:
    def __init__(self, pair: Pair, engine: SmallEngine, clock: Clock) -> None:
        self.pair, self.engine, self.clock = pair, engine, clock

    def flood(self, *fields: bytes, target: bytes = LIVE) -> list[socket.socket]:
        """So many callers that one is refused, and all others wait for the engine."""
        self.engine.answering.clear()
        callers = []
        for number in range(600):
            caller = socket.create_connection(("127.0.0.1", self.pair.hot), timeout=5)
            caller.sendall(request(target % number, *fields))
            callers.append(caller)
            if self.metric("refused"):
                return callers
        raise AssertionError("nobody was refused")

    def metric(self, name: str) -> float:
        page = said(self.pair.plain, [request(b"/metrics", b"X-Api-Key: open"), LAST]).decode()
        return sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith(f"recgate_answers_{name}"))

    def waits(self, *fields: bytes) -> bool:
        """Whether a caller with these fields gets no answer for a while."""
        with socket.create_connection(("127.0.0.1", self.pair.hot), timeout=5) as caller:
            caller.sendall(request(LIVE % 7777, *fields))
            caller.settimeout(0.2)
            try:
                return not caller.recv(1)
            except TimeoutError:
                return True

    def end(self, callers: list[socket.socket]) -> None:
        self.engine.answering.set()
        for caller in callers:
            caller.close()


@pytest.fixture(params=[CONFIG + OTHERS])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    engine, clock = SmallEngine(tmp_path), Clock()
    with serving(app_over(engine, clock, request.param)) as pair:
        yield World(pair, engine, clock)


def test_a_flood(world: World) -> None:
    key, other = b"X-Api-Key: open", b"X-Api-Key: secret"
    cached = request(b"/recommend-items/shop/home/u1", key)
    for _ in range(2):
        said(world.pair.hot, [cached, LAST])
    callers = world.flood(key)
    try:
        before, asked = world.metric("refused"), request(LIVE % 9999, key)
        shed = said(world.pair.hot, [asked * 5 + request(LIVE % 9998, key, b"Accept: x"), LAST])
        assert world.metric("refused") == before + 6
        assert shed.count(b"HTTP/1.1 503 ") == 6
        assert shed == said(world.pair.plain, [asked * 5 + request(LIVE % 9998, key), LAST]), "refused the ordinary way"
        assert said(world.pair.hot, [cached, LAST]).startswith(b"HTTP/1.1 200 "), "what is cached is answered"
        assert said(world.pair.hot, [request(b"/health"), LAST]).startswith(b"HTTP/1.1 200 ")
        assert world.waits(other), "it pushes out one of the flood"
    finally:
        world.end(callers)
    world.clock.tick(0.1)  # it is judged anew
    deadline = time.monotonic() + 5
    while DATE.sub(b"", said(world.pair.hot, [request(LIVE % 5, key), LAST])).startswith(b"HTTP/1.1 503 "):
        world.clock.tick(0.1)
        assert time.monotonic() < deadline


def test_an_old_answer_stands_in(world: World) -> None:
    key = b"X-Api-Key: open"
    cached = request(b"/recommend-items/shop/home/u1", key)
    for _ in range(3):
        said(world.pair.hot, [cached, LAST])
    callers = world.flood(key, target=HOME)
    try:
        assert said(world.pair.hot, [request(HOME % 9999, key), LAST]).startswith(b"HTTP/1.1 503 ")
        world.clock.tick(70)
        old = said(world.pair.hot, [cached, LAST])
        assert old.startswith(b"HTTP/1.1 200 ") and b"x-cache: stale" in old
    finally:
        world.end(callers)


def test_a_target_with_a_host_is_refused_the_ordinary_way(world: World) -> None:
    """What was refused of one recommender says nothing of another."""
    key, place = b"X-Api-Key: open", b"http://localhost/related-items/shop/"
    callers = world.flood(key)
    try:
        for name, status in ((b"like", b"503"), (b"like", b"503"), (b"nothing", b"404")):
            told = said(world.pair.hot, [request(place + name + b"/z9999", key), LAST])
            assert told.startswith(b"HTTP/1.1 %b " % status)
        page = said(world.pair.plain, [request(b"/metrics", key), LAST])
        assert b'recgate_requests_total{route="related-items",status="503"}' in page
        assert b'route="ttp:' not in page
    finally:
        world.end(callers)


@pytest.mark.parametrize("world", [CONFIG], indirect=True)
def test_whom_a_trusted_proxy_asks_for_has_a_share_of_its_own(world: World) -> None:
    flooding, other = b"X-Forwarded-For: 203.0.113.1", b"X-Forwarded-For: 203.0.113.2"
    callers = world.flood(flooding)
    try:
        for _ in range(3):
            assert said(world.pair.hot, [request(LIVE % 9999, flooding), LAST]).startswith(b"HTTP/1.1 503 ")
        assert world.waits(other)
    finally:
        world.end(callers)
