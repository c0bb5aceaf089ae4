"""The AWS framing: who asks (the credential scope), the request id, and errors that every SDK recognises.

boto3 finds a control-plane error only in the body's `__type`, other SDKs look at `x-amzn-ErrorType`: both are always
sent (specification §1.1, §1.2).
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

import engine
from gateway.errors import Problem

log = logging.getLogger(__name__)

JSON_1_1 = "application/x-amz-json-1.1"
JSON = "application/json"
UNKNOWN_OPERATION = "UnknownOperationException"
SCOPE = re.compile(r"Credential=(?P<key>[^/,\s]+)/(?P<date>[0-9]{8})/(?P<region>[a-z0-9-]{1,32})/(?P<service>[a-z-]+)/")
FAILURE = Problem("The server failed; its log says why.", status=500, type="Internal", code="InternalFailure")
T = TypeVar("T")


class Homed(Protocol):
    """Whatever knows its own account and region: the engine's settings."""

    @property
    def account_id(self) -> str: ...

    @property
    def region(self) -> str: ...


@dataclass(frozen=True)
class Caller:
    account: str
    region: str


@dataclass(frozen=True)
class Refusal:
    code: str
    message: str
    status: int


Headers = Mapping[str, str]
Call = Callable[[Caller, Headers, bytes], Awaitable[bytes]]  # (who, lower-cased headers, body) → body


def framed(path: str, call: Call, home: Homed, media_type: str = JSON) -> HTTPRouteHandler:
    """A POST route whose answers, good or bad, are framed as AWS frames them."""

    @post(path, status_code=200, include_in_schema=False)
    async def handle(request: Request[Any, Any, Any]) -> Response[bytes]:
        body = await request.body()
        try:
            answer = await call(caller_of(request.headers, home), request.headers, body)
        except (engine.EngineError, Problem) as error:
            return refused(error, media_type)
        except Exception:  # every SDK retries an InternalFailure; a bare 500 it can't read
            log.exception("%s failed", path)
            return refused(FAILURE, media_type)
        return Response(answer, media_type=media_type, headers=_request_id())

    return handle


def caller_of(headers: Headers, home: Homed) -> Caller:
    """The region of the credential scope; in open mode any signature will do, and so will none."""
    scope = SCOPE.search(headers.get("authorization", ""))
    return Caller(account=home.account_id, region=scope["region"] if scope else home.region)


def decoded(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Raises `InvalidInput` naming the member and the rule that it breaks."""
    try:
        return decoder.decode(body or b"{}")
    except msgspec.ValidationError as error:
        raise engine.InvalidInput(f"1 validation error detected: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise engine.InvalidInput(f"The request's body is not JSON: {error}") from error


def refused(error: engine.EngineError | Problem, media_type: str) -> Response[bytes]:
    refusal = refusal_of(error, control=media_type == JSON_1_1)
    body = msgspec.json.encode({"__type": refusal.code, "message": refusal.message})
    headers = {"x-amzn-ErrorType": refusal.code, **_request_id()}
    return Response(body, status_code=refusal.status, media_type=media_type, headers=headers)


def refusal_of(error: engine.EngineError | Problem, *, control: bool) -> Refusal:
    """The control plane answers 400 for all its modelled errors, the other two services as the error says (§1.2)."""
    modelled = error.status < 500 and error.code != UNKNOWN_OPERATION
    return Refusal(error.code, error.message, 400 if control and modelled else error.status)


def unknown(name: str) -> Problem:
    return Problem(f"There is no operation {name}.", status=404, type="Validation", code=UNKNOWN_OPERATION)


def _request_id() -> dict[str, str]:
    return {"x-amzn-RequestId": str(uuid.uuid4())}
