"""Several lists of one page at once: each as if asked alone, or such that no item is in two of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec

from engine import MOST_RESULTS
from gateway.answer.decorate import KeepCaps
from gateway.answer.reply import Reply
from gateway.ask import Ask
from gateway.body import Body
from gateway.plan.plan import Variation

# see EngineUpstream.within_caps
WithinCaps = Callable[[Sequence[Variation], Sequence[str], Sequence[int | None]], list[int]]


async def many(
    answer: Callable[[Ask], Awaitable[Reply]], asks: Sequence[Ask], distinct: bool, within_caps: WithinCaps
) -> list[Reply | BaseException]:
    """Return one reply or error for each, in their order; all are asked for at the same time."""
    wider = widened(asks) if distinct else asks
    replies = await asyncio.gather(*(answer(ask) for ask in wider), return_exceptions=True)
    return apart(replies, asks, within_caps) if distinct else replies


def widened(asks: Sequence[Ask]) -> list[Ask]:
    """Ask each for so many items more as the lists before it may take away."""
    wider, before = [], 0
    for ask in asks:
        is_list = ask.action != "rerank-items"
        wanted = min(MOST_RESULTS, ask.num_results + before) if is_list else ask.num_results
        wider.append(msgspec.structs.replace(ask, num_results=wanted))
        before += ask.num_results
    return wider


def apart(
    replies: Sequence[Reply | BaseException], asks: Sequence[Ask], within_caps: WithinCaps
) -> list[Reply | BaseException]:
    """Leave out of each list what the lists before it show."""
    taken: set[str] = set()
    distinct: list[Reply | BaseException] = []
    for reply, ask in zip(replies, asks, strict=True):
        if isinstance(reply, Reply):
            caps = partial(within_caps, reply.variations)
            reply = msgspec.structs.replace(reply, body=remaining(reply.body, ask, taken, caps), fetched=None)
        distinct.append(reply)
    return distinct


def remaining(body: bytes, ask: Ask, taken: set[str], within_caps: KeepCaps) -> bytes:
    """The answer without the items that are taken; the others are taken from here on."""
    whole = Body.open(body, ask.list_name)
    left = whole.without(taken).repinned()
    if len(left.items) < len(whole.items):
        left = left.at(within_caps(left.names, left.pins()))
    if ask.action != "rerank-items":
        left = left.at(range(min(ask.num_results, len(left.items))))
        if len(left.items) == ask.num_results:
            left = msgspec.structs.replace(left, rest={key: left.rest[key] for key in left.rest if key != "short"})
    taken.update(left.names)
    return left.encode()
