"""Requests of the wire that come from this machine, as far as a server can tell."""

from __future__ import annotations

import re
from ipaddress import ip_address

from gateway.aws.canonical import RawRequest

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


def stranger(sent: RawRequest) -> str:
    """The reason why the caller may be on another machine, to end a sentence; "" for one on this machine."""
    if forwarded := sorted(FORWARDING & sent.headers.keys()):
        return f"this request came through a proxy ({forwarded[0]})"
    if "origin" in sent.headers:
        return "this request is of a page in a browser (origin)"
    if sent.peer is None or not _is_address(sent.peer):  # a socket in the file system
        return ""
    if not _is_loopback(sent.peer):
        return f"this request came from {sent.peer}"
    # a proxy that passes Host on, or a page whose own name was made to mean this machine
    host = _HOST.match(sent.headers.get("host", ""))
    name = host["name"].strip("[]").lower().rstrip(".") if host else ""
    if name != "localhost" and not name.endswith(".localhost") and not _is_loopback(name):
        return f"this request is for the host {name[:100]!r}"
    if sent.http_version == "1.0":  # as proxies speak that add nothing; no SDK does
        return "this request speaks HTTP/1.0, as proxies do"
    return ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
