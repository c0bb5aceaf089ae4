"""Any recommender over HTTP: a URL with the request's fields in it, or a JSON body, and a path to the items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import jmespath
import jmespath.exceptions
import msgspec

from gateway.ask import Answer, Ask
from gateway.context.rules import HeaderName
from gateway.document.remote import Enclosing, limits
from gateway.document.report import Report, checks, inside
from gateway.document.values import HeaderText, Text, Url
from gateway.errors import Invalid
from gateway.outbound import OutboundRequest, Peer
from gateway.plan.plan import Limits, Plan, Variation
from gateway.plan.template import Template, in_header, in_url, template
from gateway.upstreams.answers import answer_of
from gateway.upstreams.base import Answerer, Elsewhere, UpstreamType
from gateway.upstreams.level import RemoteVariation
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
    "history": lambda ask: ",".join(ask.history),
}


class HttpVariation(RemoteVariation, frozen=True, tag="http", kw_only=True):
    """Any recommender over HTTP. In the URL after its host, and in headers, may stand `{userId}`, `{itemId}`,
    `{itemIds}`, `{history}`, `{numResults}`, `{namespace}`, `{recommender}`, `{action}`, `{filter}`, `{context.NAME}`,
    `{filterValues.NAME}`, and any other name, which is a query parameter of the request; each value is percent-encoded.
    POST sends the payload of functions. `items` is a JMESPath expression for the list of items."""

    url: Url
    method: Literal["GET", "POST"] = "GET"
    headers: dict[HeaderName, HeaderText] = {}
    items: Text | None = None

    @property
    def asks_for_promotions(self) -> bool:
        return self.method == "POST"


@checks
def check_http_variation(part: HttpVariation, place: str, report: Report) -> None:
    for key, text in (("url", part.url), *((f"headers.{name}", text) for name, text in part.headers.items())):
        try:
            template(text)
        except ValueError as error:
            report.refuse(inside(place, key), str(error))
    if "{" in "/".join(part.url.split("/")[:3]):
        report.refuse(inside(place, "url"), "has a {name} in its host: callers would choose whom the gateway asks")
    try:
        jmespath.compile(part.items or "@")
    except jmespath.exceptions.JMESPathError as error:
        report.refuse(inside(place, "items"), f"is no JMESPath expression: {' '.join(str(error).split())}")


@dataclass(frozen=True)
class Http:
    """`items` is a JMESPath expression for the list of items; None: the list is where the specification has it."""

    url: Template
    method: Literal["GET", "POST"]
    headers: tuple[tuple[str, Template], ...]
    items: str | None
    limits: Limits


def answerer(part: HttpVariation, enclosing: Enclosing) -> Answerer:
    url = template(part.url)
    headers = tuple((name, template(text)) for name, text in part.headers.items())
    names = {name for each in (url, *(value for _, value in headers)) for name in each.names}
    parameters = frozenset(name for name in names if name not in OWN and "." not in name)
    origin = Http(url, part.method, headers, part.items, limits(part.timeout, part.retries, part.circuit_breaker))
    return Answerer("http", part.url.partition("?")[0], origin, parameters)


class HttpUpstream(Elsewhere):
    async def answer(self, ask: Ask, plan: Plan, variation: Variation) -> Answer:
        origin: Http = variation.origin
        posts = origin.method == "POST"
        headers, value = AS_POST if posts else AS_GET, partial(value_of, ask)
        if origin.headers:
            headers = headers | {name: each.filled(value, in_header) for name, each in origin.headers}
        body = msgspec.json.encode(payload_of(ask, plan, variation)) if posts else None
        request = OutboundRequest(origin.method, origin.url.filled(value, in_url), headers, body)

        peer = Peer(f"the origin {plan.recommender}/{variation.name}", "Http", origin.limits)
        response = await self._outbound.ask(peer, request)
        return answer_of(peer, response.body, origin.items)


def value_of(ask: Ask, name: str) -> str:
    """A field of the request, which no query parameter takes the place of; a context field or filter value that this
    request has not is empty; a query parameter must be there. Raises `Invalid`."""
    own = OWN.get(name)
    if own is not None:
        return own(ask)
    kind, dot, field = name.partition(".")
    if dot:
        values = {"context": ask.context, "filterValues": ask.filter_values}.get(kind)
        return values.get(field, "") if values is not None else ""
    if name not in ask.parameters:
        raise Invalid("MissingParameter", f"the query parameter {name!r} is required here")
    return ask.parameters[name]


UPSTREAM = UpstreamType("http", (HttpVariation,), answerer, HttpUpstream, place=5)
