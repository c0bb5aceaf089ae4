"""Callers of the wire: with configured access keys the signer of a request, without them all that are let in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal
from urllib.parse import unquote

from engine import Settings
from gateway.aws.canonical import RawRequest
from gateway.aws.sigv4 import SERVICE, check_head, verified
from gateway.errors import Denied
from gateway.plan.plan import AccessKey, Unsigned

Plane = Literal["control", "data"]  # what makes and deletes resources; what answers and takes events

OPEN = "aws.accessKeys in its configuration let in whoever signs by one of them, aws.unsignedCallers: anyone all others"
SCOPE = re.compile(r"Credential=[^/,\s&]+/[0-9]{8}/(?P<region>[a-z0-9-]{1,32})/[a-z-]+/")
# What a proxy adds: whoever it asks for may be anywhere. A browser's page adds Origin, whoever has written it.
FORWARDING = frozenset(
    {
        *(
            "forwarded",
            "via",
            "x-real-ip",
            "x-client-ip",
            "true-client-ip",
            "cf-connecting-ip",
            "x-envoy-external-address",
        ),
        *("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-forwarded-server"),
    }
)
_HOST = re.compile(r"(?P<name>\[[^\]]*\]|[^:]*)(?::[0-9]*)?")


@dataclass(frozen=True)
class AwsCaller:
    account: str
    region: str


class Callers:
    """Tells who sent a request. `keys` and `unsigned` are asked every time, since the configuration may change."""

    def __init__(
        self,
        keys: Callable[[], Mapping[str, AccessKey]],
        home: Settings,
        clock: Callable[[], float],
        unsigned: Callable[[], Unsigned] = Unsigned,
    ) -> None:
        self._keys, self._home, self._clock, self._unsigned = keys, home, clock, unsigned

    def check(self, head: RawRequest, service: str = SERVICE, plane: Plane = "control") -> None:
        """Check what `who` can tell before the body is read. Raises as `who` does."""
        keys = self._keys()
        if keys:
            check_head(head, keys, self._clock(), service)
        else:
            self._let_in(head, plane)

    def who(self, sent: RawRequest, service: str = SERVICE, plane: Plane = "control") -> AwsCaller:
        """Raises `Denied` for a request that no configured key has signed to the service, or, without any, for one
        whose caller may not use this plane unsigned."""
        keys = self._keys()
        if not keys:
            self._let_in(sent, plane)
            return self._whoever(sent)
        key, region = verified(sent, keys, self._clock(), service)
        return AwsCaller(key.account, region)

    def _let_in(self, sent: RawRequest, plane: Plane) -> None:
        let_in: str = getattr(self._unsigned(), plane)
        if let_in == "none":
            raise refused(f"This server answers nobody here whose signature it can't verify. {OPEN}.")
        if let_in == "local" and (why := stranger(sent)):
            raise refused(f"This server answers callers on its own machine only, and {why}. {OPEN}.")

    def _whoever(self, sent: RawRequest) -> AwsCaller:
        """The region of the credential scope; any signature will do, and so will none."""
        scope = SCOPE.search(sent.headers.get("authorization", "")) or SCOPE.search(unquote(sent.query))
        return AwsCaller(self._home.account_id, scope["region"] if scope else self._home.region)


def stranger(sent: RawRequest) -> str:
    """The reason why the caller may be on another machine, to end a sentence; "" for one on this machine."""
    if forwarded := sorted(FORWARDING & sent.headers.keys()):
        return f"this request came through a proxy ({forwarded[0]})"
    if "origin" in sent.headers:
        return "this request is of a page in a browser (origin)"
    peer = None if sent.peer is None else _address(sent.peer)
    if peer is None:  # a socket in the file system
        return ""
    if not peer.is_loopback:
        return f"this request came from {sent.peer}"
    # a proxy that passes Host on, or a page whose own name was made to mean this machine
    host = _HOST.match(sent.headers.get("host", ""))
    name = host["name"].strip("[]").lower().rstrip(".") if host else ""
    address = _address(name)
    is_local = name == "localhost" or name.endswith(".localhost") or (address is not None and address.is_loopback)
    if not is_local:
        return f"this request is for the host {name[:100]!r}"
    if sent.http_version == "1.0":  # as proxies speak that add nothing; no SDK does
        return "this request speaks HTTP/1.0, as proxies do"
    return ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address, without the frame of IPv6 around one of IPv4; None for a text that is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def refused(message: str) -> Denied:
    return Denied("AccessDeniedException", message)
