"""Pages of one list: a token holds marks of all that was shown before it, so that whatever becomes of the list
meanwhile, no page shows an item twice. Nothing is stored; any replica continues what another one began."""

from __future__ import annotations

import hashlib
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Iterable

import msgspec

from gateway.errors import Invalid

WIDTH = 4  # bytes of a mark: that two of 500 items have the same happens once in 30,000 lists
CHECK = 8


class Page(msgspec.Struct, frozen=True):
    """`seen` are marks of the items on the pages before."""

    size: int
    whose: bytes  # what a token belongs to
    seen: frozenset[int] = frozenset()


def page_of(size: int, token: str | None, *whose: str | None) -> Page:
    """`whose`: the namespace, the action, the user, the cohort and the item. Raises `Invalid` for a token that is not
    theirs."""
    bound = hashlib.blake2b(msgspec.json.encode(whose), digest_size=16).digest()
    return Page(size, bound, seen_in(token, bound) if token else frozenset())


def mark(item: str) -> int:
    return int.from_bytes(hashlib.blake2b(item.encode(), digest_size=WIDTH).digest())


def next_of(page: Page, shown: Iterable[str]) -> str:
    """The token of the page after the one on which these are shown."""
    seen = sorted(page.seen | {mark(item) for item in shown})
    marks = struct.pack(f">{len(seen)}I", *seen)
    return urlsafe_b64encode(check_of(marks, page.whose) + marks).rstrip(b"=").decode()


def seen_in(token: str, whose: bytes) -> frozenset[int]:
    try:
        data = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (Error, ValueError):
        data = b""
    marks = data[CHECK:]
    if len(marks) % WIDTH or not marks or check_of(marks, whose) != data[:CHECK]:
        raise Invalid("InvalidNextToken", "next is the `next` of an answer to the same question, as it came")
    return frozenset(struct.unpack(f">{len(marks) // WIDTH}I", marks))


def check_of(marks: bytes, whose: bytes) -> bytes:
    """A guard against mistakes, not forgery: a made-up token leaves out items of its own answer, as by `exclude`."""
    return hashlib.blake2b(marks, digest_size=CHECK, key=whose).digest()
