"""OFREP, the protocol of OpenFeature's providers: each experiment a flag, its value the variation's name (OFREP 0.3).

The targetingKey is the unit, a user or a session; the rest of the context counts for audiences. To ask for one flag is
an exposure, unless the context says `exposure: false`; to ask for all is none, unless it says `exposure: true`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec
from litestar import post, route
from litestar.handlers import HTTPRouteHandler

from gateway.auth import allowed
from gateway.caller import Caller
from gateway.experiments.flags import may_see
from gateway.flag_service import FlagService
from gateway.plan.flag import Flag
from gateway.routes.conditional import not_modified
from gateway.routes.path import LONGEST_ID
from gateway.routes.recommend import READ
from gateway.routes.replies import LARGEST_BODY, AnyRequest, Front, Sending, Sent

REASONS = {
    "split": "SPLIT",
    "targeted": "TARGETING_MATCH",
    "override": "TARGETING_MATCH",
    "default": "DEFAULT",
    "stopped": "DISABLED",
}
BASE = "/ofrep/v1"
ALL = f"{BASE}/evaluate/flags"
CONFIGURATION = {
    "name": "recgate",
    "capabilities": {
        "cacheInvalidation": {"polling": {"enabled": True, "minPollingIntervalMs": 1000}},
        "flagEvaluation": {"supportedTypes": ["string"]},
        "caching": {"enabled": False},
    },
}


class Fault(Exception):
    """What OFREP calls an evaluation failure."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(details)
        self.code, self.details = code, details


def ofrep_routes(front: Front, flag_service: FlagService) -> list[HTTPRouteHandler]:
    @post(f"{ALL}/{{key:path}}", status_code=200)
    async def one(request: AnyRequest) -> Sent:
        return await front.guarded("ofrep", request, evaluated)

    @post(ALL, status_code=200)
    async def all_(request: AnyRequest) -> Sent:
        return await front.guarded("ofrep", request, listed)

    @route(f"{BASE}/configuration", http_method=READ)
    async def configuration(request: AnyRequest) -> Sent:
        return await front.guarded("ofrep", request, told)

    async def evaluated(request: AnyRequest, caller: Caller) -> Sending:
        raw = request.scope["raw_path"].partition(b"?")[0].decode("latin-1")
        key = unquote(raw.removeprefix(f"{ALL}/"))
        flag = front.gateway.config.flags.get(key)
        if flag is None:
            return failed(404, "FLAG_NOT_FOUND", f"no experiment is called {key!r}", key)
        try:
            async with front.bodies.of(request, caller.share, LARGEST_BODY) as body:
                context = context_of(body)
            exposes = context.get("exposure", True)
            return Sending(msgspec.json.encode(value_of(flag, context, caller, exposes=exposes)))
        except Fault as fault:
            return failed(400, fault.code, fault.details, key)

    async def listed(request: AnyRequest, caller: Caller) -> Sending:
        try:
            async with front.bodies.of(request, caller.share, LARGEST_BODY) as sent:
                context = context_of(sent)
        except Fault as fault:
            return failed(400, fault.code, fault.details)
        unit, known = context["targetingKey"], front.gateway.config.flags.values()
        flags = [flag for flag in known if may_see(flag, caller.principal, unit)]
        exposes = context.get("exposure", False)
        body = msgspec.json.encode({"flags": [value_of(flag, context, caller, exposes=exposes) for flag in flags]})
        return tagged(body, caller)

    async def told(_: AnyRequest, caller: Caller) -> Sending:
        return tagged(msgspec.json.encode(CONFIGURATION), caller)

    def value_of(flag: Flag, context: Mapping[str, Any], caller: Caller, *, exposes: bool) -> dict[str, Any]:
        unit = context["targetingKey"]
        allowed(caller.principal, flag.plan.namespace, flag.plan.action, unit)
        found = flag_service.evaluate(flag, unit, others(context), caller, exposes=exposes)
        return {
            "key": flag.key,
            "value": found.variation,
            "variant": found.variation,
            "reason": REASONS[found.reason],
            "metadata": {
                "namespace": flag.plan.namespace,
                "recommender": flag.plan.recommender,
                "feature": flag.experiment.feature,
                "method": flag.experiment.method,
            },
        }

    return [one, all_, configuration]


def context_of(body: bytes) -> dict[str, Any]:
    """Raises `Fault`."""
    try:
        told = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Fault("PARSE_ERROR", f"the body is not JSON: {error}") from error
    context = told.get("context", {}) if isinstance(told, dict) else None
    if not isinstance(context, dict):
        raise Fault("INVALID_CONTEXT", "the body must be an object whose 'context' is an object")
    unit = context.get("targetingKey")
    if unit is None or unit == "":
        raise Fault("TARGETING_KEY_MISSING", "context.targetingKey is required: the id of the user or session")
    if not isinstance(unit, str) or len(unit) > LONGEST_ID:
        raise Fault("INVALID_CONTEXT", f"context.targetingKey must be a text of 1 to {LONGEST_ID} characters")
    for name in ("exposure", "syntheticUser"):
        if not isinstance(context.get(name, False), bool):
            raise Fault("INVALID_CONTEXT", f"context.{name} must be true or false")
    return context


def others(context: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in context.items() if name not in ("targetingKey", "exposure")}


def failed(status: int, code: str, details: str, key: str | None = None) -> Sending:
    told = {"errorCode": code, "errorDetails": details}
    return Sending(msgspec.json.encode(told if key is None else {"key": key, **told}), status)


def tagged(body: bytes, caller: Caller) -> Sending:
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = ((b"cache-control", b"private,no-cache"), (b"etag", etag.encode()))
    if not_modified(caller.headers.get("if-none-match", ""), etag):
        return Sending(status=304, headers=headers)
    return Sending(body, headers=headers)
