"""Paths that the configuration gives recommenders beside their own, for software that calls them otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from litestar.handlers import HTTPRouteHandler

from gateway.ask import Ask
from gateway.caller import Caller
from gateway.errors import Invalid
from gateway.plan.plan import Alias, Plan
from gateway.routes.parsing import checked_id
from gateway.routes.query import InferenceQuery, ids_in, query_of
from gateway.routes.recommend import Reading, conditional_answer, ranked
from gateway.routes.replies import READ, AnyRequest, Front, Sending

Aliases = Mapping[str, tuple[Plan, Alias]]
OWN = frozenset({"itemId", "itemIds"})  # parameters of aliases alone: elsewhere they are in the path


class AliasRoutes:
    """The handler of every path that the configuration in force has as an alias."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._handler = front.handler(READ, "/{rest:path}", "alias", self._answered)

    def handler(self, method: str, raw_path: bytes) -> HTTPRouteHandler | None:
        aliases = self._front.gateway.config.aliases
        return self._handler if aliases and method in ("GET", "HEAD") and path_of(raw_path) in aliases else None

    async def _answered(self, request: AnyRequest, caller: Caller) -> Sending:
        plan, alias = self._front.gateway.config.aliases[path_of(request.scope["raw_path"])]
        reading = Reading(plan.action, lambda asked, more: alias_ask(asked, more, plan, alias))
        return await conditional_answer(self._front, reading, request, caller)


def path_of(raw_path: bytes) -> str:
    return raw_path.partition(b"?")[0].decode("latin-1")


def alias_ask(request: AnyRequest, more: frozenset[str], plan: Plan, alias: Alias) -> Ask:
    """The question of a request to an alias. Raises `Invalid` by the name that its sender knows."""
    raw = renamed(request.scope["query_string"], alias.names)
    query = query_of(raw, more | OWN)
    place = plan.namespace.encode(), plan.recommender.encode()
    theirs = {ours: name for name, ours in alias.names.items()}
    match plan.action:
        case "recommend-items":
            return query.question(plan.action, *place, user_id=_user(query, theirs))
        case "related-items":
            item = dict(parse_qsl(raw.decode("latin-1"))).get("itemId", "")
            item_id = checked_id(item, theirs.get("itemId", "itemId"))
            return query.question(plan.action, *place, user_id=query.user_id, item_id=item_id)
        case _:
            ask = query.question(plan.action, *place, user_id=_user(query, theirs))
            return ranked(ask, ids_in(raw, "itemIds"))


def _user(query: InferenceQuery, theirs: Mapping[str, str]) -> str:
    if query.user_id is None:
        raise Invalid("ValidationError", f"{theirs.get('userId', 'userId')} is required: whose list it is")
    return query.user_id


def renamed(raw: bytes, names: Mapping[str, str]) -> bytes:
    """The query string with its parameters by our names; values stay encoded."""
    pairs = [pair.partition("=") for pair in raw.decode("latin-1").split("&")]
    return "&".join(names.get(unquote_plus(name), name) + sign + value for name, sign, value in pairs).encode("latin-1")
