"""For operators with a key of their own: purge answers, read the configuration again, see the one in use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from litestar import post, route
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from gateway.auth import holder
from gateway.cache import purge
from gateway.caller import Caller
from gateway.config import Watch
from gateway.errors import Invalid, NotConfigured
from gateway.routes.body import decode
from gateway.routes.recommend import READ
from gateway.routes.replies import LARGEST_BODY, AnyRequest, Front, Sending, Sent, Work

Announce = Callable[[str, str], Awaitable[None]]


def admin_routes(front: Front, announce: Announce, watch: Watch | None) -> list[HTTPRouteHandler]:
    """`announce` tells every replica, and returns once this one has heard."""

    def keyed(work: Work) -> Work:
        async def admitted(request: AnyRequest, caller: Caller) -> Sending:
            keys = front.gateway.config.admin
            if keys is None:
                raise NotFoundException
            holder(keys, caller, front.gateway.now())
            return await work(request, caller)

        return admitted

    async def purged(request: AnyRequest, _: Caller) -> Sending:
        async with front.bodies.of(request, "admin", LARGEST_BODY) as body:
            asked = decode(body, purge.Purge, "what to purge", "ValidationError")
        checked(asked, front.gateway.config.namespaces)
        await announce(purge.KIND, purge.encoded(asked))
        return Sending(msgspec.json.encode({"purged": asked}))

    async def reloaded(_: AnyRequest, __: Caller) -> Sending:
        if watch is None:
            raise NotConfigured("ConfigurationNotWatched", "the server was started without --config")
        faults = await watch.look(at_once=True)
        config = front.gateway.config
        body = {"version": config.version, "fingerprint": config.fingerprint, "faults": [str(each) for each in faults]}
        return Sending(msgspec.json.encode(body), 422 if faults else 200)

    async def configuration(_: AnyRequest, __: Caller) -> Sending:
        config = front.gateway.config
        warnings = [str(warning) for warning in config.warnings]
        told = {"fingerprint": config.fingerprint, "warnings": warnings, "document": config.document}
        return Sending(msgspec.json.encode(told))

    @post("/admin/purge", status_code=200)
    async def purge_(request: AnyRequest) -> Sent:
        return await front.answer("admin", request, keyed(purged))

    @post("/admin/reload", status_code=200)
    async def reload_(request: AnyRequest) -> Sent:
        return await front.answer("admin", request, keyed(reloaded))

    @route("/admin/configuration", http_method=READ)
    async def configuration_(request: AnyRequest) -> Sent:
        return await front.answer("admin", request, keyed(configuration))

    return [purge_, reload_, configuration_]


def checked(asked: purge.Purge, namespaces: Mapping[str, Any]) -> None:
    """Raises `Invalid` and `NotConfigured`."""
    namespace = namespaces.get(asked.namespace)
    if namespace is None:
        raise NotConfigured("NamespaceNotFound", f"no namespace {asked.namespace!r}")
    parts = [name for name in ("recommender", "user", "item") if getattr(asked, name) is not None]
    if len(parts) > 1:
        raise Invalid(
            "ValidationError", f"a purge is of a namespace and one of its parts, not of {' and '.join(parts)}"
        )
    if asked.recommender is not None and asked.recommender not in {name for _, name in namespace.plans}:
        raise NotConfigured("RecommenderNotConfigured", f"no recommender {asked.recommender!r} in {asked.namespace!r}")
