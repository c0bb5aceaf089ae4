"""Answers that may go out again as they are, each with all that could end that."""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from gateway.answer.repeat import Before, Repeat
from gateway.answer.reply import Reply
from gateway.cache import Cache
from gateway.config import Config
from gateway.experiments.ledger import Ledger
from gateway.hot.heads import HeadReader, VaryGroup
from gateway.telemetry import Telemetry

if TYPE_CHECKING:
    from gateway.hot.second_level import SecondLevel

Header = tuple[bytes, bytes]
Sent = Callable[[Reply, str], Sequence[Header]]  # the headers of a reply, by If-None-Match

OVERHEAD = 900  # bytes of a memo beside its strings: the objects, their places in tables
SETTLE_S = 0.1  # between two times that what was counted is told
TOUCH_S = 1.0  # an answer counts as asked for once in so long
TICKET, TRACED = "recgate.ticket", "recgate.traced"  # in a request's state
MOST_PROMISES = 1000  # beside the cache's ceiling: each holds an answer
MOST_REFUSED = 1000  # recommenders of one room, however they are spelled
QUICK_S = 0.0005  # the first edge of the histogram: what took longer is counted by itself


class Ticket(msgspec.Struct, frozen=True):
    """A request that no memo answered: where what answers it may be kept."""

    heads: HeadReader
    room: VaryGroup
    target: bytes
    is_absent: bool = False  # from Redis, too


class HotRefusal(NamedTuple):
    """What goes out where more is asked of a recommender than can be answered."""

    head: bytes
    body: bytes


class MetricLabels(NamedTuple):
    """Whom answers count for."""

    route: str
    namespace: str
    recommender: str
    outcome: str
    experiment: str
    variation: str


class HitCounter:
    """Answers that went out by memos and count alike, since they were told last."""

    __slots__ = ("hits", "not_modified", "seconds", "told")

    def __init__(self, told: MetricLabels) -> None:
        self.told = told
        self.hits, self.not_modified, self.seconds = 0, 0, 0.0

    def add(self, seconds: float, is_known: bool) -> None:
        self.seconds += seconds
        if is_known:
            self.not_modified += 1
        else:
            self.hits += 1


class HotAnswer(Protocol):
    """An answer as it goes out but for its age: `head` ends where that comes, `rest` goes on after it, and then there
    is the `body` with what it ends in. `unmodified` are a 304's head and rest."""

    @property
    def head(self) -> bytes: ...
    @property
    def rest(self) -> bytes: ...
    @property
    def body(self) -> bytes | memoryview: ...
    @property
    def tail(self) -> bytes: ...
    @property
    def stored_at(self) -> float: ...
    @property
    def etag(self) -> str: ...
    @property
    def unmodified(self) -> tuple[bytes, bytes] | None: ...


class HotEntry:
    """An answer that this worker keeps."""

    __slots__ = (
        "body",
        "doubts",
        "etag",
        "generation",
        "head",
        "moves",
        "own",
        "repeat",
        "rest",
        "room",
        "size",
        "stored_at",
        "tail",
        "tally",
        "target",
        "touched",
        "unmodified",
        "until",
    )

    def __init__(
        self,
        ticket: Ticket,
        repeat: Repeat,
        tally: HitCounter,
        etag: str,
        whole: tuple[bytes, bytes],
        unmodified: tuple[bytes, bytes] | None,
    ) -> None:
        self.head, self.rest = whole
        self.body: bytes | memoryview = memoryview(repeat.body)[:-1] if repeat.tail else repeat.body
        self.tail, self.etag, self.unmodified = repeat.tail, etag, unmodified
        self.stored_at, self.tally = repeat.entry.stored_at, tally
        self.room, self.target, self.repeat = ticket.room, ticket.target, repeat
        self.until, self.own, self.touched = repeat.until, repeat.own, 0.0
        before = repeat.before
        self.generation, self.doubts, self.moves = before.generation, before.doubts, before.moves
        self.size = OVERHEAD + len(self.target) + sum(map(len, (*whole, *(unmodified or ()))))

    def forget(self) -> None:
        if self.room.get(self.target) is self:
            del self.room[self.target]


class Candidate:
    """What a memo can be made of, if the same is asked again soon: most answers never are."""

    __slots__ = ("reply", "route", "sent", "ticket")

    def __init__(self, ticket: Ticket, route: str, reply: Reply, sent: Sent) -> None:
        self.ticket, self.route, self.reply, self.sent = ticket, route, reply, sent

    def forget(self) -> None:
        room, target = self.ticket.room, self.ticket.target
        if room.get(target) is self:
            del room[target]


