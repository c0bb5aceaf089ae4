"""Several lists of one page at once: each as if asked alone, or such that no item is in two of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from engine import MOST_RESULTS
from gateway.answer.reply import Reply
from gateway.ask import Ask
from gateway.body import encoded

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])


class _Named(msgspec.Struct, rename="camel"):
    item_id: str


_named = msgspec.json.Decoder(_Named)


async def many(
    answer: Callable[[Ask], Awaitable[Reply]], asks: Sequence[Ask], distinct: bool
) -> list[Reply | BaseException]:
    """One reply or error for each, in their order; all are asked for at the same time."""
    wider = widened(asks) if distinct else asks
    replies = await asyncio.gather(*(answer(ask) for ask in wider), return_exceptions=True)
    return apart(replies, asks) if distinct else replies


def widened(asks: Sequence[Ask]) -> list[Ask]:
    """Each for so many items more as the lists before it may take away."""
    found, before = [], 0
    for ask in asks:
        is_list = ask.action != "rerank-items"
        wanted = min(MOST_RESULTS, ask.num_results + before) if is_list else ask.num_results
        found.append(msgspec.structs.replace(ask, num_results=wanted))
        before += ask.num_results
    return found


def apart(replies: Sequence[Reply | BaseException], asks: Sequence[Ask]) -> list[Reply | BaseException]:
    """Without what the lists before show."""
    taken: set[str] = set()
    found: list[Reply | BaseException] = []
    for reply, ask in zip(replies, asks, strict=True):
        found.append(
            reply
            if isinstance(reply, BaseException)
            else msgspec.structs.replace(reply, body=left(reply.body, ask, taken))
        )
    return found


def left(body: bytes, ask: Ask, taken: set[str]) -> bytes:
    """The answer with what is not taken yet, which is taken now."""
    members = _members.decode(body)
    named = [(_named.decode(item).item_id, item) for item in _items.decode(members.pop(ask.list_name))]
    kept = [(name, item) for name, item in named if name not in taken]
    if ask.action != "rerank-items":
        kept = kept[: ask.num_results]
        if len(kept) == ask.num_results:
            members.pop("short", None)
    taken.update(name for name, _ in kept)
    return encoded({ask.list_name: [item for _, item in kept], **members})
