"""GrowthBook's SDK endpoints: experiments as features, or evaluated here for one user, a stream that says when they
have changed, and what the SDKs' tracking plugins report (`ingestorHost`).

The URL names a client key: any, or with API keys one of them, for SDKs that send no header.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count
from math import floor
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from gateway.auth.authenticator import API_KEY
from gateway.caller import Caller, Principal
from gateway.experiments.flags import may_see
from gateway.experiments.wires import growthbook
from gateway.flag_service import FlagService
from gateway.plan.flag import AnyFlag, value_of
from gateway.plan.plan import ApiKeys
from gateway.routes.parsing import LONGEST_ID, decode, decoded, segments
from gateway.routes.replies import (
    LARGEST_BODY,
    POST,
    READ,
    AnyRequest,
    Front,
    Header,
    Sending,
    SentResponse,
    Work,
    digest_tag,
    tagged,
)

LOOK_S = 0.5  # how often a stream looks whether there is something new
ALIVE = 10  # looks after which it says that it is still there
STREAMS: Header = (b"x-sse-support", b"enabled")


def growthbook_routes(front: Front, flag_service: FlagService, leaving: Callable[[], bool]) -> list[HTTPRouteHandler]:
    api = GrowthBookApi(front, flag_service, leaving)

    @front.route("/api/features/{rest:path}", READ)
    async def features(request: AnyRequest) -> SentResponse:
        (key,) = segments(request, "api", 2)[1:]
        return await front.answer("growthbook", request, api.keyed(decoded(key, "client key"), api.features))

    @front.route("/api/eval/{rest:path}", POST)
    async def evaluate(request: AnyRequest) -> SentResponse:
        (key,) = segments(request, "api", 2)[1:]
        return await front.answer("growthbook-eval", request, api.keyed(decoded(key, "client key"), api.evaluate))

    @front.route("/sub/{rest:path}", READ)
    async def stream(request: AnyRequest) -> SentResponse:
        (key,) = segments(request, "sub", 1)
        return await front.answer("growthbook-sub", request, api.keyed(decoded(key, "client key"), api.stream))

    @front.route("/track", POST)
    async def track(request: AnyRequest) -> SentResponse:
        key = request.query_params.get("client_key", "")
        return await front.answer("growthbook-track", request, api.keyed(key, api.track))

    return [features, evaluate, stream, track]


class RemoteQuestion(msgspec.Struct, frozen=True, rename="camel"):
    """The body of a remote evaluation: the user's attributes, and what its developer forces."""

    attributes: dict[str, Any] = {}
    forced_variations: dict[str, int] = {}
    forced_features: list[tuple[str, Any]] = []

    def unit(self, flag: AnyFlag) -> str | None:
        """The user or session that the flag is for; None where the attributes have none."""
        unit = self.attributes.get(growthbook.ATTRIBUTES[flag.unit])
        return unit if isinstance(unit, str) and 0 < len(unit) <= LONGEST_ID else None


class GrowthBookApi:
    def __init__(self, front: Front, flag_service: FlagService, leaving: Callable[[], bool]) -> None:
        self._front, self._flag_service, self._leaving = front, flag_service, leaving
        self._payloads: dict[tuple[object, ...], bytes] = {}  # of this second

    def keyed(self, key: str, work: Work) -> Work:
        """Admit callers by the client key, as by a key in the header."""
        front = self._front

        async def admitted(request: AnyRequest, caller: Caller) -> Sending:
            if isinstance(front.gateway.config.auth, ApiKeys) and API_KEY not in caller.headers:
                caller = msgspec.structs.replace(caller, headers={**caller.headers, API_KEY: key})
            return await work(request, await front.admit(caller))

        return admitted

    async def features(self, _: AnyRequest, caller: Caller) -> Sending:
        body = self._payload(caller.principal)
        return tagged(body, digest_tag(body), caller, STREAMS)

    async def evaluate(self, request: AnyRequest, caller: Caller) -> Sending:
        """The features as the gateway evaluates them for the attributes of one user (`remoteEval`)."""
        async with self._front.bodies.of(request, caller.share, LARGEST_BODY) as body:
            question = decode(body, RemoteQuestion, "what a client of GrowthBook asks for its user")
        features = {
            flag.key: self._evaluated(flag, question, caller)
            for flag in self._front.gateway.config.flags.values()
            if may_see(flag, caller.principal, question.unit(flag))
        }
        features |= {key: {"defaultValue": value} for key, value in question.forced_features}
        return Sending(msgspec.json.encode({"status": 200, "features": features}))

    def _evaluated(self, flag: AnyFlag, question: RemoteQuestion, caller: Caller) -> dict[str, Any]:
        chosen, unit = growthbook.forced(flag, question.forced_variations), question.unit(flag)
        if chosen is not None:
            return chosen
        if unit is None:
            return {"defaultValue": value_of(flag.plan, flag.default)}
        evaluation = self._flag_service.evaluate(flag, unit, question.attributes, caller, exposes=False)
        return growthbook.evaluated(flag, evaluation, unit)

    async def stream(self, _: AnyRequest, caller: Caller) -> Sending:
        gateway = self._front.gateway
        auth = gateway.config.auth

        def goes_on() -> bool:
            """False where the process ends, or other callers are admitted now: a caller who comes again is asked
            again."""
            return not self._leaving() and gateway.config.auth == auth

        parts = pushed(lambda: self._payload(caller.principal), goes_on)
        return Sending(media_type=b"text/event-stream", stream=parts)

    async def track(self, request: AnyRequest, caller: Caller) -> Sending:
        """Events of no experiment are left out, as are those whose sender may send none."""
        gateway = self._front.gateway
        async with self._front.bodies.of(request, caller.share, LARGEST_BODY) as body:
            events = decode(body, list[dict[str, Any]], "an array of events")
            flags, now = gateway.config.flags, gateway.clock()
            reports = [each for event in events for each in growthbook.reports_in(flags, event)]
            allowed = [each for each in reports if may_see(each.flag, caller.principal, each.unit, "events")]
            await asyncio.gather(*(self._flag_service.report(each, caller, now) for each in allowed))
        return Sending(b"{}")

    def _payload(self, principal: Principal) -> bytes:
        """The experiments as of this second, made once for all who may see the same."""
        config, now = self._front.gateway.config, float(floor(self._front.gateway.clock()))
        kind = (config.fingerprint, now, principal.namespaces, principal.actions)
        if kind not in self._payloads:
            flags = [
                flag for flag in config.flags.values() if growthbook.is_told(flag) and may_see(flag, principal, None)
            ]
            features = {flag.key: growthbook.feature(self._flag_service.current(flag, now), now) for flag in flags}
            self._payloads.clear()
            self._payloads[kind] = msgspec.json.encode({"status": 200, "features": features})
        return self._payloads[kind]


async def pushed(payload: Callable[[], bytes], goes_on: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The features at once, and again whenever they have become others."""
    sent = b""
    for look in count():
        if not goes_on():
            return
        now = payload()
        if now != sent:
            # a line of its own for each value: some readers take no long ones
            lines = msgspec.json.format(now, indent=1).splitlines()
            yield b"event: features\n" + b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
            sent = now
        elif look % ALIVE == 0:
            yield b": still here\n\n"
        await asyncio.sleep(LOOK_S)
