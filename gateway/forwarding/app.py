"""A gateway without an engine: each request goes to the engine of its user, and to the next where that is gone.

Everything that an engine answers is answered through it, as it is: REST, events, the AWS wire (signatures hold, as
Host and body stay what they were). Answers come from the engines, and so from after every acknowledged event; those
that an engine lets it keep go out again for as long as they are true (`gateway.forwarding.held_answers`). What else it
has kept stands in only while no engine answers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from functools import lru_cache
from typing import Any, NamedTuple, cast

import httpx
import msgspec
from litestar import Request
from litestar.types import HTTPScope, LifeSpanScope, Receive, Scope, Send

from gateway.answer.hold import ASKED, HOLD
from gateway.config import Config, Watch, place_of
from gateway.encoding import choose_coding
from gateway.errors import Problem
from gateway.forwarding.engines import Engines
from gateway.forwarding.held_answers import OF_A_BODY, HeldAnswers, is_modified
from gateway.forwarding.last_answers import LastAnswers, key_of, repeated
from gateway.forwarding.subject import subject_of
from gateway.hot import TICKET
from gateway.limits.body_budget import BodyBudget
from gateway.outbound.connection import Stale
from gateway.outbound.message import OutboundRequest, OutboundResponse, RawHeaders
from gateway.outbound.transport import Transport
from gateway.routes import cors
from gateway.routes.replies import LISTS, VERSION, AnyRequest, SentResponse, StreamedResponse
from gateway.telemetry import MetricsPage, Telemetry

log = logging.getLogger(__name__)

Reply = tuple[int, RawHeaders, bytes]  # status, headers, body

FIRST_S = 1.2  # for the first engine's answer; an engine waits for its database for a second (RECGATE_CATCH_UP_SECONDS)
READ_S = 3.0  # for any later one's
WRITE_S = 30.0  # for what must not be done twice
READY_S = 2.0
LARGEST_BODY = 20 << 20  # the most that any partner sends
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# POST that changes nothing: lists over REST, and Personalize's runtime
READ_PATHS = (
    b"/recommend-many/",
    b"/pinpoint/",
    b"/rerank-items/",
    b"/recommendations",
    b"/personalize-ranking",
    b"/action-recommendations",
    b"/ofrep/",
    b"/api/eval/",
)
STREAMS = (b"/sub/", b"/admin/stream")  # GrowthBook's and operators': they go on for as long as the caller listens
HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"date", b"upgrade"))
UNAVAILABLE = "ServiceUnavailableException"
ASKED_NAME, VIEWERS = ASKED.encode(), (b"cloudfront-", b"x-forwarded-for")
OWN_PATHS = frozenset((b"/health", b"/ready", b"/metrics"))
WAYS_IN = 2048
NO_STORE = (b"cache-control", b"no-store")
JSON = (b"content-type", b"application/json")


class Forwarded(NamedTuple):
    """A request on its way. `headers` are those that an engine gets, by their lower-cased names."""

    method: str
    path: bytes
    query: bytes
    headers: dict[str, str]
    body: bytes

    @property
    def target(self) -> bytes:
        return b"%b?%b" % (self.path, self.query) if self.query else self.path

    @property
    def changes_nothing(self) -> bool:
        return self.method in READ_METHODS or (self.method == "POST" and self.path.startswith(READ_PATHS))


class NoEngine(Exception):
    """No engine has answered. `is_open`: whether one of them has done what was asked is open."""

    def __init__(self, *, is_open: bool) -> None:
        super().__init__("no engine answers")
        self.is_open = is_open


class ForwardingApp:
    """The ASGI application of a gateway's worker."""

    def __init__(
        self,
        engines: Engines,
        transport: Transport,
        telemetry: Telemetry,
        metrics: MetricsPage,
        held: HeldAnswers,
        watched: str | None = None,
    ) -> None:
        """`watched` is the place of the configuration by which requests are read; None: it stays as it is."""
        self._engines, self._transport, self._telemetry, self._metrics = engines, transport, telemetry, metrics
        self._held, self._monotonic = held, time.monotonic
        self._last, self._bodies = LastAnswers(time.monotonic), BodyBudget()
        self._own = {"/health": self._health, "/ready": self._ready, "/metrics": self._numbers}
        self._ways_in = lru_cache(WAYS_IN)(self._way_in)
        self._watch = None if watched is None else Watch(place_of(watched), held.config, self.use, time.time)

    def use(self, config: Config) -> None:
        """Read requests by this configuration from here on."""
        self._held.use(config)
        self._ways_in.cache_clear()

    async def __call__(self, scope: Scope | LifeSpanScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:  # an HTTP request: there are no others
            await self._serve(cast(HTTPScope, scope), receive, send)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        own = self._own.get(scope["path"])
        if own is not None:
            sent = _sent(await own(), scope["method"])
        elif scope["raw_path"].startswith(STREAMS):
            await self._stream(self._forwarded(scope, b""), scope, receive, send)
            return
        elif scope["method"] in READ_METHODS:
            sent = await self._sent_on(scope, b"")
        else:
            sent = await self._answer_whole(scope, receive, send)
        await sent(scope, receive, send)

    async def _answer_whole(self, scope: HTTPScope, receive: Receive, send: Send) -> SentResponse:
        request: AnyRequest = Request(scope, receive, send)
        try:
            async with self._bodies.of(request, _peer_of(scope), LARGEST_BODY, inflate=False) as body:
                return await self._sent_on(scope, body)
        except Problem as problem:
            origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
            more = self._cors(origin, scope["raw_path"])
            return _sent(_problem(problem.status, problem.code, problem.message, more), scope["method"])

    # ---- requests without a body, past uvicorn's parser (`gateway.connection.direct`)

    def handler(self, method: str, raw_path: bytes) -> ForwardingApp | None:
        return None if raw_path in OWN_PATHS or raw_path.startswith(STREAMS) else self

    async def fn(self, request: AnyRequest) -> SentResponse:
        return await self._sent_on(request.scope, b"")

    # ---- by an engine

    async def _sent_on(self, scope: HTTPScope, body: bytes) -> SentResponse:
        began, asked_at = self._monotonic(), self._held.clock()
        try:
            reply = await self._answer(self._forwarded(scope, body))
        except Exception:
            log.exception("a request can't be handed on")
            reply = _problem(500, "InternalFailure", "an internal error; the gateway's log has it")
        self._telemetry.request("forwarded", reply[0], self._monotonic() - began)
        ticket = scope.get("state", {}).get(TICKET)
        if ticket is not None and reply[0] == 200 and scope["method"] == "GET":
            self._held.keep(ticket, _end_to_end(reply[1]), reply[2], asked_at)
        if_none_match = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
        if if_none_match and reply[0] == 200 and self._held.are_kept:
            reply = _revalidated(reply, if_none_match.decode("latin-1"))
        return _sent(reply, scope["method"])

    def _forwarded(self, scope: HTTPScope, body: bytes) -> Forwarded:
        headers = self._ways_in(tuple(scope["headers"]), _peer_of(scope))
        return Forwarded(scope["method"], scope["raw_path"], scope["query_string"], headers, body)

    def _way_in(self, headers: tuple[tuple[bytes, bytes], ...], peer: str) -> dict[str, str]:
        """The headers for an engine; browsers send the same with every request."""
        kept: RawHeaders = [(name, value) for name, value in headers if name != ASKED_NAME]
        if self._held.are_kept:
            viewers = self._held.config.viewers
            if peer and not viewers.trusts(peer):  # engines take the gateway for a proxy that they trust
                kept = [(name, value) for name, value in kept if not name.startswith(VIEWERS)]
            kept = [(name, value) for name, value in kept if name != b"if-none-match"]
            kept.append((ASKED_NAME, self._held.config.fingerprint.encode()))
        return _by_name(_onward(kept, peer))

    async def _answer(self, request: Forwarded) -> Reply:
        key = key_of(request.target, request.headers.items()) if request.method == "GET" else b""
        try:
            response = await self._asked(request)
        except NoEngine as error:
            if key and (last := self._last.find(key)) is not None:
                self._telemetry.lookup("", "", "stale")
                return last.response.status, repeated(last, self._last.age(last)), last.response.body
            done = " Whether it was done is open." if error.is_open else ""
            more = self._cors(request.headers.get("origin", "").encode("latin-1"), request.path)
            return _problem(503, UNAVAILABLE, f"No engine answers at present.{done}", more)
        if key and response.status == 200:
            self._last.keep(key, response)
        return response.status, response.raw, response.body

    def _cors(self, origin: bytes, path: bytes) -> Sequence[tuple[bytes, bytes]]:
        """What lets a page of another origin read a refusal of the gateway's own."""
        return cors.shared(origin, self._held.config.cors, cors.takes_events(path)) if origin else ()

    async def _asked(self, request: Forwarded) -> OutboundResponse:
        """The first engine's answer, by the order of the request's user. Raises `NoEngine`."""
        outbound = OutboundRequest(request.method, "", request.headers, request.body)
        repeatable, target = request.changes_nothing, request.target.decode("latin-1")
        order = self._engines.order(subject_of(request.path, request.query, request.body))
        for place, patience_s in _attempts(order) if repeatable else [(place, WRITE_S) for place in order]:
            began = self._monotonic()
            try:
                response = await self._transport.ask(place, target, outbound, patience_s)
            except (httpx.HTTPError, TimeoutError) as error:
                self._telemetry.called("engine", self._monotonic() - began, failed=True)
                self._engines.failed(place, began if isinstance(error, TimeoutError) else None)
                log.warning("the engine %s does not answer: %s", place, str(error) or type(error).__name__)
                if not repeatable and not _is_unsent(error):
                    raise NoEngine(is_open=True) from error
            else:
                self._telemetry.called("engine", self._monotonic() - began, failed=False)
                self._engines.answered(place)
                return response
        raise NoEngine(is_open=False)

    async def _stream(self, request: Forwarded, scope: Scope, receive: Receive, send: Send) -> None:
        """Parts go on as they come, until the engine or the caller ends."""
        place = self._engines.order(subject_of(request.path, request.query, b""))[0]
        url = f"{place}{request.target.decode('latin-1')}"
        async with AsyncExitStack() as opened:
            client = await opened.enter_async_context(httpx.AsyncClient(timeout=httpx.Timeout(READ_S, read=None)))
            try:
                stream = client.stream(request.method, url, headers=request.headers)
                response = await opened.enter_async_context(stream)
            except httpx.HTTPError:
                self._engines.failed(place)
                gone = _problem(503, UNAVAILABLE, "No engine answers at present.")
                await _sent(gone, request.method)(scope, receive, send)
                return
            headers = _end_to_end(response.headers.raw)
            await StreamedResponse(response.status_code, headers, response.aiter_raw())(scope, receive, send)

    # ---- the gateway's own

    async def _health(self) -> Reply:
        version = self._held.config.version
        about = [(VERSION, version.encode("latin-1", "replace"))] if version else []
        return 200, [JSON, NO_STORE, *about], b'{"status":"ok"}'

    async def _ready(self) -> Reply:
        """Ready while one of its engines is."""
        states = await asyncio.gather(*map(self._state, self._engines.places))
        ready = "ok" in states
        checks = {f"engine {number}": state for number, state in enumerate(states, 1)}
        body = msgspec.json.encode({"status": "ready" if ready else "not ready", "checks": checks})
        return 200 if ready else 503, [JSON, NO_STORE], body

    async def _state(self, place: str) -> str:
        try:
            response = await self._transport.ask(place, "/ready", OutboundRequest("GET", "", {}), READY_S)
        except (httpx.HTTPError, TimeoutError):
            return "does not answer"
        return "ok" if response.status == 200 else "not ready"

    async def _numbers(self) -> Reply:
        self._held.counters.report_all()
        media_type, page = await asyncio.to_thread(self._metrics.render)
        return 200, [(b"content-type", media_type.encode()), NO_STORE], page

    async def _live(self, receive: Receive, send: Callable[[Any], Awaitable[None]]) -> None:
        await receive()  # the start
        self._metrics.open()
        self._held.open()
        watching = None if self._watch is None else asyncio.create_task(self._watch.run())
        await send({"type": "lifespan.startup.complete"})
        await receive()  # the end
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await self._transport.aclose()
        await asyncio.to_thread(self._held.close)
        await asyncio.to_thread(self._metrics.close)
        await send({"type": "lifespan.shutdown.complete"})


def _peer_of(scope: HTTPScope) -> str:
    return "" if scope["client"] is None else scope["client"][0]


def _onward(headers: Iterable[tuple[bytes, bytes]], peer: str) -> RawHeaders:
    """The headers for an engine: the peer joins those that the request came by, and of the codings that are accepted
    the best one is left, so that engines and `LastAnswers` see few spellings."""
    onward, came_by, codings = [], [], []
    for name, value in headers:
        if name == b"x-forwarded-for":
            came_by.append(value)
        elif name == b"accept-encoding":
            codings.append(value.decode("latin-1"))
        elif name not in HOP_BY_HOP and name != b"expect":
            onward.append((name, value))
    if peer:
        came_by.append(peer.encode())
    agent = [] if any(name == b"user-agent" for name, _ in onward) else [(b"user-agent", b"")]
    accepted = choose_coding(", ".join(codings)).spelled().encode()
    return [*onward, *agent, (b"accept-encoding", accepted), (b"x-forwarded-for", b", ".join(came_by))]


def _by_name(headers: RawHeaders) -> dict[str, str]:
    """Headers for the transport, which has one of a name: lines of a list are joined, else the last counts, as engines
    read them."""
    named: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        named[key] = LISTS[name].decode().join((named[key], text)) if key in named and name in LISTS else text
    return named


def _attempts(order: Sequence[str]) -> list[tuple[str, float]]:
    """The engines to ask for what changes nothing, each with its patience: the first has little where there is another,
    and is asked again, as the request may be one that takes so long."""
    if len(order) == 1:
        return [(order[0], READ_S)]
    return [(order[0], FIRST_S), *((place, READ_S) for place in (*order[1:], order[0]))]


def _is_unsent(error: Exception) -> bool:
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) or (isinstance(error, Stale) and error.unsent)


def _problem(status: int, code: str, message: str, more: Sequence[tuple[bytes, bytes]] = ()) -> Reply:
    headers = [JSON, NO_STORE, (b"x-amzn-errortype", code.encode()), *more]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    body = msgspec.json.encode({"type": "Gateway", "code": code, "__type": code, "message": message})
    return status, headers, body


def _end_to_end(headers: RawHeaders) -> RawHeaders:
    return [(name, value) for field, value in headers if (name := field.lower()) not in HOP_BY_HOP]


def _revalidated(reply: Reply, if_none_match: str) -> Reply:
    """The answer, or 304 for a caller that has it."""
    headers = reply[1]
    if is_modified(if_none_match, headers):
        return reply
    return 304, [(name, value) for name, value in headers if name.lower() not in OF_A_BODY], b""


def _sent(reply: Reply, method: str) -> SentResponse:
    status, headers, body = reply
    sent = [(name, value) for name, value in _end_to_end(headers) if name != HOLD]
    if status not in (204, 304):
        length = b"%d" % len(body)
        if method == "HEAD":
            length = next((value for name, value in headers if name.lower() == b"content-length"), length)
        sent.append((b"content-length", length))
    return SentResponse(status, sent, b"" if method == "HEAD" else body)
