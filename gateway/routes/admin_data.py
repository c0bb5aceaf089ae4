"""Routes of operators to data: dataset groups, imports, the data doctor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

import msgspec
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from engine import CsvFile, Diagnosis, GroupView, ImportView, Operations, group_view, group_views, import_of
from gateway.admin.doctor import diagnosis
from gateway.admin.groups import DeletedGroup, GroupsView
from gateway.admin.scope import EngineScope
from gateway.errors import Invalid
from gateway.routes.admin_gate import AdminGate, Operator, RouteDoc, answer
from gateway.routes.admin_stream import Topic
from gateway.routes.parsing import checked_id, decoded, segments
from gateway.routes.replies import POST, AnyRequest, Front, Sending

LARGEST_FILE = 8 * 1024 * 1024
TYPES = ("INTERACTIONS", "ITEMS", "USERS", "ACTIONS", "ACTION_INTERACTIONS")
OPTIONS = ("mode", "skipBadRows", "oddValues", "timestamps", "columns", "allowEmpty")
IMPORT_QUERY = ("type", "name", *OPTIONS)
DELETE = (HttpMethod.DELETE,)

DOCS = (
    RouteDoc(
        "GET",
        "/admin/datasets",
        "listDatasetGroups",
        "Dataset groups with their datasets, schemas and imports",
        GroupsView,
    ),
    RouteDoc("GET", "/admin/datasets/{group}", "getDatasetGroup", "One dataset group", GroupView),
    RouteDoc(
        "DELETE",
        "/admin/datasets/{group}",
        "deleteDatasetGroup",
        "Delete a dataset group with all that hangs on it",
        DeletedGroup,
    ),
    RouteDoc(
        "GET", "/admin/doctor/{group}", "diagnoseDatasetGroup", "What is wrong with a dataset group's data", Diagnosis
    ),
    RouteDoc(
        "POST",
        "/admin/imports/{group}",
        "importFile",
        "Import a file, which is the body",
        ImportView,
        bytes,
        IMPORT_QUERY,
        202,
    ),
    RouteDoc("GET", "/admin/imports/{group}/{name}", "getImport", "An import, with its bad rows", ImportView),
)


def data_routes(front: Front, scope: EngineScope, gate: AdminGate) -> list[HTTPRouteHandler]:
    api = DataApi(front, scope)
    return [
        gate.read("/admin/datasets", api.groups),
        gate.read("/admin/datasets/{group:str}", api.group),
        gate.write(DELETE, "/admin/datasets/{group:str}", api.delete),
        gate.read("/admin/doctor/{group:str}", api.doctor),
        gate.write(POST, "/admin/imports/{group:str}", api.start_import),
        gate.read("/admin/imports/{group:str}/{name:str}", api.show_import),
    ]


def data_topic(scope: EngineScope) -> Topic:
    """The view of dataset groups, with imports as they go."""

    def make(operator: Operator) -> bytes:
        return msgspec.json.encode(GroupsView(groups=group_views(scope.engine, scope.groups(operator))))

    return Topic("datasets", 1.0, make)


def parts(request: AnyRequest, count: int) -> list[str]:
    """The segments of an operator's path behind its first two, decoded. Raises 404 where there are not so many."""
    return [checked_id(decoded(each, "the path"), "each part") for each in segments(request, "admin", count + 1)[1:]]


class DataApi:
    def __init__(self, front: Front, scope: EngineScope) -> None:
        self._front, self._scope = front, scope
        self._examining = asyncio.Lock()  # one at a time: it takes a processor for as long as it takes

    async def groups(self, _: AnyRequest, operator: Operator) -> Sending:
        scope = self._scope
        shown = await asyncio.to_thread(lambda: group_views(scope.engine, scope.groups(operator)))
        return answer(GroupsView(groups=shown))

    async def group(self, request: AnyRequest, operator: Operator) -> Sending:
        (name,) = parts(request, 1)
        scope = self._scope
        return answer(await asyncio.to_thread(lambda: group_view(scope.engine, scope.group(name, operator))))

    async def delete(self, request: AnyRequest, operator: Operator) -> Sending:
        (name,) = parts(request, 1)
        deleted = await asyncio.to_thread(self._deleted, name, operator)
        return answer(DeletedGroup(group=name, deleted=deleted))

    def _deleted(self, name: str, operator: Operator) -> list[str]:
        return Operations(self._scope.engine).delete_group(self._scope.group(name, operator))

    async def doctor(self, request: AnyRequest, operator: Operator) -> Sending:
        (name,) = parts(request, 1)
        async with self._examining:
            return answer(await asyncio.to_thread(self._diagnosis, name, operator))

    def _diagnosis(self, name: str, operator: Operator) -> Diagnosis:
        scope = self._scope
        return diagnosis(scope.engine, scope.group(name, operator), scope.gateway.config)

    async def start_import(self, request: AnyRequest, operator: Operator) -> Sending:
        (group,) = parts(request, 1)
        query = query_of(request, IMPORT_QUERY)
        kind = query.get("type", "").upper()
        if kind not in TYPES:
            raise Invalid("ValidationError", f"type is one of {', '.join(TYPES)}, not {query.get('type')!r}")
        options = {name: query[name] for name in OPTIONS if query.get(name)}
        async with self._front.bodies.of(request, "admin", LARGEST_FILE) as body:
            if not body.strip():
                raise Invalid("ValidationError", "the body is empty: send the file itself")
            work = self._imported(group, operator, kind, query.get("name", "upload.csv"), options)
            return answer(await asyncio.to_thread(work, body), 202)

    def _imported(
        self, group: str, operator: Operator, kind: str, name: str, options: Mapping[str, str]
    ) -> Callable[[bytes], ImportView]:
        def work(body: bytes) -> ImportView:
            scope = self._scope
            if operator.namespaces is not None:
                scope.group(group, operator)  # a tenant makes no groups
            job = Operations(scope.engine).import_files(group, kind, CsvFile(name, body), options)
            return import_of(scope.engine, scope.group(group, operator), job)

        return work

    async def show_import(self, request: AnyRequest, operator: Operator) -> Sending:
        group, name = parts(request, 2)
        scope = self._scope
        return answer(await asyncio.to_thread(lambda: import_of(scope.engine, scope.group(group, operator), name)))


def query_of(request: AnyRequest, names: tuple[str, ...]) -> dict[str, str]:
    """The query string's values by name. Raises `Invalid` for a name that nothing reads."""
    query = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
    unknown = sorted(query.keys() - set(names))
    if unknown:
        raise Invalid("ValidationError", f"there is no parameter {unknown[0]!r}; there are: {', '.join(names)}")
    return query
