"""An entry of the cache: one answer, and what it costs in bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from sys import getsizeof
from typing import Protocol

import msgspec

from engine import ShownList
from gateway.cache.key import CacheKey
from gateway.encoding import Opening


class EncodedAnswer(msgspec.Struct, frozen=True):
    """An answer, encoded, before the metadata of its items.

    `private`: it serves only its first caller. `complete`: its origin has no more items than these. `decorated`:
    it already has the metadata that it should have.
    """

    body: bytes
    variation: str
    model: str = ""
    as_of: int = 0
    private: bool = False
    complete: bool = True
    decorated: bool = msgspec.field(default=False, name="dressed")  # as it is called in Redis
    seed: str = ""  # of its random part
    name: str = ""  # its recommendationId
    shown: ShownList | None = None  # where each time that it goes out is remembered, with an id of its own
    short: bool = False  # caps left fewer items than were asked for, and the body does not say so


class DecorationKey(msgspec.Struct, frozen=True):
    """The inputs of a decoration: how many items, the version of their metadata, and which fields in which locale."""

    wanted: int = 0
    version: int = 0
    fields: tuple[str, ...] = ()
    locale: str = ""
    shaped: bool = False


class DecoratedBody(msgspec.Struct, frozen=True):
    """A body as it goes out, and how it was decorated. `names` are its items, where its shape need not show them;
    `openings` begin its compressed forms, by the coding's name."""

    body: bytes
    etag: str
    decoration: DecorationKey = DecorationKey()
    names: tuple[str, ...] | None = None
    openings: dict[str, Opening] = {}  # each has its own


class Holder(Protocol):
    """A part of a cache, and the bytes of its entries."""

    size: int


class Dependent(Protocol):
    """An object that is derived from an entry, takes `size` bytes more, and is dropped with it."""

    size: int

    def forget(self) -> None: ...


@dataclass(slots=True, eq=False)
class CacheEntry:
    """One answer in the cache. `decorated` is the body that went out last, kept as long as it is still true."""

    answer: EncodedAnswer
    stored_at: float
    until: float  # the next change of time-based context; infinite where nothing depends on the time
    user: str | None  # the first to ask
    size: int
    jitter: float = 0.0  # the share of its fresh life that it does without
    decorated: DecoratedBody | None = None
    dependents: dict[Dependent, None] = field(default_factory=dict)
    holder: Holder | None = None  # where it is

    def leave(self) -> None:
        """Called when the cache drops the entry: its dependents go as well."""
        for each in list(self.dependents):
            each.forget()
        self.dependents.clear()


# Beside its strings an entry is a key, an answer, a decorated body, a `CacheEntry`, their numbers, and its links in the
# table and in the order of use: tracemalloc counts 680 bytes, and 40 for each string's place in a tuple.
OVERHEAD = 760
PLACE = 40
OPENING = 350  # of a coded form beside its bytes: the tuple, its numbers and its place in a table


def etag_of(body: bytes, version: str) -> str:
    """A strong entity tag: the same exactly where body and configuration are the same."""
    digest = _keyed_digest(version).copy()
    digest.update(body)
    return f'"{digest.hexdigest()}"'


@lru_cache(maxsize=16)
def _keyed_digest(version: str) -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16, key=version.encode()[:64])


def size_of(key: CacheKey, answer: EncodedAnswer) -> int:
    """Bytes of an entry that has no decorated body yet."""
    strings = [part for part in msgspec.structs.astuple(key) if type(part) is str]
    for more in (key.items, key.history, *key.values, *key.context, *key.parameters):
        if more:
            strings += more
    for rule, values in key.rules or ():
        strings += (rule, *(text for pair in values for text in pair))
    strings += (answer.model, answer.seed, answer.name)
    numbers = 0
    if answer.shown is not None:
        strings += answer.shown.items
        numbers = len(answer.shown.propensities)
    return OVERHEAD + getsizeof(answer.body) + sum(map(getsizeof, strings)) + PLACE * (len(strings) + numbers)


def size_of_decorated(decorated: DecoratedBody | None, answer: EncodedAnswer) -> int:
    """Bytes that a decorated body takes beside its entry."""
    if decorated is None:
        return 0
    names = sum(getsizeof(name) + PLACE for name in decorated.names or ())
    own = getsizeof(decorated.body) if decorated.body is not answer.body else 0
    return getsizeof(decorated.etag) + names + own + sum(map(size_of_opening, decorated.openings.values()))


def size_of_opening(opening: Opening) -> int:
    return getsizeof(opening.coded) + OPENING
