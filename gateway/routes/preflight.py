"""OPTIONS: 204 for any path, known or not. Unknown ones come in by `Front.unrouted`."""

from __future__ import annotations

from collections.abc import Sequence

from litestar import route
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from gateway.routes.replies import AnyRequest, Front, SentResponse


def preflight_routes(front: Front, paths: Sequence[str]) -> list[HTTPRouteHandler]:
    """Answer for the paths that have handlers of their own: litestar would answer these without CORS."""

    @route(sorted(set(paths)), http_method=[HttpMethod.OPTIONS])
    async def preflight(request: AnyRequest) -> SentResponse:
        return front.preflight(request)

    return [preflight]
