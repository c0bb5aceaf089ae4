"""Who calls: in open mode whoever says so, and with configured access keys whoever signed the request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from gateway.aws.canonical import RawRequest
from gateway.aws.sigv4 import SERVICE, verified
from gateway.plan import AccessKey

SCOPE = re.compile(r"Credential=[^/,\s&]+/[0-9]{8}/(?P<region>[a-z0-9-]{1,32})/[a-z-]+/")


class Homed(Protocol):
    """Whatever knows its own account and region: the engine's settings."""

    @property
    def account_id(self) -> str: ...

    @property
    def region(self) -> str: ...


@dataclass(frozen=True)
class Caller:
    account: str
    region: str


class Callers:
    """Tells who sent a request. `keys` is asked every time, since the configuration may change."""

    def __init__(self, keys: Callable[[], Mapping[str, AccessKey]], home: Homed, clock: Callable[[], float]) -> None:
        self._keys, self._home, self._clock = keys, home, clock

    def who(self, sent: RawRequest, service: str = SERVICE) -> Caller:
        """Raises `Denied` for a request that no configured key has signed to the service."""
        keys = self._keys()
        if not keys:
            return self._whoever(sent)
        key, region = verified(sent, keys, self._clock(), service)
        return Caller(key.account, region)

    def _whoever(self, sent: RawRequest) -> Caller:
        """The region of the credential scope; any signature will do, and so will none."""
        scope = SCOPE.search(sent.headers.get("authorization", "")) or SCOPE.search(unquote(sent.query))
        return Caller(self._home.account_id, scope["region"] if scope else self._home.region)
