"""Replies in a content coding. A cached answer is compressed once, and its coded form stays beside it in the cache."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from gateway.answer.reply import Reply
from gateway.cache import Cache
from gateway.encoding import LONGEST_ENDING, Coding, Opening

LARGE = 32 * 1024  # bytes that take the event loop too long


async def encoded(body: bytes, coding: Coding) -> bytes:
    opening = await encode_opening(body, coding)
    return opening.coded + coding.ending(opening, body[-1:])


async def encode_opening(body: bytes, coding: Coding) -> Opening:
    """All of a body but its last byte, coded."""
    part = memoryview(body)[:-1]
    return await asyncio.to_thread(coding.opening, part) if len(body) > LARGE else coding.opening(part)


async def encoded_reply(reply: Reply, coding: Coding, cache: Cache) -> Reply:
    """The reply in this coding, with a tag of its own: strong tags differ where bytes do (RFC 9110 §8.8.3.3)."""
    etag, fetched = f'{reply.etag[:-1]}-{coding.name}"' if reply.etag else "", reply.fetched
    if fetched is None or len(reply.tail) > LONGEST_ENDING:
        body = await encoded(reply.body, coding)
        return replace(reply, body=body, etag=etag, coding=coding.name, repeat=None)
    decorated = fetched.body
    opening = decorated.openings.get(coding.name)
    if opening is None:
        opening = await encode_opening(decorated.body, coding)
        cache.keep_opening(fetched.wanted.key, fetched.hit.entry, decorated, coding.name, opening)
    coded = (opening.coded, coding.ending(opening, reply.tail or decorated.body[-1:]))
    return replace(reply, body=b"".join(coded), etag=etag, coding=coding.name, coded=coded)
