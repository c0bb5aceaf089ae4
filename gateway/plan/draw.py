"""A unit's place between 0 and 1, as GrowthBook's SDKs have it, or Optimizely's, so that they and the gateway agree
(ecosystem §1.5, §1.6)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from struct import iter_unpack, unpack

BUCKETS = 10_000
MASK = 0xFFFFFFFF
REMEMBERED = 32_768  # places of units who were here lately: to hash costs some microseconds


@lru_cache(maxsize=REMEMBERED)
def share(salt: str, unit: str) -> float:
    """The unit's place by version 2 of the hash."""
    return fnv1a(str(fnv1a(salt + unit))) % BUCKETS / BUCKETS


@lru_cache(maxsize=REMEMBERED)
def share_in_group(group: str, unit: str) -> float:
    """A unit's place in what GrowthBook calls a namespace; it has stayed with version 1 of the hash."""
    return older_share(f"__{group}", unit)


def older_share(salt: str, unit: str) -> float:
    """The unit's place by version 1 of the hash."""
    return fnv1a(unit + salt) % 1000 / 1000


def fnv1a(text: str) -> int:
    """FNV-1a of 32 bits, over UTF-16 code units, as GrowthBook's SDKs for JavaScript and Python have it. Its SDK for Go
    hashes UTF-8, and agrees where ids are ASCII."""
    if text.isascii():
        units: Iterable[int] = text.encode()
    else:
        encoded = text.encode("utf-16-le", "surrogatepass")
        units = unpack(f"<{len(encoded) // 2}H", encoded)
    value = 0x811C9DC5
    for unit in units:
        value = (value ^ unit) * 0x01000193 & 0xFFFFFFFF
    return value


@lru_cache(maxsize=REMEMBERED)
def optimizely_share(parent: str, unit: str) -> float:
    """The unit's place below an experiment or a group of this id, as Optimizely's SDKs have it."""
    return (murmur3(f"{unit}{parent}".encode("utf-8", "surrogatepass")) * BUCKETS >> 32) / BUCKETS


def murmur3(data: bytes) -> int:
    """MurmurHash3 of 32 bits for little-endian machines (x86), whose seed at Optimizely is 1."""
    value, whole = 1, len(data) & ~3
    for (word,) in iter_unpack("<I", data[:whole]):
        value ^= _mixed(word)
        value = (_rotated(value, 13) * 5 + 0xE6546B64) & MASK
    value ^= _mixed(int.from_bytes(data[whole:], "little")) ^ len(data)
    value = (value ^ value >> 16) * 0x85EBCA6B & MASK
    value = (value ^ value >> 13) * 0xC2B2AE35 & MASK
    return value ^ value >> 16


def _mixed(word: int) -> int:
    return _rotated(word * 0xCC9E2D51 & MASK, 15) * 0x1B873593 & MASK


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> 32 - bits) & MASK


def buckets_below(end: float) -> int:
    """The number of buckets whose place is below an end."""
    return bisect_left(range(BUCKETS + 1), end, key=lambda bucket: bucket / BUCKETS)


def ends_of(weights: Sequence[float]) -> tuple[float, ...]:
    """The end of each weight's part of 0 to 1. Some weight is above 0; the last of these ends at 1, whatever rounding
    says."""
    total = sum(weights)
    last = max(index for index, weight in enumerate(weights) if weight > 0)
    return tuple(1.0 if index >= last else end / total for index, end in enumerate(accumulate(weights)))
