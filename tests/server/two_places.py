"""Two servers with data directories of their own over one PostgreSQL, as on two machines, and a checker of the promise:
no answer from before an acknowledged event of its user, whichever server is asked."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from rich.console import Console

from gateway.cli.import_data import import_file
from gateway.cli.local import opened
from gateway.cli.train import deploy, train
from tests.server.world import EVENT_SCHEMA, GROUP, TRACKING_ID, Server, running, write_csvs
from tests.services import PostgresServer

USERS, THREADS = 60, 6
CONFIG = f"""
namespaces:
  shop:
    cacheControl: {{userSpecified: {{maxAge: 300}}, noUserSpecified: {{maxAge: 300}}}}
    recommenders:
      recommend-items:
        unseen:
          filters: [{{expression: 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'}}]
          variations: {{main: {{type: engine, model: popular}}}}
    eventTargets: [{{type: personalize-event-tracker, trackingId: {TRACKING_ID}}}]
"""


@contextlib.contextmanager
def two_places(
    folder: Path, postgres: PostgresServer, *, redis: str = "", flags: tuple[str, ...] = (), more: str = ""
) -> Iterator[list[Server]]:
    """The servers, over a world made anew in this database. `more` is of the configuration."""
    config, first = folder / "shop.yaml", folder / "one"
    config.write_text(CONFIG + more)
    environ = {"RECGATE_DATABASE_URL": postgres.url, **({"RECGATE_REDIS_URL": redis} if redis else {})}
    before = os.environ.get("RECGATE_DATABASE_URL")
    os.environ["RECGATE_DATABASE_URL"] = postgres.url
    try:
        interactions, _ = write_csvs(folder / "csv")
        with opened(first, Console(quiet=True), allow_file_urls=True) as local:
            import_file(local, GROUP, "INTERACTIONS", interactions, EVENT_SCHEMA)
            local.track(GROUP, TRACKING_ID)
            deploy(local, "popular", train(local, GROUP, "popular", "aws-popularity-count", {}))
    finally:
        del os.environ["RECGATE_DATABASE_URL"]
        if before is not None:
            os.environ["RECGATE_DATABASE_URL"] = before
    shutil.copytree(first, folder / "two", ignore=shutil.ignore_patterns("doorbell", "run"))
    places = [Server(folder / name, config, workers=1, flags=flags, environ=environ) for name in ("one", "two")]
    with running(places[0]), running(places[1]):
        yield places


@dataclass
class Checked:
    """What callers saw. `late`: answers from before an acknowledged event, but for those that say so (`behind`)."""

    pairs: int = 0
    late: list[str] = field(default_factory=list)
    behind: int = 0
    refused: int = 0  # events, or answers
    acknowledged_ms: list[float] = field(default_factory=list)
    answered_ms: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Visitor:
    """One caller with a connection to each server."""

    def __init__(self, servers: Sequence[Server], timeout: float = 20.0) -> None:
        self._connections = [HTTPConnection("127.0.0.1", server.port, timeout=timeout) for server in servers]

    def ask(
        self, place: int, user: str, headers: dict[str, str] | None = None
    ) -> tuple[int, list[str], dict[str, str]]:
        """Status, items, and headers."""
        path = f"/recommend-items/shop/unseen/{user}?numResults=25"
        status, body, sent = self._exchange(place, "GET", path, b"", headers or {})
        items = [each["itemId"] for each in json.loads(body)["itemList"]] if status == 200 else []
        return status, items, sent

    def click(self, place: int, user: str, item: str) -> tuple[int, dict[str, str]]:
        event = {"eventType": "view", "itemId": item, "sentAt": int(time.time()), "eventId": os.urandom(8).hex()}
        body = json.dumps({"sessionId": f"s-{user}", "userId": user, "eventList": [event]}).encode()
        status, _, sent = self._exchange(place, "POST", "/events/shop", body, {"content-type": "application/json"})
        return status, sent

    def _exchange(
        self, place: int, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        connection = self._connections[place]
        try:
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}
        except OSError:
            connection.close()
            return 0, b"", {}

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


def check(servers: Sequence[Server], pairs: int, seed: int) -> Checked:
    """Several visitors at once, each with users of its own: ask, click what came, ask the other server at once."""
    checked = Checked()
    threads = [
        threading.Thread(target=_visit, args=(servers, number, pairs // THREADS + 1, seed, checked))
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return checked


def _visit(servers: Sequence[Server], number: int, pairs: int, seed: int, checked: Checked) -> None:
    rng, visitor = random.Random(f"{seed}/{number}"), Visitor(servers)
    users = [f"visitor-{seed}-{number}-{each}" for each in range(USERS // THREADS)]
    for _ in range(pairs):
        user, taking = rng.choice(users), rng.randrange(2)
        asked = 1 - taking
        items = visitor.ask(asked, user)[1]
        if not items:  # all are seen, or the server does not answer
            users[users.index(user)] = f"{user}+"
            continue
        began = time.perf_counter()
        item = rng.choice(items)
        status, _ = visitor.click(taking, user, item)
        acknowledged = time.perf_counter()
        answer, after, headers = visitor.ask(asked, user)
        answered = time.perf_counter()
        with checked.lock:
            checked.pairs += 1
            checked.refused += (status != 200) + (answer != 200)
            checked.behind += "x-recgate-behind" in headers
            checked.acknowledged_ms.append((acknowledged - began) * 1e3)
            checked.answered_ms.append((answered - acknowledged) * 1e3)
            if status == 200 and item in after and "x-recgate-behind" not in headers:
                checked.late.append(f"{item} of {user}, taken by {taking}")
    visitor.close()
