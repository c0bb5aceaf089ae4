"""A budget of bytes for the bodies of one worker's requests, shared between their senders.

A body is held from its first byte until its request is answered. If the budget is spent, the sender with most bytes
gives way: of its bodies that are still being read the largest is cut off, unless that is the one that grows, which is
refused then. So a small body is read while large ones, or many slow ones, fill the budget, whoever sends those.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from litestar import Request

from gateway.errors import RETRY_AFTER_S, Invalid, Overloaded, TooLarge
from gateway.limits.inflate import inflated

AnyRequest = Request[Any, Any, Any]

MEGABYTE = 1024 * 1024
MOST_BYTES = 64 * MEGABYTE
NO_ROOM = "more bodies are sent than there is room for; try again in a second"


class BodyBudget:
    """The budget of one worker, used from its event loop. `most`: bytes."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.most = most
        self.size = 0
        self.refused = 0
        self._by_share: Counter[str] = Counter()
        self._reading: dict[BudgetedBody, None] = {}

    def of(self, request: AnyRequest, share: str, limit: int, *, inflate: bool = True) -> BudgetedBody:
        """The request's body for `async with`: at most `limit` bytes, sent by the owner of this share. A compressed
        body is inflated, unless that is left to the caller. Raises `TooLarge` (413), before a byte is read if it has a
        Content-Length, `Overloaded` (503), what `inflated` does, and `Invalid` if the connection ends too soon."""
        return BudgetedBody(self, request, share, limit, inflate)

    def grow(self, held: BudgetedBody, count: int) -> None:
        """Take so many more bytes for this body. Raises `Overloaded` if the budget has none left for it."""
        while self.size + count > self.most:
            largest = max((*self._reading, held), key=lambda each: self._rank(each, held, count))
            if largest is held or not largest.size:
                self.refused += 1
                raise Overloaded(NO_ROOM, RETRY_AFTER_S)
            self.refused += 1
            self.release(largest)
            largest.cut()
        held.size += count
        self.size += count
        self._by_share[held.share] += count

    def _rank(self, each: BudgetedBody, grown: BudgetedBody, count: int) -> tuple[int, int]:
        """The bytes that its sender would have, and its own, if `grown` had grown."""
        own, whole = (count if is_it else 0 for is_it in (each is grown, each.share == grown.share))
        return self._by_share[each.share] + whole, each.size + own

    def begin(self, held: BudgetedBody) -> None:
        self._reading[held] = None

    def end(self, held: BudgetedBody) -> None:
        """The body is whole, or read no further."""
        self._reading.pop(held, None)

    def release(self, held: BudgetedBody) -> None:
        self.end(held)
        self.size -= held.size
        self._by_share[held.share] -= held.size
        if not self._by_share[held.share]:
            del self._by_share[held.share]
        held.size = 0


class BudgetedBody:
    """One body of a budget, within `async with`."""

    __slots__ = ("_budget", "_inflates", "_is_cut", "_limit", "_request", "_task", "body", "share", "size")

    def __init__(self, budget: BodyBudget, request: AnyRequest, share: str, limit: int, inflates: bool) -> None:
        self._budget, self._request, self._limit, self._inflates = budget, request, limit, inflates
        self.body = b""
        self.share, self.size = share, 0
        self._is_cut, self._task = False, asyncio.current_task()

    async def __aenter__(self) -> bytes:
        if _announced(self._request) > self._limit:
            raise _too_large(self._limit)
        self._budget.begin(self)
        try:
            self.body = await self._read()
            if self._inflates:
                self.body = self._plain()
        except BaseException as error:
            self._budget.release(self)
            if self._is_cut and isinstance(error, asyncio.CancelledError) and self._task is not None:
                self._task.uncancel()
                raise Overloaded(NO_ROOM, RETRY_AFTER_S) from None
            raise
        self._budget.end(self)
        return self.body

    async def __aexit__(self, *_: object) -> None:
        self._budget.release(self)

    def cut(self) -> None:
        """Read no further: the reader of the body gets `Overloaded`."""
        self._is_cut = True
        if self._task is not None:
            self._task.cancel()

    def inflated(self, headers: Mapping[str, str]) -> bytes:
        """The body as its sender had it. Raises what `gateway.limits.inflate.inflated` does, and `Overloaded`."""
        body = inflated(self.body, headers, self._limit)
        if body is not self.body:
            self._budget.grow(self, len(body))
        return body

    def _plain(self) -> bytes:
        for name, value in self._request.scope["headers"]:
            if name == b"content-encoding":
                return self.inflated({"content-encoding": value.decode("latin-1")})
        return self.body

    async def _read(self) -> bytes:
        parts: list[bytes] = []
        receive = self._request.receive
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise Invalid("IncompleteBody", "the connection ended before the body")
            part = message["body"]
            if part:
                if self.size + len(part) > self._limit:
                    raise _too_large(self._limit)
                self._budget.grow(self, len(part))
                parts.append(part)
            if not message.get("more_body"):
                return parts[0] if len(parts) == 1 else b"".join(parts)


def _announced(request: AnyRequest) -> int:
    """The length of the body by its Content-Length; 0 without one."""
    for name, value in request.scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is over {limit} bytes")
