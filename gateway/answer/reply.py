"""HTTP headers of a cached or fresh answer: for how long, for whom, and where it came from."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from math import inf

import msgspec

from engine import Fatigue
from gateway.answer.repeat import Repeat
from gateway.answer.request import Fetched, RequestContext
from gateway.cache import DecoratedBody
from gateway.caller import Caller
from gateway.config.caching import TIMED, directives, spelled
from gateway.context.viewer import Viewed
from gateway.plan.plan import Variation

_TIMED = re.compile(r"\b(max-age|s-maxage|stale-while-revalidate|stale-if-error)=(\d+)")
_FRESH = ("max-age", "s-maxage")
COMPRESSION = frozenset(("accept-encoding",))


class Showing(msgspec.Struct, frozen=True):
    """A user whom a list is shown to, by a variation that has a rule of fatigue."""

    user: str
    variation: Variation
    rule: Fatigue


class Reply(msgspec.Struct, frozen=True):
    """An answer before HTTP. `cache_control` is "" and `etag` is "" where the policy gives none."""

    body: bytes
    variation: str
    model: str
    seed: str
    outcome: str
    age_s: float
    cache_control: str
    etag: str
    reads: frozenset[str]  # lower-cased names of the headers that it depends on
    version: str  # of the configuration
    repeat: Callable[[], Repeat] | None = None  # None: it must be made anew each time
    showings: tuple[Showing, ...] = ()
    names: tuple[str, ...] | None = None  # the items, where the body has a shape of its own
    variations: tuple[Variation, ...] = ()  # those whose caps the list keeps to
    behind: int | None = None  # the position that it has seen, where acknowledged events may lie after it
    fetched: Fetched | None = None  # its body is that one, but for its last brace where there is a `tail`
    tail: bytes = b""
    coding: str = ""  # of the body; "": as it is
    coded: tuple[bytes, bytes] | None = None  # the coded body in two parts; only the second is this reply's alone


def reply_of(
    request: RequestContext, fetched: Fetched, body: DecoratedBody, now: float, repeat: Callable[[], Repeat] | None
) -> Reply:
    """`body` goes out, in place of the one that was fetched."""
    hit, policy = fetched.hit, fetched.wanted.policy
    header = policy.private_header if located(request.caller) else policy.header
    behind = hit.answer.as_of if hit.outdated and hit.outcome == "stale" else request.behind
    if hit.outdated or behind is not None:
        header = unkept(header)
    return Reply(
        body=body.body,
        variation=hit.answer.variation,
        model=hit.answer.model,
        seed=hit.answer.seed,
        outcome=hit.outcome,
        age_s=hit.age_s,
        cache_control=cache_control(header, hit.age_s + fetched.wanted.until - now),
        etag=body.etag if policy.max_age_s else "",
        reads=reads_of(request),
        version=request.config.version,
        repeat=repeat,
        showings=showings_of(request),
        names=body.names,
        variations=(request.variation,),
        behind=behind,
        fetched=fetched,
        tail=b"" if body is fetched.body or request.enrolment is None else request.enrolment.arm.annotation,
    )


def reads_of(request: RequestContext) -> frozenset[str]:
    """The headers that an answer depends on, its form among them where answers are compressed."""
    reads = request.variation.headers | request.plan.headers
    return reads if request.config.compressed_from is None else reads | COMPRESSION


def showings_of(request: RequestContext) -> tuple[Showing, ...]:
    if request.fatigue is None or request.ask.user_id is None:
        return ()
    return (Showing(request.ask.user_id, request.variation, request.fatigue),)


def located(caller: Caller) -> bool:
    """The answer depends on where the caller's address is, which no header tells a cache downstream."""
    return isinstance(caller.headers, Viewed) and caller.headers.located


@lru_cache(maxsize=256)
def unkept(header: str) -> str:
    """The policy's header for an answer that is known to be outdated: who has it asks again before each use of it."""
    every = directives(header)
    lasting = {name: value for name, value in every.items() if name not in (*TIMED, "immutable")}
    return spelled({**lasting, "no-cache": None}) if every else header


def cache_control(header: str, life_s: float) -> str:
    """The policy's header; no cache downstream may keep an answer beyond its time-based context, be it stale or not."""
    if life_s == inf:
        return header
    life = max(0, int(life_s))
    fresh = max((min(int(time), life) for name, time in _TIMED.findall(header) if name in _FRESH), default=0)

    def cut(directive: re.Match[str]) -> str:
        name, time = directive.groups()
        return f"{name}={min(int(time), life if name in _FRESH else life - fresh)}"

    return _TIMED.sub(cut, header)
