"""The AWS framing: the request id, and errors that every SDK recognises.

boto3 finds a control-plane error only in the body's `__type`, other SDKs look at `x-amzn-ErrorType`: both are always
sent (specification §1.1, §1.2).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, NamedTuple

import msgspec
from litestar import Response
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

import engine
from gateway.aws.callers import AwsCaller, Callers, Plane
from gateway.aws.canonical import RawRequest
from gateway.aws.metering import WireMeter
from gateway.errors import RETRY_AFTER_S, Busy, Overloaded, Problem, TooLarge, TooMany
from gateway.limits.body_budget import BodyBudget
from gateway.routes.handler import Handler
from gateway.routes.replies import POST, AnyRequest, SentResponse

log = logging.getLogger(__name__)

PREFIX = "/aws"
JSON_1_1 = "application/x-amz-json-1.1"
JSON = "application/json"
THROTTLED = engine.Throttled.code
UNKNOWN_OPERATION = "UnknownOperationException"
LARGE_BODY = 1_000_000  # bytes; ten events of 10 KB, their properties escaped twice, are a third of it
LARGEST_BODY = 2_000_000  # ten rows of 32,000 characters, each of them escaped
FAILURE = Problem("The server failed; its log says why.", status=500, type="Internal", code="InternalFailure")


Headers = Mapping[str, str]
decoded = engine.decoded

# members of requests that the runtime and events services share (specification, Appendix A)
Arn = Annotated[str, Meta(max_length=256, pattern=r"^arn:([a-z0-9-]+):personalize:.*:.*:.+\Z")]
Id = Annotated[str, Meta(min_length=1, max_length=256)]


class RequestBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A request's body; members that no rule knows are left aside, as AWS does."""


class WireAnswer(NamedTuple):
    """A body with headers of ours: AWS's shapes have no member for them."""

    body: bytes
    headers: Mapping[str, str]


Call = Callable[[AwsCaller, Headers, bytes], Awaitable[bytes | WireAnswer]]  # (who, lower-cased headers, body) → body


Limit = Callable[[AwsCaller, RawRequest, int], Awaitable[None]]  # counts so many calls; raises `TooMany`


async def without_limit(caller: AwsCaller, head: RawRequest, count: int) -> None:
    """Let all calls in."""


class Wire(NamedTuple):
    """Parts that the wire's routes share: who may call, where bodies are held, the share of a sender there, what counts
    calls, and how often a caller may call."""

    callers: Callers
    bodies: BodyBudget
    meter: WireMeter
    share: Callable[[RawRequest], str] = lambda head: head.peer or ""
    limit: Limit = without_limit


class WireRoute(NamedTuple):
    """A path of the wire. `operation` names what a request with these headers asks for; `limit`: bytes of a body."""

    path: str
    call: Call
    operation: Callable[[Headers], str]
    media_type: str = JSON
    plane: Plane = "data"
    limit: int = LARGE_BODY


def allowing(methods: Sequence[HttpMethod]) -> Callable[[AnyRequest], SentResponse]:
    """The answer to OPTIONS. It has no headers of CORS: pages of other origins do not use the wire."""
    allow = ", ".join(sorted([*methods, HttpMethod.OPTIONS]))
    return lambda _: SentResponse(204, [(b"allow", allow.encode())], b"")


def framed(route: WireRoute, on: Wire) -> HTTPRouteHandler:
    """A POST route whose answers, good or bad, are framed as AWS frames them, and counted."""

    @Handler(at_root_and_prefix(route.path), POST, allowing(POST))
    async def handle(request: AnyRequest) -> Response[bytes]:
        began, head, counted = time.perf_counter(), head_of(request), CountedCall()
        operation = route.operation(head.headers)
        with on.meter.trace(operation, head.headers) as span:
            response = await _answered(route, on, request, head, counted)
            if span is not None:
                span.answer(response.status_code or 200)
        seconds = time.perf_counter() - began
        on.meter.count(operation, counted.account, counted.body, response.status_code or 200, seconds)
        return response

    return handle


class CountedCall:
    """The caller's account and the body, as far as a call came."""

    __slots__ = ("account", "body")

    def __init__(self) -> None:
        self.account, self.body = "", b""


async def _answered(
    route: WireRoute, on: Wire, request: AnyRequest, head: RawRequest, counted: CountedCall
) -> Response[bytes]:
    try:
        on.callers.check(head, plane=route.plane)
        async with (held := on.bodies.of(request, on.share(head), route.limit, inflate=False)) as sent:
            caller = on.callers.who(head._replace(body=sent), plane=route.plane)
            counted.account = caller.account
            await on.limit(caller, head, 1)
            counted.body = held.inflated(head.headers)  # the signature is of what came over the wire
            answer = await route.call(caller, head.headers, counted.body)
    except (engine.EngineError, Problem) as error:
        return refused(error, route.media_type)
    except Exception:  # every SDK retries an InternalFailure; a bare 500 it can't read
        log.exception("%s failed", route.path)
        return refused(FAILURE, route.media_type)
    body, more = answer if isinstance(answer, WireAnswer) else (answer, {})
    return Response(body, status_code=200, media_type=route.media_type, headers={**request_id(), **more})


def at_root_and_prefix(path: str) -> list[str]:
    return [path, f"{PREFIX}{path}"]


def head_of(request: AnyRequest) -> RawRequest:
    """The request without its body."""
    headers: dict[str, str] = {}
    for name, value in request.scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    path, query = (request.scope[part].decode("latin-1") for part in ("raw_path", "query_string"))
    client = request.scope["client"]
    version = request.scope.get("http_version", "1.1")
    return RawRequest(request.method, path, query, headers, b"", client[0] if client else None, version)


def refused(error: engine.EngineError | Problem, media_type: str) -> Response[bytes]:
    code, message, status = refusal_of(error, control=media_type == JSON_1_1)
    body = msgspec.json.encode({"__type": code, "message": message})
    headers = {"x-amzn-ErrorType": code, **request_id()}
    if code == THROTTLED or status == 503:
        headers["Retry-After"] = str(error.retry_after_s if isinstance(error, TooMany | Busy) else RETRY_AFTER_S)
    return Response(body, status_code=status, media_type=media_type, headers=headers)


def refusal_of(error: engine.EngineError | Problem, *, control: bool) -> tuple[str, str, int]:
    """Code, message and status: 400 for all modelled errors of the control plane, else as the error says (§1.2)."""
    if isinstance(error, Overloaded | TooMany):  # what every SDK tries again
        return THROTTLED, error.message, 400 if control else 429
    if isinstance(error, TooLarge):
        return "RequestEntityTooLargeException", error.message, error.status
    modelled = isinstance(error, engine.EngineError) and error.status < 500 and error.code != UNKNOWN_OPERATION
    return error.code, error.message, 400 if control and modelled else error.status


def unknown(name: str) -> Problem:
    return Problem(f"There is no operation {name}.", status=404, type="Validation", code=UNKNOWN_OPERATION)


def request_id() -> dict[str, str]:
    return {"x-amzn-RequestId": engine.random_uuid()}
