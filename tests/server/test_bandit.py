"""A bandit with periods of four seconds on a server of two workers: it learns from events, and at every moment both
answer by the weights that are in force."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import closing
from http.client import HTTPConnection
from itertools import count
from pathlib import Path

import httpx

from engine.experiments.store import ExperimentStore
from engine.storage.sql import Database, sqlite_url
from gateway.config import load
from gateway.experiments.ledger import Ledger
from tests.server.world import CONFIG, Server, running

BANDIT = """experiments: {row: {method: bandit, period: 4s, burnIn: 20, minimumWeight: 0.1, weights: {a: 1, b: 1},
                               metrics: {ctr: {eventType: click}}}}"""
FRESH = httpx.Limits(max_keepalive_connections=0)  # either worker may answer
PAUSE_S = 0.05  # between some new users and the next
SLACK_S = 0.1  # between an answer's draw and the time that its exposure says


def test_it_learns_and_its_workers_agree(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "data")
    config = tmp_path / "shop.yaml"
    config.write_text(CONFIG.replace("        tested:", f"        tested:\n          {BANDIT}"))
    with (
        running(Server(tmp_path / "data", config)) as server,
        httpx.Client(base_url=server.url, timeout=10, limits=FRESH) as client,
    ):
        names = (f"guest-{number}" for number in count())
        early = {user: arm(server, user) for user in (next(names) for _ in range(80))}
        for user in (user for user, shown in early.items() if shown == "b"):
            event = {"sessionId": user, "userId": user, "eventList": [{"eventType": "click", "itemId": "i1"}]}
            assert client.post("/events/shop", json=event).status_code == 200
        deadline = time.monotonic() + 30
        while weight_of_b(client) < 0.9:  # over some changes, with new users all the time
            assert time.monotonic() < deadline, server.log()
            for _ in range(10):
                arm(server, next(names))
            time.sleep(PAUSE_S)
        late = [arm(server, next(names)) for _ in range(120)]
        assert late.count("b") > 90
        assert {user: arm(server, user) for user in early} == early
    database = Database(sqlite_url(server.data))
    store, (test,) = ExperimentStore(database), load(config, {}).experiments
    exposures = store.exposures(test.id)
    ledger = Ledger(store)
    ledger.prepare([test])
    assert len(exposures) == int(next(names).removeprefix("guest-"))
    for each in exposures:
        in_force = [ledger.in_force(test, each.at - early).by_variation[each.variation] for early in (0, SLACK_S)]
        assert each.propensity in {told.share for told in in_force}, each
    assert {each.propensity for each in exposures} >= {0.5, 0.9}
    assert all(each.at < each.since for each in store.allocations(test.id))
    database.close()


def arm(server: Server, user: str) -> str:
    """Over a connection of its own; httpx would take longer than the server."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=10)) as asked:
        asked.request("GET", f"/recommend-items/shop/tested/{user}?numResults=3")
        return str(json.load(asked.getresponse())["matchedExperiment"]["details"]["variation"])


def weight_of_b(client: httpx.Client) -> float:
    return float(client.get("/experiments/shop/tested/row").json()["steps"][-1]["arms"]["b"]["weight"])
