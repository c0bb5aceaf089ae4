"""A server moves from its folder to PostgreSQL and back while events come by HTTP: all are there once in the end."""

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
from rich.console import Console

from engine import Engine, Settings
from engine.data.entries import read_interaction
from gateway.cli.import_data import import_file
from gateway.cli.local import opened
from gateway.cli.train import deploy, train
from tests.server.test_postgres import CONFIG
from tests.server.world import EVENT_SCHEMA, TRACKING_ID, Server, running, write_csvs
from tests.services import postgres_server

SENDERS = 3


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """To be started: a small shop in a folder."""
    data, config = tmp_path / "data", tmp_path / "shop.yaml"
    config.write_text(CONFIG)
    interactions, _ = write_csvs(tmp_path / "csv")
    with opened(data, Console(quiet=True), allow_file_urls=True) as local:
        import_file(local, "shop", "INTERACTIONS", interactions, EVENT_SCHEMA)
        local.track("shop", TRACKING_ID)
        deploy(local, "near", train(local, "shop", "near", "aws-sims", {}))
    return Server(data, config, workers=2)


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
                else:
                    time.sleep(0.05)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(SENDERS)]
    for thread in threads:
        thread.start()
    yield statuses
    ended.set()
    for thread in threads:
        thread.join()


def migrate(place: str, server: Server, environ: dict[str, str]) -> None:
    argv = [sys.executable, "-m", "gateway", "migrate", "--to", place, "--data", str(server.data)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, **environ})
    assert done.returncode == 0, done.stderr
    assert "start the servers of" in done.stdout


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
                migrate(place, server, before)
                wait_for(statuses, 503)
                assert httpx.get(f"{server.url}/related-items/shop/near/i1").status_code == 200
                server.stop()
                server.environ = after
                server.start()
                wait_for(statuses, 200)
            assert set(statuses) <= {0, 200, 503}
            kept = event_ids(server.data, after)
            assert set(acknowledged) <= set(kept) and set(kept.values()) == {1}
