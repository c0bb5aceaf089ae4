"""OFREP, the protocol of OpenFeature's providers: each experiment a flag, its value the variation's (OFREP 0.3).

The targetingKey is the unit, a user or a session; the rest of the context counts for audiences. To ask for one flag is
an exposure, unless the context says `exposure: false`; to ask for all is none, unless it says `exposure: true`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec
from litestar.handlers import HTTPRouteHandler

from gateway.auth import allowed
from gateway.caller import Caller
from gateway.experiments.flags import may_see
from gateway.flag_service import FlagService
from gateway.plan.flag import AnyFlag, Flag, value_of
from gateway.routes.parsing import LONGEST_ID
from gateway.routes.replies import LARGEST_BODY, POST, READ, AnyRequest, Front, Sending, digest_tag, tagged

REASONS = {
    "split": "SPLIT",
    "targeted": "TARGETING_MATCH",
    "override": "TARGETING_MATCH",
    "default": "DEFAULT",
    "stopped": "DISABLED",
    "static": "STATIC",
}
BASE = "/ofrep/v1"
ALL = f"{BASE}/evaluate/flags"
CONFIGURATION = {
    "name": "recgate",
    "capabilities": {
        "cacheInvalidation": {"polling": {"enabled": True, "minPollingIntervalMs": 1000}},
        "flagEvaluation": {"supportedTypes": ["int", "float", "string", "boolean", "object"]},
        "caching": {"enabled": False},
    },
}


class OfrepFailure(Exception):
    """An evaluation failure, as OFREP calls it."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(details)
        self.code, self.details = code, details


def ofrep_routes(front: Front, flag_service: FlagService) -> list[HTTPRouteHandler]:
    api = OfrepApi(front, flag_service)
    return [
        front.handler(POST, f"{ALL}/{{key:path}}", "ofrep", api.evaluate),
        front.handler(POST, ALL, "ofrep", api.evaluate_all),
        front.handler(READ, f"{BASE}/configuration", "ofrep", api.configuration),
    ]


class OfrepApi:
    def __init__(self, front: Front, flag_service: FlagService) -> None:
        self._front, self._flag_service = front, flag_service

    async def evaluate(self, request: AnyRequest, caller: Caller) -> Sending:
        raw = request.scope["raw_path"].partition(b"?")[0].decode("latin-1")
        key = unquote(raw.removeprefix(f"{ALL}/"))
        flag = self._front.gateway.config.flags.get(key)
        if flag is None:
            return failed(404, "FLAG_NOT_FOUND", f"no experiment is called {key!r}", key)
        try:
            async with self._front.bodies.of(request, caller.share, LARGEST_BODY) as body:
                context = context_of(body)
            exposes = context.get("exposure", True)
            return Sending(msgspec.json.encode(self._value(flag, context, caller, exposes=exposes)))
        except OfrepFailure as failure:
            return failed(400, failure.code, failure.details, key)

    async def evaluate_all(self, request: AnyRequest, caller: Caller) -> Sending:
        try:
            async with self._front.bodies.of(request, caller.share, LARGEST_BODY) as sent:
                context = context_of(sent)
        except OfrepFailure as failure:
            return failed(400, failure.code, failure.details)
        unit, every = context["targetingKey"], self._front.gateway.config.flags.values()
        flags = [flag for flag in every if may_see(flag, caller.principal, unit)]
        exposes = context.get("exposure", False)
        values = [self._value(flag, context, caller, exposes=exposes) for flag in flags]
        body = msgspec.json.encode({"flags": values})
        return tagged(body, digest_tag(body), caller)

    async def configuration(self, _: AnyRequest, caller: Caller) -> Sending:
        body = msgspec.json.encode(CONFIGURATION)
        return tagged(body, digest_tag(body), caller)

    def _value(self, flag: AnyFlag, context: Mapping[str, Any], caller: Caller, *, exposes: bool) -> dict[str, Any]:
        unit, plan = context["targetingKey"], flag.plan
        allowed(caller.principal, plan.namespace, plan.action, unit)
        others = {name: value for name, value in context.items() if name not in ("targetingKey", "exposure")}
        evaluation = self._flag_service.evaluate(flag, unit, others, caller, exposes=exposes)
        metadata = {"namespace": plan.namespace, "recommender": plan.recommender}
        experiment = flag.experiment if isinstance(flag, Flag) else evaluation.experiment
        if experiment is not None:
            metadata |= {"feature": experiment.feature, "method": experiment.method}
        return {
            "key": flag.key,
            "value": value_of(plan, evaluation.variation),
            "variant": evaluation.variation,
            "reason": REASONS[evaluation.reason],
            "metadata": metadata,
        }


def context_of(body: bytes) -> dict[str, Any]:
    """Raises `OfrepFailure`."""
    try:
        document = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise OfrepFailure("PARSE_ERROR", f"the body is not JSON: {error}") from error
    context = document.get("context", {}) if isinstance(document, dict) else None
    if not isinstance(context, dict):
        raise OfrepFailure("INVALID_CONTEXT", "the body must be an object whose 'context' is an object")
    unit = context.get("targetingKey")
    if unit is None or unit == "":
        raise OfrepFailure("TARGETING_KEY_MISSING", "context.targetingKey is required: the id of the user or session")
    if not isinstance(unit, str) or len(unit) > LONGEST_ID:
        raise OfrepFailure("INVALID_CONTEXT", f"context.targetingKey must be a text of 1 to {LONGEST_ID} characters")
    for name in ("exposure", "syntheticUser"):
        if not isinstance(context.get(name, False), bool):
            raise OfrepFailure("INVALID_CONTEXT", f"context.{name} must be true or false")
    return context


def failed(status: int, code: str, details: str, key: str | None = None) -> Sending:
    failure = {"errorCode": code, "errorDetails": details}
    return Sending(msgspec.json.encode(failure if key is None else {"key": key, **failure}), status)
