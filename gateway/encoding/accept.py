"""Accept-Encoding (RFC 9110 §12.5.3), read once for each of its spellings."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from gateway.encoding.codings import CODINGS, GZIP, Coding

_SPELLINGS = 1024
_ELEMENT = re.compile(
    r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*[qQ]=(?P<weight>0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?"
)
_ALIASES = {"x-gzip": "gzip"}


class CodingChoice(NamedTuple):
    """The coding that a caller likes best; None: it gets plain bodies. `is_required`: the caller refuses plain bodies,
    so that even small ones are coded."""

    coding: Coding | None = None
    is_required: bool = False

    def spelled(self) -> str:
        """An Accept-Encoding with the same meaning: one spelling for each choice."""
        if self.coding is None:
            return "identity"
        return f"{self.coding.name}, identity;q=0" if self.is_required else self.coding.name


@lru_cache(maxsize=_SPELLINGS)
def choose_coding(accepted: str, offered: tuple[Coding, ...] = CODINGS) -> CodingChoice:
    """Choose of the `offered` codings; of those that are liked equally, the first. A caller that refuses all forms of a
    body gets it as it is: that tells it more than 406."""
    weights = _weights(accepted)
    others = weights.get("*", 0.0)
    best = max(offered, key=lambda coding: weights.get(coding.name, others))
    weight, plain = weights.get(best.name, others), weights.get("identity", weights.get("*"))
    if weight == 0 or weight < weights.get("identity", 0.0):
        return CodingChoice()
    return CodingChoice(best, is_required=plain == 0)


def accepts_gzip(accepted: str) -> bool:
    return choose_coding(accepted, (GZIP,)).coding is not None


def _weights(accepted: str) -> dict[str, float]:
    """The weight of each coding by name; elements that are none are passed over."""
    weights = {}
    for part in accepted.split(","):
        element = _ELEMENT.fullmatch(part.strip(" \t"))
        if element is not None:
            name = element["name"].lower()
            weights[_ALIASES.get(name, name)] = float(element["weight"] or 1)
    return weights
