"""Admission: a limit on requests at once, with a short queue before it.

A request that can't be answered in time is refused on arrival, while that is cheap. So an admitted one takes hardly
longer than on a quiet day:

- The limit lets each request take no longer than a target. It grows by one in a round that meets the target, and falls
  by a tenth after one that does not (additive increase, multiplicative decrease, as TCP finds its window). Requests
  that take long even alone have a longer target. The engine's threads and the event loop share an interpreter, so a
  loop that lags shows in the same figure.
- A burst waits. It is a standing queue once a request has waited for too long, and others have for a while (CoDel's
  idea, RFC 8289). From then until no request has been refused for a moment, no request waits beyond the limit.
- Keys have equal shares. A key with less than its share is let in even then, and takes turns with the others. A flood
  refuses itself.

While many are refused, most of them never ask for a place: `opens` refuses them before they are parsed.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from gateway.errors import RETRY_AFTER_S, Overloaded, Problem, TooMany

TIMES_ALONE = 5  # beyond the target so many times as long as an answer that has the engine to itself
SLOWLY = 0.05  # of the difference, by which that time grows with each such answer
TURNS = 5  # answers, whose time a request may wait, if that is longer
CALM_S = 0.1  # without a refusal, after which a burst may wait again
COMING_S = 0.01  # from being let on to asking for a place, at most: a request that takes longer was answered without
TOO_MUCH = "more is asked than can be answered in time; try again in a second"
TOO_MANY_EVENTS = "more events are sent than can be written in time; try again in a second"


@dataclass(frozen=True)
class AdmissionBounds:
    at_once: int = 18  # the limit at most: enough for the engine to answer several in one go
    least: int = 4  # the limit at least: enough to keep the engine busy
    target_s: float = 0.02  # from its turn to its end
    most_waiting: int = 256
    longest_s: float = 0.05  # that a request waits
    late_s: float = 0.05  # for which some request is late before that counts


BOUNDS = AdmissionBounds()
EVENT_BOUNDS = AdmissionBounds(at_once=256, least=64, target_s=0.1)  # of bodies: so many are committed in one go


class Waiter(NamedTuple):
    since: float
    turn: asyncio.Future[None]


class Arrivals:
    """Requests that were let on and have not asked for a place yet, by key. Those that don't come are forgotten."""

    def __init__(self) -> None:
        self._older: Counter[str] = Counter()
        self._newer: Counter[str] = Counter()
        self._since = 0.0  # of the newer
        self.total = 0

    def forget(self, now: float) -> None:
        """Forget those who have not come for a while, or up to twice that."""
        if now - self._since > COMING_S:
            self.total -= self._older.total()
            self._older, self._newer, self._since = self._newer, Counter(), now

    def add(self, key: str) -> None:
        self._newer[key] += 1
        self.total += 1

    def drop(self, key: str) -> None:
        for some in (self._older, self._newer):
            if some[key]:
                some[key] -= 1
                self.total -= 1
                return

    def of(self, key: str) -> int:
        return self._older[key] + self._newer[key]


