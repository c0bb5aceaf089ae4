"""A typed client of recgate's API: `Client`, and `AsyncClient` for asyncio."""

from __future__ import annotations

import httpx

from recgate_client import models
from recgate_client.operations import AdminOperations, AsyncAdminOperations, AsyncOperations, Operations
from recgate_client.transport import AsyncTransport, RecgateError, Transport, headers_of

__all__ = ["AsyncClient", "Client", "RecgateError", "models"]

TIMEOUT_S = 10.0


class Client(Operations):
    """`admin` has the operations for operators."""

    def __init__(
        self, base_url: str, *, api_key: str | None = None, token: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        http = httpx.Client(base_url=base_url, headers=headers_of(api_key, token), timeout=timeout_s)
        super().__init__(Transport(http))
        self.admin = AdminOperations(self._transport)

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(AsyncOperations):
    """`admin` has the operations for operators."""

    def __init__(
        self, base_url: str, *, api_key: str | None = None, token: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        http = httpx.AsyncClient(base_url=base_url, headers=headers_of(api_key, token), timeout=timeout_s)
        super().__init__(AsyncTransport(http))
        self.admin = AsyncAdminOperations(self._transport)

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
