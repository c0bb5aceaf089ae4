"""URLs of Redis and Valkey: which can be used, and what is wrong with one, told without its password."""

from __future__ import annotations

from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

URL, SECRET = "RECGATE_REDIS_URL", "RECGATE_REDIS_SECRET"  # in the environment
SHORTEST_SECRET = 16
SCHEMES = ("redis", "rediss", "unix")
CHOICES = "redis://HOST:PORT/DB, rediss://HOST:PORT/DB (TLS) or unix:///PATH?db=DB"
TIMEOUT_S = 1.0  # of a connection


def connected(url: str) -> Redis:
    """Nothing is sent before it is needed. A connection that a restart has broken is made anew at once."""
    again = Retry(NoBackoff(), 1)
    return Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=again)


def fault_of(url: str) -> str:
    """The URL's fault and what it may be instead; "" where it can be used."""
    scheme, has_scheme, _ = url.partition("://")
    try:
        parts = urlsplit(url)
        several = "," in parts.netloc.rpartition("@")[2]
    except ValueError:
        return f"can't be read as a URL; it is one of {CHOICES}"
    if several or "sentinel" in scheme.lower():
        return (
            f"names Sentinels or several hosts, of which none is asked who the primary is; it is one of {CHOICES}: the "
            "primary's own address, or that of a proxy or service which follows it"
        )
    if not has_scheme or scheme.lower() not in SCHEMES:
        return f"has no scheme that is known; it is one of {CHOICES}"
    database = parts.path.strip("/")
    if scheme.lower() == "unix":
        return "" if database and _is_usable(url) else f"has no path of a socket, or a wrong parameter; {CHOICES}"
    if not parts.hostname:
        return f"has no host (is the password percent-encoded?); it is one of {CHOICES}"
    if database and not database.isdecimal():
        return f"has no number as its database (a Sentinel's service is none); it is one of {CHOICES}"
    if not _is_usable(url):
        return f"has a port or a parameter that can't be used (is the password percent-encoded?); one of {CHOICES}"
    return ""


def fault_of_secret(secret: str) -> str:
    """The fault of the secret that all replicas of a Redis share; "" where there is none, or it can be used."""
    short = secret and len(secret) < SHORTEST_SECRET
    return f"is too short: {SHORTEST_SECRET} characters or more, the same for all replicas" if short else ""


def _is_usable(url: str) -> bool:
    """Tell whether redis-py takes the URL with its parameters. Its own words might repeat the password."""
    try:
        pool = connected(url).connection_pool
        pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError, RedisError):
        return False
    return True
