"""What the cache holds of one answer, and what that costs in bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from sys import getsizeof
from typing import Protocol

import msgspec

from gateway.cache.key import CacheKey


class EncodedAnswer(msgspec.Struct, frozen=True):
    """An answer, encoded, before the metadata of its items. `private`: it must not serve anybody but who asked for it.
    `complete`: whoever answered had no more items than these. `dressed`: it has what metadata it should have."""

    body: bytes
    variation: str
    model: str = ""
    as_of: int = 0
    private: bool = False
    complete: bool = True
    dressed: bool = False
    seed: str = ""  # of what was drawn for it
    name: str = ""  # its recommendationId


class DecorationKey(msgspec.Struct, frozen=True):
    """All that what goes out depends on beside the answer: how many items, the version of their metadata, and what of
    it is told."""

    wanted: int = 0
    version: int = 0
    fields: tuple[str, ...] = ()
    locale: str = ""


class DecoratedBody(msgspec.Struct, frozen=True):
    """An answer as it goes out."""

    body: bytes
    etag: str
    mark: DecorationKey = DecorationKey()


class Holder(Protocol):
    """A part of a cache, and how large what it has is."""

    size: int


class Dependent(Protocol):
    """What is made of an entry, of `size` bytes beside it, and goes when it goes."""

    size: int

    def forget(self) -> None: ...


@dataclass(slots=True, eq=False)
class CacheEntry:
    """`shown` is what went out last, kept as long as it is still true."""

    made: EncodedAnswer
    stored_at: float
    until: float  # the next change of time-based context; infinite where nothing depends on the time
    user: str | None  # who asked first
    size: int
    jitter: float = 0.0  # the share of its fresh life that it does without
    shown: DecoratedBody | None = None
    followers: dict[Dependent, None] = field(default_factory=dict)
    holder: Holder | None = None  # where it is

    def leave(self) -> None:
        """It is in the cache no more."""
        for each in list(self.followers):
            each.forget()
        self.followers.clear()


# Beside its strings an entry is a Key, a Made, a Shown, an Entry, their numbers, and its links in the table and in the
# order of use: tracemalloc counts 680 bytes, and 40 for each string's place in a tuple.
OVERHEAD = 760
PLACE = 40


def etag_of(body: bytes, version: str) -> str:
    """A strong entity tag: the same exactly where body and configuration are the same."""
    digest = _of_version(version).copy()
    digest.update(body)
    return f'"{digest.hexdigest()}"'


@lru_cache(maxsize=16)
def _of_version(version: str) -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16, key=version.encode()[:64])


def size_of(key: CacheKey, made: EncodedAnswer) -> int:
    """Of an entry that was not shown yet."""
    strings = [part for part in msgspec.structs.astuple(key) if type(part) is str]
    for more in (key.items, *key.values, *key.context, *key.parameters):
        if more:
            strings += more
    strings += (made.model, made.seed, made.name)
    return OVERHEAD + getsizeof(made.body) + sum(map(getsizeof, strings)) + PLACE * len(strings)


def size_of_shown(shown: DecoratedBody | None, made: EncodedAnswer) -> int:
    """What it takes beside the entry of which it is made."""
    if shown is None:
        return 0
    return getsizeof(shown.etag) + (getsizeof(shown.body) if shown.body is not made.body else 0)
