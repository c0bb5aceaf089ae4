"""Heads of requests, read once: browsers send the same fields with every request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b, sha256
from math import inf
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from gateway.auth.authenticator import API_KEY
from gateway.config import Config
from gateway.context.position import LONGEST as LONGEST_POSITION, POSITION
from gateway.context.viewer import PREFIX
from gateway.plan.plan import ApiKeys, Oidc, Plan

if TYPE_CHECKING:
    from gateway.hot.entry import Candidate, HotEntry, HotRefusal

Peer = tuple[str, int] | None

# One a line, with nothing that parsers might read differently: no folding, no control characters, no space at the end.
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?((?:[!-~](?:[ -~]*[!-~])?)?)")
# Fields by which the answer depends on more than the target and the sender.
_UNUSUAL = frozenset(
    {"content-length", "expect", "te", "traceparent", "trailer", "transfer-encoding", "upgrade", "proxy-connection"}
)
# A Host as nearly every request has it, a port behind it or not: a name, an address, or one of version 6.
HOST = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
KEEP = "keep-alive"
MOST_BYTES = 8 * 1024 * 1024  # of heads that are remembered
LONGEST = 8 * 1024
FEW_BYTES = 16 * 1024  # of those of one connection


class VaryGroup(dict[bytes, "HotEntry | Candidate"]):
    """The answers, by target, for senders that no answer need tell apart (Vary, RFC 9111 §4.1). The group is gone with
    the last of its heads and answers. `refusals` are by question."""

    __slots__ = ("__weakref__", "_digest", "refusals")

    def __init__(self, name: bytes) -> None:
        """`name` is a secret of as many bytes for every group."""
        self._digest = blake2b(name, digest_size=16)
        self.refusals: dict[bytes, HotRefusal] = {}

    def second_level_name(self, target: bytes) -> bytes:
        """The name of an answer in every worker; nothing can be read from it."""
        digest = self._digest.copy()
        digest.update(target)
        return digest.hexdigest().encode()


@dataclass(slots=True, eq=False)
class RequestHead:
    """The meaning of one head. `group` has the answers for senders like this one; None: the head is unusual. `key` is
    the name of its API key, `forwarded` the address that a trusted proxy sends it for; "": none. `position` is the part
    of the log that an answer must have seen."""

    group: VaryGroup | None
    until: float = inf
    if_none_match: str = ""
    key: str = ""
    forwarded: str = ""
    position: int = 0


UNUSUAL = RequestHead(None)


class HeadReader:
    """Reads heads for one configuration. Two senders share a group if no answer depends on what differs in them."""

    def __init__(self, config: Config, more: tuple[str, ...] = ()) -> None:
        """`more` are names of fields that tell senders apart, beside those of the configuration."""
        self._config = config
        self._groups: WeakValueDictionary[tuple[object, ...], VaryGroup] = WeakValueDictionary()
        self._names = (*names(config), *more)
        self._derives = any(name.startswith(PREFIX) for name in self._names)
        self._always_unusual = isinstance(config.auth, Oidc) or config.rate_limits.are_any
        self._shared = HeadTable(self, None, MOST_BYTES)

    def table_for(self, peer: Peer) -> HeadTable:
        """The heads of a connection: a table of its own if an answer may depend on its peer."""
        return HeadTable(self, peer, FEW_BYTES) if self._derives else self._shared

    def read(self, block: bytes, peer: Peer) -> RequestHead:
        """Read a head. `block` are the bytes between the request line and the empty line."""
        sent = None if self._always_unusual or len(block) > LONGEST else parsed(block)
        if sent is None or not _UNUSUAL.isdisjoint(sent) or not HOST.fullmatch(sent.get("host", "").encode()):
            return UNUSUAL
        if sent.get("connection", KEEP).lower() != KEEP:
            return UNUSUAL
        admitted, position = self._admitted(sent), sent.get(POSITION, "0")
        if admitted is None or not position.isdecimal() or len(position) > LONGEST_POSITION:
            return UNUSUAL
        viewed = self._config.viewers.headers(sent, peer)
        # `get` sets `located` if only the address tells a place: caches downstream may not keep answers to such senders
        alike = tuple([viewed.get(name) for name in self._names])
        form = self._config.choose_coding(sent.get("accept-encoding", "")).spelled()
        group, (key, until) = self._group((*alike, viewed.located, form)), admitted
        return RequestHead(group, until, sent.get("if-none-match", ""), key, viewed.address, int(position))

    def trusts(self, host: str) -> bool:
        """True if that peer may say for which address it asks."""
        return self._config.viewers.trusts(host)

    def _group(self, alike: tuple[object, ...]) -> VaryGroup:
        group = self._groups.get(alike)
        if group is None:
            name = sha256(repr((self._config.fingerprint, alike)).encode()).digest()
            group = self._groups[alike] = VaryGroup(name)
        return group

    def _admitted(self, sent: dict[str, str]) -> tuple[str, float] | None:
        """The name of the key that admits this sender, and its end in epoch seconds; None if it is not admitted."""
        auth = self._config.auth
        if not isinstance(auth, ApiKeys):
            return "", inf
        key = auth.by_digest.get(sha256(sent.get(API_KEY, "").encode("latin-1")).hexdigest())
        return None if key is None else (key.name, key.expires)


class HeadTable(dict[bytes, RequestHead]):
    """Heads by their bytes, the oldest forgotten first."""

    def __init__(self, heads: HeadReader, peer: Peer, most: int) -> None:
        super().__init__()
        self._heads, self._peer, self._left = heads, peer, most

    def __missing__(self, block: bytes) -> RequestHead:
        head = self._heads.read(block, self._peer)
        if len(block) <= LONGEST:
            self._left -= len(block)
            while self._left < 0 and self:
                oldest = next(iter(self))
                self._left += len(oldest)
                del self[oldest]
            self[block] = head
        return head


def parsed(block: bytes) -> dict[str, str] | None:
    """The fields by lower-cased name; None if a parser might read them differently, or two lines have one name: readers
    may take the first, the last or both."""
    fields: dict[str, str] = {}
    for line in block.split(b"\r\n"):
        field = FIELD.fullmatch(line)
        if field is None:
            return None
        name = field[1].decode().lower()
        if name in fields:
            return None
        fields[name] = field[2].decode()
    return fields


def names(config: Config) -> tuple[str, ...]:
    """The fields that any answer of this configuration may depend on."""
    plans = [plan for namespace in config.namespaces.values() for plan in namespace.plans.values()]
    read = {name for plan in plans for name in _read(plan)} | {"origin"}
    return tuple(sorted(read | ({API_KEY} if isinstance(config.auth, ApiKeys) else set())))


def _read(plan: Plan) -> frozenset[str]:
    return plan.headers.union(*(each.headers for each in plan.variations))
