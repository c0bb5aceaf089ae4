"""What the cache holds of one answer, and what that costs in bytes."""

from __future__ import annotations

import hashlib
from sys import getsizeof
from typing import NamedTuple

from gateway.cache.key import Key


class Made(NamedTuple):
    """An answer as it goes out: encoded and decorated. `private`: it must not serve anybody but who asked for it."""

    body: bytes
    etag: str
    variation: str
    model: str = ""
    as_of: int = 0
    private: bool = False


class Entry(NamedTuple):
    made: Made
    stored_at: float
    until: float  # the next change of time-based context; infinite where nothing depends on the time
    user: str | None  # who asked first
    size: int


# Beside its strings an entry is a Key, a Made, an Entry, their numbers, and its links in the table and in the order
# of use: tracemalloc counts 570 bytes, and 40 for each string's place in a tuple.
OVERHEAD = 640
PLACE = 40


def etag_of(body: bytes, version: str) -> str:
    """A strong entity tag: the same exactly where body and configuration are the same."""
    return f'"{hashlib.blake2b(body, digest_size=16, key=version.encode()[:64]).hexdigest()}"'


def size_of(key: Key, made: Made) -> int:
    strings = [part for part in key if isinstance(part, str)]
    strings += key.items or ()
    strings += [text for pair in (*key.values, *key.context, *key.parameters) for text in pair]
    strings += (made.etag, made.model)
    return OVERHEAD + getsizeof(made.body) + sum(getsizeof(text) + PLACE for text in strings)
