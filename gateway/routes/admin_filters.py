"""Routes of operators to filters and rules: try them before use, make filters, and write where they are used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from engine import FilterTrial, FilterTrialRequest, Operations, RuleTrial, RuleTrialRequest, try_filter, try_rules
from gateway.admin.configuration import WrittenView
from gateway.admin.filters import FiltersView, NamedFilterView, check_use, filter_arn, filters_view
from gateway.admin.scope import EngineScope
from gateway.admin.view import View
from gateway.config.filtering import FilterPlace, FilterUse, filtered
from gateway.config.history import Author
from gateway.errors import Invalid, NotConfigured
from gateway.routes.admin_configuration import Comment, ConfigurationChanges, name_of
from gateway.routes.admin_data import DELETE, parts
from gateway.routes.admin_gate import AdminGate, Operator, RouteDoc, answer
from gateway.routes.admin_looks import MOST_SAMPLED
from gateway.routes.admin_models import read
from gateway.routes.replies import POST, AnyRequest, Front, Sending


class NewFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    group: str
    name: str
    expression: str


class DeletedFilter(View, frozen=True, kw_only=True):
    deleted: str


class FilterUseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recommender or, with `variation`, one of its variations, and its only filter from now on: `filter` is a name or
    an ARN. Without `filter` and `expression` the place has none of its own."""

    namespace: str
    action: str
    recommender: str
    variation: str | None = None
    filter: str | None = None
    expression: str | None = None
    comment: Comment = ""


DOCS = (
    RouteDoc("GET", "/admin/filters", "listFilters", "Named filters", FiltersView),
    RouteDoc("POST", "/admin/filters", "createFilter", "Make a filter", NamedFilterView, NewFilter, status=201),
    RouteDoc("DELETE", "/admin/filters/{group}/{name}", "deleteFilter", "Delete a filter", DeletedFilter),
    RouteDoc(
        "POST",
        "/admin/filters/try",
        "tryFilter",
        "What is wrong with a filter, or what it leaves",
        FilterTrial,
        FilterTrialRequest,
    ),
    RouteDoc(
        "POST",
        "/admin/filters/use",
        "useFilter",
        "Write a recommender's or a variation's filter into the configuration, or remove it",
        WrittenView,
        FilterUseBody,
    ),
    RouteDoc(
        "POST",
        "/admin/rules/try",
        "tryRules",
        "What is wrong with rules, or what they move",
        RuleTrial,
        RuleTrialRequest,
    ),
)


def filter_routes(
    front: Front, scope: EngineScope, gate: AdminGate, changing: ConfigurationChanges | None
) -> list[HTTPRouteHandler]:
    trials, uses = TrialApi(front, scope), FilterUseApi(front, scope, changing)
    return [
        gate.read("/admin/filters", trials.filters),
        gate.write(POST, "/admin/filters", trials.make_filter),
        gate.write(DELETE, "/admin/filters/{group:str}/{name:str}", trials.delete_filter),
        gate.read_by_post("/admin/filters/try", trials.try_filter),
        gate.write(POST, "/admin/filters/use", uses.use),
        gate.read_by_post("/admin/rules/try", trials.try_rules),
    ]


class TrialApi:
    """Filters and rules."""

    def __init__(self, front: Front, scope: EngineScope) -> None:
        self._front, self._scope = front, scope

    async def filters(self, _: AnyRequest, operator: Operator) -> Sending:
        scope = self._scope
        return answer(await asyncio.to_thread(lambda: self._filters(scope.groups(operator))))

    def _filters(self, groups: frozenset[str] | None) -> FiltersView:
        return filters_view(self._scope.engine, self._scope.gateway.config, groups)

    async def make_filter(self, request: AnyRequest, operator: Operator) -> Sending:
        wanted = await read(self._front, request, NewFilter, "the filter to make")

        def work() -> NamedFilterView:
            scope = self._scope
            members = {"name": wanted.name, "datasetGroupArn": scope.group(wanted.group, operator)}
            arn = Operations(scope.engine).call("CreateFilter", **members, filterExpression=wanted.expression)[
                "filterArn"
            ]
            return next(each for each in self._filters(None).filters if each.arn == arn)

        return answer(await asyncio.to_thread(work), 201)

    async def delete_filter(self, request: AnyRequest, operator: Operator) -> Sending:
        group, name = parts(request, 2)

        def work() -> DeletedFilter:
            arn = self._scope.group(group, operator)
            filter_arn = f"{arn.rpartition(':')[0]}:filter/{name}"
            if filter_arn not in {each.arn for each in self._filters(frozenset((arn,))).filters}:
                raise Invalid("ValidationError", f"the dataset group {group} has no filter {name}")
            Operations(self._scope.engine).call("DeleteFilter", filterArn=filter_arn)
            return DeletedFilter(deleted=name)

        return answer(await asyncio.to_thread(work))

    async def try_filter(self, request: AnyRequest, operator: Operator) -> Sending:
        asked = await read(self._front, request, FilterTrialRequest, "a filter to try")
        check_sizes(asked.users, asked.num_results)
        return await self._answer(
            lambda: try_filter(self._scope.engine, self._scope.group(asked.group, operator), asked)
        )

    async def try_rules(self, request: AnyRequest, operator: Operator) -> Sending:
        asked = await read(self._front, request, RuleTrialRequest, "rules to try")
        check_sizes(1, asked.num_results)

        def work() -> RuleTrial:
            self._scope.model(asked.model, operator)
            return try_rules(self._scope.engine, asked)

        return await self._answer(work)

    async def _answer(self, work: Callable[[], Any]) -> Sending:
        return answer(await asyncio.to_thread(work))


class FilterUseApi:
    """Filters of recommenders and variations, in the text of the configuration."""

    def __init__(self, front: Front, scope: EngineScope, changing: ConfigurationChanges | None) -> None:
        self._front, self._scope, self._changing = front, scope, changing

    async def use(self, request: AnyRequest, operator: Operator) -> Sending:
        body = await read(self._front, request, FilterUseBody, "a recommender and its filter")
        operator.check_namespace(body.namespace)
        if body.filter and body.expression:
            raise Invalid("ValidationError", "filter, expression: give one of them")
        if self._changing is None:
            raise NotConfigured("ConfigurationNotWatched", "the server was started without --config")
        config, place = self._front.gateway.config, FilterPlace(*msgspec.structs.astuple(body)[:4])
        use = await asyncio.to_thread(self._checked, body, place, operator)
        author = Author(name_of(operator), "filter", body.comment)
        return answer(await self._changing.change(lambda text: filtered(text, config.name, place, use), author, config))

    def _checked(self, body: FilterUseBody, place: FilterPlace, operator: Operator) -> FilterUse | None:
        """The filter to write; None: none. Raises where the models at the place can't use it."""
        if not body.filter and not body.expression:
            return None
        scope = self._scope
        arn = filter_arn(scope.engine, body.filter, scope.groups(operator)) if body.filter else None
        use = FilterUse(arn, body.expression or None)
        check_use(scope.engine, scope.gateway.config, place, use)
        return use


def check_sizes(users: int, results: int) -> None:
    """Raises `Invalid`."""
    for name, value, most in (("users", users, MOST_SAMPLED), ("numResults", results, 500)):
        if not 1 <= value <= most:
            raise Invalid("ValidationError", f"{name} is a whole number from 1 to {most}, not {value}")
