"""The fields of a request's head, read once: browsers send the same with every request."""

from __future__ import annotations

import re
from hashlib import blake2b, sha256
from math import inf
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from gateway.auth.authenticator import API_KEY
from gateway.config import Config
from gateway.context.viewer import PREFIX
from gateway.plan.plan import ApiKeys, Oidc, Plan

if TYPE_CHECKING:
    from gateway.hot.cache import Candidate, HotEntry, HotRefusal

Peer = tuple[str, int] | None

# One a line, with nothing that parsers might read differently: no folding, no control characters, no space at the end.
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?((?:[!-~](?:[ -~]*[!-~])?)?)")
# What makes a request more than a question that its target and its sender answer.
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
    """By target: what goes out for it to all who are alike. It is gone when the last such head and answer are.
    `refusals` are by what is asked, of which more was than could be answered."""

    __slots__ = ("__weakref__", "_begun", "refusals")

    def __init__(self, name: bytes) -> None:
        """`name` is a secret of as many bytes for every room."""
        self._begun = blake2b(name, digest_size=16)
        self.refusals: dict[bytes, HotRefusal] = {}

    def far_name(self, target: bytes) -> bytes:
        """What names the answer in every worker; nothing can be read from it."""
        digest = self._begun.copy()
        digest.update(target)
        return digest.hexdigest().encode()


class RequestHead:
    """What one head means. `room` has the answers for senders like this one; None: it is unusual. `key` is the name of
    its API key, `forwarded` the address that a proxy which is trusted sends it for; "": none."""

    __slots__ = ("forwarded", "if_none_match", "key", "room", "until")

    def __init__(
        self, room: VaryGroup | None, until: float = inf, if_none_match: str = "", key: str = "", forwarded: str = ""
    ) -> None:
        self.room, self.until, self.if_none_match, self.key, self.forwarded = room, until, if_none_match, key, forwarded


UNUSUAL = RequestHead(None)


class HeadReader:
    """Of one configuration. Two senders are alike where everything that any answer may depend on is the same."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._rooms: WeakValueDictionary[tuple[object, ...], VaryGroup] = WeakValueDictionary()
        self._names = names(config)
        self._derives = any(name.startswith(PREFIX) for name in self._names)
        self._always_unusual = isinstance(config.auth, Oidc) or config.rate_limits.are_any
        self._shared = HeadTable(self, None, MOST_BYTES)

    def of(self, peer: Peer) -> HeadTable:
        """Those of a connection: its own where an answer may depend on its other end."""
        return HeadTable(self, peer, FEW_BYTES) if self._derives else self._shared

    def read(self, block: bytes, peer: Peer) -> RequestHead:
        """`block` is what lies between the request line and the empty line."""
        sent = None if self._always_unusual or len(block) > LONGEST else parsed(block)
        if sent is None or not _UNUSUAL.isdisjoint(sent) or not HOST.fullmatch(sent.get("host", "").encode()):
            return UNUSUAL
        if sent.get("connection", KEEP).lower() != KEEP:
            return UNUSUAL
        admitted = self._admitted(sent)
        if admitted is None:
            return UNUSUAL
        viewed = self._config.viewers.headers(sent, peer)
        # the place that only an address told is not told to caches downstream: asked for before `located` is read
        alike = tuple([viewed.get(name) for name in self._names])
        room, (key, until) = self._room((*alike, viewed.located)), admitted
        return RequestHead(room, until, sent.get("if-none-match", ""), key, viewed.address)

    def trusts(self, host: str) -> bool:
        """Whether that other end may say whom it asks for."""
        return self._config.viewers.trusts(host)

    def _room(self, alike: tuple[object, ...]) -> VaryGroup:
        room = self._rooms.get(alike)
        if room is None:
            said = repr((self._config.fingerprint, alike)).encode()
            room = self._rooms[alike] = VaryGroup(sha256(said).digest())
        return room

    def _admitted(self, sent: dict[str, str]) -> tuple[str, float] | None:
        """By the name of which key this sender is admitted, and till when, epoch seconds; None where it is not."""
        auth = self._config.auth
        if not isinstance(auth, ApiKeys):
            return "", inf
        key = auth.by_digest.get(sha256(sent.get(API_KEY, "").encode("latin-1")).hexdigest())
        return None if key is None else (key.name, key.expires)


class HeadTable(dict[bytes, RequestHead]):
    """Heads by their bytes, the oldest forgotten first."""

    def __init__(self, heads: HeadReader, peer: Peer, most: int) -> None:
        super().__init__()
        self._heads, self._peer, self._room, self._most = heads, peer, most, most

    def __missing__(self, block: bytes) -> RequestHead:
        head = self._heads.read(block, self._peer)
        if len(block) <= LONGEST:
            self._room -= len(block)
            while self._room < 0 and self:
                oldest = next(iter(self))
                self._room += len(oldest)
                del self[oldest]
            self[block] = head
        return head


def parsed(block: bytes) -> dict[str, str] | None:
    """The fields by lower-cased name; None where a parser might see it differently, or two lines have one name: who
    reads them may take the first, the last or both."""
    found: dict[str, str] = {}
    for line in block.split(b"\r\n"):
        field = _FIELD.fullmatch(line)
        if field is None:
            return None
        name = field[1].decode().lower()
        if name in found:
            return None
        found[name] = field[2].decode()
    return found


def names(config: Config) -> tuple[str, ...]:
    """The fields that any answer of this configuration may depend on."""
    plans = [plan for namespace in config.namespaces.values() for plan in namespace.plans.values()]
    read = {name for plan in plans for name in _read(plan)} | {"origin"}
    return tuple(sorted(read | ({API_KEY} if isinstance(config.auth, ApiKeys) else set())))


def _read(plan: Plan) -> frozenset[str]:
    return plan.headers.union(*(each.headers for each in plan.variations))
