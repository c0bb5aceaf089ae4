"""Showings: when each item was shown to a user by a campaign that has a rule of fatigue, as far as that looks back.

To show is to put a small tuple into a queue; a thread writes what waits into the database every half a second, where
every worker and replica reads it. A killed process loses the last half second. A user that this process has shown
something lately is remembered here, and read again after a second, for what others have shown.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from engine.errors import EngineError, Unavailable
from engine.impressions.rounds import Rounds
from engine.question import Fatigue
from engine.storage.sql import Database
from engine.storage.tables import shown_items

log = logging.getLogger(__name__)

FLUSH_S = 0.5
FRESH_S = 1.0  # for so long what others have shown may be unknown here
MOST_WAITING = 50_000  # showings; beyond these the newest are not counted
MOST_USERS = 20_000  # remembered in this process, by campaign
MOST_ITEMS = 1_000  # of one user and campaign, those shown last
WRITTEN_AT_ONCE = 500  # users of one transaction: events wait for it
TIDY_S = 3_600.0
TURN = 7235  # of writers: they read a row before they replace it

Times = Mapping[str, tuple[int, ...]]  # item -> epoch seconds, oldest first

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, tuple[int, ...]]).decode


class Audience(NamedTuple):
    """A user of a dataset group, and the ARN of the campaign that shows."""

    group: str
    user: str
    source: str


class _Showing(NamedTuple):
    audience: Audience
    at: int
    items: tuple[str, ...]
    rule: Fatigue


class _Remembered(NamedTuple):
    times: Times
    read_at: float


class Showings:
    """Safe to use from many threads."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock, self._tidied = database, clock, clock()
        self._waiting: deque[_Showing] = deque()
        self._unwritten: dict[Audience, int] = {}  # showings of this process that are not in the database yet
        self._remembered: OrderedDict[Audience, _Remembered] = OrderedDict()
        self.lost = 0
        self._lock = threading.Lock()  # of the three above
        self._rounds = Rounds(self._flush_and_tidy, FLUSH_S, "showings")

    def start(self) -> None:
        self._rounds.start()

    def close(self) -> None:
        """Ends the thread and writes all that waits; what is old is left to those who go on."""
        self._rounds.close()
        self._flush_or_lose()

    def note(self, audience: Audience, items: Iterable[str], rule: Fatigue) -> None:
        """Counts a list as shown now. Takes a few microseconds and never waits."""
        showing = _Showing(audience, int(self._clock()), tuple(items), rule)
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                self.lost += 1
                return
            self._waiting.append(showing)
            self._unwritten[audience] = self._unwritten.get(audience, 0) + 1
            remembered = self._remembered.get(audience)
            if remembered is not None:
                self._remembered[audience] = remembered._replace(times=with_showing(remembered.times, showing))

    def is_at_hand(self, audience: Audience) -> bool:
        """True where `times` needs no look into the database."""
        return self._at_hand(audience) is not None

    def times(self, audience: Audience) -> Times:
        """The latest times that each item was shown. May read the database; while that is down, as far as this process
        remembers."""
        remembered = self._at_hand(audience)
        if remembered is not None:
            return remembered.times
        try:
            times = self._read(audience)
        except Unavailable:  # which the database has logged
            stale = self._remembered.get(audience)
            times = {} if stale is None else stale.times
        with self._lock:
            for showing in self._waiting:
                if showing.audience == audience:
                    times = with_showing(times, showing)
            self._remembered[audience] = _Remembered(times, self._clock())
            self._remembered.move_to_end(audience)
            if len(self._remembered) > MOST_USERS:
                self._remembered.popitem(last=False)
        return times

    def forget(self, group: str) -> None:
        """Read everything of a dataset group anew: users may have been deleted."""
        with self._lock:
            for audience in [each for each in self._remembered if each.group == group]:
                del self._remembered[audience]

    def flush(self) -> None:
        """Write what waits. Raises `Unavailable` where it can't be written; it is lost then."""
        while True:
            with self._lock:
                count = min(len(self._waiting), WRITTEN_AT_ONCE)
                batch = [self._waiting.popleft() for _ in range(count)]
            if not batch:
                return
            try:
                self._write_batch(batch)
            except EngineError:
                self.lost += len(batch)
                raise
            finally:
                with self._lock:
                    for showing in batch:
                        self._written(showing.audience)

    def tidy(self) -> None:
        """Delete what no rule looks back to, once an hour. Raises `Unavailable` where that can't be done."""
        now = self._clock()
        if now - self._tidied < TIDY_S:
            return
        self._tidied = now
        with self._database.write() as within:
            within.execute(sa.delete(shown_items).where(shown_items.c.until < int(now)))

    # ---- inside

    def _at_hand(self, audience: Audience) -> _Remembered | None:
        """What is remembered, unless others may have shown something since; while showings of this process are on
        their way to the database, it knows more than that."""
        remembered = self._remembered.get(audience)
        if remembered is None:
            return None
        fresh = self._clock() - remembered.read_at < FRESH_S or audience in self._unwritten
        return remembered if fresh else None

    def _written(self, audience: Audience) -> None:
        left = self._unwritten.get(audience, 0) - 1
        if left > 0:
            self._unwritten[audience] = left
        else:
            self._unwritten.pop(audience, None)

    def _read(self, audience: Audience) -> Times:
        c = shown_items.c
        own = (c.grp == audience.group, c.who == audience.user, c.source == audience.source)
        body = self._database.value(sa.select(c.body).where(*own))
        return {} if body is None else _decode(body)

    def _write_batch(self, batch: Sequence[_Showing]) -> None:
        by_audience: dict[Audience, list[_Showing]] = {}
        for showing in batch:
            by_audience.setdefault(showing.audience, []).append(showing)
        c = shown_items.c
        with self._database.write() as within:
            self._database.wait_turn(within, TURN)
            query = sa.select(c.grp, c.who, c.source, c.body).where(c.who.in_({each.user for each in by_audience}))
            earlier = {Audience(*row[:3]): _decode(row[3]) for row in within.execute(query)}
            rows = [_row(each, earlier.get(each, {}), showings) for each, showings in by_audience.items()]
            added = self._database.insert(shown_items)
            changed = {"body": added.excluded.body, "until": added.excluded.until}
            within.execute(added.on_conflict_do_update(index_elements=[c.grp, c.who, c.source], set_=changed), rows)

    def _flush_and_tidy(self) -> bool:
        self._flush_or_lose()
        with suppress(EngineError):  # which the database has logged
            self.tidy()
        return True  # the hour passes without anything to do

    def _flush_or_lose(self) -> None:
        try:
            self.flush()
        except EngineError as error:  # fatigue is an estimate: answers go on, and the next round tries again
            log.warning("what was shown in the last moment is not counted: %s", error)


