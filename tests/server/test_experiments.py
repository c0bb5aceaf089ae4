"""An experiment on a server of two workers: same user, same arm, over a kill and other weights; every user counted."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import closing
from http.client import HTTPConnection
from math import sqrt
from pathlib import Path

import httpx
import pytest

from engine.experiments.store import ExperimentStore
from engine.storage.sql import Database, sqlite_url
from gateway.config import load
from gateway.experiments.ledger import Ledger
from tests.server.world import CONFIG, Server, running

USERS = [f"visitor-{number}" for number in range(400)]
EXPERIMENT = "experiments: {row: {method: builtin, weights: {a: %s, b: %s}, metrics: {ctr: {eventType: click}}}}"


@pytest.fixture
def server(trained: Path, tmp_path: Path) -> Server:
    data = tmp_path / "data"
    shutil.copytree(trained, data)
    configure(tmp_path, 70, 30)
    return Server(data, tmp_path / "shop.yaml")


def configure(folder: Path, a: int, b: int) -> None:
    tested = f"        tested:\n          {EXPERIMENT % (a, b)}"
    (folder / "partial").write_text(CONFIG.replace("        tested:", tested))
    (folder / "partial").replace(folder / "shop.yaml")


def arms(server: Server, users: list[str], times: int = 1) -> dict[str, str]:
    """Over a connection each, so that either worker may answer; httpx would take longer than the server."""
    found: dict[str, str] = {}
    for user in users * times:
        with closing(HTTPConnection("127.0.0.1", server.port, timeout=10)) as client:
            client.request("GET", f"/recommend-items/shop/tested/{user}?numResults=3")
            body = json.load(client.getresponse())
        arm = body["matchedExperiment"]["details"]["variation"]
        assert found.setdefault(user, arm) == arm == body["variation"]
    return found


def until_counted(server: Server, answers: int) -> None:
    """All exposures are on disk, and survive a kill."""
    database = Database(sqlite_url(server.data))
    (experiment,) = load(server.config or "", {}).experiments
    deadline = time.monotonic() + 15
    while sum(ExperimentStore(database).answer_counts(experiment.id).values()) < answers:
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.05)
    database.close()


def test_same_user_same_arm_and_each_is_counted(server: Server, tmp_path: Path) -> None:
    with running(server):
        before = arms(server, USERS, times=2)
        assert abs(sum(arm == "b" for arm in before.values()) / len(USERS) - 0.3) <= 2.576 * sqrt(0.21 / len(USERS))
        until_counted(server, 2 * len(USERS))
        server.kill_all()
        configure(tmp_path, 20, 80)
        server.start()
        assert arms(server, USERS) == before
        new = arms(server, [f"new-{number}" for number in range(200)])
        assert sum(arm == "b" for arm in new.values()) > 130
        configure(tmp_path, 60, 40)  # while it serves
        deadline = time.monotonic() + 15
        while server.log().count(" is in use") < server.workers:
            assert time.monotonic() < deadline, server.log()
            time.sleep(0.05)
        assert arms(server, list(new)) == new
        assert arms(server, USERS) == before
        click = {"sessionId": "s", "userId": USERS[0], "eventList": [{"eventType": "click", "itemId": "i1"}]}
        assert httpx.post(f"{server.url}/events/shop", json=click).status_code == 200
    database = Database(sqlite_url(server.data))
    (experiment,) = load(server.config or "", {}).experiments
    store = ExperimentStore(database)
    ledger = Ledger(store)
    rows = ledger.units(experiment)
    assert {row.unit: row.variation for row in rows} == before | new
    assert sum(store.answer_counts(experiment.id).values()) == 2 * len(USERS) + 2 * len(USERS) + 2 * len(new)
    assert [row.metrics for row in rows if row.unit == USERS[0]] == [{"ctr": (1.0, 1.0)}]
    database.close()
