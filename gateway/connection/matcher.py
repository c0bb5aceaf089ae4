"""The matcher: bytes of a request come in; a hot entry, an unanswered request or None (the ordinary way) comes out.

It writes nothing and knows nothing of the connection but its peer.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.hot.answers import HotAnswers
from gateway.hot.entry import Candidate, HotEntry, HotRefusal, Ticket, question_of
from gateway.hot.heads import UNUSUAL, HeadReader, HeadTable, Peer, RequestHead, VaryGroup

END, LINE, GET, HEAD = b"\r\n\r\n", b"\r\n", b"GET /", b"HEAD /"
VERSION = b" HTTP/1.1"


class Unanswered(NamedTuple):
    """A request whose head is usual, and that no hot entry answers. `outdated` is the entry that does no longer."""

    heads: HeadReader
    group: VaryGroup
    target: bytes
    head: RequestHead
    is_get: bool
    raw: bytes
    outdated: HotEntry | None

    @property
    def block(self) -> bytes:
        """The bytes between the request line and the empty line."""
        return self.raw[self.raw.index(LINE) + len(LINE) : -len(END)]

    def ticket(self, is_absent: bool = False) -> Ticket:
        return Ticket(self.heads, self.group, self.target, is_absent)


class Matcher:
    """Matches the requests of one connection. `head` is that of the last one that a hot entry answered."""

    __slots__ = ("_cache", "_ending", "_heads", "_is_trusted", "_peer", "_reader", "head", "is_get")

    def __init__(self, cache: HotAnswers, peer: Peer) -> None:
        self._cache, self._peer = cache, peer
        self._reader: HeadReader | None = None
        self._heads: HeadTable | None = None
        self._ending = b""  # all behind the target of the last request that a hot entry answered
        self._is_trusted = False  # the peer is a proxy that may say for which address it asks
        self.head, self.is_get = UNUSUAL, True

    def match_like_last(self, data: bytes, now: float) -> HotEntry | None:
        """The hot entry for a request that is like the last one but for its target, as browsers send them.

        The end of its head is not looked for: the target would not be known if it ended elsewhere.
        """
        cache = self._cache
        if self._reader is not cache.heads or not data.endswith(self._ending) or not data.startswith(GET):
            return None
        group = self.head.group
        if group is None or cache.draws is not None:
            return None
        entry = group.get(data[4 : -len(self._ending)])
        if not isinstance(entry, HotEntry) or now >= self.head.until or not cache.is_valid(entry, now):
            return None
        self.is_get = True
        return entry

    def match(self, data: bytes, start: int, end: int, now: float) -> HotEntry | Unanswered | None:
        """Match the request whose head lies between `start` and `end`."""
        line = data.find(LINE, start)
        is_get = data.startswith(GET, start)
        if not is_get and not data.startswith(HEAD, start):
            return None
        if data[line - 9 : line] != VERSION or line >= end:
            return None
        cache = self._cache
        if self._heads is None or self._reader is not cache.heads:
            self._heads = self._use(cache.heads)
        head = self._heads[data[line + 2 : end]]
        group = head.group
        if group is None:
            return None
        target = data[start + (4 if is_get else 5) : line - 9]
        entry = group.get(target)
        if isinstance(entry, Candidate):
            entry = cache.promote(entry)
        if (
            entry is None
            or now >= head.until
            or (head.position and head.position > cache.applied())
            or not cache.is_valid(entry, now)
        ):
            return Unanswered(cache.heads, group, target, head, is_get, data[start : end + len(END)], entry)
        self.head, self.is_get, self._ending = head, is_get, data[line - 9 : end + len(END)]
        return entry

    def refusal(self, request: Unanswered, now: float) -> HotRefusal | None:
        """The refusal of a question that was refused before, while more is asked than can be answered. An old answer
        that may stand in is better."""
        refusal = request.group.refusals.get(question_of(request.target)) if request.group.refusals else None
        if refusal is None or (request.outdated is not None and now < request.outdated.repeat.stands_in_until):
            return None
        head, host = request.head, self._peer[0] if self._peer else ""
        return None if self._cache.opens(head.key or (self._is_trusted and head.forwarded) or host) else refusal

    def _use(self, reader: HeadReader) -> HeadTable:
        """Read heads for another configuration from here on."""
        self._reader, self.head = reader, UNUSUAL
        self._is_trusted = reader.trusts(self._peer[0] if self._peer else "")
        return reader.table_for(self._peer)
