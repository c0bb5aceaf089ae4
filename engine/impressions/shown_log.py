"""The shown log: every answer of every process for a day or more, out of the way of the requests that make them.

To answer is to put a small struct into a queue; a thread writes what waits into a segment file of this process, every
fifth of a second. Any process finds an answer by its name in the segments of all. Segments leave when they are older
than is kept, or when all take more than they may, oldest first. A killed process loses the last fifth of a second.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from engine.impressions.ids import tag_of
from engine.impressions.rounds import Rounds
from engine.impressions.segment import SegmentReader, SegmentWriter, ShownAnswer, index_left_open, index_path

log = logging.getLogger(__name__)

FLUSH_S = 0.2
MOST_WAITING = 50_000  # answers; beyond these the newest are not remembered
SEGMENT_BYTES = 16_000_000
SEGMENTS_KEPT = 24  # a segment is open for at most this part of what is kept


class ShownLog:
    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        *,
        keep_s: float,
        most_bytes: int,
    ) -> None:
        self._folder, self._clock, self._new_id = folder, clock, new_id
        self._keep_s, self._most_bytes = keep_s, most_bytes
        self._waiting: deque[ShownAnswer] = deque()
        self.lost = 0  # answers that nobody remembers
        self._segment: SegmentWriter | None = None
        self._readers: dict[Path, SegmentReader] = {}
        self._lock = threading.Lock()  # of the files
        self._rounds = Rounds(self._flush_or_lose, FLUSH_S, "shown-log")

    def start(self) -> None:
        self._rounds.start()

    def close(self) -> None:
        """Ends the thread and writes all that waits."""
        self._rounds.close()
        self._flush_or_lose()
        with self._lock:
            self._end_segment()

    def add(self, shown: ShownAnswer) -> None:
        """Costs a microsecond and never waits."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(shown)
            self._rounds.wake()
        else:
            self.lost += 1

    def find(self, names: Iterable[str]) -> dict[str, ShownAnswer]:
        """The answers of those names, of whatever process. Not among them: what is no answer, was too long ago, or is
        too new: another process's of the last fifth of a second. Reads files."""
        wanted = {name for name in names if tag_of(name) is not None}
        answers: dict[str, ShownAnswer] = {}
        if not wanted:
            return answers
        self.flush()
        with self._lock:
            for reader in self._segments():
                try:
                    answers |= {name: shown for name in wanted if (shown := reader.find(name)) is not None}
                except FileNotFoundError:  # another process found it too old
                    continue
                wanted -= answers.keys()
                if not wanted:
                    break
        return answers

    def all(self) -> Iterator[ShownAnswer]:
        """Every answer in the log; by process and in its order."""
        self.flush()
        with self._lock:
            readers = self._segments()
        for reader in reversed(readers):
            try:
                yield from reader.all()
            except FileNotFoundError:
                continue

    def flush(self) -> bool:
        """Write what waits; True if there was any. Raises `OSError` where it can't be written; it is lost then."""
        with self._lock:
            answers = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if answers:
                self._append(answers)
        return bool(answers)

    # ---- inside

    def _flush_or_lose(self) -> bool:
        try:
            return self.flush()
        except OSError:  # a full disk must not end the thread: answers go on, and the next round tries again
            log.exception("the shown log can't be written")
            return True

    def _append(self, answers: list[ShownAnswer]) -> None:
        segment = self._open_segment()
        try:
            segment.append(answers)
        except OSError:
            self.lost += len(answers)
            segment.abandon()
            self._segment = None
            raise

    def _open_segment(self) -> SegmentWriter:
        now, segment = self._clock(), self._segment
        if segment is not None and (segment.size > SEGMENT_BYTES or now - segment.began > self._keep_s / SEGMENTS_KEPT):
            self._end_segment()
        if self._segment is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._tidy(now)
            self._segment = SegmentWriter(self._folder / f"{int(now):012d}-{self._new_id()}.log", now)
        return self._segment

    def _end_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _tidy(self, now: float) -> None:
        """Index what was left open; remove what is too old or too much."""
        left = self._most_bytes
        too_old = now - self._keep_s * (1 + 1 / SEGMENTS_KEPT)
        for path in sorted(self._folder.glob("*.log"), reverse=True):
            if not index_path(path).exists():
                index_left_open(path)
            left -= path.stat().st_size
            if int(path.name.partition("-")[0]) < too_old or left < 0:
                path.unlink(missing_ok=True)
                index_path(path).unlink(missing_ok=True)

    def _segments(self) -> list[SegmentReader]:
        """Newest first."""
        paths = sorted(self._folder.glob("*.log"), reverse=True)
        self._readers = {path: self._readers.get(path) or SegmentReader(path) for path in paths}
        return list(self._readers.values())
