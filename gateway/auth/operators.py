"""Operators: callers of /admin, known by a key of `admin` or, where there is none, as callers of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.auth import local
from gateway.auth.authenticator import key_of
from gateway.errors import Denied
from gateway.plan.plan import OperatorKeys, Role


@dataclass(frozen=True)
class PeerAddress:
    """The other end of a connection, and what it speaks."""

    host: str
    http_version: str = "1.1"


@dataclass(frozen=True)
class Operator:
    """`namespaces`: None is the whole server."""

    name: str = ""
    role: Role = "operate"
    namespaces: frozenset[str] | None = None
    is_keyless: bool = False

    def sees(self, namespace: str) -> bool:
        return self.namespaces is None or namespace in self.namespaces

    def check_namespace(self, namespace: str) -> None:
        """Raises `Denied`."""
        if not self.sees(namespace):
            raise Denied("NamespaceNotAllowed", f"the key {self.name!r} is not for namespace {namespace!r}")

    def check_role(self, needed: Role) -> None:
        """Raises `Denied`."""
        if needed == "operate" and self.role != "operate":
            raise Denied("RoleNotAllowed", f"the key {self.name!r} may look and change nothing: its role is read")

    def check_server(self) -> None:
        """Raises `Denied` for a tenant."""
        if self.namespaces is not None:
            names = ", ".join(sorted(self.namespaces))
            raise Denied("ServerOnly", f"this is of the whole server, and the key {self.name!r} is for {names} only")


def operator_of(
    keys: OperatorKeys | None, headers: Mapping[str, str], peer: PeerAddress, now: float
) -> Operator | None:
    """The operator that sends these headers; None for a stranger where there are no keys. Raises `Unauthenticated`."""
    if keys is None:
        return Operator(is_keyless=True) if is_local(headers, peer) else None
    key = key_of(keys.by_digest, headers, now)
    return Operator(key.name, key.role, key.namespaces)


def is_local(headers: Mapping[str, str], peer: PeerAddress) -> bool:
    """True for a caller of this machine, and no page but this server's own."""
    if not local.is_loopback(peer.host):
        return False
    host = headers.get("host", "")
    reasons = (
        local.forwarded(headers),
        local.elsewhere(host, peer.host, peer.http_version),
        local.foreign_page(headers),
    )
    return not any(reasons)


def may_open_page(headers: Mapping[str, str], peer: PeerAddress) -> bool:
    """True for a caller of this machine that opens the page, by a link of another site, too: its files hold no data."""
    opens = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    own = {name: value for name, value in headers.items() if name != "sec-fetch-site"} if opens else headers
    return is_local(own, peer)