class HotCache:
    """One worker's, used from the event loop only."""

    def __init__(
        self,
        config: Config,
        cache: Cache,
        ledger: Ledger,
        telemetry: Telemetry,
        is_current: Callable[..., bool],
        clock: Callable[[], float],
    ) -> None:
        """`is_current()`: answers are of the deployed models; `is_current(group, user)`: and have seen what this user
        has done."""
        self.clock, self.is_current, self.changes = clock, is_current, cache.changes
        self.draws = telemetry.draws
        self._cache, self._ledger, self._telemetry = cache, ledger, telemetry
        self._tallies: dict[MetricLabels, HitCounter] = {}
        self._promises: deque[Candidate] = deque()
        self._timer: TimerHandle | None = None
        self.far: SecondLevel | None = None
        self.opens: Callable[[str], bool] = lambda _: True  # whether one more of this sender's may ask the engine
        self.heads = HeadReader(config)

    def use(self, config: Config) -> None:
        """Nothing made under the configuration before goes out by memo any more."""
        self._promises.clear()
        self.heads = HeadReader(config)

    # ---- looking

    def holds(self, memo: HotEntry, now: float) -> bool:
        """Whether the answer is still what the ordinary way would give."""
        if now >= memo.until or memo.moves != self._ledger.moves:
            return False
        if not self.is_current(*(memo.own or ())):
            return False
        if memo.repeat.version is not None and memo.repeat.version() != memo.repeat.mark:
            return False
        return memo.generation == self.changes.generation or self._still(memo)

    def _still(self, memo: HotEntry) -> bool:
        """Something has changed: whether any of it matters here."""
        changes, repeat = self.changes, memo.repeat
        generation = changes.generation  # read first: what comes while we look is looked at next time
        if memo.doubts != changes.doubts or changes.latest(repeat.tags) != repeat.seen:
            return False
        if changes.items_after(repeat.namespace, repeat.entry.answer.as_of):
            return False
        memo.generation = generation
        return True

    # ---- learning

    def keep(self, ticket: Ticket, route: str, reply: Reply, sent: Sent) -> None:
        """What went out, where it may go out again: at once where it had been asked for before."""
        if reply.outcome != "miss" or ticket.is_absent:
            self._learn(ticket, route, reply, sent)
            return
        promise = ticket.room[ticket.target] = Candidate(ticket, route, reply, sent)
        self._promises.append(promise)
        if len(self._promises) > MOST_PROMISES:
            self._promises.popleft().forget()

    def kept(self, promise: Candidate) -> HotEntry | None:
        """Asked for again: what was promised, unless anything has changed since."""
        promise.forget()
        return self._learn(promise.ticket, promise.route, promise.reply, promise.sent)

    def _learn(self, ticket: Ticket, route: str, reply: Reply, sent: Sent) -> HotEntry | None:
        as_of = 0 if self.far is None else self.far.seen()  # first: what comes meanwhile has not been seen
        repeat = None if reply.repeat is None or ticket.heads is not self.heads else reply.repeat()
        if repeat is None or not self._as_it_was(repeat):
            return None
        again = msgspec.structs.replace(reply, outcome=repeat.outcome)
        told = MetricLabels(route, repeat.namespace, repeat.recommender, again.outcome, *repeat.arm)
        unmodified = split(sent(again, again.etag)) if again.etag else None
        memo = HotEntry(ticket, repeat, self.tally(told), again.etag, split(sent(again, "")), unmodified)
        known = ticket.room.get(ticket.target)
        if isinstance(known, HotEntry):
            self._cache.detach(known.repeat.key, known.repeat.entry, known)
        ticket.room[ticket.target] = memo
        self._cache.attach(repeat.key, repeat.entry, memo)
        if self.far is not None and ticket.is_absent:
            self.far.store(ticket.room.far_name(ticket.target), memo, told, as_of)
        return memo

    def _as_it_was(self, repeat: Repeat) -> bool:
        """Whether nothing has changed since before the answer was looked up."""
        return repeat.before == Before.of(self.changes, self._ledger.moves)

    def refused(self, ticket: Ticket, headers: Sequence[Header], body: bytes) -> None:
        """More is asked than can be answered: to say so again must cost next to nothing."""
        refusals = ticket.room.refusals
        if len(refusals) >= MOST_REFUSED:
            refusals.clear()
        refusals[asked_of(ticket.target)] = HotRefusal(lines(headers) + b"\r\n", body)

    # ---- counting

    def tally(self, told: MetricLabels) -> HitCounter:
        found = self._tallies.get(told)
        if found is None:
            found = self._tallies[told] = HitCounter(told)
        return found

    def touch(self, memo: HotEntry, now: float) -> None:
        memo.touched = now
        self._cache.touch(memo.repeat.key)

    def tell(self, told: MetricLabels, status: int, seconds: float, count: int = 1) -> None:
        """So many answers that each took so long."""
        self._telemetry.request(told.route, status, seconds, count)
        self._telemetry.lookup(told.namespace, told.recommender, told.outcome, count)
        if told.experiment:
            self._ledger.shown_again(told.experiment, told.variation, count, seconds * count)

    def count(self, route: str, status: int, seconds: float) -> None:
        self._telemetry.request(route, status, seconds)

    def settle(self) -> None:
        """Tell all that was counted till now."""
        for tally in self._tallies.values():
            count = tally.hits + tally.not_modified
            if not count:
                continue
            each = tally.seconds / count
            for status, times in ((200, tally.hits), (304, tally.not_modified)):
                if times:
                    self.tell(tally.told, status, each, times)
            tally.hits, tally.not_modified, tally.seconds = 0, 0, 0.0

    def start(self, loop: AbstractEventLoop) -> None:
        self.settle()
        self._timer = loop.call_later(SETTLE_S, self.start, loop)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.settle()
        if self.far is not None:
            await self.far.close()


def asked_of(target: bytes) -> bytes:
    """The action, namespace and recommender of a question: what is before its fourth slash."""
    return b"/".join(target.split(b"/", 4)[:4])


def lines(headers: Sequence[Header]) -> bytes:
    return b"\r\n".join([*map(b": ".join, headers), b""])


def split(headers: Sequence[Header]) -> tuple[bytes, bytes]:
    """The lines before the age and its name, and those after it with the empty line."""
    place = next(at for at, (name, _) in enumerate(headers) if name == b"age")
    return lines(headers[:place]) + b"age: ", b"\r\n" + lines(headers[place + 1 :]) + b"\r\n"
