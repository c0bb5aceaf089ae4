"""GET /explain-items: why one item is or is not in what a recommender answers one user; nothing of it is cached."""

from __future__ import annotations

import msgspec
from litestar import route
from litestar.handlers import HTTPRouteHandler

from gateway.caller import Caller
from gateway.routes.path import checked_id, decoded, segments
from gateway.routes.query import query_of
from gateway.routes.recommend import READ
from gateway.routes.replies import AnyRequest, Front, Sending, SentResponse


def explain_routes(front: Front) -> list[HTTPRouteHandler]:
    @route("/explain-items/{rest:path}", http_method=READ)
    async def explain(request: AnyRequest) -> SentResponse:
        return await front.guarded("explain-items", request, explained)

    async def explained(request: AnyRequest, caller: Caller) -> Sending:
        namespace, recommender, user, item = segments(request, "explain-items", (4,))
        query = query_of(request.scope["query_string"], front.gateway.config.query_names)
        user_id = checked_id(decoded(user, "user_id"), "user_id")
        item_id = checked_id(decoded(item, "item_id"), "item_id")
        ask = query.question("recommend-items", namespace, recommender, user_id=user_id)
        return Sending(msgspec.json.encode(await front.gateway.explain(ask, item_id, caller)))

    return [explain]
