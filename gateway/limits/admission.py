"""Admission: so much is done at once, and who has to wait does so in a short queue, or not at all.

What can't be done in time is refused on arrival, while that is cheap, so that what is admitted takes hardly longer than
on a quiet day:

- As many are done at once as lets each take no longer than a target: one more in a round where they do, a tenth less
  where they don't (additive increase, multiplicative decrease, as TCP finds its window). What takes long even alone has
  a longer target. The engine's threads and the event loop share an interpreter, so a loop that lags shows in the same
  figure.
- A burst waits. It has become a standing queue once somebody waits for too long, and has for a while (CoDel's idea,
  RFC 8289): from then until nobody has had to be refused for a moment, nobody waits beyond what is done at once.
- Keys have equal shares: one that has less than its own is let in even then, and takes turns with the others. A flood
  refuses itself.

Where many are refused, most of them never ask for a place: `opens` tells so before a request is parsed.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import inf
from typing import NamedTuple

from gateway.errors import RETRY_AFTER_S, Overloaded, Problem, TooMany

AT_ONCE = 18  # enough for the engine to answer several in one go
LEAST = 4  # enough to keep the engine busy
TARGET_S = 0.02  # from its turn to its end, and on top of that...
TIMES_ALONE = 5  # as often the time of an answer that has the engine to itself
SLOWLY = 0.05  # of the difference, by which that time grows with each such answer
MOST_WAITING = 256
LONGEST_S = 0.05  # that somebody waits
TURNS = 5  # or so many answers' time, where that is longer
LATE_S = 0.05  # for which somebody is late before that counts
CALM_S = 0.1  # without a refusal, after which a burst may wait again
COMING_S = 0.01  # from being let on to asking for a place, at most: who takes longer won't, since its answer was there
EVENTS_AT_ONCE = 256  # bodies: what is committed in one go
LEAST_EVENTS = 64
EVENTS_TARGET_S = 0.1
TOO_MUCH = "more is asked than can be answered in time; try again in a second"
TOO_MANY_EVENTS = "more events are sent than can be written in time; try again in a second"


class Waiter(NamedTuple):
    since: float
    turn: asyncio.Future[None]


class Arrivals:
    """Who was let on and has not asked for a place yet, by key. Whoever does not come is forgotten after a while."""

    def __init__(self) -> None:
        self._older: Counter[str] = Counter()
        self._newer: Counter[str] = Counter()
        self._since = 0.0  # of the newer
        self.total = 0

    def forget(self, now: float) -> None:
        """Those who have not come for a while, or up to twice that."""
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
    """Of one worker; used from its event loop."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        at_once: int = AT_ONCE,
        least: int = LEAST,
        target_s: float = TARGET_S,
        most_waiting: int = MOST_WAITING,
        longest_s: float = LONGEST_S,
        late_s: float = LATE_S,
        refusal: Callable[[], Problem] = lambda: Overloaded(TOO_MUCH, RETRY_AFTER_S),
    ) -> None:
        """`refusal` makes what is raised for who has to come again."""
        self._clock, self._refusal = clock, refusal
        self._at_once, self._least, self._target_s = at_once, least, target_s
        self._most, self._longest_s, self._late_s = most_waiting, longest_s, late_s
        self.limit = float(at_once)
        self._lowered, self._took = clock(), 0.0  # when the limit was lowered; about what one takes
        self._alone = inf  # about what one takes that has the engine to itself, as far as is known
        self._crowded_until = clock()
        self._late_since = inf  # somebody has waited for too long, all the time
        self._queues: OrderedDict[str, deque[Waiter]] = OrderedDict()  # none is empty; the first key's turn is next
        self._inside: Counter[str] = Counter()  # running and waiting
        self._coming = Arrivals()
        self.running = 0
        self.waiting = 0
        self.refused = 0

    def opens(self, key: str) -> bool:
        """Whether it is worth while for one more of this key to ask for a place. Else it counts as refused."""
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
        """For as long as it takes. Raises the `refusal` where this key has to come again."""
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
        most = self.limit if now < self._crowded_until else self.limit + self._most
        return self.running + self.waiting + self._coming.total >= most

    def _has_share(self, key: str) -> bool:
        """Whether one more of this key is within its share of what is done at once."""
        own = self._inside[key] + self._coming.of(key)
        return (own + 1) * (len(self._inside) + (key not in self._inside)) <= self.limit

    def _is_standing(self, now: float) -> bool:
        """Whether somebody waits for too long, and somebody has all the time for a while: a stall is soon over."""
        longest = max(self._longest_s, TURNS * self._took)
        if not any(now - queue[0].since > longest for queue in self._queues.values()):
            self._late_since = inf
        elif self._late_since == inf:
            self._late_since = now
        return now - self._late_since >= self._late_s

    def _push_out(self, key: str, now: float) -> None:
        """The last of the key with most who wait; where none has two more than this one, it has to be in its share."""
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
            if not waiter.turn.cancelled() and waiter.turn.exception() is None:  # it had come: somebody else's now
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
        """One that began then has ended, `alone` if no other ran when it began and ended. Whoever was under way with it
        took about as long: that counts once."""
        now = self._clock()
        took = now - since
        self._took += 0.1 * (took - self._took)
        if alone:
            self._alone = min(took, self._alone + SLOWLY * (took - self._alone)) if self._alone < inf else took
        if took <= self._target_s + TIMES_ALONE * self._alone:
            self.limit = min(float(self._at_once), self.limit + 1 / self.limit)
        elif since > self._lowered:
            self.limit, self._lowered = max(float(self._least), 0.9 * self.limit), now

    def _leave(self) -> None:
        """The place goes to the next key's first, unless there are too many."""
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


def of_events(clock: Callable[[], float]) -> Admission:
    def refusal() -> Problem:
        return TooMany(TOO_MANY_EVENTS, RETRY_AFTER_S)

    return Admission(clock, at_once=EVENTS_AT_ONCE, least=LEAST_EVENTS, target_s=EVENTS_TARGET_S, refusal=refusal)
