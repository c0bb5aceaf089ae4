"""All three services on one port: at the root, and below any path that an endpoint's URL names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol
from urllib.parse import unquote

from litestar import Litestar, Response
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from engine import OPERATIONS, perform
from gateway.aws.callers import AwsCaller
from gateway.aws.events import EventIntake, EventsCalls
from gateway.aws.metering import UNKNOWN
from gateway.aws.protocol import (
    JSON,
    JSON_1_1,
    LARGEST_BODY,
    PREFIX,
    Headers,
    Wire,
    WireRoute,
    framed,
    refused,
    unknown,
)
from gateway.aws.rates import Rates, unlimited
from gateway.aws.runtime import Keep, RankerPort, RuntimeAnswers, RuntimeCalls, keep_nothing
from gateway.aws.sigv4 import ALGORITHM, SERVICE
from gateway.routes.replies import AnyRequest

TARGET_PREFIX = "AmazonPersonalize."
SCOPED = f"/{SERVICE}/aws4_request"
SDK = (b"amz-sdk-invocation-id", b"amz-sdk-request")  # what SDKs send of themselves, signed or not


class ControlPlane(Protocol):
    def control(self, account: str, region: str) -> Any: ...


class AwsEngine(Protocol):
    """The part of the engine that the wire uses."""

    @property
    def answers(self) -> RuntimeAnswers: ...

    @property
    def feed(self) -> EventIntake: ...

    @property
    def resources(self) -> ControlPlane: ...


class ControlCalls:
    """The control plane: every operation is a POST, told apart by the X-Amz-Target header alone (specification §0)."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane

    async def operate(self, caller: AwsCaller, headers: Headers, body: bytes) -> bytes:
        target = headers.get("x-amz-target", "")
        if not target.startswith(TARGET_PREFIX):
            raise unknown(target or "without an X-Amz-Target header")
        control = self._plane.control(caller.account, caller.region)
        return await asyncio.to_thread(perform, control, target.removeprefix(TARGET_PREFIX), body)


def aws_routes(
    engine: AwsEngine, ranker: RankerPort, on: Wire, rates: Rates | None = None, keep: Keep = keep_nothing
) -> list[HTTPRouteHandler]:
    """Handlers for the app. `rates`: how often callers may ask, without limit where there are none. `keep` takes lists
    that may go out again."""
    take = unlimited if rates is None else rates.take
    runtime, intake = RuntimeCalls(ranker, engine.answers, take, keep), EventsCalls(engine.feed, take)
    put = intake.put_rows
    return [
        framed(each, on)
        for each in (
            WireRoute("/", ControlCalls(engine.resources).operate, control_operation, JSON_1_1, "control"),
            WireRoute("/recommendations", runtime.recommend, always("GetRecommendations")),
            WireRoute("/personalize-ranking", runtime.rerank, always("GetPersonalizedRanking")),
            WireRoute("/action-recommendations", runtime.act, always("GetActionRecommendations")),
            WireRoute("/events", intake.put_events, always("PutEvents")),
            WireRoute("/items", put("item", 32_000), always("PutItems"), limit=LARGEST_BODY),
            WireRoute("/users", put("user", 24_000), always("PutUsers"), limit=LARGEST_BODY),
            WireRoute("/actions", put("action", 32_000), always("PutActions"), limit=LARGEST_BODY),
            WireRoute("/action-interactions", intake.put_action_interactions, always("PutActionInteractions")),
        )
    ]


def always(operation: str) -> Callable[[Headers], str]:
    return lambda _: operation


def control_operation(headers: Headers) -> str:
    """The operation of the control plane that a request is for; of names that are none, one for all."""
    name = headers.get("x-amz-target", "").removeprefix(TARGET_PREFIX)
    return name if name in OPERATIONS else UNKNOWN


def below_any_path(routes: Iterable[HTTPRouteHandler], app: Litestar) -> ASGIApp:
    """The app's router, which finds these routes of it below any path, too."""
    paths = {path for route in routes for path in route.paths if not path.startswith(PREFIX)}
    own = {route.path.split("/")[1] for route in app.routes}
    return Prefixed(paths, own, app.asgi_handler)


class Prefixed:
    """Routes requests of the three services below a path without it, all others as they came: an endpoint's URL may
    have one, which every SDK puts before the operations' own (§1.1). The path that the caller has signed stays in the
    scope's `raw_path`."""

    def __init__(self, paths: Collection[str], own: Collection[str], router: ASGIApp) -> None:
        """`paths` are the wire's, `/` for the control plane; `own` are the first segments of the router's routes."""
        self._paths, self._own, self._router = frozenset(paths), frozenset(own), router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self._path(scope) if scope["type"] == ScopeType.HTTP and scope.get("method") == "POST" else None
        if path is not None:
            scope["path"] = path
        await self._router(scope, receive, send)

    def _path(self, scope: Scope) -> str | None:
        """The wire's path that is asked for below another one; None where none is."""
        segments = [segment for segment in scope["path"].split("/") if segment]
        if not segments or f"/{'/'.join(segments)}" in self._paths:
            return None
        headers = dict(scope["headers"])
        if headers.get(b"x-amz-target", b"").startswith(TARGET_PREFIX.encode()):
            return "/"
        path = f"/{segments[-1]}"
        if path not in self._paths:
            return None
        signature = (headers.get(b"authorization") or scope["query_string"]).decode("latin-1")
        if ALGORITHM in signature:
            return path if SCOPED in unquote(signature) else None
        return path if segments[0] not in self._own and any(name in headers for name in SDK) else None


def aws_unrouted(request: AnyRequest, error: Exception) -> Response[bytes] | None:
    """A refusal that AWS clients can read where no route answers; None for other requests, and for a preflight."""
    if (
        request.method == "OPTIONS"
        or not isinstance(error, HTTPException)
        or error.status_code not in (404, 405)
        or not _speaks_aws(request)
    ):
        return None
    media_type = JSON_1_1 if "x-amz-target" in request.headers else JSON
    return refused(unknown("of that path and method"), media_type)


def _speaks_aws(request: AnyRequest) -> bool:
    below = f"{request.scope['path']}/".startswith(f"{PREFIX}/")
    signed = request.headers.get("authorization", "").startswith(ALGORITHM) or "X-Amz-Algorithm" in request.query_params
    return below or signed or "x-amz-target" in request.headers
