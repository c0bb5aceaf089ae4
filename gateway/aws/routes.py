"""All three services on one port: at the root, and below any path that an endpoint's URL names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from litestar import Litestar, Response, Router
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from gateway.aws.callers import Plane
from gateway.aws.control import ControlCalls, ControlPlane
from gateway.aws.events import EventIntake, EventsCalls
from gateway.aws.prefix import Prefixed
from gateway.aws.protocol import (
    JSON,
    JSON_1_1,
    LARGE_BODY,
    LARGEST_BODY,
    AnyRequest,
    Call,
    Wire,
    framed,
    refused,
    unknown,
)
from gateway.aws.rates import Rates
from gateway.aws.runtime import Rank, RuntimeAnswers, RuntimeCalls
from gateway.aws.sigv4 import ALGORITHM

PREFIX = "/aws"


class AwsEngine(Protocol):
    """The part of the engine that the wire uses."""

    @property
    def answers(self) -> RuntimeAnswers: ...

    @property
    def feed(self) -> EventIntake: ...

    @property
    def resources(self) -> ControlPlane: ...


def aws_routes(engine: AwsEngine, rank: Rank, on: Wire, rates: Rates | None = None) -> list[HTTPRouteHandler | Router]:
    """Handlers for the app. `rank` answers a question as the gateway's own routes would, cache included; `rates`: how
    often callers may ask, without limit where there are none."""
    runtime, intake = RuntimeCalls(rank, engine.answers, rates), EventsCalls(engine.feed, rates)
    calls: tuple[tuple[str, Call, str, Plane, int], ...] = (
        ("/", ControlCalls(engine.resources).operate, JSON_1_1, "control", LARGE_BODY),
        ("/recommendations", runtime.recommend, JSON, "data", LARGE_BODY),
        ("/personalize-ranking", runtime.rerank, JSON, "data", LARGE_BODY),
        ("/action-recommendations", runtime.act, JSON, "data", LARGE_BODY),
        ("/events", intake.put_events, JSON, "data", LARGE_BODY),
        ("/items", intake.put_items, JSON, "data", LARGEST_BODY),
        ("/users", intake.put_users, JSON, "data", LARGEST_BODY),
        ("/actions", intake.put_actions, JSON, "data", LARGEST_BODY),
        ("/action-interactions", intake.put_action_interactions, JSON, "data", LARGE_BODY),
    )

    def handlers() -> list[HTTPRouteHandler]:
        return [framed(path, call, on, media_type, plane, limit) for path, call, media_type, plane, limit in calls]

    return [*handlers(), Router(PREFIX, route_handlers=handlers())]


def below_any_path(routes: Iterable[HTTPRouteHandler | Router], app: Litestar) -> ASGIApp:
    """The app's router, which finds these routes of it below any path, too."""
    paths = {path for route in routes if isinstance(route, HTTPRouteHandler) for path in route.paths}
    own = {route.path.split("/")[1] for route in app.routes}
    return Prefixed(paths, own, app.asgi_handler)


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
