"""GET (and HEAD) of the three actions, POST /rerank-items, and GET /explain-items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import msgspec
from litestar.handlers import HTTPRouteHandler

from engine import MOST_RESULTS
from gateway.answer.reply import Reply
from gateway.ask import Ask
from gateway.caller import Caller
from gateway.context.position import BEHIND
from gateway.context.viewer import derived_from
from gateway.errors import Invalid
from gateway.plan.plan import NO_CACHE
from gateway.routes.parsing import Ids, checked_id, decode, decoded, segments
from gateway.routes.query import query_of
from gateway.routes.replies import LARGEST_BODY, POST, READ, AnyRequest, Front, Header, Sending, revalidated


class RerankBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The items to rank, and what the asker has chosen, oldest first."""

    item_ids: list[str]
    history: Ids = ()


RERANKED: Any = list[str] | RerankBody


class Reading(NamedTuple):
    """A route's name in the metrics, and the question of a request to it; the names are those that the configuration
    reads of the query string."""

    route: str
    ask: Callable[[AnyRequest, frozenset[str]], Ask]


async def conditional_answer(front: Front, reading: Reading, request: AnyRequest, caller: Caller) -> Sending:
    """Answer GET and HEAD, with what a cache before us may do."""
    begun_at = front.applied_for(caller.headers)
    reply = await front.gateway.answer(reading.ask(request, front.gateway.config.query_names), caller)
    if request.method != "HEAD":
        front.gateway.count_shown(reply)
    reply = await front.coded(reply, caller)
    sending = conditional(reply, caller.headers.get("if-none-match", ""))
    if begun_at is not None:  # the gateway keeps it
        return front.held(sending, reply, begun_at)
    front.keep(reading.route, request, reply, conditional)
    return sending


def recommend_routes(front: Front) -> list[HTTPRouteHandler]:
    async def reranked(request: AnyRequest, caller: Caller) -> Sending:
        place = segments(request, "rerank-items", 3)
        async with front.bodies.of(request, caller.share, LARGEST_BODY) as body:
            sent: list[str] | RerankBody = decode(body, RERANKED, "an array of item ids, each a string")
        items = sent.item_ids if isinstance(sent, RerankBody) else sent
        ask = _rerank(request, front.gateway.config.query_names, place, items)
        if isinstance(sent, RerankBody) and sent.history:
            ask = msgspec.structs.replace(ask, history=sent.history)
        reply = await front.gateway.answer(ask, caller, NO_CACHE)
        return Sending(reply.body, headers=(*_about(reply, "no-store", None), *behind_of(reply)), version=reply.version)

    def action(name: str, ask: Callable[[AnyRequest, frozenset[str]], Ask]) -> HTTPRouteHandler:
        work = partial(conditional_answer, front, Reading(name, ask))
        return front.handler(READ, f"/{name}/{{rest:path}}", name, work)

    return [
        action("recommend-items", recommend_ask),
        action("related-items", related_ask),
        action("rerank-items", rerank_ask),
        front.handler(POST, "/rerank-items/{rest:path}", "rerank-items", reranked),
    ]


def explain_route(front: Front) -> HTTPRouteHandler:
    """GET /explain-items: why one item is or is not in what a recommender answers one user; nothing of it is cached."""

    async def explained(request: AnyRequest, caller: Caller) -> Sending:
        namespace, recommender, user, item = segments(request, "explain-items", 4)
        query = query_of(request.scope["query_string"], front.gateway.config.query_names)
        user_id = checked_id(decoded(user, "user_id"), "user_id")
        item_id = checked_id(decoded(item, "item_id"), "item_id")
        ask = query.question("recommend-items", namespace, recommender, user_id=user_id)
        return Sending(msgspec.json.encode(await front.gateway.explain(ask, item_id, caller)))

    return front.handler(READ, "/explain-items/{rest:path}", "explain-items", explained)


