"""URLs of Redis and Valkey, in each form of theirs: what is wrong with one, told without its password, and clients.

One server is `redis://` or `unix://`. With Sentinels, which are asked for the primary, it is `redis+sentinel://`. A
cluster is `redis+cluster://`. `rediss` instead of `redis` means TLS.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:  # redis-py is a twentieth of a start: each function that needs it imports it
    import redis
    import redis.retry
    from redis.asyncio import Redis, RedisCluster

    RedisClient = Redis | RedisCluster

URL, SECRET = "RECGATE_REDIS_URL", "RECGATE_REDIS_SECRET"  # in the environment
SHORTEST_SECRET = 16
SCHEME = re.compile(r"(rediss?)(?:\+(sentinel|cluster))?|unix")
CHOICES = (
    "redis://HOST:PORT/DB, redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB, redis+cluster://HOST:PORT,HOST:PORT "
    "(rediss, rediss+sentinel and rediss+cluster: with TLS) or unix:///PATH?db=DB"
)
PORT, SENTINEL_PORT = 6379, 26379
TIMEOUT_S = 1.0  # of a connection
SENTINEL_TIMEOUT_S = 0.5  # of a Sentinel: the next one is asked then
MOST_CONNECTIONS = 1000  # to each server of a cluster


class RedisAddress(NamedTuple):
    """A URL's parts. `options` are those that redis-py has for a connection."""

    kind: str | None  # "sentinel", "cluster", or None for one server
    hosts: list[tuple[str, int]]
    service: str
    options: dict[str, Any]


def address_of(url: str) -> RedisAddress:
    """Raises `ValueError`, whose text does not repeat the password."""
    scheme, _, rest = url.partition("://")
    form = SCHEME.fullmatch(scheme.lower())
    if form is None or "://" not in url:
        raise ValueError(f"has no scheme that is known; it is one of {CHOICES}")
    # several hosts are no host to Python's own parser, where one of them is an address in brackets
    netloc = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if netloc.count("[") != netloc.count("]"):
        raise ValueError(f"can't be read as a URL; it is one of {CHOICES}")
    parts = urlsplit(rest.removeprefix(netloc))
    path, kind = parts.path.strip("/"), form[2]
    if form[1] is None:
        if not path:
            raise ValueError(f"has no path of a socket; it is one of {CHOICES}")
        return RedisAddress(None, [], "", _options(url))
    login, at, places = netloc.rpartition("@")
    hosts = _hosts(places, SENTINEL_PORT if kind == "sentinel" else PORT)
    if kind is None and len(hosts) > 1:
        raise ValueError(f"names several hosts and not if they are Sentinels or a cluster; it is one of {CHOICES}")
    service, database = _service_and_database(kind, path)
    options = _options(f"{form[1]}://{login}{at}host/{database}?{parts.query}")
    return RedisAddress(kind, hosts, service, {name: value for name, value in options.items() if name != "host"})


def _options(url: str) -> dict[str, Any]:
    from redis.asyncio.connection import parse_url

    try:
        return dict(parse_url(url))
    except ValueError:
        raise ValueError(f"has a parameter that can't be used; it is one of {CHOICES}") from None


def _hosts(places: str, port: int) -> list[tuple[str, int]]:
    try:
        parts = [urlsplit(f"//{place}") for place in places.split(",")]
        hosts = [(part.hostname or "", part.port or port) for part in parts]
    except ValueError:
        raise ValueError(
            f"has a port that is none (is the password percent-encoded?); it is one of {CHOICES}"
        ) from None
    if not all(host for host, _ in hosts):
        raise ValueError(f"has no host (is the password percent-encoded?); it is one of {CHOICES}")
    return hosts


def _service_and_database(kind: str | None, path: str) -> tuple[str, str]:
    service, _, database = path.partition("/") if kind == "sentinel" else ("", "", path)
    if kind == "sentinel" and not service:
        raise ValueError(f"does not name the service that the Sentinels watch; it is one of {CHOICES}")
    if database and not database.isdecimal():
        raise ValueError(f"has no number as its database; it is one of {CHOICES}")
    if kind == "cluster" and database not in ("", "0"):
        raise ValueError(f"names a database, and a cluster has only 0; it is one of {CHOICES}")
    return service, database


# ---- clients


def connected(url: str, timeout_s: float = TIMEOUT_S) -> RedisClient:
    """A client for one loop. Nothing is sent before it is needed, and a connection that a restart has broken is made
    anew at once. Raises `ValueError`."""
    from redis.asyncio import Redis, RedisCluster, Sentinel
    from redis.asyncio.cluster import ClusterNode
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    address = address_of(url)
    if address.kind == "cluster":
        return RedisCluster(
            startup_nodes=[ClusterNode(*host) for host in address.hosts], **_of_cluster(address, timeout_s)
        )
    if address.kind == "sentinel":
        sentinel_options, options = _of_sentinel(address, timeout_s)
        once = {"retry": Retry(NoBackoff(), 0)}  # the next Sentinel may know as well
        sentinels = Sentinel(address.hosts, sentinel_kwargs={**sentinel_options, **once})  # type: ignore[no-untyped-call]
        client: Redis = sentinels.master_for(address.service, **options, retry=Retry(NoBackoff(), 1))
        return client
    again = Retry(NoBackoff(), 1)
    return Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=again)


