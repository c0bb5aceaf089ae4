"""Requests handed to an app as a server would: a client's own work is most of what a request costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import httpx
from litestar.types import ASGIApp


async def asked(
    app: ASGIApp, method: str, target: str, headers: Mapping[str, str], body: bytes = b"", peer: str = "testclient"
) -> httpx.Response:
    """The answer; `target` is a path, with a query or without."""
    path, _, query = target.partition("?")
    fields = {**headers, "Content-Length": str(len(body))}
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in fields.items()],
        "client": (peer, 50_000),
        "server": ("testserver", 80),
        "state": {},
    }
    received, messages = [{"type": "http.request", "body": body, "more_body": False}], list[Any]()

    async def receive() -> Any:
        return received.pop() if received else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    await app(scope, receive, send)
    start, *parts = messages
    content = b"".join(part.get("body", b"") for part in parts)
    return httpx.Response(start["status"], headers=start["headers"], content=content)
