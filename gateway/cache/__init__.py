"""The response cache: key · changes · flight (one call a key) · entry · fetch (fresh, stale, miss)."""

from gateway.cache.changes import Changes, Tag
from gateway.cache.entry import Entry, Made, Shown, etag_of
from gateway.cache.fetch import Cache, Hit, Wanted, is_broken
from gateway.cache.flight import Flights
from gateway.cache.key import Key, key_of, pairs

__all__ = [
    "Cache",
    "Changes",
    "Entry",
    "Flights",
    "Hit",
    "Key",
    "Made",
    "Shown",
    "Tag",
    "Wanted",
    "etag_of",
    "is_broken",
    "key_of",
    "pairs",
]
