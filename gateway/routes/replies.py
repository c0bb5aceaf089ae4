"""Replies of every route: headers, CORS among them, errors as the triple, and the counting of requests."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.types import HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Scope, Send

from engine import EngineError
from gateway.answer.encode import encoded, encoded_reply
from gateway.answer.hold import ASKED, HOLD, hold_of
from gateway.answer.reply import Reply
from gateway.answer.serve import Gateway
from gateway.auth import Gate
from gateway.caller import Caller
from gateway.errors import (
    RETRY_AFTER_S,
    Busy,
    Overloaded,
    Problem,
    TooMany,
    Unauthenticated,
    UnknownEncoding,
    problem_of,
)
from gateway.hot import TICKET, TRACED, HotCache
from gateway.limits.body_budget import BodyBudget
from gateway.routes import cors
from gateway.routes.handler import Handler
from gateway.telemetry import Telemetry

log = logging.getLogger(__name__)

AnyRequest = Request[Any, Any, Any]
Header = tuple[bytes, bytes]

READ = (HttpMethod.GET, HttpMethod.HEAD)
POST = (HttpMethod.POST,)
JSON = b"application/json"
NO_STORE: Header = (b"cache-control", b"no-store")
REVALIDATED: Header = (b"cache-control", b"private,no-cache")
VERSION = b"x-personalization-config-version"  # of the configuration that made the answer
LARGEST_BODY = 1024 * 1024
LISTS = {
    b"accept-encoding": b", ",
    b"cookie": b"; ",
    b"if-none-match": b", ",
    b"x-forwarded-for": b", ",
}  # what is between two lines of them
_TAG = re.compile(r'(?:W/)?("[^"]*")')


class Sending(msgspec.Struct, frozen=True):
    """A route's answer. `headers` are its own, lower-cased; those that all answers have are added in `sent`.
    `version` is that of the configuration that made it, where that may be another one than is in use now."""

    body: bytes = b""
    status: int = 200
    headers: tuple[Header, ...] = (NO_STORE,)
    media_type: bytes = JSON
    stream: AsyncIterator[bytes] | None = None  # in place of a body: as long as it goes on, and the caller listens
    version: str = ""


Work = Callable[[AnyRequest, Caller], Awaitable[Sending]]


class SentResponse:
    """Bytes on their way, as litestar lets a handler return them: its own response costs more than a cache hit."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: list[Header], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(self._start())
        body: HTTPResponseBodyEvent = {"type": "http.response.body", "body": self.body, "more_body": False}
        await send(body)

    def _start(self) -> HTTPResponseStartEvent:
        return {"type": "http.response.start", "status": self.status, "headers": self.headers}