# ---- requests: `more` are the parameters that the configuration reads besides


def recommend_ask(request: AnyRequest, more: frozenset[str]) -> Ask:
    namespace, recommender, user = segments(request, "recommend-items", 3)
    query = query_of(request.scope["query_string"], more)
    user_id = checked_id(decoded(user, "user_id"), "user_id")
    return query.question("recommend-items", namespace, recommender, user_id=user_id)


def related_ask(request: AnyRequest, more: frozenset[str]) -> Ask:
    namespace, recommender, item = segments(request, "related-items", 3)
    query = query_of(request.scope["query_string"], more)
    item_id = checked_id(decoded(item, "item_id"), "item_id")
    return query.question("related-items", namespace, recommender, user_id=query.user_id, item_id=item_id)


def rerank_ask(request: AnyRequest, more: frozenset[str]) -> Ask:
    *place, items = segments(request, "rerank-items", 4)
    # an encoded comma is part of its id
    return _rerank(request, more, place, [decoded(item, "item_ids") for item in items.split(b",")])


def _rerank(request: AnyRequest, more: frozenset[str], place: list[bytes], items: list[str]) -> Ask:
    namespace, recommender, user = place
    query = query_of(request.scope["query_string"], more)
    user_id = checked_id(decoded(user, "user_id"), "user_id")
    return ranked(query.question("rerank-items", namespace, recommender, user_id=user_id), items)


def ranked(ask: Ask, items: Sequence[str]) -> Ask:
    """The question with the items that are to be ranked. Raises `Invalid`."""
    if not 1 <= len(items) <= MOST_RESULTS:
        raise Invalid("ValidationError", f"1 to {MOST_RESULTS} item ids can be ranked, not {len(items)}")
    item_ids = tuple(checked_id(item, "each item id") for item in items)
    return msgspec.structs.replace(ask, item_ids=item_ids, num_results=len(item_ids))


# ---- replies


def conditional(reply: Reply, if_none_match: str) -> Sending:
    headers = (*_about(reply, reply.cache_control, reply.reads), *behind_of(reply))
    if reply.etag:
        headers = ((b"etag", reply.etag.encode()), *headers)
    if reply.outcome != "miss":
        headers = ((b"age", b"%d" % reply.age_s), *headers)
    about = ((b"content-encoding", reply.coding.encode()),) if reply.coding else ()
    return revalidated(reply.body, headers, reply.etag, if_none_match, reply.version, about)


def behind_of(*replies: Reply) -> tuple[Header, ...]:
    """Say what the oldest of these has seen, where one may lack acknowledged events."""
    behind = [reply.behind for reply in replies if reply.behind is not None]
    return ((BEHIND.encode(), b"%d" % min(behind)),) if behind else ()


@lru_cache(maxsize=256)
def vary(names: frozenset[str]) -> Header:
    """Name the headers that a cache downstream must tell apart, where an answer depends on these."""
    return (b"vary", ", ".join(("Origin", *sorted(derived_from(names)))).encode("latin-1"))


def _about(reply: Reply, cache_control: str, reads: frozenset[str] | None) -> tuple[Header, ...]:
    """Say how long an answer may be kept, "" where nothing does; which headers it depends on; who made it."""
    about = _common(reply.outcome, reply.variation, reply.model, cache_control, reads)
    return (*about, (b"x-recgate-seed", reply.seed.encode())) if reply.seed else about


@lru_cache(maxsize=256)
def _common(
    outcome: str, variation: str, model: str, cache_control: str, reads: frozenset[str] | None
) -> tuple[Header, ...]:
    headers = [] if reads is None else [vary(reads)]
    if cache_control:
        headers.append((b"cache-control", cache_control.encode("latin-1")))
    headers += [(b"x-cache", outcome.encode()), (b"x-recgate-variation", variation.encode())]
    if model:
        headers.append((b"x-recgate-model", model.encode()))
    return tuple(headers)
