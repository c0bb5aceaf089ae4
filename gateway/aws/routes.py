"""All three services on one port: at the root, and below a prefix for those who want them apart from the rest."""

from __future__ import annotations

from typing import Protocol

from litestar import Router
from litestar.handlers import HTTPRouteHandler

from gateway.aws.control import ControlCalls, ControlPlane
from gateway.aws.events import EventsCalls, Intake
from gateway.aws.protocol import JSON, JSON_1_1, Call, Caller, Headers, Homed, framed, unknown
from gateway.aws.runtime import Catalogue, Rank, RuntimeCalls

PREFIX = "/aws"
UNSERVED = ("/action-recommendations", "/actions", "/action-interactions")


class AwsEngine(ControlPlane, Intake, Catalogue, Protocol):
    """What the wire needs of the engine."""

    @property
    def settings(self) -> Homed: ...


def aws_routes(engine: AwsEngine, rank: Rank) -> list[HTTPRouteHandler | Router]:
    """Handlers for the app. `rank` answers a question as the gateway's own routes would, cache included."""
    runtime, intake = RuntimeCalls(rank, engine), EventsCalls(engine)
    calls: tuple[tuple[str, Call, str], ...] = (
        ("/", ControlCalls(engine).operate, JSON_1_1),
        ("/recommendations", runtime.recommend, JSON),
        ("/personalize-ranking", runtime.rerank, JSON),
        ("/events", intake.put_events, JSON),
        ("/items", intake.put_items, JSON),
        ("/users", intake.put_users, JSON),
        *((path, _unserved, JSON) for path in UNSERVED),
    )

    def handlers() -> list[HTTPRouteHandler]:
        return [framed(path, call, engine.settings, media_type) for path, call, media_type in calls]

    return [*handlers(), Router(PREFIX, route_handlers=handlers())]


async def _unserved(_: Caller, __: Headers, ___: bytes) -> bytes:
    raise unknown("of that path")
