"""Routes of operators to users, items and lists: what somebody gets, why, and from where."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, get_args

import msgspec
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from engine import MOST_RESULTS, delete_user, edit_item, hide_item, item_profile
from gateway.admin.doctor import configured_expressions
from gateway.admin.explorer import ExplorerChoices, ExplorerQuestion, ListExplorer, PipelineView, WhyView
from gateway.admin.items import ItemAudience, ItemView, audience, item_view
from gateway.admin.lists import ListView
from gateway.admin.scope import EngineScope
from gateway.admin.users import UserView
from gateway.admin.view import View
from gateway.ask import Action
from gateway.caller import Caller
from gateway.errors import Invalid, NotConfigured
from gateway.events.record import Recorder
from gateway.plan.plan import Namespace
from gateway.routes.admin_data import DELETE, parts, query_of
from gateway.routes.admin_gate import AdminGate, Operator, RouteDoc, answer
from gateway.routes.events import EventsBody, batch_of, timed
from gateway.routes.parsing import Ids, checked_id, decode
from gateway.routes.replies import LARGEST_BODY, POST, AnyRequest, Front, Sending, headers_once

PUT = (HttpMethod.PUT,)
MOST_SAMPLED = 1000
LIST_QUERY = (
    *("recommender", "action", "userId", "itemId", "itemIds", "history", "variation", "model", "version"),
    *("numResults", "filter", "context"),
)


class EditedItem(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The columns to change; null takes a value away."""

    properties: dict[str, Any]


class HiddenItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hidden: bool


class DeletionStarted(View, frozen=True, kw_only=True):
    """A job that deletes a user from one dataset group."""

    group: str
    arn: str


class DeletionsStarted(View, frozen=True, kw_only=True):
    jobs: list[DeletionStarted]


class RecordedEvents(View, frozen=True, kw_only=True):
    recorded: int


DOCS = (
    RouteDoc(
        "GET",
        "/admin/users/{namespace}/{user}",
        "getUser",
        "One user: history, arms, lists",
        UserView,
        query=("numResults",),
    ),
    RouteDoc(
        "DELETE",
        "/admin/users/{namespace}/{user}",
        "deleteUser",
        "Delete a user with all that it did",
        DeletionsStarted,
        status=202,
    ),
    RouteDoc(
        "GET",
        "/admin/items/{namespace}/{item}",
        "getItem",
        "One item, and what filters say of it",
        ItemView,
        query=("userId",),
    ),
    RouteDoc("PUT", "/admin/items/{namespace}/{item}", "editItem", "Change an item's columns", ItemView, EditedItem),
    RouteDoc(
        "PUT",
        "/admin/items/{namespace}/{item}/hidden",
        "hideItem",
        "Hide an item from every list",
        ItemView,
        HiddenItem,
    ),
    RouteDoc(
        "GET",
        "/admin/items/{namespace}/{item}/audience",
        "getItemAudience",
        "Who gets an item",
        ItemAudience,
        query=("model", "users", "numResults"),
    ),
    RouteDoc("GET", "/admin/explore/{namespace}", "getExplorerChoices", "What can be explored", ExplorerChoices),
    RouteDoc(
        "GET",
        "/admin/explore/{namespace}/list",
        "exploreList",
        "A list, and where it comes from",
        ListView,
        query=LIST_QUERY,
    ),
    RouteDoc(
        "GET",
        "/admin/explore/{namespace}/why",
        "exploreItem",
        "Why an item is in a list, or not",
        WhyView,
        query=(*LIST_QUERY, "item"),
    ),
    RouteDoc(
        "POST",
        "/admin/explore/{namespace}/events",
        "recordExploredEvents",
        "Record events, as clicks in the explorer",
        RecordedEvents,
        EventsBody,
    ),
    RouteDoc(
        "GET",
        "/admin/pipeline/{namespace}",
        "getPipeline",
        "The stages of a list, with counts",
        PipelineView,
        query=LIST_QUERY,
    ),
)


def look_routes(front: Front, scope: EngineScope, recorder: Recorder, gate: AdminGate) -> list[HTTPRouteHandler]:
    people, lists = PeopleApi(front, scope), ListApi(front, scope, recorder)
    return [
        gate.read("/admin/users/{namespace:str}/{user:str}", people.user),
        gate.write(DELETE, "/admin/users/{namespace:str}/{user:str}", people.delete),
        gate.read("/admin/items/{namespace:str}/{item:str}", people.item),
        gate.read("/admin/items/{namespace:str}/{item:str}/audience", people.audience),
        gate.write(PUT, "/admin/items/{namespace:str}/{item:str}", people.edit_item),
        gate.write(PUT, "/admin/items/{namespace:str}/{item:str}/hidden", people.hide_item),
        gate.read("/admin/explore/{namespace:str}", lists.choices),
        gate.read("/admin/explore/{namespace:str}/list", lists.listed),
        gate.read("/admin/explore/{namespace:str}/why", lists.why),
        gate.write(POST, "/admin/explore/{namespace:str}/events", lists.record),
        gate.read("/admin/pipeline/{namespace:str}", lists.pipeline),
    ]


