"""Answers that a gateway without an engine may repeat: an engine says with each for how long, and what ends it sooner.

The gateway asks for it by a header with the fingerprint of its configuration, so that both read requests alike.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from engine import buckets_to_watch
from gateway.answer.reply import Reply

ASKED, HOLD = "x-recgate-gateway", b"x-recgate-hold"
_HOLD = re.compile(rb"(\d{1,12}) (\d{1,18}) (\d{1,5}(?:,\d{1,5})*)")


class Hold(NamedTuple):
    """The answer is true until `life_s` have passed, or something after the log's record `position` rings for one of
    these buckets of the doorbell."""

    life_s: float
    position: int
    buckets: tuple[int, ...]

    def encode(self) -> bytes:
        return b"%d %d %b" % (self.life_s * 1000, self.position, b",".join(b"%d" % each for each in self.buckets))


def hold_of(reply: Reply, position: int, now: float) -> Hold | None:
    """The hold of an answer that was begun when the log had been seen up to this record; None: there is none, or the
    answer has been asked for once only. Experiments count each answer, and metadata from elsewhere rings no bells."""
    if reply.repeat is None or reply.outcome == "miss":
        return None
    repeat = reply.repeat()
    if repeat.is_of_experiments or repeat.version is not None or repeat.until <= now:
        return None
    users = [tag[1:] for tag in repeat.tags if tag[0] == "user"]
    if repeat.own is not None:
        users.append(repeat.own)
    buckets = buckets_to_watch((group, user) for group, user in users)
    return Hold(min(repeat.until - now, 86_400.0), position, tuple(buckets))


def hold_in(value: bytes) -> Hold | None:
    read = _HOLD.fullmatch(value)
    if read is None:
        return None
    return Hold(int(read[1]) / 1000, int(read[2]), tuple(map(int, read[3].split(b","))))
