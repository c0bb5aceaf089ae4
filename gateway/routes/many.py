"""POST /recommend-many/{namespace}: the lists of one page in one request."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from engine import MOST_RESULTS
from gateway.answer.many import many
from gateway.answer.reply import Reply
from gateway.ask import Action, Ask
from gateway.caller import Caller
from gateway.errors import Invalid
from gateway.routes.parsing import Id, Ids, decode, decoded, segments
from gateway.routes.query import LOCALE, MOST_CONTEXT, MOST_FIELDS, MOST_FILTER_VALUES, Promotions, the_one
from gateway.routes.recommend import behind_of
from gateway.routes.replies import LARGEST_BODY, NO_STORE, POST, AnyRequest, Front, Sending, refusal

MOST_LISTS = 25
NEEDS = {"recommend-items": "userId", "related-items": "itemId", "rerank-items": "userId"}


class OneBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """One list's question, as the query parameters of a single request have it."""

    recommender: Id
    action: Action = "recommend-items"
    item_id: Id | None = None
    item_ids: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MOST_RESULTS)] | None = None
    num_results: Annotated[int, Meta(ge=1, le=MOST_RESULTS)] = 25
    filter: str | None = None
    filter_values: Annotated[dict[str, str], Meta(max_length=MOST_FILTER_VALUES)] = {}
    promotions: Promotions = ()
    context: Annotated[dict[str, str], Meta(max_length=MOST_CONTEXT)] = {}
    exclude: Ids = ()
    decorate_items: bool = True
    fields: Annotated[tuple[Annotated[str, Meta(max_length=100)], ...], Meta(max_length=MOST_FIELDS)] = ()
    locale: Annotated[str, Meta(pattern=f"^({LOCALE.pattern})?$")] = ""
    feature: str | None = None
    synthetic_user: bool = False


class ManyBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`history` is what the asker has chosen, oldest first. `distinct`: a list leaves out what the lists before it
    show."""

    requests: Annotated[tuple[OneBody, ...], Meta(min_length=1, max_length=MOST_LISTS)]
    user_id: Id | None = None
    history: Ids = ()
    distinct: bool = False


def many_route(front: Front) -> HTTPRouteHandler:
    async def answered(request: AnyRequest, caller: Caller) -> Sending:
        (name,) = segments(request, "recommend-many", 1)
        async with front.bodies.of(request, caller.share, LARGEST_BODY) as sent:
            wanted = decode(sent, ManyBody, "an object with 'requests'", "ValidationError")
        asks = asks_of(wanted, decoded(name, "namespace"))
        await front.limit(caller, len(asks) - 1)  # the first was counted on the way in
        gateway = front.gateway
        within_caps = gateway.engine.within_caps
        replies = await many(lambda ask: gateway.answer(ask, caller), asks, wanted.distinct, within_caps)
        answers = [reply for reply in replies if isinstance(reply, Reply)]
        for answer in answers:
            gateway.count_shown(answer)
        body = msgspec.json.encode({"responses": [msgspec.Raw(answer_of(reply)) for reply in replies]})
        outcomes = ", ".join(reply.outcome if isinstance(reply, Reply) else "error" for reply in replies)
        return Sending(body, headers=(NO_STORE, (b"x-cache", outcomes.encode()), *behind_of(*answers)))

    return front.handler(POST, "/recommend-many/{rest:path}", "recommend-many", answered)


def asks_of(wanted: ManyBody, namespace: str) -> list[Ask]:
    """Raises `Invalid`, naming the request of the list."""
    if wanted.distinct and sum(each.num_results for each in wanted.requests) > MOST_RESULTS:
        raise Invalid("ValidationError", f"distinct: numResults of all requests are {MOST_RESULTS} at most together")
    return [ask_of(each, wanted, namespace, f"requests[{place}]") for place, each in enumerate(wanted.requests)]


def ask_of(wanted: OneBody, asker: ManyBody, namespace: str, place: str) -> Ask:
    required = {"userId": asker.user_id or asker.history or None, "itemId": wanted.item_id}
    if required[NEEDS[wanted.action]] is None:
        raise Invalid("ValidationError", f"{place}: {wanted.action} needs {NEEDS[wanted.action]}")
    ranked = wanted.action == "rerank-items"
    if ranked != (wanted.item_ids is not None):
        raise Invalid("ValidationError", f"{place}: itemIds are what rerank-items needs, and nothing else takes")
    return Ask(
        action=wanted.action,
        namespace=namespace,
        recommender=wanted.recommender,
        user_id=asker.user_id,
        item_id=wanted.item_id if wanted.action == "related-items" else None,
        item_ids=wanted.item_ids,
        num_results=len(wanted.item_ids) if wanted.item_ids is not None else wanted.num_results,
        filter=wanted.filter or None,
        filter_values=wanted.filter_values,
        promotion=the_one(wanted.promotions),
        context=wanted.context,
        decorate=wanted.decorate_items,
        synthetic=wanted.synthetic_user,
        feature=wanted.feature or None,
        history=asker.history,
        exclude=frozenset(wanted.exclude),
        fields=tuple(sorted(set(wanted.fields))),
        locale=wanted.locale,
        shaped=False,
    )


def answer_of(reply: Reply | BaseException) -> bytes:
    if isinstance(reply, Reply):
        return reply.body
    if isinstance(reply, Exception):
        return refusal(reply).body
    raise reply
