"""Faults of decoded data in words that need no knowledge of Python: `float | null` is a number."""

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
_WRONG = re.compile(r"Expected `([a-z |]+)`, got `([a-z]+)`")
_RULE = re.compile(r"Expected `([a-z |]+)` (.*)", re.DOTALL)  # "of length <= 63", ">= 1", "matching regex …"
_NAMED = (
    (re.compile(r"Object missing required field `(.*?)`"), r"missing required field `\1`"),
    (re.compile(r"Object contains unknown field `(.*?)`"), r"there is no field `\1`"),
    (re.compile(r"Invalid enum value (.*)", re.DOTALL), r"\1 is none of the values that there are"),
)


def in_words(error: Exception) -> str:
    """The error's message with its kinds of data in plain words, and the place behind it as it was."""
    text, at, place = str(error).rpartition(" - at ")
    if not at:
        text, place = str(error), ""
    return (_told(text) if isinstance(error, msgspec.ValidationError) else text) + at + place


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
