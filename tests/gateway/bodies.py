"""Bodies that no request should have: a good one cut, swollen, nested and mistyped, always in the same ways."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

DEEP = 20_000  # brackets: far beyond what a decoder goes down
NESTED = 950  # what a decoder still reads, and the next to walk it may not
MARK = "\0here\0"
VALUES = (
    b"null",
    b"true",
    b"-1",
    b"1.5",
    b"1e308",
    b"-1e308",
    b"-1e999",
    b"1" + b"0" * 30,  # whole, and beyond any machine's number
    b"9" * 400,
    b'""',
    b'"\\u0000"',
    b'"\\ud800"',
    b'"\xff"',
    b'"' + b"x" * 2000 + b'"',
    b"[]",
    b"{}",
    b"[null]",
    b'{"a":null}',
    b"[" * NESTED + b"]" * NESTED,
    b'{"a":' * NESTED + b"null" + b"}" * NESTED,
    b"[" * DEEP,
    b'{"a":' * DEEP,
)
WHOLE = (
    *VALUES,
    b"",
    b" ",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
    b'{"null":',
    b'{"a":null,',
    b"[null,",
    b'{"a":null}}',
    b"nulll",
    b'{"a":null,"a":',
    b"NaN",
    b'{"a":NaN,"b":null}',
    b"[" * DEEP + b"null" + b"]" * DEEP,
    b'{"a":null,"b":' + b"[" * DEEP,
)


def odd(good: Any, draw: random.Random, cuts: int = 12) -> Iterator[bytes]:
    """Of a body that is right, those that are not."""
    yield from WHOLE
    for path in paths(good):
        holed = json.dumps(replaced(good, path, MARK)).encode()
        for value in VALUES:
            yield holed.replace(json.dumps(MARK).encode(), value)
    for body in (json.dumps(good).encode(), b'{"nothing":null,' + json.dumps(good).encode()[1:]):
        for _ in range(cuts):
            at = draw.randrange(1, len(body))
            yield body[:at]
            yield body[:at] + bytes([draw.randrange(256)]) + body[at + 1 :]


def paths(good: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    members = good.items() if isinstance(good, dict) else enumerate(good) if isinstance(good, list) else ()
    for name, member in members:
        yield (*at, name)
        yield from paths(member, (*at, name))


def replaced(good: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    name, *rest = path
    if isinstance(good, dict):
        return {**good, name: replaced(good[name], tuple(rest), value)}
    return [replaced(each, tuple(rest), value) if place == name else each for place, each in enumerate(good)]


def texts(good: Any, path: tuple[Any, ...], draw: random.Random) -> Iterator[bytes]:
    """The same, within a string that holds JSON."""
    inner = json.loads(member(good, path))
    for body in odd(inner, draw, cuts=3):
        yield json.dumps(replaced(good, path, body.decode("utf-8", "replace"))).encode()


def member(good: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        good = good[name]
    return good
