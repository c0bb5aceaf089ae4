"""Shoppers who click what they are shown: after an acknowledged click no list may show them that item again.

The lists of the campaign exclude what a user has touched. So an item that comes again, on whichever replica, tells of
an answer from before an acknowledged event (read-your-writes); and every acknowledged event must be in the log in the
end, once (a set, as Jepsen checks it).
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from loadtests import client, world
from loadtests.client import Answer, Connection

SHOPPERS = 8
USERS = 40  # of each shopper, who alone acts for them
PATIENCE_S = 10.0  # in which a request is tried elsewhere; after it nobody has answered
PAUSE_S = 0.05  # between two attempts
REST_S = 0.02  # between two clicks of a shopper
LIST = "/recommend-items/shop/for-you/%s"
BEHIND = "x-recgate-behind"  # the header of an answer that may lack what its sender knows of


class Violation(NamedTuple):
    at: float
    what: str


@dataclass
class Watched:
    """What all shoppers saw; filled by one thread."""

    tried: set[str] = field(default_factory=set)  # ids of events
    acknowledged: set[str] = field(default_factory=set)
    asked: int = 0
    unanswered: int = 0
    behind: int = 0  # answers that say that they may be from before
    again: int = 0  # requests that another replica had to answer
    statuses: Counter[int] = field(default_factory=Counter)
    slowest_s: float = 0.0
    violations: list[Violation] = field(default_factory=list)


class Shopper:
    def __init__(self, number: int, ports: Sequence[int], watched: Watched, seed: int) -> None:
        self._number, self._ports, self._watched = number, ports, watched
        self._chance = random.Random(seed * 1_000 + number)
        self._connections: dict[int, Connection] = {}
        self._clicked: dict[str, set[str]] = {}
        self._events = 0

    async def shop(self, stop: threading.Event) -> None:
        while not stop.is_set():
            user = world.user_name(self._number * USERS + self._chance.randrange(USERS))
            answer = await self._list(user)
            shown = [] if answer is None else answer.items()
            if shown and await self._click(user, self._chance.choice(shown[:10]), stop):
                await self._list(user)
            await asyncio.sleep(REST_S)

    async def _list(self, user: str) -> Answer | None:
        """A list that was checked; None where nobody answers."""
        clicked, watched = set(self._clicked.get(user, ())), self._watched
        watched.asked += 1
        answer, port = await self._anyone("GET", LIST % user)
        if answer is None:
            watched.unanswered += 1
            return None
        if BEHIND in answer.headers:
            watched.behind += 1
        elif again := clicked.intersection(answer.items()):
            state = answer.headers.get("x-cache", "")
            told = f"{user} was shown {sorted(again)} after an acknowledged click, by port {port} ({state})"
            watched.violations.append(Violation(time.time(), told))
        return answer

    async def _click(self, user: str, item: str, stop: threading.Event) -> bool:
        """Send an event until it is acknowledged."""
        name, self._events = f"e-{self._number}-{self._events}", self._events + 1
        self._watched.tried.add(name)
        while True:
            answer, _ = await self._anyone("POST", "/events/shop", client.event(user, item, eventId=name))
            if answer is not None:
                self._watched.acknowledged.add(name)
                self._clicked.setdefault(user, set()).add(item)
                return True
            if stop.is_set():
                return False

    async def _anyone(self, method: str, path: str, body: object = None) -> tuple[Answer | None, int]:
        """The first good answer of any replica, as a load balancer would find one."""
        began, attempts = time.monotonic(), 0
        while time.monotonic() - began < PATIENCE_S:
            port = self._chance.choice(self._ports)
            answer = await self._ask(port, method, path, body)
            if answer is not None and answer.status == 200:
                self._watched.again += attempts > 0
                self._watched.slowest_s = max(self._watched.slowest_s, time.monotonic() - began)
                return answer, port
            attempts += 1
            await asyncio.sleep(PAUSE_S)
        return None, 0

    async def _ask(self, port: int, method: str, path: str, body: object) -> Answer | None:
        try:
            connection = self._connections.get(port) or await Connection.open(port)
            self._connections[port] = connection
            answer = await (connection.get(path) if method == "GET" else connection.post(path, body))
        except OSError:
            if (broken := self._connections.pop(port, None)) is not None:
                broken.close()
            return None
        self._watched.statuses[answer.status] += 1
        return answer


@contextmanager
def shopping(ports: Sequence[int], seed: int) -> Iterator[Watched]:
    watched, stop = Watched(), threading.Event()
    shoppers = [Shopper(number, ports, watched, seed) for number in range(SHOPPERS)]

    async def all_() -> None:
        await asyncio.gather(*(each.shop(stop) for each in shoppers))

    thread = threading.Thread(target=lambda: asyncio.run(all_()), name="shoppers")
    thread.start()
    try:
        yield watched
    finally:
        stop.set()
        thread.join()
