"""Requests over our own pools: httpx's own pool costs more processor time than all else of a request.

HTTP/1.1, TLS verified as httpx does by default. Hosts that the environment has a proxy for (`HTTPS_PROXY`, `NO_PROXY`,
…) are asked through httpx's own transport.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

import httpx
from msgspec.structs import replace

from gateway.outbound.connection import Connection
from gateway.outbound.message import (
    DEFAULT_HEADERS,
    ChunkedBody,
    OutboundRequest,
    OutboundResponse,
    encode_request,
    read_whole,
)
from gateway.outbound.pool import Dial, Pool, PoolLimits

PLAIN = re.compile(  # a URL that httpx would send as it is
    r"(https?://[a-z0-9.-]+(?::[0-9]+)?)"
    r"(/(?:[A-Za-z0-9_.~!$&'()*+,;=:@/-]++|%[0-9A-Fa-f]{2})*+(?:\?(?:[A-Za-z0-9_.~!$&()*+,;=:@/?-]++|%[0-9A-Fa-f]{2})*+)?)"
)
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Origin:
    """A server that is asked. `host` is the Host header's. `proxied` is httpx's own transport, by a proxy."""

    host: str
    pool: Pool
    proxied: httpx.AsyncHTTPTransport | None = None


class Transport:
    """Sends requests over a pool an origin. Answers are read whole, up to `LARGEST_ANSWER` bytes."""

    def __init__(self, *, limits: PoolLimits = PoolLimits(), context: ssl.SSLContext | None = None) -> None:  # noqa: B008
        self._limits, self._context = limits, context
        self._origins: dict[str, Origin] = {}  # by scheme, host and port, as they are written
        self._proxies = getproxies()

    async def exchange(self, request: OutboundRequest, seconds: float) -> OutboundResponse:
        """Send a request without httpx's own objects, and return the answer with its body decoded.
        Raises `TimeoutError`, `httpx.HTTPError` and `httpx.InvalidURL`."""
        plain = PLAIN.fullmatch(request.url)
        if plain is not None and "/." not in request.url:
            place, target = plain[1], plain[2]
        else:
            parsed = httpx.URL(request.url)
            place, target = f"{parsed.scheme}://{parsed.netloc.decode()}", parsed.raw_path.decode()
            request = replace(request, headers={**request.headers, **_authorization(parsed)})
        origin = self._origins.get(place) or self._open_origin(place)
        if origin.proxied is not None:
            async with asyncio.timeout(seconds):
                return await _exchange_by_proxy(origin.proxied, request, place + target)
        response = await origin.pool.within(encode_request(request, origin.host, target), seconds)
        if not response.is_encoded:
            return response
        encoded = httpx.Response(response.status, headers=response.raw, stream=ChunkedBody(response.body))
        return await read_whole(encoded)

    async def ask(self, place: str, target: str, request: OutboundRequest, seconds: float) -> OutboundResponse:
        """Send a request whose URL is a place (scheme, host and port) and a target, to the byte; the body comes as it
        was sent. Raises `TimeoutError` and `httpx.HTTPError`."""
        origin = self._origins.get(place) or self._open_origin(place)
        return await origin.pool.within(encode_request(request, origin.host, target), seconds)

    async def aclose(self) -> None:
        for origin in self._origins.values():
            await origin.pool.close()
            if origin.proxied is not None:
                await origin.proxied.aclose()

    def _open_origin(self, place: str) -> Origin:
        url = httpx.URL(place)
        if url.scheme not in PORTS or not url.host:
            raise httpx.UnsupportedProtocol(f"{url.scheme!r} is not HTTP, or there is no host")
        proxy = self._proxy_for(url)
        proxied = httpx.AsyncHTTPTransport(proxy=proxy) if proxy else None
        pool = Pool(self._dial_for(url), self._limits)
        origin = self._origins[place] = Origin(url.netloc.decode(), pool, proxied)
        return origin

    def _proxy_for(self, url: httpx.URL) -> str:
        if proxy_bypass(f"{url.host}:{url.port or PORTS[url.scheme]}") or proxy_bypass(url.host):
            return ""
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all", "")
        return proxy if "://" in proxy or not proxy else f"http://{proxy}"

    def _dial_for(self, url: httpx.URL) -> Dial:
        port, host, encrypted = url.port or PORTS[url.scheme], url.raw_host.decode(), url.scheme == "https"

        async def dial(factory: Callable[[], Connection]) -> Connection:
            context = self._tls_context() if encrypted else None
            _, connection = await asyncio.get_running_loop().create_connection(factory, host, port, ssl=context)
            return connection

        return dial

    def _tls_context(self) -> ssl.SSLContext:
        """The context, made at its first use: reading the certificates takes a while."""
        if self._context is None:
            self._context = httpx.create_ssl_context()
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context


def _authorization(url: httpx.URL) -> dict[str, str]:
    if not url.username and not url.password:
        return {}
    credentials = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
    return {"authorization": f"Basic {credentials}"}


async def _exchange_by_proxy(
    transport: httpx.AsyncHTTPTransport, request: OutboundRequest, url: str
) -> OutboundResponse:
    headers = httpx.Headers(DEFAULT_HEADERS)
    headers.update(request.headers)
    sent = httpx.Request(request.method, url, headers=headers, content=request.body)
    response = await transport.handle_async_request(sent)
    try:
        return await read_whole(response)
    finally:
        await response.aclose()
