"""Several lists of one page at once: each as if asked alone, or such that no item is in two of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from engine import MOST_RESULTS
from gateway.answer.reply import Reply
from gateway.ask import Ask
from gateway.body import Body


async def many(
    answer: Callable[[Ask], Awaitable[Reply]], asks: Sequence[Ask], distinct: bool
) -> list[Reply | BaseException]:
    """Return one reply or error for each, in their order; all are asked for at the same time."""
    wider = widened(asks) if distinct else asks
    replies = await asyncio.gather(*(answer(ask) for ask in wider), return_exceptions=True)
    return apart(replies, asks) if distinct else replies


def widened(asks: Sequence[Ask]) -> list[Ask]:
    """Ask each for so many items more as the lists before it may take away."""
    wider, before = [], 0
    for ask in asks:
        is_list = ask.action != "rerank-items"
        wanted = min(MOST_RESULTS, ask.num_results + before) if is_list else ask.num_results
        wider.append(msgspec.structs.replace(ask, num_results=wanted))
        before += ask.num_results
    return wider


def apart(replies: Sequence[Reply | BaseException], asks: Sequence[Ask]) -> list[Reply | BaseException]:
    """Leave out of each list what the lists before it show."""
    taken: set[str] = set()
    distinct: list[Reply | BaseException] = []
    for reply, ask in zip(replies, asks, strict=True):
        if isinstance(reply, Reply):
            reply = msgspec.structs.replace(reply, body=remaining(reply.body, ask, taken))
        distinct.append(reply)
    return distinct


def remaining(body: bytes, ask: Ask, taken: set[str]) -> bytes:
    """The answer without the items that are taken; the others are taken from here on."""
    left = Body.open(body, ask.list_name).without(taken).repinned()
    if ask.action != "rerank-items":
        left = left.at(range(min(ask.num_results, len(left.items))))
        if len(left.items) == ask.num_results:
            left = msgspec.structs.replace(left, rest={key: left.rest[key] for key in left.rest if key != "short"})
    taken.update(left.names)
    return left.encode()
