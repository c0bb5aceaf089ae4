"""Routes of operators to models: compare, deploy, roll back, train."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from engine import (
    ModelOverview,
    Operations,
    VersionComparison,
    compared,
    model_overview,
    models,
    solution_of,
    version_arn,
)
from gateway.admin.models import ModelsView
from gateway.admin.scope import EngineScope
from gateway.errors import Invalid
from gateway.routes.admin_data import parts, query_of
from gateway.routes.admin_gate import AdminGate, Operator, RouteDoc, answer
from gateway.routes.admin_looks import MOST_SAMPLED, number
from gateway.routes.admin_stream import Topic
from gateway.routes.parsing import decode
from gateway.routes.replies import LARGEST_BODY, POST, AnyRequest, Front, Sending


class DeployedVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An empty object."""


COMPARE = ("first", "second", "users")
DOCS = (
    RouteDoc("GET", "/admin/models", "listModels", "Models with their versions beside baselines", ModelsView),
    RouteDoc("GET", "/admin/models/{model}", "getModel", "One model", ModelOverview),
    RouteDoc(
        "GET",
        "/admin/models/{model}/compare",
        "compareModelVersions",
        "Two versions on the same users",
        VersionComparison,
        query=COMPARE,
    ),
    RouteDoc(
        "POST", "/admin/models/{model}/deploy", "deployModel", "Answer with a version", ModelOverview, DeployedVersion
    ),
    RouteDoc(
        "POST",
        "/admin/models/{model}/rollback",
        "rollBackModel",
        "Answer with the version before",
        ModelOverview,
        Nothing,
    ),
    RouteDoc(
        "POST", "/admin/models/{model}/train", "trainModel", "Train a new version", ModelOverview, Nothing, status=202
    ),
)


def model_routes(front: Front, scope: EngineScope, gate: AdminGate) -> list[HTTPRouteHandler]:
    api = ModelApi(front, scope)
    return [
        gate.read("/admin/models", api.every),
        gate.read("/admin/models/{model:str}", api.one),
        gate.read("/admin/models/{model:str}/compare", api.compare),
        gate.write(POST, "/admin/models/{model:str}/deploy", api.deploy),
        gate.write(POST, "/admin/models/{model:str}/rollback", api.roll_back),
        gate.write(POST, "/admin/models/{model:str}/train", api.train),
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


async def read(front: Front, request: AnyRequest, wanted: type[Any], described: str) -> Any:
    """The body of an operator's request. Raises `Invalid`."""
    async with front.bodies.of(request, "admin", LARGEST_BODY) as body:
        return decode(body or b"{}", wanted, described, "ValidationError")
