"""The response cache: fetch (fresh, stale, miss) over local entries (this worker's, below a ceiling) and shared ones
(Redis; line: many commands over one connection; seal: what comes back is what was stored); key, entry, changes and
purge (what outdates), flight (one call a key), admission (who may push out whom)."""

from gateway.cache.changes import Changes, Tag
from gateway.cache.entry import CacheEntry, DecoratedBody, DecorationKey, EncodedAnswer, etag_of
from gateway.cache.fetch import Cache, Hit, Make, Wanted, is_broken
from gateway.cache.flight import Flights
from gateway.cache.key import CacheKey, key_of, pairs
from gateway.cache.seal import Seal
from gateway.cache.shared_store import Payloads, SharedStore

__all__ = [
    "Cache",
    "CacheEntry",
    "CacheKey",
    "Changes",
    "DecoratedBody",
    "DecorationKey",
    "EncodedAnswer",
    "Flights",
    "Hit",
    "Make",
    "Payloads",
    "Seal",
    "SharedStore",
    "Tag",
    "Wanted",
    "etag_of",
    "is_broken",
    "key_of",
    "pairs",
]
