"""CloudFront's headers about a viewer (specification §2.4), derived from the request itself: the kind of device from
the user agent and its client hints, the place from the address and a GeoIP file.

Only a trusted proxy may send these headers, or name its client in X-Forwarded-For; anyone else would be describing
themselves. Nothing is derived unless a rule asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Literal, NamedTuple

import maxminddb
from ua_parser import parse
from ua_parser.core import Result

LONGEST_ADDRESS = 64  # characters, with a zone
PREFIX = "cloudfront-"
FORWARDED = "x-forwarded-for"
HINTS = ("user-agent", "sec-ch-ua-mobile", "sec-ch-ua-platform")
LONGEST_AGENT = 1024

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Kind = Literal["desktop", "mobile", "tablet", "smarttv", "bot"]

LOOPBACK = ("127.0.0.0/8", "::1/128")

TELEVISION = re.compile(
    r"smart-?tv|hbbtv|netcast|web0s|webos.*tv|apple ?tv|google ?tv|android tv|bravia|roku|crkey|viera|\bAFT[A-Z]|"
    r"tizen.*\btv\b|philipstv|dlnadoc|opera tv",
    re.IGNORECASE,
)
TABLET = re.compile(r"ipad|tablet|kindle|silk(?!.*mobile)|playbook|\bKF[A-Z]{2,4}\b|nexus (7|9|10)\b", re.IGNORECASE)
MOBILE = re.compile(r"mobi|iphone|ipod|windows phone|blackberry|opera mini|\bbb10\b", re.IGNORECASE)


class Agent(NamedTuple):
    """A browser as its user agent and client hints describe it; "" where they do not say."""

    kind: Kind
    browser: str = ""
    browser_version: str = ""
    os: str = ""
    os_version: str = ""
    device: str = ""


@lru_cache(maxsize=4096)
def agent_of(user_agent: str, mobile_hint: str = "", platform_hint: str = "") -> Agent:
    """`mobile_hint` is Sec-CH-UA-Mobile (?0 or ?1), `platform_hint` Sec-CH-UA-Platform, in quotes as it comes."""
    parsed: Result = parse(user_agent[:LONGEST_AGENT])
    platform = platform_hint.strip('" ')
    browser, system, device = parsed.user_agent, parsed.os, parsed.device
    return Agent(
        kind=_kind(user_agent, mobile_hint, platform, "" if device is None else device.family),
        browser="" if browser is None else browser.family,
        browser_version="" if browser is None else _version(browser.major, browser.minor),
        os=platform or ("" if system is None else system.family),
        os_version="" if system is None else _version(system.major, system.minor),
        device="" if device is None else device.family,
    )


def _kind(user_agent: str, mobile_hint: str, platform: str, device: str) -> Kind:
    if device == "Spider":
        return "bot"
    if TELEVISION.search(user_agent):
        return "smarttv"
    android = "android" in user_agent.lower() or platform == "Android"
    mobile = mobile_hint == "?1" or MOBILE.search(user_agent) is not None
    if TABLET.search(user_agent) or (android and not mobile):
        return "tablet"
    return "mobile" if mobile else "desktop"


def _version(major: str | None, minor: str | None) -> str:
    return ".".join(part for part in (major, minor) if part)


class Places:
    """A GeoIP file in MaxMind's format, read as it is needed."""

    def __init__(self, path: Path) -> None:
        """Raises `OSError` or `maxminddb.InvalidDatabaseError`."""
        self._reader = maxminddb.open_database(str(path))

    def headers(self, address: Address) -> dict[str, str]:
        """The place of an address, by the names that CloudFront gives its parts."""
        try:
            record: Any = self._reader.get(address)
        except ValueError:  # an address of version 6, and a file without them
            return {}
        if not isinstance(record, dict):
            return {}
        region: Mapping[str, Any] = next(iter(record.get("subdivisions") or ()), {})
        country, city, location = (record.get(part) or {} for part in ("country", "city", "location"))
        parts = {
            "country": country.get("iso_code"),
            "country-name": (country.get("names") or {}).get("en"),
            "country-region": region.get("iso_code"),
            "country-region-name": (region.get("names") or {}).get("en"),
            "city": (city.get("names") or {}).get("en"),
            "postal-code": (record.get("postal") or {}).get("code"),
            "metro-code": location.get("metro_code"),
            "latitude": location.get("latitude"),
            "longitude": location.get("longitude"),
            "time-zone": location.get("time_zone"),
        }
        return {f"{PREFIX}viewer-{name}": str(value) for name, value in parts.items() if value is not None}


