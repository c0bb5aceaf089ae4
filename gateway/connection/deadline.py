"""The deadline of a caller that sends a request."""

from __future__ import annotations


class SenderDeadline:
    """A deadline for a head, for the next piece of a body, and for a body as a whole. Times are of one monotonic clock.

    `patience_s` is the time for a whole head from its first byte, and for the next piece of a body; a body that takes
    longer must come at `least_rate` bytes a second.
    """

    __slots__ = ("_body_bytes", "_body_since", "_since", "least_rate", "patience_s")

    def __init__(self, patience_s: float, least_rate: float) -> None:
        self.patience_s, self.least_rate = patience_s, least_rate
        self._since = 0.0  # when the head began or the body went on
        self._body_since = 0.0  # when the body began; 0: its head is not whole
        self._body_bytes = 0  # of it since then

    def begin_head(self, now: float) -> None:
        self._since, self._body_since = now, 0.0

    def begin_body(self, now: float) -> None:
        self._since = self._body_since = now
        self._body_bytes = 0

    def add(self, count: int, now: float) -> None:
        """So many bytes of the body have come."""
        self._since = now
        self._body_bytes += count

    def wait_anew(self, now: float) -> None:
        """The caller waited until now, for an answer or to be read: its time begins again."""
        self._since = now
        if self._body_since:
            self._body_since, self._body_bytes = now, 0

    def go_on(self, now: float) -> None:
        """The request's answer is complete, and more of the request is to come."""
        self._since = now

    def left_s(self, now: float) -> float:
        until = self._since + self.patience_s
        if self._body_since:
            until = min(until, self._body_since + self.patience_s + self._body_bytes / self.least_rate)
        return until - now

    def reason(self, now: float) -> str:
        """The message for a caller whose time is over."""
        if self._body_since and now < self._since + self.patience_s:
            return f"the body came at less than {self.least_rate:g} bytes a second"
        return f"nothing came for {self.patience_s:g} s, or the head was not whole by then"
