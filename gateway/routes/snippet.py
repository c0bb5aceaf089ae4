"""GET /recgate.js: the script for pages of shops, built beforehand."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files

from litestar.handlers import HTTPRouteHandler

from gateway.caller import Caller
from gateway.encoding import accepts_gzip
from gateway.routes.replies import READ, AnyRequest, Front, Header, Sending, digest_tag, headers_once, revalidated

HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"public,max-age=3600"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"Accept-Encoding"),
)


def snippet_route(front: Front) -> HTTPRouteHandler:
    """The script holds no data, and is for every page."""

    async def answered(request: AnyRequest, _: Caller) -> Sending:
        headers = headers_once(request)
        body, compressed, etag = snippet()
        own: tuple[Header, ...] = ((b"etag", b"W/" + etag.encode()), *HEADERS)
        if accepts_gzip(headers.get("accept-encoding", "")):
            body, own = compressed, (*own, (b"content-encoding", b"gzip"))
        sending = revalidated(body, own, etag, headers.get("if-none-match", ""))
        return Sending(sending.body, sending.status, sending.headers, b"text/javascript; charset=utf-8")

    return front.handler(READ, "/recgate.js", "recgate.js", answered, guarded=False)


@cache
def snippet() -> tuple[bytes, bytes, str]:
    """The script, the same compressed, and its entity tag."""
    body = files("gateway").joinpath("snippet", "dist", "recgate.js").read_bytes()
    return body, gzip.compress(body, 9, mtime=0), digest_tag(body)