PLACE_HEADERS = dict.fromkeys(  # in this order, and quick to look up
    f"{PREFIX}viewer-{name}"
    for name in (
        *("country", "country-name", "country-region", "country-region-name", "city", "postal-code", "metro-code"),
        *("latitude", "longitude", "time-zone"),
    )
)


class Viewers:
    """The proxies that may speak for others, and the places of addresses."""

    def __init__(self, trusted: Sequence[str] = LOOPBACK, geoip: Path | None = None) -> None:
        """Raises `ValueError` for what is no network, and what `Places` raises."""
        self._trusted: tuple[Network, ...] = tuple(ip_network(each) for each in trusted)
        self._trusts_peer = lru_cache(maxsize=4096)(lambda host: self._trusts(_address(host)))
        self.places = None if geoip is None else Places(geoip)

    def headers(self, sent: Mapping[str, str], peer: tuple[str, int] | None) -> Viewed:
        """`sent` has lower-cased names; `peer` is the other end of the connection, None on a socket without one."""
        trusted = peer is None or self.trusts(peer[0])
        address = peer or ("", 0)
        if trusted and FORWARDED in sent:
            address = self._first_stranger(sent[FORWARDED], address)
        return Viewed(sent, trusted, address, self.places)

    def trusts(self, host: str) -> bool:
        """True if the other end of a connection may speak for others."""
        return self._trusts_peer(host)

    def _trusts(self, address: Address | None) -> bool:
        """A peer without an address is local."""
        return address is None or any(address in network for network in self._trusted)

    def _first_stranger(self, forwarded: str, peer: tuple[str, int]) -> tuple[str, int]:
        """The last address that no trusted proxy has; `peer` if there is none."""
        client = peer
        for hop in reversed(forwarded.split(",")):
            address = _address(hop)
            if address is None:
                break
            client = (str(address), 0)
            if not self._trusts(address):
                break
        return client


def derived_from(names: frozenset[str]) -> frozenset[str]:
    """These headers, and those that a request implies them by."""
    devices = any(name.startswith(f"{PREFIX}is-") for name in names)
    return names | frozenset(HINTS if devices else ())


class Viewed(Mapping[str, str]):
    """A request's headers, with the `cloudfront-` names that a trusted proxy sent or else the request implies."""

    def __init__(self, sent: Mapping[str, str], trusted: bool, address: tuple[str, int], places: Places | None) -> None:
        self._sent, self._trusted, self._address, self._places = sent, trusted, address, places
        self.located = False  # whether a place was asked for that only the address told

    def __getitem__(self, name: str) -> str:
        if not name.startswith(PREFIX):
            return self._sent[name]
        if self._trusted and name in self._sent:
            return self._sent[name]
        if name in PLACE_HEADERS:
            if self._places is None:
                raise KeyError(name)
            self.located = True
            return self._place[name]
        return self._implied[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Nothing is raised on the way for a header that is not there, as most that are asked for."""
        return super().get(name, default) if name.startswith(PREFIX) else self._sent.get(name, default)

    def __iter__(self) -> Iterator[str]:
        own = (name for name in self._sent if self._trusted or not name.startswith(PREFIX))
        return iter(dict.fromkeys((*own, *self._implied, *self._place)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def address(self) -> str:
        """The viewer's address, "" where the connection has none."""
        return self._address[0]

    @cached_property
    def agent(self) -> Agent:
        return agent_of(*(self._sent.get(name, "") for name in HINTS))

    @cached_property
    def _implied(self) -> Mapping[str, str]:
        kind, system = self.agent.kind, self.agent.os.lower()
        kinds = {each: kind == each for each in ("desktop", "mobile", "tablet", "smarttv")}
        kinds["desktop"] = kind in ("desktop", "bot")
        flags = {**kinds, "android": system.startswith("android"), "ios": system in ("ios", "ipados")}
        headers = {f"{PREFIX}is-{name}-viewer": str(holds).lower() for name, holds in flags.items()}
        host, port = self._address
        return {**headers, f"{PREFIX}viewer-address": f"{host}:{port}"} if host else headers

    @cached_property
    def _place(self) -> Mapping[str, str]:
        address = _address(self.address)
        return {} if self._places is None or address is None else self._places.headers(address)


def _address(text: str) -> Address | None:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1` or `[2001:db8::1]:80`; None for any other text."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    return _parsed(bare) if len(bare) <= LONGEST_ADDRESS else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
