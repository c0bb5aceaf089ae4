"""The API of operators: who they are, purging answers, reading the configuration again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from gateway.admin.session import SessionView, session
from gateway.cache import purge
from gateway.config import Watch
from gateway.errors import Invalid, NotConfigured
from gateway.routes.admin_gate import AdminGate, Operator, RouteDoc, answer
from gateway.routes.parsing import decode
from gateway.routes.replies import LARGEST_BODY, POST, AnyRequest, Front, Sending


class PurgedView(msgspec.Struct, frozen=True):
    purged: purge.Purge


class ReloadedView(msgspec.Struct, frozen=True):
    version: str
    fingerprint: str
    faults: list[str]


DOCS = (
    RouteDoc("GET", "/admin/session", "getSession", "Who asks, and what that lets them do", SessionView),
    RouteDoc("POST", "/admin/purge", "purgeCache", "Forget cached answers", PurgedView, purge.Purge),
    RouteDoc("POST", "/admin/reload", "reloadConfiguration", "Read the configuration again, at once", ReloadedView),
)

Announce = Callable[[str, str], Awaitable[None]]


def admin_routes(front: Front, announce: Announce, watch: Watch | None, server: str) -> list[HTTPRouteHandler]:
    """`announce` tells every replica, and returns once this one has heard."""
    api, gate = AdminApi(front, announce, watch, server), AdminGate(front)
    return [
        gate.read("/admin/session", api.session),
        gate.write(POST, "/admin/purge", api.purge),
        gate.write(POST, "/admin/reload", api.reload, server_only=True),
    ]


class AdminApi:
    def __init__(self, front: Front, announce: Announce, watch: Watch | None, server: str) -> None:
        self._front, self._announce, self._watch, self._server = front, announce, watch, server

    async def session(self, _: AnyRequest, operator: Operator) -> Sending:
        is_writable = self._watch is not None and self._watch.place.why_not_writable() is None
        return answer(session(operator, self._front.gateway.config, self._server, is_writable=is_writable))

    async def purge(self, request: AnyRequest, operator: Operator) -> Sending:
        async with self._front.bodies.of(request, "admin", LARGEST_BODY) as body:
            wanted = decode(body, purge.Purge, "what to purge", "ValidationError")
        operator.check_namespace(wanted.namespace)
        check(wanted, self._front.gateway.config.namespaces)
        await self._announce(purge.KIND, purge.encoded(wanted))
        return answer(PurgedView(wanted))

    async def reload(self, _: AnyRequest, __: Operator) -> Sending:
        if self._watch is None:
            raise NotConfigured("ConfigurationNotWatched", "the server was started without --config")
        faults = await self._watch.look(at_once=True)
        config = self._front.gateway.config
        view = ReloadedView(config.version, config.fingerprint, [str(each) for each in faults])
        return answer(view, 422 if faults else 200)


def check(wanted: purge.Purge, namespaces: Mapping[str, Any]) -> None:
    """Raises `Invalid` and `NotConfigured`."""
    namespace = namespaces.get(wanted.namespace)
    if namespace is None:
        raise NotConfigured("NamespaceNotFound", f"no namespace {wanted.namespace!r}")
    parts = [name for name in ("recommender", "user", "item") if getattr(wanted, name) is not None]
    if len(parts) > 1:
        raise Invalid(
            "ValidationError", f"a purge is of a namespace and one of its parts, not of {' and '.join(parts)}"
        )
    if wanted.recommender is not None and wanted.recommender not in {name for _, name in namespace.plans}:
        raise NotConfigured(
            "RecommenderNotConfigured", f"no recommender {wanted.recommender!r} in {wanted.namespace!r}"
        )
