"""Rights of pages of other origins (the Fetch standard, §3.2; specification §1.9).

Without `cors` in the configuration any page may ask and read, but not with the browser's credentials: the gateway
itself reads none, and a proxy in front of it that does would let any page in the world read as its user. To send
events with credentials, as every beacon is sent, is for any page even then: their answer has nothing to read. Partners'
clients send their events so, with headers of their own.
"""

from __future__ import annotations

import re
from functools import lru_cache

from gateway.intake import PARTNERS
from gateway.plan.plan import Cors

Header = tuple[bytes, bytes]

ALLOWED_HEADERS = (
    "Authorization",
    "Content-Type",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Api-Key",
)  # the reference's
MORE_HEADERS = (
    *("If-None-Match", "If-Modified-Since", "Content-Encoding", "X-Recgate-Position", "X-Mp-Key"),
    *("traceparent", "tracestate", "baggage"),
)
BASE: Header = (b"access-control-allow-headers", ",".join(ALLOWED_HEADERS).encode())
EXPOSED: Header = (
    b"access-control-expose-headers",
    (
        b"Age,ETag,Last-Modified,Retry-After,WWW-Authenticate,X-Cache,X-Personalization-Config-Version,"
        b"X-Recgate-Behind,X-Recgate-Model,X-Recgate-Position,X-Recgate-Seed,X-Recgate-Variation,X-Request-Id,X-Sse-Support"
    ),
)
LIFE: Header = (b"access-control-max-age", b"500")
METHODS: Header = (b"access-control-allow-methods", b"GET,HEAD,OPTIONS,POST")
CREDENTIALS: Header = (b"access-control-allow-credentials", b"true")
VARY: Header = (b"vary", b"Origin, Access-Control-Request-Headers")
EVENTS = b"/events/"
_PARTNER_PATHS = {each.path.encode() for partner in PARTNERS.values() for each in partner.endpoints}
PARTNERS_OWN = frozenset(path for path in _PARTNER_PATHS if b"{" not in path)
PARTNERS_BELOW = tuple(path.partition(b"{")[0] for path in _PARTNER_PATHS if b"{" in path)
MOST_NAMES = 100
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")


def is_partners(path: bytes) -> bool:
    """True for a path that partners' clients send to."""
    path = path.partition(b"?")[0].rstrip(b"/")
    return path in PARTNERS_OWN or path.startswith(PARTNERS_BELOW)


def takes_events(path: bytes) -> bool:
    return path.startswith(EVENTS) or is_partners(path)


def allowed(origin: bytes, rules: Cors, of_events: bool) -> tuple[Header, ...]:
    """Headers that let a page of this origin read the answer, maybe with credentials; none where it may not."""
    is_listed = origin.decode("latin-1") in rules.origins
    if rules.origins and not is_listed:
        return ()
    may = (b"access-control-allow-origin", origin)
    return (may, CREDENTIALS) if of_events or (is_listed and rules.credentials) else (may,)


@lru_cache(maxsize=256)
def shared(origin: bytes, rules: Cors, of_events: bool) -> tuple[Header, ...]:
    """Headers of an answer to a page of this origin."""
    may = allowed(origin, rules, of_events)
    return (*may, BASE, EXPOSED, LIFE) if may else ()


@lru_cache(maxsize=256)
def preflight(origin: bytes, rules: Cors, path: bytes, asked: str) -> tuple[Header, ...]:
    """Headers that say what a page of this origin may send. `asked` is Access-Control-Request-Headers; listed origins
    may send any, and so may all to partners' paths."""
    may = allowed(origin, rules, takes_events(path))
    if not may:
        return (VARY,)
    names = [*ALLOWED_HEADERS, *MORE_HEADERS]
    if rules.origins or is_partners(path):
        usual = {name.lower() for name in names}
        more = (name.strip() for name in asked.split(",")[:MOST_NAMES])
        names += [name for name in more if _NAME.fullmatch(name) and name.lower() not in usual]
    headers = (b"access-control-allow-headers", ",".join(names).encode())
    return (*may, METHODS, headers, EXPOSED, LIFE, VARY)
