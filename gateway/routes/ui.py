"""The page at /ui: files built beforehand, with a strict policy of what a browser may load for them."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from gateway.auth.operators import may_open_page
from gateway.caller import Caller
from gateway.encoding import accepts_gzip
from gateway.errors import NotConfigured
from gateway.routes.admin_gate import peer_of
from gateway.routes.parsing import decoded
from gateway.routes.replies import READ, AnyRequest, Front, Header, Sending, digest_tag, headers_once, revalidated

HOME = "index.html"
HASHED = "assets/"  # names with a hash of the content: these files never change
FOR_EVER: Header = (b"cache-control", b"public,max-age=31536000,immutable")
ASK_EACH_TIME: Header = (b"cache-control", b"no-cache")
PICTURES = "'self' data: blob: https: http://localhost:* http://127.0.0.1:*"  # of items, wherever a shop keeps them
POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "connect", "font", "manifest")),
        f"img-src {PICTURES}",
        *(f"{what} 'none'" for what in ("base-uri", "form-action", "frame-ancestors")),
    )
)
SAFETY: tuple[Header, ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"vary", b"Accept-Encoding"),
)
TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "woff2": "font/woff2",
    "json": "application/json",
    "webmanifest": "application/manifest+json",
    "txt": "text/plain; charset=utf-8",
}
PACKED = frozenset(("png", "woff2", "ico"))  # to compress them again gains nothing


@dataclass(frozen=True)
class PageFile:
    name: str
    body: bytes
    compressed: bytes
    etag: str

    @property
    def extension(self) -> str:
        return self.name.rpartition(".")[2]


def ui_routes(front: Front) -> list[HTTPRouteHandler]:
    """The files hold no data, so they need no key: whoever may not use /admin sees an empty page."""

    async def page(request: AnyRequest, _: Caller) -> Sending:
        config, headers = front.gateway.config, headers_once(request)
        if not config.ui.enabled or (config.admin is None and not may_open_page(headers, peer_of(request))):
            raise NotFoundException
        name = decoded(request.scope["raw_path"].partition(b"?")[0], "path").removeprefix("/ui").strip("/")
        file = file_named(await asyncio.to_thread(built_files), name)
        return sent(file, headers)

    return [front.handler(READ, path, "ui", page, guarded=False) for path in ("/ui", "/ui/{rest:path}")]


def file_named(built: Mapping[str, PageFile], name: str) -> PageFile:
    """The file of a path; its own paths the page tells apart itself. Raises 404."""
    if name in built:
        return built[name]
    if "." in name.rpartition("/")[2]:
        raise NotFoundException
    if HOME not in built:
        raise NotConfigured("PageNotBuilt", "this installation has no page: gateway/ui says how it is built")
    return built[HOME]


def sent(file: PageFile, headers: Mapping[str, str]) -> Sending:
    caching = FOR_EVER if file.name.startswith(HASHED) else ASK_EACH_TIME
    own: tuple[Header, ...] = (caching, (b"etag", b"W/" + file.etag.encode()), *SAFETY)
    body = file.body
    if file.compressed and accepts_gzip(headers.get("accept-encoding", "")):
        body, own = file.compressed, (*own, (b"content-encoding", b"gzip"))
    sending = revalidated(body, own, file.etag, headers.get("if-none-match", ""))
    media_type = TYPES.get(file.extension, "application/octet-stream").encode()
    return Sending(sending.body, sending.status, sending.headers, media_type)


@cache
def built_files() -> Mapping[str, PageFile]:
    """The files by their paths below /ui, each compressed once."""
    folder = files("gateway").joinpath("ui", "dist")
    return {name: page_file(name, part.read_bytes()) for name, part in parts_of(folder, "") if part.is_file()}


def parts_of(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for part in folder.iterdir() if folder.is_dir() else ():
        if part.is_dir():
            yield from parts_of(part, f"{path}{part.name}/")
        else:
            yield path + part.name, part


def page_file(name: str, body: bytes) -> PageFile:
    compressed = b"" if name.rpartition(".")[2] in PACKED else gzip.compress(body, 9, mtime=0)
    return PageFile(name, body, compressed, digest_tag(body))
