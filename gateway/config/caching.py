"""Cache-Control, as a policy's `maxAge` and `directives` spell it (specification §3.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.ask import Ask
from gateway.plan.plan import NO_CACHE, CachePolicy, UserKind, Variation
from gateway.upstreams import level

KINDS: tuple[UserKind, ...] = ("userSpecified", "syntheticUserSpecified", "noUserSpecified")

TIMED = ("max-age", "s-maxage", "stale-while-revalidate", "stale-if-error")
FLAGS = (
    "private",
    "public",
    "no-store",
    "no-cache",
    "no-transform",
    "must-revalidate",
    "proxy-revalidate",
    "must-understand",
    "immutable",
)
LONGEST_S = 2**31 - 1  # 68 years; more means no more to HTTP's caches either (RFC 9111 §1.2.2)
SHARED = ("public", "s-maxage")  # what lets a shared cache keep the answer

TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
DIRECTIVE = re.compile(rf'\s*(?:(?P<name>{TOKEN})(?:=(?:(?P<value>{TOKEN})|"(?P<quoted>[ !#-\[\]-~]*)"))?)?\s*(?:,|$)')

Directives = dict[str, str | None]
UNREADABLE = CachePolicy(header="no-store", private_header="no-store")  # what nobody can read must not be kept


def directives(text: str) -> Directives:
    """Names in lower case with their values; raises ValueError where HTTP's grammar does not allow the text."""
    parsed: Directives = {}
    at = 0
    while at < len(text):
        match = DIRECTIVE.match(text, at)
        if not match:
            raise ValueError(f"cannot be read as HTTP directives at {text[at:].strip()!r}")
        if match["name"]:
            name, value = match["name"].lower(), match["value"] or match["quoted"]
            if name in TIMED and not (value or "").isdecimal():
                raise ValueError(f"{name} needs whole seconds: {name}=60")
            parsed[name] = value
        at = match.end()
    return parsed


def readable(text: str) -> Directives | None:
    try:
        return directives(text)
    except ValueError:
        return None


def seconds(values: Mapping[str, str | None], name: str) -> int:
    return min(int(values.get(name) or 0), LONGEST_S)


def spelled(values: Directives) -> str:
    def one(name: str, value: str | None) -> str:
        if value is None:
            return name
        return f"{name}={value}" if re.fullmatch(TOKEN, value) else f'{name}="{value}"'

    return ",".join(one(name, value) for name, value in values.items())


def unshared(values: Directives) -> Directives:
    """A real user's answer is that user's alone: no shared cache may keep it."""
    private = {name: value for name, value in values.items() if name not in SHARED}
    return private if len(private) == len(values) or "private" in private else {"private": None, **private}


def cache_policy(kind: UserKind, policy: level.CachePolicy) -> CachePolicy:
    values = readable(policy.directives)
    if values is None:
        return UNREADABLE
    text = policy.directives.strip(" ,")
    if kind == "userSpecified" and unshared(values) != values:
        values = unshared(values)
        text = spelled(values)
    max_age = seconds(values, "max-age") if "max-age" in values else min(policy.max_age, LONGEST_S)
    added = [f"max-age={policy.max_age}"] if max_age and "max-age" not in values else []
    header = ",".join(filter(None, [text, *added]))
    private = unshared(values)
    return CachePolicy(
        max_age_s=max_age,
        stale_while_revalidate_s=seconds(values, "stale-while-revalidate"),
        stale_if_error_s=seconds(values, "stale-if-error"),
        storable=max_age > 0 and not {"no-store", "no-cache"} & values.keys(),
        header=header,
        private_header=header if private == values else ",".join([spelled(private), *added]),
    )


def policies(control: level.CacheControl) -> dict[UserKind, CachePolicy]:
    in_order = (control.user_specified, control.synthetic_user_specified, control.no_user_specified)
    return {kind: cache_policy(kind, part) for kind, part in zip(KINDS, in_order, strict=True) if part is not None}


def user_kind(ask: Ask) -> UserKind:
    if not ask.user_id:
        return "noUserSpecified"
    return "syntheticUserSpecified" if ask.synthetic else "userSpecified"


def policy_for(ask: Ask, variation: Variation) -> CachePolicy:
    return (variation.policies or {}).get(user_kind(ask), NO_CACHE)
