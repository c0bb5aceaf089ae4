"""Any recommender over HTTP: a URL with the request's fields in it, or a JSON body, and a path to the items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from gateway.answers import answer_of
from gateway.ask import Answer, Ask
from gateway.errors import Invalid
from gateway.outbound import Outbound, Peer, Sent
from gateway.payload import payload_of
from gateway.plan import Http, Plan, Variation
from gateway.template import Template, in_header, in_url
from gateway.upstreams.base import Elsewhere, Means, UpstreamType


class HttpUpstream(Elsewhere):
    def __init__(self, means: Means) -> None:
        self._outbound: Outbound = means.outbound

    async def answer(self, ask: Ask, plan: Plan, variation: Variation) -> Answer:
        origin = variation.origin
        assert isinstance(origin, Http)
        values = dict(fields_of(ask))
        sent = Sent(
            origin.method,
            filled(origin.url, values, url=True),
            {
                "accept": "application/json",
                **({"content-type": "application/json"} if origin.method == "POST" else {}),
                **{name: filled(value, values, url=False) for name, value in origin.headers},
            },
            msgspec.json.encode(payload_of(ask, plan, variation)) if origin.method == "POST" else None,
        )

        async def prepare() -> Sent:
            return sent

        peer = Peer(f"the origin {plan.recommender}/{variation.name}", "Http", origin.limits)
        got = await self._outbound.ask(peer, prepare)
        return answer_of(peer, got.body, origin.items)


def fields_of(ask: Ask) -> Iterator[tuple[str, str]]:
    """The names that a template may use; the request's own query parameters come first, and never win."""
    yield from ask.parameters.items()
    yield from {
        "namespace": ask.namespace,
        "recommender": ask.recommender,
        "action": ask.action,
        "numResults": str(ask.num_results),
        "userId": ask.user_id or "",
        "itemId": ask.item_id or "",
        "itemIds": ",".join(ask.item_ids or ()),
        "filter": ask.filter or ask.expression or "",
    }.items()
    yield from ((f"context.{name}", value) for name, value in ask.context.items())
    yield from ((f"filterValues.{name}", value) for name, value in ask.filter_values.items())


def filled(template: Template, values: Mapping[str, str], *, url: bool) -> str:
    """A context field or filter value that this request has not is empty; a query parameter must be there."""
    given = {**{name: "" for name in template.names if "." in name}, **values}
    try:
        return template.filled(given, in_url if url else in_header)
    except KeyError as error:
        name = str(error.args[0])
        raise Invalid("MissingParameter", f"the query parameter {name!r} is required here") from error


UPSTREAM = UpstreamType("http", HttpUpstream)