class Admission:
    """The admission of one worker, used from its event loop."""

    def __init__(
        self,
        clock: Callable[[], float],
        bounds: AdmissionBounds = BOUNDS,
        refusal: Callable[[], Problem] = lambda: Overloaded(TOO_MUCH, RETRY_AFTER_S),
    ) -> None:
        """`refusal` makes the problem that is raised for a key that has to come again."""
        self._clock, self._bounds, self._refusal = clock, bounds, refusal
        self.limit = float(bounds.at_once)
        self._lowered, self._took = clock(), 0.0  # when the limit was lowered; about the time of one
        self._alone = inf  # about the time of one that has the engine to itself, as far as is known
        self._crowded_until = clock()
        self._late_since = inf  # since when some request has waited for too long, all the time
        self._queues: OrderedDict[str, deque[Waiter]] = OrderedDict()  # none is empty; the first key's turn is next
        self._inside: Counter[str] = Counter()  # running and waiting
        self._coming = Arrivals()
        self.running = 0
        self.waiting = 0
        self.refused = 0

    def opens(self, key: str) -> bool:
        """True if one more of this key may ask for a place. Else it counts as refused."""
        now = self._clock()
        if now >= self._crowded_until:
            return True
        self._coming.forget(now)
        if not self._is_full(now) or self._has_share(key):
            self._coming.add(key)
            return True
        self._refuse(now)
        return False

    @asynccontextmanager
    async def place(self, key: str) -> AsyncIterator[None]:
        """Hold a place while the request is answered. Raises the `refusal` if this key has to come again."""
        now = self._clock()
        self._coming.drop(key)
        if self._is_standing(now):
            self._crowded_until = now + CALM_S
        if self._is_full(now):
            self._push_out(key, now)
        self._inside[key] += 1
        alone = not self.running
        try:
            if self.running < self.limit and not self._queues:
                self.running += 1
            else:
                await self._wait(key, now)
                now = self._clock()
            try:
                yield
            finally:
                alone = alone and self.running == 1
                self._leave()
                self._learn(now, alone)
        finally:
            self._inside[key] -= 1
            if not self._inside[key]:
                del self._inside[key]

    def _is_full(self, now: float) -> bool:
        most = self.limit if now < self._crowded_until else self.limit + self._bounds.most_waiting
        return self.running + self.waiting + self._coming.total >= most

    def _has_share(self, key: str) -> bool:
        """True if one more of this key is within its share of the limit."""
        own = self._inside[key] + self._coming.of(key)
        return (own + 1) * (len(self._inside) + (key not in self._inside)) <= self.limit

    def _is_standing(self, now: float) -> bool:
        """True if some request has waited for too long, all the time for a while: a mere stall is soon over."""
        longest = max(self._bounds.longest_s, TURNS * self._took)
        if not any(now - queue[0].since > longest for queue in self._queues.values()):
            self._late_since = inf
        elif self._late_since == inf:
            self._late_since = now
        return now - self._late_since >= self._bounds.late_s

    def _push_out(self, key: str, now: float) -> None:
        """Refuse the last in the longest queue. If none is two longer than this key's, it has to be in its share."""
        longest = max(self._queues, key=lambda each: len(self._queues[each]), default=key)
        if len(self._queues.get(longest, ())) < len(self._queues.get(key, ())) + 2:
            if not self._has_share(key):
                self._refuse(now)
                raise self._refusal()
            return
        self._refuse(now)
        waiter = self._queues[longest][-1]
        self._forget(longest, waiter)
        if not waiter.turn.done():
            waiter.turn.set_exception(self._refusal())

    def _refuse(self, now: float) -> None:
        self.refused += 1
        self._crowded_until = now + CALM_S

    async def _wait(self, key: str, now: float) -> None:
        waiter = Waiter(now, asyncio.get_running_loop().create_future())
        self._queues.setdefault(key, deque()).append(waiter)
        self.waiting += 1
        try:
            await waiter.turn
        except asyncio.CancelledError:
            self._forget(key, waiter)
            if not waiter.turn.cancelled() and waiter.turn.exception() is None:  # its turn had come: it goes to another
                self._leave()
            raise

    def _forget(self, key: str, waiter: Waiter) -> None:
        queue = self._queues.get(key, deque())
        if waiter not in queue:
            return
        queue.remove(waiter)
        self.waiting -= 1
        if not queue:
            del self._queues[key]

    def _learn(self, since: float, alone: bool) -> None:
        """Learn from a request that began at `since`, `alone` if no other ran when it began and ended. Others that were
        under way with it took about as long: that counts once."""
        now = self._clock()
        took = now - since
        self._took += 0.1 * (took - self._took)
        if alone:
            self._alone = min(took, self._alone + SLOWLY * (took - self._alone)) if self._alone < inf else took
        if took <= self._bounds.target_s + TIMES_ALONE * self._alone:
            self.limit = min(float(self._bounds.at_once), self.limit + 1 / self.limit)
        elif since > self._lowered:
            self.limit, self._lowered = max(float(self._bounds.least), 0.9 * self.limit), now

    def _leave(self) -> None:
        """Give the place to the first of the next key, unless there are too many."""
        while self._queues and self.running <= self.limit:
            key, queue = self._queues.popitem(last=False)
            waiter = queue.popleft()
            if queue:
                self._queues[key] = queue
            self.waiting -= 1
            if not waiter.turn.done():  # else its caller has gone
                waiter.turn.set_result(None)
                return
        self.running -= 1


def admission_of_events(clock: Callable[[], float]) -> Admission:
    return Admission(clock, EVENT_BOUNDS, lambda: TooMany(TOO_MANY_EVENTS, RETRY_AFTER_S))
