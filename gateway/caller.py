"""The sender of a request, as the gateway sees it: headers, query, address, and what was proved of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

import msgspec


@dataclass(frozen=True)
class Principal:
    """A caller's proven identity, and what that lets it do; None: everything. `bound`: only for `user`."""

    name: str = ""
    namespaces: frozenset[str] | None = None
    actions: frozenset[str] | None = None
    user: str | None = None
    bound: bool = False


ANYONE = Principal()


class Caller(msgspec.Struct, frozen=True, dict=True):
    """Header names are lower-cased; `headers` may derive what the request itself did not say (`context.viewer`)."""

    headers: Mapping[str, str]
    raw_query: bytes = b""
    address: str = ""
    principal: Principal = ANYONE
    claims: Mapping[str, object] = {}  # of a verified token
    body_key: str = ""  # a publishable key that the body brings

    @property
    def share(self) -> str:
        """The name that takes turns with others where not all can be answered."""
        return self.principal.name or self.address

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The last value of each name."""
        return dict(parse_qsl(self.raw_query.decode("latin-1"), keep_blank_values=True))

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """Each by itself, as browsers send whatever a page has set; of a name given twice, the last."""
        pairs = (cookie.partition("=") for cookie in self.headers.get("cookie", "").split(";"))
        return {name.strip(): unquoted(value.strip()) for name, equals, value in pairs if equals}


def unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
