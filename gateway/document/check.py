"""Checks of what a struct's types cannot say, run as soon as the struct is decoded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

from gateway.document.report import Report
from gateway.document.values import Part

P = TypeVar("P", bound=Part)
Check = Callable[[P, str, Report], None]

_checks: dict[type, list[Check[Any]]] = defaultdict(list)


def checks(check: Check[P]) -> Check[P]:
    """Registers a function of (part, place, report) for the type of its `part`, and for those derived from it. It
    refuses what cannot work, and warns of what probably was not meant."""
    _checks[get_type_hints(check)["part"]].append(check)
    return check


def check(part: Part, place: str, report: Report) -> None:
    """Run the checks of the part's type, those of its base types first."""
    for kind in reversed(type(part).__mro__):
        for each in _checks.get(kind, ()):
            each(part, place, report)