def caller_of(request: AnyRequest) -> Caller:
    return Caller(headers_once(request))


class PeopleApi:
    """Users and items."""

    def __init__(self, front: Front, scope: EngineScope) -> None:
        self._front, self._scope = front, scope
        self._explorer = ListExplorer(scope.gateway, scope.engine)

    async def user(self, request: AnyRequest, operator: Operator) -> Sending:
        key, user = parts(request, 2)
        count = number(query_of(request, ("numResults",)), "numResults", 10, MOST_RESULTS)
        namespace = self._scope.namespace(key, operator)
        return answer(await self._explorer.user(namespace, user, count, caller_of(request)))

    async def delete(self, request: AnyRequest, operator: Operator) -> Sending:
        key, user = parts(request, 2)
        namespace = self._scope.namespace(key, operator)
        return answer(await asyncio.to_thread(self._deleted, namespace, user), 202)

    def _deleted(self, namespace: Namespace, user: str) -> DeletionsStarted:
        groups = self._scope.groups_in(namespace)
        jobs = [(arn.rpartition("/")[2], delete_user(self._scope.engine, arn, user)) for arn in groups]
        return DeletionsStarted(jobs=[DeletionStarted(group=group, arn=arn) for group, arn in jobs])

    async def item(self, request: AnyRequest, operator: Operator) -> Sending:
        key, item = parts(request, 2)
        user = query_of(request, ("userId",)).get("userId") or None
        return answer(await asyncio.to_thread(self._seen, self._scope.namespace(key, operator), item, user))

    def _seen(self, namespace: Namespace, item: str, user: str | None = None) -> ItemView:
        engine, config = self._scope.engine, self._scope.gateway.config
        profiles = [
            item_profile(engine, arn, item, configured_expressions(engine, arn, config), user)
            for arn in self._scope.groups_in(namespace)
        ]
        return item_view(item, profiles, namespace.key)

    async def audience(self, request: AnyRequest, operator: Operator) -> Sending:
        key, item, _ = parts(request, 3)
        query = query_of(request, ("model", "users", "numResults"))
        namespace = self._scope.namespace(key, operator)
        users = number(query, "users", 200, MOST_SAMPLED)
        count = number(query, "numResults", 25, MOST_RESULTS)
        model = query.get("model") or usual_model(namespace)
        if model not in models_in(namespace):
            raise NotConfigured("ModelNotConfigured", f"namespace {key!r} uses no model {model!r}")
        return answer(await asyncio.to_thread(audience, self._scope.engine, model, item, users, count))

    async def edit_item(self, request: AnyRequest, operator: Operator) -> Sending:
        key, item = parts(request, 2)
        namespace = self._scope.namespace(key, operator)
        async with self._front.bodies.of(request, "admin", LARGEST_BODY) as body:
            changes = decode(body, EditedItem, "the columns to change", "ValidationError").properties
        return answer(await asyncio.to_thread(self._edited, namespace, item, changes))

    async def hide_item(self, request: AnyRequest, operator: Operator) -> Sending:
        key, item, _ = parts(request, 3)
        namespace = self._scope.namespace(key, operator)
        async with self._front.bodies.of(request, "admin", LARGEST_BODY) as body:
            wanted = decode(body, HiddenItem, "whether the item is hidden", "ValidationError")
        return answer(await asyncio.to_thread(self._hidden, namespace, item, wanted.hidden))

    def _hidden(self, namespace: Namespace, item: str, hidden: bool) -> ItemView:
        for arn in self._scope.groups_in(namespace):
            hide_item(self._scope.engine, arn, item, hidden=hidden)
        return self._seen(namespace, item)

    def _edited(self, namespace: Namespace, item: str, changes: Mapping[str, Any]) -> ItemView:
        groups = self._scope.groups_in(namespace)
        if len(groups) != 1:
            names = ", ".join(each.rpartition("/")[2] for each in groups) or "none"
            raise Invalid(
                "ValidationError", f"namespace {namespace.key!r} has its items from {names}: say by the API which"
            )
        edit_item(self._scope.engine, groups[0], item, changes)
        return self._seen(namespace, item)


