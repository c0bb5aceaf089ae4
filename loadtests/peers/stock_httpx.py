"""One worker of recgate that asks through httpx as it comes, its pool and its parser, for `loadtests.origins`:
`python -m loadtests.peers.stock_httpx PORT DATA CONFIG`."""

from __future__ import annotations

import asyncio
import os
import sys

import httpx

from gateway import app
from gateway.outbound import OutboundRequest, OutboundResponse, Transport
from gateway.processes import worker
from gateway.processes.listen import bind

CONNECTIONS = httpx.Limits(max_connections=512, max_keepalive_connections=128)


class Stock(Transport):
    """As the gateway asked before it had a transport of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._client = httpx.AsyncClient(limits=CONNECTIONS)

    async def exchange(self, request: OutboundRequest, seconds: float) -> OutboundResponse:
        async with asyncio.timeout(seconds):
            return await self._exchange(request)

    async def _exchange(self, request: OutboundRequest) -> OutboundResponse:
        sent = self._client.build_request(
            request.method, request.url, headers=dict(request.headers), content=request.body, timeout=None
        )
        response = await self._client.send(sent, stream=True)
        try:
            told = bytearray()
            async for piece in response.aiter_bytes():
                told += piece
            return OutboundResponse(response.status_code, bytes(told), raw=response.headers.raw)
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        await self._client.aclose()


def main() -> None:
    port, data, config = sys.argv[1:]
    app.Transport = Stock  # type: ignore[misc]
    sock = bind("127.0.0.1", int(port))
    gate, closed = os.pipe()
    os.close(closed)  # there is no supervisor to wait for
    sys.argv[1:] = ["--fds", str(sock.fileno()), "--gate", str(gate), "--name", "worker", "--server", "stock"]
    sys.argv += ["--data", data, "--config", config]
    worker.main()


if __name__ == "__main__":
    main()
