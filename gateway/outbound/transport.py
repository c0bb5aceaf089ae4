"""httpx's transport seam over our own pools: httpx's own pool costs more processor time than all else of a request.

HTTP/1.1, TLS verified as httpx does by default. Hosts that the environment has a proxy for (`HTTPS_PROXY`, `NO_PROXY`,
…) are asked through httpx's own transport.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

import httpx

from gateway.outbound.connection import Connection
from gateway.outbound.message import (
    LARGEST_ANSWER,
    USUAL,
    OutboundResponse,
    Pieces,
    PreparedRequest,
    named,
    ready,
    whole,
)
from gateway.outbound.pool import FOR_EVER, Bounds, Dial, Patience, Pool

PLAIN = re.compile(  # a URL that httpx would send as it is
    r"(https?://[a-z0-9.-]+(?::[0-9]+)?)"
    r"(/(?:[A-Za-z0-9_.~!$&'()*+,;=:@/-]++|%[0-9A-Fa-f]{2})*+(?:\?(?:[A-Za-z0-9_.~!$&()*+,;=:@/?-]++|%[0-9A-Fa-f]{2})*+)?)"
)
PORTS = {"http": 80, "https": 443}
NO_TIMEOUT = {"connect": None, "read": None, "write": None, "pool": None}


@dataclass(frozen=True)
class Origin:
    """`host` is the Host header's. `proxied`: httpx's own transport, where the environment has a proxy for it."""

    host: str
    pool: Pool
    proxied: httpx.AsyncHTTPTransport | None = None


class Transport(httpx.AsyncBaseTransport):
    """Answers are read whole, and no more than `LARGEST_ANSWER` of them."""

    def __init__(self, *, bounds: Bounds = Bounds(), context: ssl.SSLContext | None = None) -> None:  # noqa: B008
        self._bounds, self._context = bounds, context
        self._origins: dict[str, Origin] = {}  # by scheme, host and port, as they are written
        self._proxies = getproxies()

    async def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        seconds: float,
        most: int = LARGEST_ANSWER,
    ) -> OutboundResponse:
        """An answer with its body decoded: for whoever has no use for httpx's requests and responses.
        Raises `TimeoutError`, `httpx.HTTPError` and `httpx.InvalidURL`."""
        plain = PLAIN.fullmatch(url)
        if plain is not None and "/." not in url:
            place, target = plain[1], plain[2]
        else:
            parsed = httpx.URL(url)
            place, target = _place(parsed), parsed.raw_path.decode()
            headers = {**headers, **_authorization(parsed)}
        origin = self._origins.get(place) or self._opened(place)
        if origin.proxied is not None:
            async with asyncio.timeout(seconds):
                return await _through(origin.proxied, method, place + target, headers, body, most)
        request = ready(method, origin.host, target, headers, body, most)
        response = await origin.pool.within(request, seconds)
        return await _decoded(response, most) if response.is_encoded else response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        origin = self._origins.get(_place(request.url)) or self._opened(_place(request.url))
        if origin.proxied is not None:
            return await origin.proxied.handle_async_request(request)
        sent = self._ready(request, origin, await request.aread())
        limits: Mapping[str, float | None] = request.extensions.get("timeout", NO_TIMEOUT)
        patience = Patience(**limits) if any(each is not None for each in limits.values()) else FOR_EVER
        response = await origin.pool.exchange(sent, patience)
        return httpx.Response(response.status, headers=response.raw, stream=Pieces(response.body))

    async def aclose(self) -> None:
        for origin in self._origins.values():
            await origin.pool.close()
            if origin.proxied is not None:
                await origin.proxied.aclose()

    def _ready(self, request: httpx.Request, origin: Origin, body: bytes) -> PreparedRequest:
        return ready(request.method, origin.host, request.url.raw_path.decode(), named(request.headers.raw), body)

    def _opened(self, place: str) -> Origin:
        url = httpx.URL(place)
        if url.scheme not in PORTS or not url.host:
            raise httpx.UnsupportedProtocol(f"{url.scheme!r} is not HTTP, or there is no host")
        proxy = self._proxy(url)
        proxied = httpx.AsyncHTTPTransport(proxy=proxy) if proxy else None
        host = url.netloc.decode()
        origin = self._origins[place] = Origin(host, Pool(self._dialler(url), self._bounds), proxied)
        return origin

    def _proxy(self, url: httpx.URL) -> str:
        if proxy_bypass(f"{url.host}:{url.port or PORTS[url.scheme]}") or proxy_bypass(url.host):
            return ""
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all", "")
        return proxy if "://" in proxy or not proxy else f"http://{proxy}"

    def _dialler(self, url: httpx.URL) -> Dial:
        port, host, encrypted = url.port or PORTS[url.scheme], url.raw_host.decode(), url.scheme == "https"

        async def dial(connection: Callable[[], Connection]) -> None:
            loop = asyncio.get_running_loop()
            await loop.create_connection(connection, host, port, ssl=self._tls() if encrypted else None)

        return dial

    def _tls(self) -> ssl.SSLContext:
        """Made when it is first needed: reading the certificates takes a while."""
        if self._context is None:
            self._context = httpx.create_ssl_context()
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context


def _place(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"


def _authorization(url: httpx.URL) -> dict[str, str]:
    if not url.username and not url.password:
        return {}
    credentials = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
    return {"authorization": f"Basic {credentials}"}


async def _through(
    transport: httpx.AsyncHTTPTransport,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    most: int,
) -> OutboundResponse:
    complete = httpx.Headers(USUAL)
    complete.update(headers)
    request = httpx.Request(method, url, headers=complete, content=body, extensions={"timeout": NO_TIMEOUT})
    response = await transport.handle_async_request(request)
    try:
        return await whole(response.status_code, response, response.headers.raw, most)
    finally:
        await response.aclose()


async def _decoded(response: OutboundResponse, most: int) -> OutboundResponse:
    return await whole(
        response.status,
        httpx.Response(response.status, headers=response.raw, stream=Pieces(response.body)),
        response.raw,
        most,
    )
