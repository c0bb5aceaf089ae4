"""Two texts of a configuration compared: by places of the document, and by lines."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from gateway.config.source import source
from gateway.document.report import ConfigError, inside


class PlaceChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A place of the document with another value than before; null where there was none, or is none."""

    place: str
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None


def changes(before: str, after: str, name: str) -> list[PlaceChange]:
    """The places that differ, in the order of the document; none where one of the texts can't be read."""
    try:
        old, new = source(before, name).data, source(after, name).data
    except ConfigError:
        return []
    return list(differences(old, new, ""))


def differences(old: object, new: object, place: str) -> Iterator[PlaceChange]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            at = inside(place, str(key))
            if key not in new:
                yield PlaceChange(place=at, kind="removed", before=old[key])
            elif key not in old:
                yield PlaceChange(place=at, kind="added", after=new[key])
            else:
                yield from differences(old[key], new[key], at)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, inside(place, index))
    elif old != new or type(old) is not type(new):
        yield PlaceChange(place=place, kind="changed", before=old, after=new)


def unified(before: str, after: str, names: tuple[str, str]) -> str:
    """The lines that differ, as `diff -u` prints them."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
    return "\n".join(lines)
