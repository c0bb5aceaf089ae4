"""Faults and warnings of a configuration, each with its place, and the checks that find them: all are told at once, not
only the first.

ConfigError     the configuration cannot be used; `faults` says why
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar, get_type_hints

from gateway.document.values import Part


@dataclass(frozen=True)
class Fault:
    """`place` is a path of keys, "" for the whole document; `line` is 0 where it is not known."""

    place: str
    message: str
    line: int = 0

    def __str__(self) -> str:
        line = f"line {self.line}: " if self.line else ""
        return f"{line}{self.place}: {self.message}" if self.place else f"{line}{self.message}"


class ConfigError(Exception):
    def __init__(self, name: str, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join([f"{name}: {counted(len(faults), 'error')}", *(f"  {fault}" for fault in faults)]))
        self.name, self.faults = name, faults


@dataclass
class Report:
    """Gathers faults and warnings while a document is read; `environ` is what the document may rely on."""

    lines: Mapping[str, int] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    def refuse(self, place: str, message: str, key: object = None) -> None:
        """`key`: the one in the map at this place that is wrong."""
        at = place if key is None else inside(place, str(key))
        self.faults.append(Fault(place, message, self.line(at)))

    def warn(self, place: str, message: str) -> None:
        self.warnings.append(Fault(place, message, self.line(place)))

    def line(self, place: str) -> int:
        """The line of the place, or of the nearest one around it that the document has."""
        while place and place not in self.lines:
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
        return self.lines.get(place, 0)


def inside(place: str, *keys: object) -> str:
    for key in keys:
        place = f"{place}[{key}]" if isinstance(key, int) else f"{place}.{key}" if place else str(key)
    return place


def choices(value: object, allowed: Iterable[str]) -> str:
    """`one of: …`, and the one that was probably meant."""
    names = sorted(allowed)
    close = get_close_matches(str(value), names, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"one of: {', '.join(names)}{meant}"


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


P = TypeVar("P", bound=Part)
Check = Callable[[P, str, Report], None]

_checks: dict[type, list[Check[Any]]] = defaultdict(list)


def checks(check: Check[P]) -> Check[P]:
    """Registers a check of what a struct's types cannot say: a function of (part, place, report), for the type of its
    `part` and those derived from it. It refuses what cannot work, and warns of what probably was not meant."""
    _checks[get_type_hints(check)["part"]].append(check)
    return check


def check(part: Part, place: str, report: Report) -> None:
    """Run the checks of the part's type, those of its base types first, as soon as the part is decoded."""
    for kind in reversed(type(part).__mro__):
        for each in _checks.get(kind, ()):
            each(part, place, report)
