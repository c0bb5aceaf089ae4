"""Any recommender over HTTP: a URL with the request's fields in it, or a JSON body, and a path to the items."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from gateway.ask import Answer, Ask
from gateway.errors import Invalid
from gateway.outbound import Outbound, Peer, Sent
from gateway.plan.plan import Http, Plan, Variation
from gateway.plan.template import Template, in_header, in_url
from gateway.upstreams.answers import answer_of
from gateway.upstreams.base import Elsewhere, Means, UpstreamType
from gateway.upstreams.payload import payload_of

AS_GET = {"accept": "application/json"}
AS_POST = {**AS_GET, "content-type": "application/json"}
OWN: dict[str, Callable[[Ask], str]] = {
    "namespace": lambda ask: ask.namespace,
    "recommender": lambda ask: ask.recommender,
    "action": lambda ask: ask.action,
    "numResults": lambda ask: str(ask.num_results),
    "userId": lambda ask: ask.user_id or "",
    "itemId": lambda ask: ask.item_id or "",
    "itemIds": lambda ask: ",".join(ask.item_ids or ()),
    "filter": lambda ask: ask.filter or ask.expression or "",
}


class HttpUpstream(Elsewhere):
    def __init__(self, means: Means) -> None:
        self._outbound: Outbound = means.outbound

    async def answer(self, ask: Ask, plan: Plan, variation: Variation) -> Answer:
        origin = variation.origin
        assert isinstance(origin, Http)
        posts = origin.method == "POST"
        headers = AS_POST if posts else AS_GET
        if origin.headers:
            headers = headers | {name: filled(value, ask, in_header) for name, value in origin.headers}
        body = msgspec.json.encode(payload_of(ask, plan, variation)) if posts else None
        sent = Sent(origin.method, filled(origin.url, ask, in_url), headers, body)

        peer = Peer(f"the origin {plan.recommender}/{variation.name}", "Http", origin.limits)
        got = await self._outbound.ask(peer, sent)
        return answer_of(peer, got.body, origin.items)


def filled(template: Template, ask: Ask, encode: Callable[[str], str]) -> str:
    """Raises `Invalid` where a query parameter that it names is not there."""
    return template.filled(partial(value_of, ask), encode)


def value_of(ask: Ask, name: str) -> str:
    """A field of the request, which no query parameter takes the place of; a context field or filter value that this
    request has not is empty; a query parameter must be there. Raises `Invalid`."""
    own = OWN.get(name)
    if own is not None:
        return own(ask)
    kind, dot, field = name.partition(".")
    if dot:
        told = {"context": ask.context, "filterValues": ask.filter_values}.get(kind)
        return told.get(field, "") if told is not None else ""
    if name not in ask.parameters:
        raise Invalid("MissingParameter", f"the query parameter {name!r} is required here")
    return ask.parameters[name]


UPSTREAM = UpstreamType("http", HttpUpstream)
