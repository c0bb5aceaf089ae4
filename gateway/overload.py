"""Admission: so much is done at once, and who has to wait does so in a short queue, or not at all.

What can't be done in time is refused on arrival, while that is cheap, so that what is admitted takes hardly longer than
on a quiet day. A queue is standing once somebody has waited in it for `LONGEST_S` (CoDel's idea, RFC 8289): a burst
is let through, twice the capacity is not. Keys take turns, and where nobody more may wait the newcomer of a key with
fewer pushes out the last of the key that has most: a flood refuses itself.

The engine's threads and the event loop share an interpreter: where the loop lags, fewer answers are made at once, so
that hits, events and refusals go on.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from gateway.errors import RETRY_AFTER_S, Overloaded, Problem, TooMany

AT_ONCE = 32  # enough for the engine to answer several in one go
MOST_WAITING = 256
LONGEST_S = 0.05
LAG_S = 0.02  # of one round of the event loop
LEAST = 2  # answers at once, however the loop lags
EVENTS_AT_ONCE = 256  # bodies: what is committed in one go
LEAST_EVENTS = 64
ADJUST_S = 0.01  # between two looks at it
TOO_MUCH = "more is asked than can be answered in time; try again in a second"
TOO_MANY_EVENTS = "more events are sent than can be written in time; try again in a second"


class Waiter(NamedTuple):
    since: float
    turn: asyncio.Future[None]


class Admission:
    """Of one worker; used from its event loop."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        at_once: int = AT_ONCE,
        most_waiting: int = MOST_WAITING,
        longest_s: float = LONGEST_S,
        least: int = LEAST,
        refusal: Callable[[], Problem] = lambda: Overloaded(TOO_MUCH, RETRY_AFTER_S),
    ) -> None:
        """`refusal` makes what is raised for who has to come again."""
        self._least, self._refusal = least, refusal
        self._clock, self._at_once, self._most, self._longest_s = clock, at_once, most_waiting, longest_s
        self.limit, self._adjusted = float(at_once), clock()  # answers at once, as the loop's lag allows
        self._queues: OrderedDict[str, deque[Waiter]] = OrderedDict()  # none is empty; the first key's turn is next
        self.running = 0
        self.waiting = 0
        self.refused = 0

    @asynccontextmanager
    async def place(self, key: str) -> AsyncIterator[None]:
        """For as long as it takes. Raises the `refusal` where this key has to come again."""
        asyncio.get_running_loop().call_soon(self._adjust, self._clock())
        if self.running < self.limit and not self._queues:
            self.running += 1
        else:
            await self._wait(key)
        try:
            yield
        finally:
            self._leave()

    def shed(self) -> None:
        """One was refused without being asked about, since another of its kind just was."""
        self.refused += 1

    async def _wait(self, key: str) -> None:
        now = self._clock()
        if self.waiting >= self._most or self._is_standing(now):
            self._push_out(key)
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

    def _is_standing(self, now: float) -> bool:
        return any(now - queue[0].since > self._longest_s for queue in self._queues.values())

    def _push_out(self, key: str) -> None:
        """One must go: the last of the key with most, or this one where none has two more than it."""
        self.refused += 1
        longest = max(self._queues, key=lambda each: len(self._queues[each]))
        if len(self._queues[longest]) < len(self._queues.get(key, ())) + 2:
            raise self._refusal()
        waiter = self._queues[longest][-1]
        self._forget(longest, waiter)
        if not waiter.turn.done():
            waiter.turn.set_exception(self._refusal())

    def _forget(self, key: str, waiter: Waiter) -> None:
        queue = self._queues.get(key, deque())
        if waiter not in queue:
            return
        queue.remove(waiter)
        self.waiting -= 1
        if not queue:
            del self._queues[key]

    def _adjust(self, began: float) -> None:
        """One round of the loop after `began`: less by a fifth where that took long, else one more in a while."""
        now = self._clock()
        if now - self._adjusted < ADJUST_S:
            return
        self._adjusted = now
        if now - began > LAG_S:
            self.limit = max(self._least, 0.8 * self.limit)
        else:
            self.limit = min(float(self._at_once), self.limit + 1.0)

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

    return Admission(clock, at_once=EVENTS_AT_ONCE, least=LEAST_EVENTS, refusal=refusal)
