"""Sources of item metadata: a kind a file, which ends with `SOURCE = SourceType(...)`."""

from typing import TYPE_CHECKING

from gateway.document.kinds import kinds_in, union
from gateway.metadata.base import MetadataPart, Source, SourceType

_kinds: list[SourceType] = kinds_in(__name__, __path__, "SOURCE")
SOURCES = {name: kind for kind in _kinds for name in kind.names}

if TYPE_CHECKING:
    AnyMetadata = MetadataPart
else:
    AnyMetadata = union(part for kind in _kinds for part in kind.parts)

__all__ = ["SOURCES", "AnyMetadata", "MetadataPart", "Source", "SourceType"]
