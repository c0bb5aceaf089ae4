"""Routes of operators to models, filters and rules: compare, deploy, roll back, train; and try before use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from engine import (
    FilterTrial,
    FilterTrialRequest,
    ModelOverview,
    Operations,
    RuleTrial,
    RuleTrialRequest,
    VersionComparison,
    compared,
    model_overview,
    models,
    solution_of,
    try_filter,
    try_rules,
    version_arn,
)
from gateway.admin.filters import FiltersView, NamedFilterView, filters_view
from gateway.admin.models import ModelsView
from gateway.admin.scope import EngineScope
from gateway.admin.view import View
from gateway.errors import Invalid
from gateway.routes.admin_data import DELETE, parts, query_of
from gateway.routes.admin_gate import AdminGate, Operator, RouteDoc, answer
from gateway.routes.admin_looks import MOST_SAMPLED, number
from gateway.routes.admin_stream import Topic
from gateway.routes.parsing import decode
from gateway.routes.replies import LARGEST_BODY, POST, AnyRequest, Front, Sending


class DeployedVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str


class NewFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    group: str
    name: str
    expression: str


class DeletedFilter(View, frozen=True, kw_only=True):
    deleted: str


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An empty object."""


COMPARE = ("first", "second", "users")
DOCS = (
    RouteDoc("GET", "/admin/models", "Models with their versions beside baselines", ModelsView),
    RouteDoc("GET", "/admin/models/{model}", "One model", ModelOverview),
    RouteDoc(
        "GET", "/admin/models/{model}/compare", "Two versions on the same users", VersionComparison, query=COMPARE
    ),
    RouteDoc("POST", "/admin/models/{model}/deploy", "Answer with a version", ModelOverview, DeployedVersion),
    RouteDoc("POST", "/admin/models/{model}/rollback", "Answer with the version before", ModelOverview, Nothing),
    RouteDoc("POST", "/admin/models/{model}/train", "Train a new version", ModelOverview, Nothing),
    RouteDoc("GET", "/admin/filters", "Named filters", FiltersView),
    RouteDoc("POST", "/admin/filters", "Make a filter", NamedFilterView, NewFilter),
    RouteDoc("DELETE", "/admin/filters/{group}/{name}", "Delete a filter", DeletedFilter),
    RouteDoc(
        "POST", "/admin/filters/try", "What is wrong with a filter, or what it leaves", FilterTrial, FilterTrialRequest
    ),
    RouteDoc("POST", "/admin/rules/try", "What is wrong with rules, or what they move", RuleTrial, RuleTrialRequest),
)


def model_routes(front: Front, scope: EngineScope, gate: AdminGate) -> list[HTTPRouteHandler]:
    api, trials = ModelApi(front, scope), TrialApi(front, scope)
    return [
        gate.read("/admin/models", api.every),
        gate.read("/admin/models/{model:str}", api.one),
        gate.read("/admin/models/{model:str}/compare", api.compare),
        gate.write(POST, "/admin/models/{model:str}/deploy", api.deploy),
        gate.write(POST, "/admin/models/{model:str}/rollback", api.roll_back),
        gate.write(POST, "/admin/models/{model:str}/train", api.train),
        gate.read("/admin/filters", trials.filters),
        gate.write(POST, "/admin/filters", trials.make_filter),
        gate.write(DELETE, "/admin/filters/{group:str}/{name:str}", trials.delete_filter),
        gate.read_by_post("/admin/filters/try", trials.try_filter),
        gate.read_by_post("/admin/rules/try", trials.try_rules),
    ]


def model_topic(scope: EngineScope) -> Topic:
    """The view of models as they train."""

    def make(operator: Operator) -> bytes:
        return msgspec.json.encode(ModelsView(models=models(scope.engine, scope.groups(operator))))

    return Topic("models", 1.0, make)


class ModelApi:
    def __init__(self, front: Front, scope: EngineScope) -> None:
        self._front, self._scope = front, scope
        self._comparing = asyncio.Lock()  # two models more are in memory meanwhile

    async def every(self, _: AnyRequest, operator: Operator) -> Sending:
        scope = self._scope
        shown = await asyncio.to_thread(lambda: models(scope.engine, scope.groups(operator)))
        return answer(ModelsView(models=shown))

    async def one(self, request: AnyRequest, operator: Operator) -> Sending:
        (name,) = parts(request, 1)
        return answer(await asyncio.to_thread(self._one, name, operator))

    def _one(self, name: str, operator: Operator) -> ModelOverview:
        return model_overview(self._scope.engine, name, self._scope.groups(operator))

    async def compare(self, request: AnyRequest, operator: Operator) -> Sending:
        name, _ = parts(request, 2)
        query = query_of(request, COMPARE)
        users = number(query, "users", 100, MOST_SAMPLED)
        first, second = (query.get(each, "") for each in COMPARE[:2])
        if not first or not second:
            raise Invalid("ValidationError", "first and second are the versions to compare")

        def work() -> VersionComparison:
            self._scope.model(name, operator)
            return compared(self._scope.engine, name, first, second, users)

        async with self._comparing:
            return answer(await asyncio.to_thread(work))

    async def deploy(self, request: AnyRequest, operator: Operator) -> Sending:
        wanted = await read(self._front, request, DeployedVersion, "the version to deploy")
        return await self._deployed(request, operator, wanted.version)

    async def roll_back(self, request: AnyRequest, operator: Operator) -> Sending:
        return await self._deployed(request, operator, "")

    async def _deployed(self, request: AnyRequest, operator: Operator, version: str) -> Sending:
        name, _ = parts(request, 2)

        def work() -> ModelOverview:
            scope = self._scope
            scope.model(name, operator)
            Operations(scope.engine).deploy(*version_arn(scope.engine, name, version))
            return self._one(name, operator)

        return answer(await asyncio.to_thread(work))

    async def train(self, request: AnyRequest, operator: Operator) -> Sending:
        name, _ = parts(request, 2)

        def work() -> ModelOverview:
            scope = self._scope
            Operations(scope.engine).train(solution_of(scope.engine, scope.model(name, operator)))
            return self._one(name, operator)

        return answer(await asyncio.to_thread(work), 202)


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


def check_sizes(users: int, results: int) -> None:
    """Raises `Invalid`."""
    for name, value, most in (("users", users, MOST_SAMPLED), ("numResults", results, 500)):
        if not 1 <= value <= most:
            raise Invalid("ValidationError", f"{name} is a whole number from 1 to {most}, not {value}")


async def read(front: Front, request: AnyRequest, wanted: type[Any], described: str) -> Any:
    """The body of an operator's request. Raises `Invalid`."""
    async with front.bodies.of(request, "admin", LARGEST_BODY) as body:
        return decode(body or b"{}", wanted, described, "ValidationError")
