"""Fields of an item's metadata that one caller sees, and in which language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

Columns = Mapping[str, Any]
Rows = Sequence[Columns | None]


def selected(rows: Rows, columns: Sequence[str], fields: Sequence[str], locales: tuple[str, ...], locale: str) -> Rows:
    """`columns` are the configured ones, `fields` those that the caller asks for; none of either: all."""
    if locales:
        rows = [row and localised(row, locales, locale) for row in rows]
    return narrowed(narrowed(rows, columns), fields)


def narrowed(rows: Rows, fields: Sequence[str]) -> Rows:
    """Only these fields, whatever their case and underscores: TITLE_DE is titleDe. No fields: all."""
    if not fields:
        return rows
    wanted = {plain(name) for name in fields}
    return [row and {key: value for key, value in row.items() if plain(key) in wanted} for row in rows]


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    return name.replace("_", "").lower()


def text_of(value: object) -> str:
    """A value as a text; a boolean as JSON has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def localised(row: Columns, locales: tuple[str, ...], locale: str) -> Columns:
    """Each field once: its form in this locale, else in the language alone (de for de-AT), else the one without a
    locale, else the first of `locales` that there is."""
    forms: dict[str, dict[str, Any]] = {}
    for key, value in row.items():
        if value is not None:
            field, of = form_of(key, locales)
            forms.setdefault(field, {})[of] = value
    order = (*chain(locale), "", *map(str.lower, locales))
    return {field: next(values[each] for each in order if each in values) for field, values in forms.items()}


def chain(locale: str) -> list[str]:
    """The locale and those it is a part of: de-at, de for de-AT."""
    parts = [part for part in re.split("[-_]", locale.lower()) if part]
    return ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]


@lru_cache(maxsize=4096)
def form_of(key: str, locales: tuple[str, ...]) -> tuple[str, str]:
    """The field that a key is a form of, and in which locale: title_de, TITLE_DE and titleDe are title in de. "" for
    a field without a locale."""
    for locale in sorted(locales, key=len, reverse=True):
        parts = re.split("[-_]", locale.lower())
        snake, camel = "_" + "_".join(parts), "".join(part.capitalize() for part in parts)
        if key.lower().endswith(snake) and len(key) > len(snake):
            return key[: -len(snake)], "-".join(parts)
        if key.endswith(camel) and len(key) > len(camel):
            return key[: -len(camel)], "-".join(parts)
    return key, ""
