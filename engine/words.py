"""Counts in words, and faults of decoded data without any knowledge of Python: `float | null` is a number."""

from __future__ import annotations

import re

import msgspec

KINDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
ESCAPED_NUL = rb"\u0000"
_WRONG = re.compile(r"Expected `([a-z |]+)`, got `([a-z]+)`")
_RULE = re.compile(r"Expected `([a-z |]+)` (.*)", re.DOTALL)  # "of length <= 63", ">= 1", "matching regex …"
_NAMED = (
    (re.compile(r"Object missing required field `(.*?)`"), r"missing required field `\1`"),
    (re.compile(r"Object contains unknown field `(.*?)`"), r"there is no field `\1`"),
    (re.compile(r"Invalid enum value (.*)", re.DOTALL), r"\1 is none of the values that there are"),
)


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def in_words(error: Exception) -> str:
    """The error's message with its kinds of data in plain words, and the place behind it as it was."""
    text, at, place = str(error).rpartition(" - at ")
    if not at:
        text, place = str(error), ""
    return (_told(text) if isinstance(error, msgspec.ValidationError) else text) + at + place


def nul_in(body: bytes) -> str:
    """The fault of a JSON body with a text that has U+0000 in it, which databases do not keep in texts; "" without."""
    if ESCAPED_NUL not in body:
        return ""
    place = _place_of_nul(msgspec.json.decode(body), "$")
    return f"a text has no character U+0000 - at `{place}`" if place else ""


def _place_of_nul(value: object, place: str) -> str:
    """The place of the first such text, a member's name or its value; "" without."""
    if isinstance(value, str):
        return place if "\0" in value else ""
    if isinstance(value, dict):
        found = (place if "\0" in key else _place_of_nul(each, f"{place}.{key}") for key, each in value.items())
    elif isinstance(value, list):
        found = (_place_of_nul(each, f"{place}[{number}]") for number, each in enumerate(value))
    else:
        return ""
    return next(filter(None, found), "")


def _told(text: str) -> str:
    if wrong := _WRONG.fullmatch(text):
        return f"expected {_kinds(wrong[1])}, not {_kinds(wrong[2])}"
    if rule := _RULE.fullmatch(text):
        return f"expected {_kinds(rule[1])} {rule[2]}"
    for form, words in _NAMED:
        if form.fullmatch(text):
            return form.sub(words, text)
    return text


def _kinds(names: str) -> str:
    """The words for kinds of data: `a number` for `float | null`. Null needs no word unless it is all there is."""
    every = names.split(" | ")
    kinds = [each for each in every if each != "null"] or every
    return " or ".join(KINDS.get(each, each) for each in kinds)
