"""Implicit impressions: an event that names an answer says that its user saw what that answer showed (§5.3).

What was shown is looked up a moment later, in a thread: the answer may be another process's that has not been written
yet, and an event must not wait for files. It then goes into the event log, so that every process counts the same.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from engine.data import entries
from engine.data.log import Log, LogEntry
from engine.errors import EngineError
from engine.impressions.rounds import Rounds
from engine.impressions.segment import ShownAnswer
from engine.impressions.shown_log import FLUSH_S, ShownLog
from engine.question import Event

log = logging.getLogger(__name__)

TICK_S = 2 * FLUSH_S
TRIES = 3  # ticks; by then the answer is written, or never will be
MOST_WAITING = 50_000  # beyond these the newest are not counted


class AnswerMention(NamedTuple):
    group: str  # the dataset group's uid
    who: str  # the user or session
    answer: str  # a recommendationId
    tries: int = 0


class ImplicitImpressions:
    def __init__(self, shown: ShownLog, events: Log) -> None:
        self._shown, self._log = shown, events
        self._waiting: deque[AnswerMention] = deque()
        self._settling = threading.Lock()
        self._rounds = Rounds(self._settle_or_lose, TICK_S, "impressions")

    def start(self) -> None:
        self._rounds.start()

    def close(self) -> None:
        """Ends the thread; mentions that wait are settled, as far as their answers are written."""
        self._rounds.close()
        self._settle_or_lose()

    def note(self, group: str, who: str, events: Iterable[Event]) -> None:
        """Takes note of events that name an answer; where they list an impression as well, that counts instead."""
        for event in events:
            if event.recommendation_id and not event.impression and len(self._waiting) < MOST_WAITING:
                self._waiting.append(AnswerMention(group, who, event.recommendation_id))
                self._rounds.wake()

    def settle(self) -> None:
        """Looks up the answers mentioned until now; one that is not found is looked for again next time.

        Raises `Unavailable` where the event log can't be written.
        """
        with self._settling:
            mentions = dict.fromkeys(self._waiting.popleft() for _ in range(len(self._waiting)))
            answers = self._shown.find({each.answer for each in mentions})
            self._waiting.extend(
                each._replace(tries=each.tries + 1)
                for each in mentions
                if each.answer not in answers and each.tries + 1 < TRIES
            )
            pairs = ((each, answers[each.answer]) for each in mentions if each.answer in answers)
            impressions = [_entry(each, shown) for each, shown in pairs if shown.group == each.group]
            if impressions:
                self._log.append(impressions).result()

    def _settle_or_lose(self) -> bool:
        had_mentions = bool(self._waiting)
        try:
            self.settle()
        except (OSError, EngineError) as error:  # impressions are estimates: better to lose some than to stop counting
            log.warning("implicit impressions of the last moment are lost: %s", error)
        return had_mentions


def _entry(mention: AnswerMention, shown: ShownAnswer) -> LogEntry:
    """One answer counts once for one user, whatever the user did with it."""
    once = blake2b(f"shown\0{mention.answer}\0{mention.who}".encode(), digest_size=16).digest()
    return LogEntry(mention.group, "shown", "", entries.encode(entries.Impression(shown.items)), once)
