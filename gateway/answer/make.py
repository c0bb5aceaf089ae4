"""An answer made: its origin asked, its post-processor heard, encoded for the cache."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

import msgspec

from engine import MOST_RESULTS
from gateway.answer.decorate import Decorators
from gateway.answer.request import RequestContext
from gateway.ask import Answer, Ask
from gateway.body import Body
from gateway.cache import EncodedAnswer
from gateway.dependencies import Dependencies
from gateway.limits.admission import Admission
from gateway.outbound import broken
from gateway.outbound.functions import invoked
from gateway.plan.plan import PostProcessor, Variation
from gateway.upstreams import Upstream
from gateway.upstreams.answers import decoded
from gateway.upstreams.engine import EngineUpstream
from gateway.upstreams.payload import processing_of

Members = dict[str, Any]


class Maker:
    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        decorators: Decorators,
        dependencies: Dependencies,
        admission: Admission,
        engine: EngineUpstream,
    ) -> None:
        self._upstreams, self._decorators, self._admission = upstreams, decorators, admission
        self._engine = engine
        self._outbound, self._signer = dependencies.outbound, dependencies.signer
        self._telemetry = dependencies.telemetry
        self._applied = dependencies.engine.feed.applied  # the log's last record that answers made now have seen

    async def make(self, request: RequestContext) -> EncodedAnswer:
        """Make the answer; one of the engine's waits until there is room for it."""
        if request.variation.origin is not None:
            return await self._make(request)
        async with self._admission.place(request.caller.share):
            return await self._make(request)

    async def _make(self, request: RequestContext) -> EncodedAnswer:
        ask, plan, variation = request.ask, request.plan, request.variation
        wider, applied = look_ahead(ask, plan.post_processor), self._applied()
        upstream = self._upstreams[variation.upstream]
        with self._telemetry.upstream(variation.upstream):
            answer = await upstream.answer(wider, plan, variation)
        if answer.unknown_history:
            self._telemetry.history_unknown(ask.namespace, answer.unknown_history)
        body = body_of(answer, ask, variation.name if len(plan.variations) > 1 else None)
        if plan.post_processor is not None:
            body = await self._post_process(body, request, plan.post_processor)
            body[ask.list_name] = self._within_caps(body[ask.list_name], variation)
        if answer.short and len(body[ask.list_name]) < wanted_of(ask):
            body["short"] = True
        return EncodedAnswer(
            body=encode(body, ask),
            variation=variation.name,
            model=answer.model,
            seed=answer.seed,
            as_of=answer.as_of if variation.origin is None else applied,
            # the user got a history while the answer that all without one share was made for them
            private=request.scope.user is None
            and ask.user_id is not None
            and (await upstream.scope(ask, variation)).user is not None,
            complete=ask.action == "rerank-items" or len(answer.items) < wider.num_results,
            name=name if isinstance(name := body.get("recommendationId"), str) else "",
            decorated=answer.decorated or plan.post_processor is not None,
        )

    def _within_caps(self, items: list[Members], variation: Variation) -> list[Members]:
        if not self._engine.has_caps(variation):
            return items
        names = [str(item.get("itemId", "")) for item in items]
        return [items[place] for place in self._engine.within_caps((variation,), names)]

    async def _post_process(self, body: Members, request: RequestContext, processor: PostProcessor) -> Members:
        """The processor gets the answer with its metadata, and may reply with other metadata: that stays."""
        ask, plan, variation = request.ask, request.plan, request.variation
        response = msgspec.to_builtins(body)
        items = response[ask.list_name]
        whole = Body(ask.list_name, {}, items, [item["itemId"] for item in items])
        response[ask.list_name] = (await self._decorators.for_processor(whole, ask, variation)).items
        with self._telemetry.upstream("post-processor"):
            payload = processing_of(ask, plan, variation, response)
            peer, reply = await invoked(self._outbound, self._signer, processor.function, payload)
            processed = decoded(peer, reply)
        if not isinstance(processed, dict) or not isinstance(processed.get(ask.list_name), list):
            raise broken(peer, f"replies without a list {ask.list_name!r}")
        return processed


def wanted_of(ask: Ask) -> int:
    """The number of items that the answer should have."""
    return len(ask.item_ids or ()) if ask.action == "rerank-items" else ask.num_results


def look_ahead(ask: Ask, processor: PostProcessor | None) -> Ask:
    """Ask for more items than the caller wants, so that a post-processor may drop some (specification §1.3)."""
    if processor is None or ask.action == "rerank-items":
        return ask
    wanted = ceil(ask.num_results * processor.multiplier)
    wanted = max(ask.num_results, min(wanted, processor.most or wanted))
    return msgspec.structs.replace(ask, num_results=min(wanted, MOST_RESULTS))


def body_of(answer: Answer, ask: Ask, variation: str | None) -> Members:
    """`variation` is named where there is a choice."""
    body: Members = {ask.list_name: answer.items}
    if answer.unknown_history:
        body["unknownHistory"] = answer.unknown_history
    if answer.lacking:
        body["lacking"] = answer.lacking
    if answer.recommendation_id is not None:
        body["recommendationId"] = answer.recommendation_id
    if variation is not None:
        body["variation"] = variation
    return body


def encode(body: Members, ask: Ask) -> bytes:
    """Keep no more items than were asked for."""
    if ask.action != "rerank-items":
        body["itemList"] = body["itemList"][: ask.num_results]
    return msgspec.json.encode(body)