class ListApi:
    """The explorer and the pipeline."""

    def __init__(self, front: Front, scope: EngineScope, recorder: Recorder) -> None:
        self._front, self._scope, self._recorder = front, scope, recorder
        self._explorer = ListExplorer(scope.gateway, scope.engine)

    async def choices(self, request: AnyRequest, operator: Operator) -> Sending:
        (key,) = parts(request, 1)
        return answer(await asyncio.to_thread(self._explorer.choices, self._scope.namespace(key, operator)))

    async def listed(self, request: AnyRequest, operator: Operator) -> Sending:
        namespace, asked = await self._asked(request, operator)
        return answer(await self._explorer.listed(namespace, asked, caller_of(request)))

    async def why(self, request: AnyRequest, operator: Operator) -> Sending:
        namespace, asked = await self._asked(request, operator, "item")
        item = checked_id(query_of(request, (*LIST_QUERY, "item")).get("item", ""), "item")
        return answer(await self._explorer.why(namespace, asked, item, caller_of(request)))

    async def pipeline(self, request: AnyRequest, operator: Operator) -> Sending:
        namespace, asked = await self._asked(request, operator)
        return answer(await self._explorer.pipeline(namespace, asked, caller_of(request)))

    async def record(self, request: AnyRequest, operator: Operator) -> Sending:
        """As POST /events records them, in the operator's name."""
        key, _ = parts(request, 2)
        namespace = self._scope.gateway.config.namespace(self._scope.namespace(key, operator).key)
        caller = caller_of(request)
        async with self._front.bodies.of(request, "admin", LARGEST_BODY) as body, self._recorder.room(caller):
            moment = self._scope.gateway.moment(caller)
            batch = batch_of(body, moment.now.timestamp())
            if namespace.elsewhere:
                batch = batch._replace(body=timed(body, batch.events))
            await self._recorder.record(namespace, batch, moment)
        return answer(RecordedEvents(recorded=len(batch.events)))

    async def _asked(self, request: AnyRequest, operator: Operator, *more: str) -> tuple[Namespace, ExplorerQuestion]:
        namespace = self._scope.namespace(parts_of_list(request), operator)
        asked = question_in(query_of(request, (*LIST_QUERY, *more)))
        if asked.model is not None:
            await asyncio.to_thread(self._scope.model, asked.model, operator)
        return namespace, asked


def parts_of_list(request: AnyRequest) -> str:
    """The namespace of a list's path."""
    ends = request.scope["raw_path"].partition(b"?")[0].count(b"/") - 2
    return parts(request, ends)[0]


def question_in(query: Mapping[str, str]) -> ExplorerQuestion:
    """Raises `Invalid`, naming the parameter."""
    action = query.get("action") or None
    if action is not None and action not in get_args(Action):
        raise Invalid("ValidationError", f"action is one of {', '.join(get_args(Action))}, not {action!r}")
    if not query.get("recommender"):
        raise Invalid("ValidationError", "recommender is missing: whose list it is to be")
    context = query.get("context")
    return ExplorerQuestion(
        recommender=query["recommender"],
        action=action,  # type: ignore[arg-type]
        user_id=one_id(query, "userId"),
        item_id=one_id(query, "itemId"),
        item_ids=ids(query, "itemIds"),
        history=ids(query, "history"),
        variation=query.get("variation") or None,
        model=query.get("model") or None,
        version=query.get("version", ""),
        num_results=number(query, "numResults", 12, MOST_RESULTS),
        filter=query.get("filter") or None,
        context=decode(context.encode(), dict[str, str], "context is an object of texts") if context else {},
    )


def one_id(query: Mapping[str, str], name: str) -> str | None:
    return checked_id(query[name], name) if query.get(name) else None


def ids(query: Mapping[str, str], name: str) -> tuple[str, ...]:
    listed = [checked_id(each, f"each id of {name}") for each in query.get(name, "").split(",") if each]
    return msgspec.convert(listed, Ids)


def number(query: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = query.get(name, "")
    if not text:
        return usual
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise Invalid("ValidationError", f"{name} is a whole number from 1 to {most}, not {text[:40]!r}")
    return int(text)


def models_in(namespace: Namespace) -> list[str]:
    """The models of the engine that a namespace's lists of users have."""
    plans = (plan for plan in namespace.plans.values() if plan.action == "recommend-items")
    return [each.model for plan in plans for each in plan.variations if each.model and each.origin is None]


def usual_model(namespace: Namespace) -> str:
    """Raises `NotConfigured` where the namespace has no list for users."""
    models = models_in(namespace)
    if not models:
        raise NotConfigured("RecommenderNotConfigured", f"namespace {namespace.key!r} has no lists for users")
    return models[0]
