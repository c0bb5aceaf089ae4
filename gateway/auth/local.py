"""Callers of this machine, and how a request shows that it may come from elsewhere: each function returns the reason,
to end a sentence, or "" where there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address

# Headers of proxies: whoever they ask for may be anywhere.
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
OWN_SITES = ("none", "same-origin")  # of Sec-Fetch-Site: typed in, and asked for by a page of this server
_HOST = re.compile(r"(?P<name>\[[^\]]*\]|[^:]*)(?::[0-9]*)?")


def forwarded(headers: Mapping[str, str]) -> str:
    names = sorted(name for name in FORWARDING if name in headers)
    return f"this request came through a proxy ({names[0]})" if names else ""


def elsewhere(host: str, peer: str | None, http_version: str) -> str:
    """`host` is the header. A `peer` without an address is a socket in the file system."""
    address = None if peer is None else _address(peer)
    if address is None:
        return ""
    if not address.is_loopback:
        return f"this request came from {peer}"
    # a proxy that passes Host on, or a page whose own name was made to mean this machine
    named = _HOST.match(host)
    name = named["name"].strip("[]").lower().rstrip(".") if named else ""
    of_name = _address(name)
    is_local = name == "localhost" or name.endswith(".localhost") or (of_name is not None and of_name.is_loopback)
    if not is_local:
        return f"this request is for the host {name[:100]!r}"
    if http_version == "1.0":  # as proxies speak that add nothing; no SDK does
        return "this request speaks HTTP/1.0, as proxies do"
    return ""


def is_loopback(peer: str) -> bool:
    address = _address(peer)
    return address is not None and address.is_loopback


def foreign_page(headers: Mapping[str, str]) -> str:
    """A browser says whose page asks: by Origin, and by Sec-Fetch-Site, which pages can't set."""
    origin, host = headers.get("origin"), headers.get("host", "")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        return f"this request is of a page of {origin[:100]}"
    site = headers.get("sec-fetch-site", "none")
    return "" if site in OWN_SITES else f"this request is of another site's page (Sec-Fetch-Site: {site[:20]})"


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address, without the frame of IPv6 around one of IPv4; None for a text that is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
