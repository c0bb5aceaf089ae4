"""Questions that no hot entry answers go to their handlers without uvicorn's parser, its cycle and litestar: their head
is known already, and the rest is in the request line."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, Protocol

from gateway.connection.matcher import Unanswered
from gateway.hot.heads import Peer, parsed
from gateway.routes.direct import BodilessRequest
from gateway.routes.replies import SentResponse

# Targets that every parser reads alike: a path that is no URL, and a query.
_TARGET = re.compile(rb"(/[A-Za-z0-9_.~!$&'()*+,;=:@%/-]+)(?:\?([A-Za-z0-9_.~!$&'()*+,;=:@%/?-]*))?")
_HEADS = 1024


class DirectHandler(Protocol):
    @property
    def fn(self) -> Callable[[Any], Awaitable[SentResponse]]:
        """Answers a request without a body; raises nothing."""


class DirectHandlers(Protocol):
    def handler(self, method: str, raw_path: bytes) -> DirectHandler | None:
        """The handler of a request; None: it goes the ordinary way."""


def ask(
    direct: DirectHandlers, request: Unanswered, peer: Peer, state: dict[str, Any]
) -> Awaitable[SentResponse] | None:
    """The answer to be awaited, which raises nothing; None: the request goes the ordinary way."""
    parts = _TARGET.fullmatch(request.target)
    if parts is None:
        return None
    (raw, named), method = _fields(request.block), "GET" if request.is_get else "HEAD"
    handler = direct.handler(method, parts[1])
    if handler is None:
        return None
    scope = {
        "type": "http",
        "method": method,
        "raw_path": parts[1],
        "query_string": parts[2] or b"",
        "headers": raw,
        "client": peer,
        "state": state,
    }
    return handler.fn(BodilessRequest(scope, named))


@lru_cache(maxsize=_HEADS)
def _fields(block: bytes) -> tuple[list[tuple[bytes, bytes]], dict[str, str]]:
    """The fields of a head: as a scope has them, and by name."""
    named = parsed(block)
    assert named is not None  # it has been read before
    pairs = (line.split(b":", 1) for line in block.split(b"\r\n"))
    return [(name.lower(), value.strip(b" ")) for name, value in pairs], named
