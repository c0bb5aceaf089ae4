"""The gate of /admin: each of its routes says what it needs, and is answered only for an operator who has that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from litestar.enums import HttpMethod
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from gateway.auth import Operator, PeerAddress, operator_of
from gateway.caller import Caller
from gateway.plan.plan import Role
from gateway.routes.replies import NO_STORE, POST, READ, AnyRequest, Front, Header, Sending, SentResponse, headers_once

__all__ = ["AdminGate", "AdminWork", "Needs", "Operator", "RouteDoc", "answer"]

AdminWork = Callable[[AnyRequest, Operator], Awaitable[Sending]]
ACCESS = "access"  # the name of what a route needs among litestar's options


@dataclass(frozen=True)
class Needs:
    """`is_of_server`: nothing of it is one namespace's, so a tenant's key is refused."""

    role: Role
    is_of_server: bool = False


class RouteDoc(NamedTuple):
    """A route as the OpenAPI document describes it: the structs that it takes and answers with, its query, and the
    headers that it needs. Typed clients call it by `name`. The `body` of a route that takes a file is `bytes`."""

    method: str
    path: str
    name: str
    summary: str
    result: type
    body: type | None = None
    query: tuple[str, ...] = ()
    status: int = 200
    headers: tuple[str, ...] = ()


class AdminGate:
    def __init__(self, front: Front) -> None:
        self._front = front

    def read(self, path: str, work: AdminWork, *, server_only: bool = False) -> HTTPRouteHandler:
        """The handler of a path that shows something."""
        return self._handler(READ, path, work, Needs("read", server_only))

    def read_by_post(self, path: str, work: AdminWork, *, server_only: bool = False) -> HTTPRouteHandler:
        """The handler of a question with a body; it changes nothing."""
        return self._handler(POST, path, work, Needs("read", server_only))

    def write(
        self, methods: Sequence[HttpMethod], path: str, work: AdminWork, *, server_only: bool = False
    ) -> HTTPRouteHandler:
        """The handler of a path that changes something."""
        return self._handler(methods, path, work, Needs("operate", server_only))

    def admit(self, request: AnyRequest, needs: Needs) -> Operator:
        """Raises 404 where there is no such path for the caller, `Unauthenticated` and `Denied`."""
        gateway = self._front.gateway
        operator = operator_of(gateway.config.admin, headers_once(request), peer_of(request), gateway.clock())
        if operator is None:
            raise NotFoundException
        operator.check_role(needs.role)
        if needs.is_of_server:
            operator.check_server()
        return operator

    def _handler(self, methods: Sequence[HttpMethod], path: str, work: AdminWork, needs: Needs) -> HTTPRouteHandler:
        async def admitted(request: AnyRequest, _: Caller) -> Sending:
            return await work(request, self.admit(request, needs))

        @self._front.route(path, methods, {ACCESS: needs})
        async def handle(request: AnyRequest) -> SentResponse:
            return await self._front.answer("admin", request, admitted)

        return handle


def peer_of(request: AnyRequest) -> PeerAddress:
    client = request.scope["client"]
    return PeerAddress("" if client is None else client[0], request.scope.get("http_version", "1.1"))


def answer(view: msgspec.Struct, status: int = 200, headers: tuple[Header, ...] = ()) -> Sending:
    """A view as JSON."""
    return Sending(msgspec.json.encode(view), status, (NO_STORE, *headers))
