"""Shoppers of two tenants who click what they are shown, and check every list that they get.

All users of a tenant are shown one ranking, but for what they have touched themselves. So each list is known:
- what was clicked, and acknowledged, is not in it (else the answer is from before the event: read-your-writes),
- it leaves out nothing else (that would be another user's history), and has no item of the other tenant.

In the end every acknowledged event must be in the log, once, as it was sent (a set, as Jepsen checks it).
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from loadtests import client, world
from loadtests.campaign.tenants import TENANTS, Tenant, imported, ranking
from loadtests.client import Answer, Connection

SHOPPERS = 8
USERS = 60  # of each shopper, who alone acts for them
PATIENCE_S = 10.0  # after it nobody has answered
ATTEMPT_S = 2.0  # after which the next machine is asked, as a load balancer does
AVOIDED_S = 2.0  # for which one that did not answer comes last, as a load balancer has it
PAUSE_S = 0.05  # once all were asked in vain
REST_S = 0.1  # between two clicks of a shopper
BEHIND = "x-recgate-behind"  # the header of an answer that may lack what its sender knows of


class Sent(NamedTuple):
    tenant: str
    user: str
    item: str


class Unanswered(NamedTuple):
    request: str
    fault: str  # of the time when it was asked
    attempts: Mapping[str, int]  # how often each machine failed, and how


@dataclass
class Watched:
    """What all shoppers saw; filled by one thread."""

    sent: dict[str, Sent] = field(default_factory=dict)  # by ids of events
    acknowledged: set[str] = field(default_factory=set)
    requests: int = 0  # lists and events, each as often as it was asked for or sent
    asked: int = 0  # lists
    states: Counter[str] = field(default_factory=Counter)  # how lists came: hit, miss, stale, …
    behind: int = 0  # lists that say that they may be from before
    again: int = 0  # requests that another machine had to answer
    failures: Counter[str] = field(default_factory=Counter)  # of attempts, by machine and kind
    unanswered: list[Unanswered] = field(default_factory=list)
    slowest_s: dict[str, float] = field(
        default_factory=lambda: {"GET": 0.0, "POST": 0.0}
    )  # that was answered, of GET and POST
    before: list[str] = field(default_factory=list)  # answers from before an acknowledged event
    foreign: list[str] = field(default_factory=list)  # answers of another user or tenant
    fault: str = ""  # of this moment; set by the campaign


class Shop:
    """What is known of a tenant beforehand, and what its users did."""

    def __init__(self, tenant: Tenant, ranking: Sequence[str]) -> None:
        self.tenant, self._ranking = tenant, ranking
        self.tried: defaultdict[str, set[str]] = defaultdict(set)  # by user
        self.clicked: defaultdict[str, set[str]] = defaultdict(set)  # and acknowledged
        for user, items in imported(tenant).items():
            self.tried[user] |= items
            self.clicked[user] |= items

    def not_its_own(self, user: str, shown: Sequence[str]) -> list[str]:
        """Items of another tenant, and items that are left out as if this user had touched them."""
        places = {item: place for place, item in enumerate(self._ranking)}
        end = max((places[item] for item in shown if item in places), default=0)
        left_out = set(self._ranking[:end]) - set(shown) - self.tried[user]
        return [item for item in shown if not self.tenant.owns(item)] + sorted(left_out)


class Shopper:
    def __init__(self, number: int, shops: list[Shop], doors: Mapping[int, str], watched: Watched, seed: int) -> None:
        self._number, self._shops, self._doors, self._watched = number, shops, doors, watched
        self._chance = random.Random(seed * 1_000 + number)
        self._connections: dict[int, Connection] = {}
        self._failed: dict[int, float] = {}  # when each machine last did not answer
        self._events = count()

    async def shop(self, stop: threading.Event) -> None:
        while not stop.is_set():
            shop = self._chance.choice(self._shops)
            user = world.user_name(self._number * USERS + self._chance.randrange(USERS))
            shown = await self._list(shop, user)
            if shown and await self._click(shop, user, self._chance.choice(shown[:10]), stop):
                await self._list(shop, user)
            await asyncio.sleep(REST_S)

    async def _list(self, shop: Shop, user: str) -> list[str]:
        """A list that was checked; empty where nobody answers."""
        clicked, watched = set(shop.clicked[user]), self._watched
        watched.asked += 1
        answer, door = await self._anyone("GET", shop.tenant.path(user))
        if answer is None:
            return []
        shown, state = answer.items(), answer.headers.get("x-cache", "")
        watched.states[state] += 1
        about = f"{shop.tenant.name}, {user}, by {door} ({state}), while: {watched.fault}"
        if not_its_own := shop.not_its_own(user, shown):
            watched.foreign.append(f"{about}: {not_its_own}")
        if BEHIND in answer.headers:
            watched.behind += 1
        elif again := clicked.intersection(shown):
            watched.before.append(f"{about}: {sorted(again)} again after an acknowledged click")
        return shown

    async def _click(self, shop: Shop, user: str, item: str, stop: threading.Event) -> bool:
        """Send an event until it is acknowledged."""
        name = f"{shop.tenant.name}-{self._number}-{next(self._events)}"
        self._watched.sent[name] = Sent(shop.tenant.name, user, item)
        shop.tried[user].add(item)
        while not stop.is_set():
            answer, _ = await self._anyone("POST", shop.tenant.events, client.event(user, item, eventId=name))
            if answer is not None:
                self._watched.acknowledged.add(name)
                shop.clicked[user].add(item)
                return True
        return False

    async def _anyone(self, method: str, path: str, body: object = None) -> tuple[Answer | None, str]:
        """The first good answer, and the name of the machine that gave it."""
        began, fault, failures = time.monotonic(), self._watched.fault, Counter[str]()
        self._watched.requests += 1
        ports = self._chance.sample([*self._doors], len(self._doors))
        ports.sort(key=lambda port: self._failed.get(port, 0.0) + AVOIDED_S > began)
        for attempt in count():
            port = ports[attempt % len(ports)]
            answer, failure = await self._ask(port, method, path, body)
            took = time.monotonic() - began
            if answer is not None:
                self._watched.again += attempt > 0
                self._watched.slowest_s[method] = max(self._watched.slowest_s[method], took)
                return answer, self._doors[port]
            failures[f"{self._doors[port]}: {failure}"] += 1
            self._failed[port] = time.monotonic()
            if took > PATIENCE_S:
                break
            if port == ports[-1]:
                await asyncio.sleep(PAUSE_S)
        self._watched.unanswered.append(Unanswered(f"{method} {path}", fault, failures))
        return None, ""

    async def _ask(self, port: int, method: str, path: str, body: object) -> tuple[Answer | None, str]:
        """A good answer, or why there is none."""
        try:
            connection = self._connections.get(port) or await Connection.open(port, ATTEMPT_S)
            self._connections[port] = connection
            answer = await (connection.get(path) if method == "GET" else connection.post(path, body))
        except OSError as error:
            failure = type(error.__cause__ or error).__name__
            if (broken := self._connections.pop(port, None)) is not None:
                broken.close()
        else:
            if answer.status == 200:
                return answer, ""
            failure = str(answer.status)
        self._watched.failures[f"{method}, {self._doors[port]}: {failure}"] += 1
        return None, failure


@contextmanager
def shopping(doors: Mapping[int, str], seed: int) -> Iterator[Watched]:
    watched, stop = Watched(), threading.Event()
    shops = [Shop(tenant, ranking(tenant, next(iter(doors)))) for tenant in TENANTS]
    shoppers = [Shopper(number, shops, doors, watched, seed) for number in range(SHOPPERS)]

    async def all_() -> None:
        await asyncio.gather(*(each.shop(stop) for each in shoppers))

    thread = threading.Thread(target=lambda: asyncio.run(all_()), name="shoppers")
    thread.start()
    try:
        yield watched
    finally:
        stop.set()
        thread.join()
