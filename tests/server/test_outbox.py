"""Workers are killed at random while they take events and deliver them: none that was acknowledged is lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.gateway.targets.world import Stream, until
from tests.gateway.upstreams.origin import CREDENTIALS, Asked, Origin, Reply, small_origin
from tests.server.world import Server

SESSIONS = 6
KILLS = 3
CONFIG = """
namespaces:
  shop:
    eventTargets:
      - {type: http, url: "URL/hook", timeout: 2}
      - {type: kinesis-stream, streamName: clicks, endpointUrl: "STREAM"}
"""


class Senders:
    """A thread a session: one event after the other, each until it is acknowledged."""

    def __init__(self, server: Server) -> None:
        self.acknowledged: dict[str, list[str]] = {f"s{n}": [] for n in range(SESSIONS)}
        self.tried = 0
        self._server, self._stop = server, threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(each,)) for each in self.acknowledged]

    def __enter__(self) -> Senders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, session: str) -> None:
        with httpx.Client(base_url=self._server.url, timeout=5) as client:
            number = 0
            while not self._stop.is_set():
                name = f"{session}-{number}"
                body = {"sessionId": session, "eventList": [{"eventType": "View", "itemId": name}]}
                with contextlib.suppress(httpx.TransportError):
                    self.tried += 1
                    if client.post("/events/shop", json=body).status_code == 200:
                        self.acknowledged[session].append(name)
                        number += 1
                time.sleep(0.02)


@pytest.fixture
def origins() -> Iterator[tuple[Origin, Origin]]:
    with small_origin() as hook, small_origin() as stream:
        yield hook, stream


def test_killed_workers_lose_nothing_and_keep_the_order(origins: tuple[Origin, Origin], tmp_path: Path) -> None:
    hook, stream_origin = origins
    arrived: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)  # by session: item and record's id
    chance = random.Random(3)

    def take(asked: Asked) -> Reply:
        time.sleep(0.002)
        if chance.random() < 0.02:
            return Reply(status=503)
        said = asked.json
        assert said["id"] == asked.headers["idempotency-key"]
        arrived[said["body"]["sessionId"]].append((said["body"]["eventList"][0]["itemId"], said["id"]))
        return Reply({})

    hook.reply = take  # type: ignore[method-assign]
    stream = Stream(stream_origin, lambda _: chance.random() < 0.02)
    config = tmp_path / "shop.yaml"
    config.write_text(CONFIG.replace("URL", hook.url).replace("STREAM", stream_origin.url))
    server = Server(tmp_path, config, workers=1, environ=dict(CREDENTIALS))
    server.start()
    try:
        with Senders(server) as senders:
            for number in range(KILLS):
                time.sleep(chance.uniform(0.3, 0.8))
                if number == KILLS - 1:
                    server.kill_all()
                    server.start()
                    continue
                for pid, name in server.children().items():
                    if name.startswith("worker"):
                        os.kill(pid, signal.SIGKILL)
                server.wait_until_ready()
            time.sleep(0.3)
        until(lambda: pending(server) == 0, "everything is delivered")
    finally:
        server.stop()
    for session, names in senders.acknowledged.items():
        assert len(names) > KILLS
        of_hook = [name for name, _ in arrived[session]]
        for found in (of_hook, stream.of(session)):
            first = list(dict.fromkeys(found))
            assert first[: len(names)] == names  # each at least once, and none before the one before it
            assert len(first) <= len(names) + 1  # the last one may not have been acknowledged
    records = [each for session in arrived.values() for each in session]
    again = len(records) - len({name for _, name in records})
    assert again <= KILLS * 8, (again, KILLS)  # at most the last batch a kill


def pending(server: Server) -> float:
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    found = [float(line.rpartition(" ")[2]) for line in lines if line.startswith("recgate_outbox_records{")]
    return sum(found) if len(found) == 2 else -1.0
