"""The types of request members that the runtime and events services share (specification, Appendix A)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Arn = Annotated[str, Meta(max_length=256, pattern=r"^arn:([a-z0-9-]+):personalize:.*:.*:.+\Z")]
Id = Annotated[str, Meta(min_length=1, max_length=256)]
Value = Annotated[str, Meta(max_length=1000)]


class RequestBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A request's body; members that no rule knows are left aside, as AWS does."""
