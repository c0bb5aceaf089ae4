"""An answer made: its origin asked, its post-processor heard, encoded for the cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

import msgspec

from engine import MOST_RESULTS
from gateway.answer.decorate import Decorators
from gateway.ask import Answer, Ask
from gateway.cache import EncodedAnswer
from gateway.outbound import Outbound, broken
from gateway.outbound.functions import invoked
from gateway.outbound.signing import Signer
from gateway.plan.plan import Plan, PostProcessor, Variation
from gateway.telemetry import Telemetry
from gateway.upstreams import Scope, Upstream
from gateway.upstreams.answers import decoded
from gateway.upstreams.payload import processing_of

Body = dict[str, Any]


class Maker:
    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        decorators: Decorators,
        outbound: Outbound,
        signer: Signer,
        telemetry: Telemetry,
        seen: Callable[[], int],
    ) -> None:
        """`seen` is the log's last record that answers made now have heard of."""
        self._upstreams, self._decorators, self._telemetry, self._seen = upstreams, decorators, telemetry, seen
        self._outbound, self._signer = outbound, signer

    async def make(self, ask: Ask, plan: Plan, variation: Variation, scope: Scope) -> EncodedAnswer:
        asked, seen = look_ahead(ask, plan.post_processor), self._seen()
        upstream = self._upstreams[variation.upstream]
        with self._telemetry.upstream(variation.upstream):
            answer = await upstream.answer(asked, plan, variation)
        body = body_of(answer, ask, variation.name if len(plan.variations) > 1 else None)
        if plan.post_processor is not None:
            body = await self._post_process(body, ask, plan, variation, plan.post_processor)
        return EncodedAnswer(
            body=encode(body, ask),
            variation=variation.name,
            model=answer.model,
            seed=answer.seed,
            as_of=answer.as_of if variation.origin is None else seen,
            private=scope.user is None and ask.user_id is not None and await became_personal(upstream, ask, variation),
            complete=ask.action == "rerank-items" or len(answer.items) < asked.num_results,
            name=name if isinstance(name := body.get("recommendationId"), str) else "",
            decorated=answer.decorated or plan.post_processor is not None,
        )

    async def _post_process(
        self, body: Body, ask: Ask, plan: Plan, variation: Variation, processor: PostProcessor
    ) -> Body:
        """It gets the answer with its metadata, and what it replies may have other metadata: that stays."""
        response = msgspec.to_builtins(body)
        response[ask.list_name] = await self._decorators.processed(response[ask.list_name], ask, variation)
        with self._telemetry.upstream("post-processor"):
            payload = processing_of(ask, plan, variation, response)
            peer, reply = await invoked(self._outbound, self._signer, processor.function, payload)
            processed = decoded(peer, reply)
        if not isinstance(processed, dict) or not isinstance(processed.get(ask.list_name), list):
            raise broken(peer, f"replies without a list {ask.list_name!r}")
        return processed


async def became_personal(upstream: Upstream, ask: Ask, variation: Variation) -> bool:
    """Whether a user got a history while the answer that all without one share was made for them."""
    return (await upstream.scope(ask, variation)).user is not None


def look_ahead(ask: Ask, processor: PostProcessor | None) -> Ask:
    """For more items than the caller wants, so that a post-processor may drop some (specification §1.3)."""
    if processor is None or ask.action == "rerank-items":
        return ask
    wanted = ceil(ask.num_results * processor.multiplier)
    wanted = max(ask.num_results, min(wanted, processor.most or wanted))
    return msgspec.structs.replace(ask, num_results=min(wanted, MOST_RESULTS))


def body_of(answer: Answer, ask: Ask, variation: str | None) -> Body:
    """`variation` is named where there is a choice."""
    body: Body = {ask.list_name: answer.items}
    if answer.recommendation_id is not None:
        body["recommendationId"] = answer.recommendation_id
    if variation is not None:
        body["variation"] = variation
    return body


def encode(body: Body, ask: Ask) -> bytes:
    """With no more items than were asked for."""
    if ask.action != "rerank-items":
        body["itemList"] = body["itemList"][: ask.num_results]
    return msgspec.json.encode(body)
