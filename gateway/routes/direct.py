"""The routes that most requests are for, found ahead of litestar's router, which costs a third of a cached answer.

Only what litestar would hand to the same function is taken; whatever is unusual goes through it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from gateway.hot.heads import HOST
from gateway.routes.replies import AnyRequest, Header, SentResponse, headers_of

REST = "/{rest:path}"


class BodilessRequest(Request[Any, Any, Any]):
    """A request that has no body to be read: nothing is set up for that. `named`: its headers, where they are known."""

    def __init__(self, scope: Any, named: Mapping[str, str] | None = None) -> None:
        self.scope = scope
        self.named = headers_of(self) if named is None else named


ConfiguredHandlers = Callable[[str, bytes], HTTPRouteHandler | None]


class Direct:
    """Answers requests of `/NAME/…` by the handlers with such paths, all others by `otherwise`. The handlers translate
    every error themselves, as those over `Front.answer` do."""

    def __init__(
        self, handlers: Sequence[HTTPRouteHandler], otherwise: ASGIApp, configured: ConfiguredHandlers
    ) -> None:
        """`configured` finds the handler of a method and raw path that the configuration in force has."""
        self.otherwise, self._configured = otherwise, configured
        self._handlers: dict[tuple[str, bytes], HTTPRouteHandler] = {
            (method, path.removesuffix(REST).removeprefix("/").encode()): handler
            for handler in handlers
            for path in handler.paths
            for method in handler.http_methods
            if path.endswith(REST) and method in ("GET", "HEAD", "POST")
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = None
        if scope["type"] == ScopeType.HTTP and not scope.get("root_path") and _names_a_host(scope["headers"]):
            handler = self.handler(scope["method"], scope["raw_path"])
        if handler is None:
            await self.otherwise(scope, receive, send)
            return
        request: AnyRequest
        if scope.get("method") == "POST":
            scope["route_handler"] = handler  # it says how large a body may be
            request = Request(scope, receive, send)
        else:
            request = BodilessRequest(scope)
        sent: SentResponse = await handler.fn(request)
        await sent(scope, receive, send)

    def handler(self, method: str, raw_path: bytes) -> HTTPRouteHandler | None:
        """The handler of a request to a usual host; None: litestar's router says."""
        nothing, *segments = raw_path.split(b"/")
        if nothing or not segments:
            return None
        handler = self._handlers.get((method, segments[0]))
        if handler is None:
            return self._configured(method, raw_path)
        # litestar drops slashes in a row, encoded ones as well, before it looks whether there is a path at all
        if len(segments) < 2 or segments[1][:1] in (b"", b"%", b"?"):
            return None
        # below /events/projects/ are the routes of Evidently, however they are spelled
        if method == "POST" and (len(segments) > 2 or b"%" in segments[1]):
            return None
        return handler


def _names_a_host(headers: Iterable[Header]) -> bool:
    """True of nearly every request; litestar judges the others."""
    host = next((value for name, value in headers if name == b"host"), b"")
    return HOST.fullmatch(host) is not None
