"""One HTTP client that asks an origin again and again, for `loadtests.outbound`:
`python -m loadtests.peers.http_clients NAME URL CONNECTIONS SECONDS`, which prints a `ClientRun` as JSON.

Each client ends a request after `TIMEOUT_S`, sends the same fields and reads the answer whole."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import uvloop

TIMEOUT_S, WARM_UP_S = 10.0, 0.2
FIELDS = {"accept": "application/json", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}

Get = Callable[[str], Awaitable[bytes]]  # the body of a 200


class ClientRun(msgspec.Struct, frozen=True):
    """The answers that a client has read, and the seconds that took, by the clock and of its process."""

    answers: int
    clock_s: float
    cpu_s: float
    answer_bytes: int


@asynccontextmanager
async def recgate(connections: int) -> AsyncIterator[Get]:
    """The gateway's own: as `Outbound` asks an origin, with its breaker and its bounds."""
    from gateway.outbound import Outbound, OutboundRequest, Peer, Transport
    from gateway.outbound.pool import PoolLimits
    from gateway.plan.plan import Limits

    transport = Transport(limits=PoolLimits(connections=connections))
    outbound, peer = Outbound(transport), Peer("origin", "HTTP", Limits(TIMEOUT_S))

    async def get(url: str) -> bytes:
        return (await outbound.ask(peer, OutboundRequest("GET", url, FIELDS))).body

    yield get
    await transport.aclose()


@asynccontextmanager
async def httpx(connections: int) -> AsyncIterator[Get]:
    from httpx import AsyncClient, Limits

    async with AsyncClient(timeout=TIMEOUT_S, limits=Limits(max_connections=connections)) as client:

        async def get(url: str) -> bytes:
            response = await client.get(url, headers=FIELDS)
            return response.raise_for_status().content

        yield get


@asynccontextmanager
async def aiohttp(connections: int) -> AsyncIterator[Get]:
    from aiohttp import ClientSession, ClientTimeout, TCPConnector

    connector, timeout = TCPConnector(limit=connections), ClientTimeout(total=TIMEOUT_S)
    async with ClientSession(connector=connector, timeout=timeout, raise_for_status=True) as client:

        async def get(url: str) -> bytes:
            async with client.get(url, headers=FIELDS) as response:
                return await response.read()

        yield get


@asynccontextmanager
async def pyreqwest(connections: int) -> AsyncIterator[Get]:
    from pyreqwest.client import ClientBuilder

    builder = ClientBuilder().timeout(timedelta(seconds=TIMEOUT_S)).max_connections(connections).error_for_status()
    async with builder.build() as client:

        async def get(url: str) -> bytes:
            response = await client.get(url).headers(FIELDS).build().send()
            return bytes(await response.bytes())

        yield get


CLIENTS = {each.__name__: each for each in (recgate, httpx, aiohttp, pyreqwest)}


async def run(name: str, url: str, connections: int, seconds: float) -> ClientRun:
    async with CLIENTS[name](connections) as get:
        await ask_for(get, url, connections, min(WARM_UP_S, seconds))
        cpu, clock = time.process_time(), time.perf_counter()
        answers = await ask_for(get, url, connections, seconds)
        cpu_s, clock_s = time.process_time() - cpu, time.perf_counter() - clock
        return ClientRun(answers, clock_s, cpu_s, len(await get(url)))


async def ask_for(get: Get, url: str, connections: int, seconds: float) -> int:
    """Ask over all connections for so long; the number of answers."""
    until = time.perf_counter() + seconds

    async def ask_in_turn() -> int:
        answers = 0
        while time.perf_counter() < until:
            await get(url)
            answers += 1
        return answers

    return sum(await asyncio.gather(*(ask_in_turn() for _ in range(connections))))


def main() -> None:
    name, url, connections, seconds = sys.argv[1:]
    result = uvloop.run(run(name, url, int(connections), float(seconds)))
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
