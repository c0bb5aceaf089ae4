"""A server moves to PostgreSQL and back, and is backed up, while events come by HTTP: all are there once in the end,
and what was restored elsewhere answers alike."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from engine import Engine, Settings
from engine.data.entries import read_interaction
from tests.server.world import CONFIG, ITEMS, USERS, Server, build, running
from tests.services import postgres_server

SENDERS = 3


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """To be started: a small shop in a folder."""
    config = tmp_path / "shop.yaml"
    config.write_text(CONFIG)
    return Server(build(tmp_path / "data"), config, workers=2)


@contextmanager
def events_to(url: str, acknowledged: list[str]) -> Iterator[Counter[int]]:
    """Senders that send each event until it is acknowledged; how often which status came."""
    ended, statuses = threading.Event(), Counter[int]()

    def send(sender: int) -> None:
        number = 0
        with httpx.Client(base_url=url, timeout=60) as client:
            while not ended.is_set():
                event = {"eventType": "view", "itemId": "i1", "eventId": f"{sender}-{number}-{id(ended)}"}
                body = {"sessionId": "s", "userId": f"w{sender}", "eventList": [event]}
                try:
                    status = client.post("/events/shop", json=body).status_code
                except httpx.TransportError:
                    status = 0
                statuses[status] += 1
                if status == 200:
                    acknowledged.append(event["eventId"])
                    number += 1
                time.sleep(0.02)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def run(*argv: str, data: Path, environ: dict[str, str]) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "gateway", *argv, "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environ})
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_for(statuses: Counter[int], status: int) -> None:
    """Until it comes again."""
    before, deadline = statuses[status], time.monotonic() + 60
    while statuses[status] <= before:
        assert time.monotonic() < deadline, statuses
        time.sleep(0.02)


def event_ids(data: Path, environ: dict[str, str]) -> Counter[str]:
    engine = Engine.open(Settings.of(data, environ), follow=False)
    try:
        bodies = [record.body for record in engine.log.read(0, limit=10_000_000) if record.kind == "event"]
        return Counter(event_id for body in bodies if (event_id := read_interaction(body).event_id))
    finally:
        engine.close()


def test_events_of_a_server_that_moves_there_and_back_are_kept_once(server: Server) -> None:
    acknowledged: list[str] = []
    with postgres_server() as postgres:
        away = {"RECGATE_DATABASE_URL": postgres.url}
        for place, before, after in ((postgres.url, {}, away), (str(server.data), away, {})):
            server.environ = before
            with running(server), events_to(server.url, acknowledged) as statuses:
                wait_for(statuses, 200)
                assert "start the servers of" in run("migrate", "--to", place, data=server.data, environ=before)
                wait_for(statuses, 503)
                assert httpx.get(f"{server.url}/related-items/shop/near/i1").status_code == 200
                server.stop()
                server.environ = after
                server.start()
                wait_for(statuses, 200)
            assert set(statuses) <= {0, 200, 503}
            kept = event_ids(server.data, after)
            assert set(acknowledged) <= set(kept) and set(kept.values()) == {1}


def lists(url: str) -> dict[str, list[dict[str, object]]]:
    """Of all users and items; senders are not among them."""
    items = ",".join(f"i{item}" for item in range(ITEMS))
    ranked = {f"/rerank-items/shop/search/u{user}/{items}": "personalizedRanking" for user in range(USERS)}
    related = {f"/related-items/shop/near/i{item}": "itemList" for item in range(ITEMS)}
    with httpx.Client(base_url=url, timeout=60) as client:
        return {path: client.get(path).raise_for_status().json()[name] for path, name in (ranked | related).items()}


def test_what_was_backed_up_under_load_answers_alike_elsewhere(server: Server, tmp_path: Path) -> None:
    acknowledged: list[str] = []
    place, there = str(tmp_path / "to"), tmp_path / "there"
    with running(server), events_to(server.url, acknowledged) as statuses:
        wait_for(statuses, 200)
        before = list(acknowledged)
        run("backup", place, data=server.data, environ={})
        expected = lists(server.url)
    assert set(statuses) == {200} and all(expected.values())
    run("restore", place, data=there, environ={})
    kept = event_ids(there, {})
    assert set(before) <= set(kept) <= {*acknowledged} and set(kept.values()) == {1}
    with running(Server(there, server.config, workers=1)) as other:
        assert lists(other.url) == expected
