"""GrowthBook's SDK endpoints: experiments as features, a stream that says when they have changed, and what the SDKs'
tracking plugins report (`ingestorHost`).

A client key is what the URL says it is: any, or with API keys one of them, for SDKs that send no header.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from itertools import count
from math import floor
from typing import Any

import msgspec
from litestar import post, route
from litestar.handlers import HTTPRouteHandler

from gateway.auth.authenticator import API_KEY
from gateway.caller import Caller, Principal
from gateway.experiments.flags import may_see
from gateway.experiments.wires import growthbook
from gateway.flag_service import FlagService
from gateway.plan.plan import ApiKeys
from gateway.routes.body import decode
from gateway.routes.conditional import not_modified
from gateway.routes.path import decoded, segments
from gateway.routes.recommend import READ
from gateway.routes.replies import LARGEST_BODY, AnyRequest, Front, Header, Sending, Sent, Work

LOOK_S = 0.5  # how often a stream looks whether there is something new
ALIVE = 10  # looks after which it says that it is still there
STREAMS: Header = (b"x-sse-support", b"enabled")


def growthbook_routes(front: Front, flag_service: FlagService, leaving: Callable[[], bool]) -> list[HTTPRouteHandler]:
    @route("/api/features/{rest:path}", http_method=READ)
    async def features(request: AnyRequest) -> Sent:
        (key,) = segments(request, "api", (2,))[1:]
        return await front.answer("growthbook", request, keyed(decoded(key, "client key"), told))

    @route("/sub/{rest:path}", http_method=READ)
    async def stream(request: AnyRequest) -> Sent:
        (key,) = segments(request, "sub", (1,))
        return await front.answer("growthbook-sub", request, keyed(decoded(key, "client key"), subscribed))

    @post("/track", status_code=200)
    async def track(request: AnyRequest) -> Sent:
        key = request.query_params.get("client_key", "")
        return await front.answer("growthbook-track", request, keyed(key, tracked))

    def keyed(key: str, work: Work) -> Work:
        async def admitted(request: AnyRequest, caller: Caller) -> Sending:
            if isinstance(front.gateway.config.auth, ApiKeys) and API_KEY not in caller.headers:
                caller = msgspec.structs.replace(caller, headers={**caller.headers, API_KEY: key})
            return await work(request, await front.admit(caller))

        return admitted

    async def told(_: AnyRequest, caller: Caller) -> Sending:
        body = payload(caller.principal)
        etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers = ((b"cache-control", b"private,no-cache"), (b"vary", b"Origin"), (b"etag", etag.encode()), STREAMS)
        if not_modified(caller.headers.get("if-none-match", ""), etag):
            return Sending(status=304, headers=headers)
        return Sending(body, headers=headers)

    async def subscribed(_: AnyRequest, caller: Caller) -> Sending:
        config = front.gateway.config

        def goes_on() -> bool:
            """Not where the process ends, or other callers are admitted now: who comes again is asked again."""
            return not leaving() and front.gateway.config.auth == config.auth

        parts = pushed(lambda: payload(caller.principal), goes_on)
        return Sending(media_type=b"text/event-stream", stream=parts)

    async def tracked(request: AnyRequest, caller: Caller) -> Sending:
        """Events of no experiment are left out, as are those whose sender may send none."""
        async with front.bodies.of(request, caller.share, LARGEST_BODY) as body:
            events = decode(body, list[dict[str, Any]], "an array of events")
            known, now = front.gateway.config.flags, front.gateway.now()
            told = [each for event in events for each in growthbook.seen(known, event)]
            mine = [each for each in told if may_see(each.flag, caller.principal, each.unit, "events")]
            await asyncio.gather(*(flag_service.report(each, caller, now) for each in mine))
        return Sending(b"{}")

    def payload(principal: Principal) -> bytes:
        """What the experiments are this second; made once for all who may see the same."""
        config, now = front.gateway.config, float(floor(front.gateway.now()))
        seen = (config.fingerprint, now, principal.namespaces, principal.actions)
        if seen not in made:
            shown = [flag for flag in config.flags.values() if may_see(flag, principal, None)]
            made.clear()
            made[seen] = msgspec.json.encode(
                {
                    "status": 200,
                    "features": {flag.key: growthbook.feature(flag_service.current(flag, now), now) for flag in shown},
                }
            )
        return made[seen]

    made: dict[tuple[object, ...], bytes] = {}
    return [features, stream, track]


async def pushed(payload: Callable[[], bytes], goes_on: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The features at once, and again whenever they have become others."""
    said = b""
    for look in count():
        if not goes_on():
            return
        now = payload()
        if now != said:
            # a line of its own for each value: some readers take no long ones
            lines = msgspec.json.format(now, indent=1).splitlines()
            yield b"event: features\n" + b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
            said = now
        elif look % ALIVE == 0:
            yield b": still here\n\n"
        await asyncio.sleep(LOOK_S)
