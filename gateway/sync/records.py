"""Records to send: users with their recommendations, from the answers of batch inference; items with their columns."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from engine import Cards, ImportSource

log = logging.getLogger(__name__)

Columns = Callable[[str], Mapping[str, Any]]  # an item's, by the names of its schema


class SyncRecord(msgspec.Struct, frozen=True):
    """A user or an item. `items` are a user's recommendations, the best first, each with its `id` and its columns."""

    id: str
    items: tuple[Mapping[str, Any], ...] = ()
    columns: Mapping[str, Any] = {}


class _AnsweredInput(msgspec.Struct, rename="camel"):
    user_id: str | int | None = None


class _AnsweredOutput(msgspec.Struct, rename="camel"):
    recommended_items: list[str] = []


class _AnsweredUser(msgspec.Struct):
    input: _AnsweredInput
    output: _AnsweredOutput | None = None
    error: str | None = None


_line = msgspec.json.Decoder(_AnsweredUser)


def answered_users(source: ImportSource, most: int, columns: Columns, skipped: Counter[str]) -> Iterator[SyncRecord]:
    """The users of a batch inference's answers, with at most so many items each. Lines of errors are skipped, and so is
    what is no such line, by its reason."""
    for file in source.files:
        with source.open(file) as stored:
            for line in stored:
                if line.strip():
                    yield from _user(line, most, columns, skipped)


def _user(line: bytes, most: int, columns: Columns, skipped: Counter[str]) -> Iterator[SyncRecord]:
    try:
        answered = _line.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        skipped["no line of answers"] += 1
        return
    if answered.output is None or answered.input.user_id is None:
        skipped["an error in place of an answer" if answered.error else "an answer for no user"] += 1
        return
    items = answered.output.recommended_items[:most]
    rows = tuple({"id": item, **_named(columns(item))} for item in items)
    yield SyncRecord(str(answered.input.user_id), items=rows)


def listed_items(cards: Cards, fields: tuple[str, ...]) -> Iterator[SyncRecord]:
    """The items that have a row, with these of their columns; no `fields`: all."""
    names = cards.group.items
    for item in map(names.name, range(len(names))):
        row = cards.columns(item)
        if row:
            yield SyncRecord(item, columns=_named(chosen(row, fields)))


def chosen(row: Mapping[str, Any], fields: tuple[str, ...]) -> Mapping[str, Any]:
    return row if not fields else {name: row[name] for name in fields if name in row}


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as partners spell fields: in small letters."""
    return {name.lower(): value for name, value in row.items()}
