"""Bodies of events that were refused: counted, and told in the log, since a page that sends a beacon never learns."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from gateway.routes.replies import SentResponse
from gateway.telemetry import Telemetry

LOG_S = 60.0  # between two lines about the same
TAKES_TURNS = frozenset({408, 429})  # refused for another reason than what they are
log = logging.getLogger(__name__)


class Rejections:
    def __init__(self, telemetry: Telemetry, clock: Callable[[], float]) -> None:
        self._telemetry, self._clock = telemetry, clock
        self._lines: dict[tuple[str, str], tuple[float, int]] = {}  # when it was last said, how often it was since

    def note(self, namespace: str, sent: SentResponse) -> None:
        """`namespace` is a configured one, or ""."""
        if not 400 <= sent.status < 500 or sent.status in TAKES_TURNS:
            return
        problem = msgspec.json.decode(sent.body)
        code = str(problem["code"])
        self._telemetry.events_rejected(namespace, code)
        now, key = self._clock(), (namespace, code)
        said_at, count = self._lines.get(key, (float("-inf"), 0))
        if now - said_at < LOG_S:
            self._lines[key] = (said_at, count + 1)
            return
        self._lines[key] = (now, 0)
        message = str(problem["message"])[:300]
        more = f"; {count} more since the last such line" if count else ""
        log.warning("events of namespace %r were refused: %s: %r%s", namespace, code, message, more)
