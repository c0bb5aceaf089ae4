"""The wire below any path: an endpoint's URL may have one, which every SDK puts before the operations' own (§1.1)."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import unquote

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from gateway.aws.control import TARGET_PREFIX
from gateway.aws.sigv4 import ALGORITHM, SERVICE

SCOPED = f"/{SERVICE}/aws4_request"
SDK = (b"amz-sdk-invocation-id", b"amz-sdk-request")  # what SDKs send of themselves, signed or not


class Prefixed:
    """Routes requests of the three services below a path without it, all others as they came. The path that the caller
    has signed stays in the scope's `raw_path`."""

    def __init__(self, paths: Collection[str], own: Collection[str], router: ASGIApp) -> None:
        """`paths` are the wire's, `/` for the control plane; `own` are the first segments of the router's routes."""
        self._paths, self._own, self._router = frozenset(paths), frozenset(own), router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self._path(scope) if scope["type"] == ScopeType.HTTP and scope.get("method") == "POST" else None
        if path is not None:
            scope["path"] = path
        await self._router(scope, receive, send)

    def _path(self, scope: Scope) -> str | None:
        """The wire's path that is asked for below another one; None where none is."""
        segments = [segment for segment in scope["path"].split("/") if segment]
        if not segments or f"/{'/'.join(segments)}" in self._paths:
            return None
        headers = dict(scope["headers"])
        if headers.get(b"x-amz-target", b"").startswith(TARGET_PREFIX.encode()):
            return "/"
        path = f"/{segments[-1]}"
        if path not in self._paths:
            return None
        signature = (headers.get(b"authorization") or scope["query_string"]).decode("latin-1")
        if ALGORITHM in signature:
            return path if SCOPED in unquote(signature) else None
        return path if segments[0] not in self._own and any(name in headers for name in SDK) else None
