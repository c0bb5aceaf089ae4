"""Callers of the wire: with configured access keys the signer of a request, without them all that are let in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from engine import Settings
from gateway.auth import local
from gateway.aws.canonical import RawRequest
from gateway.aws.sigv4 import SERVICE, check_head, verified
from gateway.errors import Denied
from gateway.plan.plan import AccessKey, Unsigned

Plane = Literal["control", "data"]  # what makes and deletes resources; what answers and takes events

OPEN = "aws.accessKeys in its configuration let in whoever signs by one of them, aws.unsignedCallers: anyone all others"
SIGNER = re.compile(r"Credential=([^/,\s]+)/")
SCOPE = re.compile(r"Credential=[^/,\s&]+/[0-9]{8}/(?P<region>[a-z0-9-]{1,32})/[a-z-]+/")


@dataclass(frozen=True)
class AwsCaller:
    account: str
    region: str
    access_key: str = ""  # the id of the key that has signed, where signatures are verified


@lru_cache(maxsize=1024)
def signer(account: str, region: str, access_key: str) -> AwsCaller:
    return AwsCaller(account, region, access_key)


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
        claim, key = verified(sent, keys, self._clock(), service)
        return signer(key.account, claim.region, claim.key)

    def account_of(self, authorization: str) -> str | None:
        """The account that a request says it is of, nothing verified; None where no key of that id is configured."""
        keys = self._keys()
        if not keys:
            return self._home.account_id
        named = SIGNER.search(authorization)
        key = None if named is None else keys.get(named[1])
        return None if key is None else key.account

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
    """The reason why the caller may be on another machine, to end a sentence; "" for one on this machine. A browser's
    page adds Origin, whoever has written it."""
    of_page = "this request is of a page in a browser (origin)" if "origin" in sent.headers else ""
    host = sent.headers.get("host", "")
    return local.forwarded(sent.headers) or of_page or local.elsewhere(host, sent.peer, sent.http_version)


def refused(message: str) -> Denied:
    return Denied("AccessDeniedException", message)
