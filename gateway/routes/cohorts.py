"""GET /cohorts: which cohort a user is in; GET /cohort-items: the cohort's list, which any cache may keep."""

from __future__ import annotations

import msgspec
from litestar.handlers import HTTPRouteHandler

from gateway.ask import Ask
from gateway.cache import etag_of
from gateway.caller import Caller
from gateway.errors import Invalid
from gateway.routes.parsing import checked_id, decoded, segments
from gateway.routes.query import query_of
from gateway.routes.recommend import conditional
from gateway.routes.replies import READ, AnyRequest, Front, Sending, tagged


def cohort_routes(front: Front) -> list[HTTPRouteHandler]:
    async def answer_cohort(request: AnyRequest, caller: Caller) -> Sending:
        namespace, recommender, user = segments(request, "cohorts", 3)
        user_id = checked_id(decoded(user, "user_id"), "user_id")
        query = query_of(request.scope["query_string"], front.gateway.config.query_names)
        ask = query.question("recommend-items", namespace, recommender, user_id=user_id)
        cohort, variation = await front.gateway.cohort(ask, caller)
        body = msgspec.json.encode(cohort)
        etag = etag_of(body, front.gateway.config.fingerprint)
        about = ((b"x-recgate-model", cohort.model.encode()), (b"x-recgate-variation", variation.name.encode()))
        # a click may move its user to another cohort: who asks again must hear of it
        return tagged(body, etag, caller, *about)

    async def answer_items(request: AnyRequest, caller: Caller) -> Sending:
        reply = await front.gateway.answer(cohort_ask(request, front.gateway.config.query_names), caller)
        reply = await front.coded(reply, caller)
        return conditional(reply, caller.headers.get("if-none-match", ""))

    return [
        front.handler(READ, "/cohorts/{rest:path}", "cohorts", answer_cohort),
        front.handler(READ, "/cohort-items/{rest:path}", "cohort-items", answer_items),
    ]


def cohort_ask(request: AnyRequest, more: frozenset[str]) -> Ask:
    namespace, recommender, name = segments(request, "cohort-items", 3)
    query = query_of(request.scope["query_string"], more)
    if query.ask.context:
        raise Invalid("InvalidContextParameter", "context: a cohort's list is the same in every context")
    if query.ask.history:
        raise Invalid("ValidationError", "history: a cohort's list is the same for all of it")
    cohort = checked_id(decoded(name, "cohort"), "cohort")
    return query.question("recommend-items", namespace, recommender, cohort=cohort)