def connected_in_thread(url: str, timeout_s: float) -> redis.Redis | redis.RedisCluster:
    """A client without a loop, whose replies are texts. That of a cluster asks for its servers at once. Raises
    `ValueError` and what redis-py raises."""
    import redis.cluster

    address = address_of(url)
    if address.kind != "cluster":
        return _one_server(url, address, timeout_s, decode_responses=True)
    nodes = [redis.cluster.ClusterNode(*host) for host in address.hosts]  # type: ignore[no-untyped-call]
    return redis.RedisCluster(startup_nodes=nodes, decode_responses=True, **_of_cluster(address, timeout_s))


def connected_for_messages(url: str, timeout_s: float, turn: int) -> redis.Redis:
    """A client without a loop, for messages to whoever listens. In a cluster any server will do: that of this turn.
    Raises `ValueError`."""
    import redis

    address = address_of(url)
    if address.kind != "cluster":
        return _one_server(url, address, timeout_s, health_check_interval=5)
    host, port = address.hosts[turn % len(address.hosts)]
    options = {name: value for name, value in _of_cluster(address, timeout_s).items() if name != "max_connections"}
    return redis.Redis(host=host, port=port, health_check_interval=5, retry=_at_once(1), **options)


def _one_server(url: str, address: RedisAddress, timeout_s: float, **more: Any) -> redis.Redis:
    import redis

    if address.kind is None:
        times = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
        return redis.Redis.from_url(url, retry=_at_once(1), **times, **more)
    sentinel_options, options = _of_sentinel(address, timeout_s)
    sentinels = redis.Sentinel(address.hosts, sentinel_kwargs={**sentinel_options, "retry": _at_once(0)})  # type: ignore[no-untyped-call]
    client: redis.Redis = sentinels.master_for(address.service, **options, retry=_at_once(1), **more)  # type: ignore[no-untyped-call]
    return client


def _at_once(times: int) -> redis.retry.Retry:
    """Tries so many times more, without a wait."""
    import redis.retry
    from redis.backoff import NoBackoff

    return redis.retry.Retry(NoBackoff(), times)


async def disconnect(client: RedisClient) -> None:
    """Close the client's connections, to Sentinels too. What it is asked next opens others."""
    from redis.asyncio import RedisCluster
    from redis.asyncio.sentinel import SentinelConnectionPool

    await client.aclose()
    pool = None if isinstance(client, RedisCluster) else client.connection_pool
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def _of_cluster(address: RedisAddress, timeout_s: float) -> dict[str, Any]:
    options = {"max_connections": MOST_CONNECTIONS, **address.options}
    if options.pop("connection_class", None) is not None:
        options["ssl"] = True
    return {**options, "socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}


def _of_sentinel(address: RedisAddress, timeout_s: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options for the Sentinels, whose login is one of their own, and for the server that they name."""
    options = dict(address.options)
    own = {"username": options.pop("sentinel_username", None), "password": options.pop("sentinel_password", None)}
    secured = options.pop("connection_class", None) is not None
    tls = (
        {"ssl": True, **{name: value for name, value in options.items() if name.startswith("ssl_")}} if secured else {}
    )
    times = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    soon = min(timeout_s, SENTINEL_TIMEOUT_S)
    asking = {**own, **tls, "socket_timeout": soon, "socket_connect_timeout": soon}
    return asking, {**options, **tls, **times}


# ---- faults


def fault_of(url: str) -> str:
    """The URL's fault and what it may be instead; "" where it can be used."""
    try:
        address_of(url)
    except ValueError as error:
        return str(error)
    if not _is_usable(url):
        return f"has a parameter that can't be used (is the password percent-encoded?); it is one of {CHOICES}"
    return ""


def fault_of_secret(secret: str) -> str:
    """The fault of the secret that all replicas of a Redis share; "" where there is none, or it can be used."""
    short = secret and len(secret) < SHORTEST_SECRET
    return f"is too short: {SHORTEST_SECRET} characters or more, the same for all replicas" if short else ""


def _is_usable(url: str) -> bool:
    """Tell whether redis-py takes the URL with its parameters. Its own words might repeat the password."""
    from redis.asyncio import RedisCluster
    from redis.exceptions import RedisError

    try:
        client = connected(url)
        source = client.startup_nodes[0] if isinstance(client, RedisCluster) else client.connection_pool
        source.connection_class(**source.connection_kwargs)
    except (ValueError, TypeError, RedisError):
        return False
    return True
