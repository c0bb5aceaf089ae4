"""A server that is told to stop answers who is asking, and says that it was the last answer: no connection is reset."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.server.world import Server, running

CALLERS = 4  # of each kind
BUSY_S = 0.5
LONGEST_S = 30.0  # until a list comes out of the cache, on a busy machine
EVENT = json.dumps({"sessionId": "s1", "userId": "u9", "eventList": [{"eventType": "view", "itemId": "i1"}]})
ASKED = {
    "hit": ("GET", "/recommend-items/shop/for-you/u1", None),
    "miss": ("GET", "/recommend-items/shop/uncached/u1", None),
    "conditional": ("GET", "/recommend-items/shop/for-you/u1?numResults=3", None),
    "events": ("POST", "/events/shop", EVENT),
    "other": ("GET", "/health", None),
}


class Caller(threading.Thread):
    """Asks the same on one connection until it is told to go, or something goes wrong."""

    def __init__(self, port: int, kind: str) -> None:
        super().__init__()
        self.port, self.kind, self.answers, self.end = port, kind, 0, "at work"
        self.outcomes: set[str] = set()

    def has_hit(self) -> bool:
        """True where a list came out of the cache, and of a caller who asks for none."""
        return "hit" in self.outcomes or self.kind not in ("hit", "conditional")

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.connect()
        connection.auto_open = 0  # type: ignore[assignment]  # a connection that was closed is not opened again
        method, target, body = ASKED[self.kind]
        headers = {"if-none-match": "*"} if self.kind == "conditional" else {}
        try:
            while self.end == "at work":
                connection.request(method, target, body, headers)
                answer = connection.getresponse()
                answer.read()
                assert answer.status in (200, 304), answer.status
                self.answers += 1
                self.outcomes.add(str(answer.getheader("x-cache")))
                if answer.getheader("connection") == "close":
                    self.end = "told"
        except (OSError, http.client.HTTPException) as error:
            self.end = f"after {self.answers} answers: {error!r}"
        finally:
            connection.close()


@pytest.fixture
def stopping(trained: Path, config: Path, tmp_path: Path) -> Server:
    shutil.copytree(trained, tmp_path / "data")
    return Server(tmp_path / "data", config)


def test_whoever_asks_while_it_stops_is_answered(stopping: Server) -> None:
    with running(stopping) as server:
        callers = [Caller(server.port, kind) for kind in ASKED for _ in range(CALLERS)]
        for caller in callers:
            caller.start()
        idle = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        time.sleep(BUSY_S)
        deadline = time.monotonic() + LONGEST_S
        while time.monotonic() < deadline and not all(map(Caller.has_hit, callers)):
            time.sleep(0.01)
        server.stop()
        with idle:
            assert idle.recv(1) == b""
        for caller in callers:
            caller.join(10)
    assert {(caller.kind, caller.end) for caller in callers} == {(kind, "told") for kind in ASKED}
    assert all(map(Caller.has_hit, callers))
