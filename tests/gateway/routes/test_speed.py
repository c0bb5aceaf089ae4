"""The processor time of a hit the ordinary way, without the server's parser and not remembered, against that of a
little work on dictionaries and strings: 12 times by a Python that was built without optimisations, 15.5 times by
Debian's own, which does that work in two thirds of the time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from tests.gateway.serve.world import SmallEngine, app_over

CEILING = 19.0  # times the yardstick
ROUNDS, REQUESTS = 8, 300
TRIES = 4
HEADERS = [(b"host", b"localhost"), *((f"x-{name}".encode(), b"some value") for name in "abcdefghi")]


def scope(path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"numResults=25",
        "root_path": "",
        "headers": HEADERS,
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "state": {},
    }


def yardstick() -> float:
    """Seconds of a little work, which tell how fast the machine is at the moment."""
    began = time.process_time()
    for _ in range(REQUESTS):
        table = {f"x-{name}": name for name in "abcdefghijklmnopqrstuvwxyz"}
        "".join(sorted(value for key, value in table.items() if key.startswith("x-")))
    return (time.process_time() - began) / REQUESTS


def test_a_hit(tmp_path: Path) -> None:
    app, sent = app_over(SmallEngine(tmp_path)), []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def best() -> float:
        rounds, sticks = [], []
        for _ in range(ROUNDS):
            sticks.append(yardstick())
            began = time.process_time()
            for _ in range(REQUESTS):
                await app(scope("/recommend-items/shop/home/u1"), receive, send)  # type: ignore[arg-type]
            rounds.append((time.process_time() - began) / REQUESTS)
        return min(rounds) / min(sticks)

    costs = []
    while not costs or (costs[-1] >= CEILING and len(costs) < TRIES):  # others may have a processor's other half
        costs.append(asyncio.run(best()))
    assert (b"x-cache", b"hit") in sent[-2]["headers"]
    assert min(costs) < CEILING
