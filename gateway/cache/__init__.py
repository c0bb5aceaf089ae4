"""The response cache.

`fetch` judges an entry (fresh, stale, missing), and `flight` makes a missing one once. `local_store` holds a worker's
entries below a ceiling. `shared_store` holds those of all replicas in Redis, over a pipelined `redis_connection` and
under a `seal`; a server without Redis does not import it. `changes` and `purge` say what is outdated.
"""

from gateway.cache.changes import Changes, Tag
from gateway.cache.entry import CacheEntry, DecoratedBody, DecorationKey, EncodedAnswer, etag_of
from gateway.cache.fetch import Cache, Hit, Make, Wanted, is_broken
from gateway.cache.flight import Flights
from gateway.cache.key import CacheKey, key_of, pairs
from gateway.cache.seal import Seal

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
    "Seal",
    "Tag",
    "Wanted",
    "etag_of",
    "is_broken",
    "key_of",
    "pairs",
]
