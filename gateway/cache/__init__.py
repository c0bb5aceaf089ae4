"""The response cache: fetch (fresh, stale, miss) over local entries (this worker's, below a ceiling) and shared ones
(Redis; line: many questions over one connection); key, entry, changes and purge (what outdates), flight (one call a
key), admission (who may push out whom)."""

from gateway.cache.changes import Changes, Tag
from gateway.cache.entry import Entry, Made, Mark, Shown, etag_of
from gateway.cache.fetch import Cache, Hit, Make, Wanted, is_broken
from gateway.cache.flight import Flights
from gateway.cache.key import Key, key_of, pairs
from gateway.cache.line import Found
from gateway.cache.shared import Shared, connected

__all__ = [
    "Cache",
    "Changes",
    "Entry",
    "Flights",
    "Found",
    "Hit",
    "Key",
    "Made",
    "Make",
    "Mark",
    "Shared",
    "Shown",
    "Tag",
    "Wanted",
    "connected",
    "etag_of",
    "is_broken",
    "key_of",
    "pairs",
]