def with_showing(times: Times, showing: _Showing) -> Times:
    """The times with one showing more: of each item as many as the rule looks at."""
    most, shown = showing.rule.shown, dict(times)
    for item in dict.fromkeys(showing.items):
        before = shown.pop(item, ())  # so that what was shown last stands last
        shown[item] = (*before, showing.at)[-most:]
    return shown


def forget_shown(within: sa.Connection, group: str, users: Sequence[str] | None = None) -> None:
    """Delete what users were shown, or everybody of a dataset group."""
    c = shown_items.c
    if users is None:
        within.execute(sa.delete(shown_items).where(c.grp == group))
        return
    for first in range(0, len(users), WRITTEN_AT_ONCE):
        own = c.who.in_(users[first : first + WRITTEN_AT_ONCE])
        within.execute(sa.delete(shown_items).where(c.grp == group, own))


def _row(audience: Audience, times: Times, showings: Sequence[_Showing]) -> dict[str, object]:
    for showing in showings:
        times = with_showing(times, showing)
    last = showings[-1]
    reach = max(last.rule.within_s, last.rule.rest_s)
    alive = [(item, each) for item, each in times.items() if each[-1] + reach >= last.at][-MOST_ITEMS:]
    keys = {"grp": audience.group, "who": audience.user, "source": audience.source}
    return {**keys, "body": _encode(dict(alive)), "until": last.at + reach}