class StreamedResponse(SentResponse):
    """A body in parts, as they come; it ends with the caller's connection."""

    __slots__ = ("_parts",)

    def __init__(self, status: int, headers: list[Header], parts: AsyncIterator[bytes]) -> None:
        super().__init__(status, headers, b"")
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(self._start())
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        async for part in self._parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Front:
    """One route's way out: it counts, translates errors and adds the common headers."""

    def __init__(
        self,
        gateway: Gateway,
        gate: Gate,
        bodies: BodyBudget,
        hot_cache: HotCache,
        telemetry: Telemetry,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.gateway, self.bodies, self.telemetry, self.hot_cache = gateway, bodies, telemetry, hot_cache
        self._gate, self._clock = gate, clock

    def handler(
        self, methods: Sequence[HttpMethod], path: str, name: str, work: Work, *, guarded: bool = True
    ) -> HTTPRouteHandler:
        """The handler of a path, whose route has this name in the metrics."""

        @self.route(path, methods)
        async def handle(request: AnyRequest) -> SentResponse:
            return await self.answer(name, request, work, guarded=guarded)

        return handle

    def route(self, path: str, methods: Sequence[HttpMethod], opt: dict[str, Any] | None = None) -> Handler:
        """The handler of a path, to decorate what answers its requests."""
        return Handler(path, methods, self.preflight, opt)

    def preflight(self, request: AnyRequest) -> SentResponse:
        return self.sent(Sending(status=204), request)

    async def answer(self, route: str, request: AnyRequest, work: Work, *, guarded: bool = False) -> SentResponse:
        """`guarded`: only callers that the configuration admits are answered."""
        began, headers = self._clock(), headers_once(request)
        with self.telemetry.trace(route, request.method, headers, TRACED in request.scope["state"]) as span:
            try:
                viewed = self.gateway.config.viewers.headers(headers, request.scope["client"])
                caller = Caller(viewed, request.scope["query_string"], viewed.address)
                sending = await work(request, await self.admit(caller) if guarded else caller)
            except Exception as error:
                sending = refusal(error)
                if isinstance(error, Overloaded):
                    self._refused(error, sending, request)
            if is_compressible(sending):
                sending = await self._compressed(sending, headers)
            if span is not None:
                span.answer(sending.status)
        self.telemetry.request(route, sending.status, self._clock() - began)
        return self.sent(sending, request)

    async def admit(self, caller: Caller) -> Caller:
        """The caller, with who it is. Raises `Unauthenticated` and `TooMany`."""
        config = self.gateway.config
        return await self._gate.admit(caller, config.auth, config.rate_limits)

    async def limit(self, caller: Caller, count: int) -> None:
        """Count more requests than the one that was admitted. Raises `TooMany`."""
        await self._gate.limit(caller, self.gateway.config.rate_limits, count)

    def _refused(self, error: Overloaded, sending: Sending, request: AnyRequest) -> None:
        """Let the next of many be refused before it is parsed. Nothing of this one is left to the collector of garbage,
        which would stop everything: the flight that failed is in the frames that its error knows."""
        error.__traceback__ = None
        ticket = request.scope["state"].get(TICKET)
        if ticket is not None:
            self.hot_cache.keep_refusal(ticket, self._headers(sending, request), sending.body)

    async def coded(self, reply: Reply, caller: Caller) -> Reply:
        """The reply in the coding that its caller likes best, where it is large enough."""
        accepted = caller.headers.get("accept-encoding", "")
        coding = self.gateway.config.coding_for(accepted, len(reply.body))
        return reply if coding is None else await encoded_reply(reply, coding, self.gateway.cache)

    async def _compressed(self, sending: Sending, headers: Mapping[str, str]) -> Sending:
        """A text that is not cached here, compressed for a caller that accepts it."""
        config, size = self.gateway.config, len(sending.body)
        coding = config.coding_for(headers.get("accept-encoding", ""), size)
        if coding is not None:
            body, more = await encoded(sending.body, coding), (b"content-encoding", coding.name.encode())
            return msgspec.structs.replace(sending, body=body, headers=(*weakly(with_vary(sending.headers)), more))
        return (
            msgspec.structs.replace(sending, headers=with_vary(sending.headers)) if config.is_large(size) else sending
        )

    def applied_for(self, headers: Mapping[str, str]) -> int | None:
        """The last record of the log that an answer begun now will have seen, where a gateway with this configuration
        asks for it; else None."""
        if not self.hot_cache.is_for_gateways or headers.get(ASKED) != self.gateway.config.fingerprint:
            return None
        return self.hot_cache.applied()

    def held(self, sending: Sending, reply: Reply, begun_at: int) -> Sending:
        """Tell a gateway for how long it may repeat the answer."""
        found = hold_of(reply, begun_at, self.hot_cache.clock())
        if found is None:
            return sending
        return msgspec.structs.replace(sending, headers=(*sending.headers, (HOLD, found.encode())))

    def keep(self, route: str, request: AnyRequest, reply: Reply, sending_of: Callable[[Reply, str], Sending]) -> None:
        """Keep an answer that may go out again for the hot path. `sending_of` makes what goes out, by If-None-Match."""
        ticket = request.scope["state"].get(TICKET)
        if ticket is not None and reply.repeat is not None:
            self.hot_cache.keep(ticket, route, reply, lambda again, tag: self._headers(sending_of(again, tag), request))

    def unrouted(self, request: AnyRequest, error: Exception) -> Response[bytes]:
        """Answer an error that litestar raises outside every route."""
        sending = Sending(status=204) if request.method == "OPTIONS" else unrouted(error, request.scope["path"])
        self.telemetry.request("other", sending.status, 0.0)
        headers = {name.decode(): value.decode("latin-1") for name, value in self._headers(sending, request)}
        headers.pop("content-length", None)
        return Response(sending.body, status_code=sending.status, headers=headers)

    def sent(self, sending: Sending, request: AnyRequest) -> SentResponse:
        if sending.stream is not None and request.method != "HEAD":
            return StreamedResponse(sending.status, self._headers(sending, request), sending.stream)
        return SentResponse(
            sending.status, self._headers(sending, request), b"" if request.method == "HEAD" else sending.body
        )

    def _cors(self, origin: bytes, request: AnyRequest) -> tuple[Header, ...]:
        rules, path = self.gateway.config.cors, request.scope["raw_path"]
        if request.method == "OPTIONS":
            asked = headers_once(request).get("access-control-request-headers", "")
            return cors.preflight(origin, rules, path, asked)
        return cors.shared(origin, rules, cors.takes_events(path))

    def _headers(self, sending: Sending, request: AnyRequest) -> list[Header]:
        headers = [*sending.headers]
        version = sending.version or self.gateway.config.version
        if version:
            headers.append((VERSION, version.encode("latin-1", "replace")))
        if origin := _origin(request):
            headers += self._cors(origin, request)
        if sending.status not in (204, 304):
            headers.append((b"content-type", sending.media_type))
        if sending.status not in (204, 304) and sending.stream is None:
            headers.append((b"content-length", b"%d" % len(sending.body)))
        return headers


def is_compressible(sending: Sending) -> bool:
    """True of a text that is in no coding yet."""
    if sending.status != 200 or sending.stream is not None or not sending.media_type.startswith((JSON, b"text/")):
        return False
    return not any(name == b"content-encoding" for name, _ in sending.headers)


def with_vary(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """The headers with Accept-Encoding among those that Vary names."""
    varied = next((value for name, value in headers if name == b"vary"), b"")
    if b"accept-encoding" in varied.lower():
        return headers
    value = b", ".join(filter(None, (varied, b"Accept-Encoding")))
    return (*(each for each in headers if each[0] != b"vary"), (b"vary", value))


def weakly(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """The headers with an entity tag that all forms of a body may have (RFC 9110 §8.8.1)."""
    return tuple(
        (name, b"W/" + value if name == b"etag" and not value.startswith(b"W/") else value) for name, value in headers
    )


def not_modified(if_none_match: str, etag: str) -> bool:
    """RFC 9110's reading of If-None-Match: `*`, or a list of entity tags, compared weakly."""
    if not if_none_match or not etag:
        return False
    return if_none_match.strip() == "*" or etag.removeprefix("W/") in _TAG.findall(if_none_match)


def revalidated(
    body: bytes,
    headers: tuple[Header, ...],
    etag: str,
    if_none_match: str,
    version: str = "",
    of_body: tuple[Header, ...] = (),
) -> Sending:
    """The answer, or 304 for a caller that has it. `of_body` are headers that a 304 has not."""
    if not_modified(if_none_match, etag):
        return Sending(status=304, headers=headers, version=version)
    return Sending(body, headers=(*headers, *of_body), version=version)


def tagged(body: bytes, tag: str, caller: Caller, *more: Header) -> Sending:
    """An answer that its caller may keep, and asks for again by the tag: 304 where it has it. The tag goes out weak, as
    `Front` may compress the body."""
    headers = ((b"etag", b"W/" + tag.encode()), REVALIDATED, (b"vary", b"Origin, Accept-Encoding"), *more)
    return revalidated(body, headers, tag, caller.headers.get("if-none-match", ""))


def digest_tag(body: bytes) -> str:
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def headers_once(request: AnyRequest) -> Mapping[str, str]:
    """The headers of a request, read once."""
    headers: Mapping[str, str] | None = getattr(request, "named", None)
    return headers_of(request) if headers is None else headers


def headers_of(request: AnyRequest) -> dict[str, str]:
    """Lower-cased names; of a name given twice the last, but of a list all lines, as one. Blanks behind a value are no
    part of it (RFC 9110 §5.5)."""
    sent = list(request.scope["headers"])
    named = {name.decode("latin-1"): value.rstrip().decode("latin-1") for name, value in sent}
    if len(named) == len(sent):
        return named
    lists = {
        name.decode(): sign.join(value.rstrip() for key, value in sent if key == name).decode("latin-1")
        for name, sign in LISTS.items()
        if name.decode() in named
    }
    return {**named, **lists}


def refusal(error: Exception) -> Sending:
    """The one translation of errors on the way out."""
    if isinstance(error, EngineError):
        error = problem_of(error)
    if isinstance(error, Problem):
        return _triple(error.status, error.triple(), *_more(error))
    if isinstance(error, HTTPException) and error.status_code == 405:
        return _not_allowed((error.headers or {}).get("allow", ""))
    if isinstance(error, HTTPException) and error.status_code == 404:
        # wider than the triple: the reference's routers answer an unknown path with these two keys
        triple = {"type": "Routing", "code": "NotFound", "message": "Not found"}
        return _triple(404, {**triple, "statusCode": 404})
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _triple(error.status_code, {"type": "Validation", "code": "InvalidRequest", "message": error.detail})
    number = uuid.uuid4().hex
    log.error("request %s failed", number, exc_info=error)
    message = f"an internal error; the log has it under request {number}"
    body = {"type": "Unhandled", "code": "InternalError", "message": message}
    return _triple(500, body, (b"x-request-id", number.encode()))


def unrouted(error: Exception, path: str) -> Sending:
    """Refuse a request without a route; as at the reference, only AWS's protocol is spoken at the root."""
    return refusal(NotFoundException() if path == "/" and isinstance(error, MethodNotAllowedException) else error)


def _not_allowed(allow: str) -> Sending:
    methods = ", ".join(sorted(name for name in allow.split(", ") if name))
    message = f"this path takes {methods}"
    body = {"type": "Routing", "code": "MethodNotAllowed", "message": message, "statusCode": 405}
    return _triple(405, body, (b"allow", methods.encode()))


def _more(error: Problem) -> tuple[Header, ...]:
    if isinstance(error, Unauthenticated):
        return ((b"www-authenticate", error.challenge.encode()),)
    if isinstance(error, UnknownEncoding):
        return ((b"accept-encoding", b"gzip, deflate, identity"),)
    if isinstance(error, TooMany | Busy):
        return ((b"retry-after", b"%d" % error.retry_after_s),)
    return ((b"retry-after", b"%d" % RETRY_AFTER_S),) if error.status == 503 else ()


def _triple(status: int, body: Mapping[str, Any], *headers: Header) -> Sending:
    return Sending(msgspec.json.encode(body), status, (NO_STORE, *headers))


def _origin(request: AnyRequest) -> bytes:
    for name, value in request.scope["headers"]:
        if name == b"origin":
            return value
    return b""
