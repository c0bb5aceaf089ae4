"""Answers that may be repeated while no engine answers: the last one to each request, within a ceiling of memory.

An answer is repeated only to a request that is the same in its target and in all headers that could change it or say
who asks, and only for as long as its Cache-Control allows.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import NamedTuple

from gateway.outbound.message import OutboundResponse, RawHeaders

CEILING = 64 << 20  # bytes
OVERHEAD = 500  # bytes of an answer beside its body
# say nothing of who asks, or for what: a trace, a proxy's way, the copy that the caller has
INDIFFERENT = frozenset(
    ("traceparent", "tracestate", "x-request-id", "if-none-match", "connection", "x-recgate-position")
)
REPLACED = frozenset((b"age", b"x-cache", b"cache-control", b"x-recgate-behind"))  # where an answer stands in
AGE = re.compile(rb"(?:^|[ ,])(max-age|stale-if-error|stale-while-revalidate)=(\d{1,9})")


class LastAnswer(NamedTuple):
    response: OutboundResponse
    at: float
    until: float


class LastAnswers:
    def __init__(self, monotonic: Callable[[], float], ceiling: int = CEILING) -> None:
        self._monotonic, self._ceiling, self._size = monotonic, ceiling, 0
        self._answers: OrderedDict[bytes, LastAnswer] = OrderedDict()  # the first was not heard of for longest

    def keep(self, key: bytes, response: OutboundResponse) -> None:
        fields = dict(response.raw)
        allowed = seconds_allowed(fields.get(b"cache-control", b""))
        if not allowed:
            return
        now = self._monotonic() - float(fields.get(b"age", b"0"))
        before = self._answers.pop(key, None)
        self._size += _size(response) - (0 if before is None else _size(before.response))
        self._answers[key] = LastAnswer(response, now, now + allowed)
        while self._size > self._ceiling:
            _, oldest = self._answers.popitem(last=False)
            self._size -= _size(oldest.response)

    def find(self, key: bytes) -> LastAnswer | None:
        found = self._answers.get(key)
        return found if found is not None and self._monotonic() < found.until else None

    def age(self, answer: LastAnswer) -> int:
        return int(self._monotonic() - answer.at)


def key_of(target: bytes, headers: Iterable[tuple[str, str]]) -> bytes:
    digest = blake2b(target, digest_size=16)
    for name, value in headers:
        if name not in INDIFFERENT:
            digest.update(f"\0{name}\0{value}".encode("latin-1"))
    return digest.digest()


def seconds_allowed(cache_control: bytes) -> int:
    """The time, from an answer's making, for which it may stand in when nobody answers; 0: not at all."""
    if b"no-store" in cache_control:
        return 0
    ages = {name: int(seconds) for name, seconds in AGE.findall(cache_control)}
    fresh = ages.pop(b"max-age", 0)
    return fresh + max(ages.values(), default=0)


def repeated(answer: LastAnswer, age: int) -> RawHeaders:
    """The headers of an answer that stands in. How far it has seen the log nobody knows any more."""
    kept = [(name, value) for name, value in answer.response.raw if name.lower() not in REPLACED]
    old = ((b"age", b"%d" % age), (b"x-cache", b"stale"), (b"cache-control", b"no-store"), (b"x-recgate-behind", b"0"))
    return [*kept, *old]


def _size(response: OutboundResponse) -> int:
    return len(response.body) + OVERHEAD
