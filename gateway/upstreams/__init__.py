"""Origins, which answer: a kind a file, which ends with `UPSTREAM = UpstreamType(...)`."""

from typing import TYPE_CHECKING

from gateway.document.kinds import kinds_in, union
from gateway.upstreams.base import Answerer, Scope, Upstream, UpstreamType
from gateway.upstreams.level import VariationPart

_kinds: list[UpstreamType] = kinds_in(__name__, __path__, "UPSTREAM")
UPSTREAMS = {kind.name: kind for kind in _kinds}
BY_PART = {part: kind for kind in _kinds for part in kind.parts}

if TYPE_CHECKING:
    AnyVariation = VariationPart
else:
    AnyVariation = union(BY_PART)

__all__ = ["BY_PART", "UPSTREAMS", "Answerer", "AnyVariation", "Scope", "Upstream", "UpstreamType", "VariationPart"]
