"""The API of operators with a key of their own: purge answers, read the configuration again, see the one in use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from math import inf
from typing import Any

import msgspec
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from gateway.auth import holder
from gateway.cache import purge
from gateway.caller import Caller
from gateway.config import Config, Watch
from gateway.errors import Invalid, NotConfigured
from gateway.routes.parsing import decode
from gateway.routes.replies import LARGEST_BODY, POST, READ, AnyRequest, Front, Sending, Work

Announce = Callable[[str, str], Awaitable[None]]


def admin_routes(front: Front, announce: Announce, watch: Watch | None) -> list[HTTPRouteHandler]:
    """`announce` tells every replica, and returns once this one has heard."""
    api = AdminApi(front, announce, watch)
    return [
        front.handler(POST, "/admin/purge", "admin", api.keyed(api.purge), guarded=False),
        front.handler(POST, "/admin/reload", "admin", api.keyed(api.reload), guarded=False),
        front.handler(READ, "/admin/configuration", "admin", api.keyed(api.configuration), guarded=False),
    ]


class AdminApi:
    def __init__(self, front: Front, announce: Announce, watch: Watch | None) -> None:
        self._front, self._announce, self._watch = front, announce, watch

    def keyed(self, work: Work) -> Work:
        """Answer callers who send a key of `admin`; without any keys there is no such path."""
        gateway = self._front.gateway

        async def admitted(request: AnyRequest, caller: Caller) -> Sending:
            keys = gateway.config.admin
            if keys is None:
                raise NotFoundException
            holder(keys, caller, gateway.clock())
            return await work(request, caller)

        return admitted

    async def purge(self, request: AnyRequest, _: Caller) -> Sending:
        async with self._front.bodies.of(request, "admin", LARGEST_BODY) as body:
            wanted = decode(body, purge.Purge, "what to purge", "ValidationError")
        check(wanted, self._front.gateway.config.namespaces)
        await self._announce(purge.KIND, purge.encoded(wanted))
        return Sending(msgspec.json.encode({"purged": wanted}))

    async def reload(self, _: AnyRequest, __: Caller) -> Sending:
        if self._watch is None:
            raise NotConfigured("ConfigurationNotWatched", "the server was started without --config")
        faults = await self._watch.look(at_once=True)
        config = self._front.gateway.config
        body = {"version": config.version, "fingerprint": config.fingerprint, "faults": [str(each) for each in faults]}
        return Sending(msgspec.json.encode(body), 422 if faults else 200)

    async def configuration(self, _: AnyRequest, __: Caller) -> Sending:
        config = self._front.gateway.config
        warnings = [str(warning) for warning in config.warnings]
        rules = rules_now(config, self._front.gateway.clock())
        body = {"fingerprint": config.fingerprint, "warnings": warnings, "rules": rules, "document": config.document}
        return Sending(msgspec.json.encode(body))


def rules_now(config: Config, now: float) -> list[dict[str, Any]]:
    """The merchandising rules in force, by the lists that they rule, and until when (epoch seconds) those are they."""
    shown = []
    for namespace in config.namespaces.values():
        for plan in namespace.plans.values():
            for variation in plan.variations:
                if variation.rules is None or not variation.rules.rules:
                    continue
                current = variation.rules.in_force(now)
                names = [rule.name for rule in current.for_users]
                row: dict[str, Any] = {"list": f"/{plan.action}/{plan.namespace}/{plan.recommender}"}
                row |= {"variation": variation.name, "inForce": names}
                shown.append(row | ({} if current.until == inf else {"until": current.until}))
    return shown


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
