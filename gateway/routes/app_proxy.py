"""Shopify's app proxy: a theme asks its own shop, which adds who is logged in, signs the question and hands it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from gateway.ask import Ask
from gateway.caller import Caller, Principal
from gateway.errors import Invalid
from gateway.intake.shopify import PARTNER, ShopifyPart, check_proxied
from gateway.routes.parsing import checked_id, decoded
from gateway.routes.query import query_of
from gateway.routes.recommend import conditional
from gateway.routes.replies import NO_STORE, READ, AnyRequest, Front, Sending

FIRST = "/shopify/proxy"
SHOPS_OWN = frozenset({"shop", "logged_in_customer_id", "path_prefix", "timestamp"})
PRIVATE = frozenset({b"cache-control", b"etag", b"age"})  # of whoever asks by a URL that says nothing of them


def app_proxy_route(front: Front) -> HTTPRouteHandler:
    """GET /shopify/proxy/NAMESPACE/RECOMMENDER for the customer, and below it /ITEM for what goes with an item."""

    async def answer(request: AnyRequest, caller: Caller) -> Sending:
        namespace, recommender, *item = _segments(request)
        accounts = front.gateway.config.partners.get(PARTNER.name)
        if accounts is None:
            raise NotFoundException
        account = accounts.of_namespace(decoded(namespace, "namespace"))
        query = _signed(request, account.part, front.gateway.clock())
        caller = _caller(caller, account.namespace, query)
        await front.limit(caller, 1)
        ask = _ask(query, front.gateway.config.query_names, (namespace, recommender, *item))
        reply = await front.gateway.answer(ask, caller)
        front.gateway.count_shown(reply)
        sending = conditional(await front.coded(reply, caller), "")
        headers = (NO_STORE, *((name, value) for name, value in sending.headers if name not in PRIVATE))
        return msgspec.structs.replace(sending, headers=headers)

    return front.handler(READ, FIRST + "/{rest:path}", "app-proxy", answer, guarded=False)


def _segments(request: AnyRequest) -> list[bytes]:
    """Namespace and recommender, still encoded, and the item, if any."""
    parts = request.scope["raw_path"].partition(b"?")[0].removeprefix(FIRST.encode() + b"/").split(b"/")
    if not 2 <= len(parts) <= 3 or not all(parts):
        raise NotFoundException
    return parts


def _signed(request: AnyRequest, part: ShopifyPart, now: float) -> Mapping[str, Sequence[str]]:
    query = check_proxied(request.scope["query_string"], part, now)
    if "userId" in query:
        raise Invalid("ValidationError", "userId: the shop says who is logged in, and no page")
    return query


def _caller(caller: Caller, namespace: str, query: Mapping[str, Sequence[str]]) -> Caller:
    """The shop, which may ask for its namespace, and for whoever is logged in alone."""
    principal = Principal(name=f"{PARTNER.name}/{namespace}", namespaces=frozenset({namespace}))
    return msgspec.structs.replace(caller, principal=principal, raw_query=_rest(query).encode())


def _rest(query: Mapping[str, Sequence[str]]) -> str:
    """The parameters that the page itself has put in."""
    return urlencode([(name, each) for name, values in query.items() if name not in SHOPS_OWN for each in values])


def _ask(query: Mapping[str, Sequence[str]], more: frozenset[str], place: Sequence[bytes]) -> Ask:
    """The question for who is logged in, or else for the visitor, whom the page names as `sessionId`."""
    namespace, recommender, *item = place
    parsed = query_of(_rest(query).encode(), more)
    customer = query.get("logged_in_customer_id", [""])[-1]
    user = checked_id(customer, "logged_in_customer_id") if customer else parsed.ask.session_id
    if item:
        item_id = checked_id(decoded(item[0], "item_id"), "item_id")
        return parsed.question("related-items", namespace, recommender, user_id=user, item_id=item_id)
    if user is None:
        raise Invalid("ValidationError", "sessionId: needed for a visitor who is not logged in")
    return parsed.question("recommend-items", namespace, recommender, user_id=user)
