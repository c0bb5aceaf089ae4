"""Partners whose events come in: a partner a file, which ends with `PARTNER = PartnerType(...)`."""

from typing import TYPE_CHECKING, Any

import msgspec

from gateway.document.kinds import kinds_in
from gateway.document.values import Part
from gateway.intake.base import PartnerType

_kinds: list[PartnerType] = kinds_in(__name__, __path__, "PARTNER")
PARTNERS = {kind.name: kind for kind in _kinds}

if TYPE_CHECKING:

    class IntakePart(Part, frozen=True):
        pass

else:
    IntakePart = msgspec.defstruct(
        "IntakePart",
        [(kind.name, kind.part | None, None) for kind in _kinds],
        bases=(Part,),
        namespace={"__doc__": "The partners whose events a namespace takes, as their own clients send them."},
        module=__name__,
        frozen=True,
        kw_only=True,
    )


def parts_of(intake: IntakePart | None) -> dict[str, Any]:
    """The partners of a namespace, by name."""
    return {} if intake is None else {name: part for name in PARTNERS if (part := getattr(intake, name)) is not None}


__all__ = ["PARTNERS", "IntakePart", "PartnerType", "parts_of"]
