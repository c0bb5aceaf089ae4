"""A cluster and a Sentinel behind TLS and passwords."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from gateway.auth import RateLimiter
from gateway.cache.shared_store import SharedStore
from gateway.config import place_of
from gateway.document.redis_url import connected, connected_in_thread, disconnect
from gateway.errors import TooMany
from gateway.plan.plan import RateLimits
from tests.gateway.cache.test_redis_forms import answers, fetched
from tests.services import free_port, program
from tests.valkey import PACKAGE, PASSWORD, SLOTS, secured_valkey, tls_files, until

TEXT = "namespaces: {}"


def check(url: str) -> None:
    """Values, rates and a configuration, by a client of its own each."""

    async def story() -> None:
        client = connected(url)
        store, limiter = SharedStore(client, time.time), RateLimiter(client)
        await answers(store)
        await store.put_many([(b"recgate:ready:1", b"value", 60_000)])
        assert await fetched(store, [b"recgate:ready:1"]) == [b"value"]
        await limiter.check(RateLimits("1/minute", None), "key", "")
        with pytest.raises(TooMany):
            await limiter.check(RateLimits("1/minute", None), "key", "")
        await limiter.close()
        await store.close()
        await disconnect(client)

    asyncio.run(story())
    with connected_in_thread(url, 5.0) as client:
        client.set("shop", TEXT)
    assert place_of(f"{url}#shop").read().text == TEXT


def test_a_cluster_behind_tls(tmp_path: Path) -> None:
    own = ("--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-port", str(free_port()))
    with secured_valkey(tmp_path, *own) as server:
        server.client().execute_command("CLUSTER ADDSLOTSRANGE", 0, SLOTS - 1)
        until(lambda: server.client().execute_command("CLUSTER INFO")["cluster_state"] == "ok")  # type: ignore[index]
        check(f"rediss+cluster://:{PASSWORD}@127.0.0.1:{server.port}?ssl_ca_certs={tmp_path / 'ca.pem'}")


def test_a_sentinel_behind_tls(tmp_path: Path) -> None:
    with secured_valkey(tmp_path, "--tls-replication", "yes") as server, sentinel(tmp_path, server.port) as port:
        more = f"ssl_ca_certs={tmp_path / 'ca.pem'}&sentinel_password={PASSWORD}"
        check(f"rediss+sentinel://:{PASSWORD}@127.0.0.1:{port}/shop?{more}")


@contextlib.contextmanager
def sentinel(folder: Path, primary: int) -> Iterator[int]:
    port, file = free_port(), folder / "sentinel.conf"
    listen = ["port 0", f"tls-port {port}", "bind 127.0.0.1", f"requirepass {PASSWORD}", f"dir {folder}"]
    tls = [*(f"{name} {value}" for name, value in tls_files(folder).items()), "tls-replication yes"]
    watch = [f"sentinel monitor shop 127.0.0.1 {primary} 1", f"sentinel auth-pass shop {PASSWORD}"]
    file.write_text("\n".join([*listen, *tls, *watch]) + "\n")
    process = subprocess.Popen([program(PACKAGE, PACKAGE), str(file), "--sentinel"], stdout=subprocess.DEVNULL)
    try:
        until(lambda: _knows(folder, port))
        yield port
    finally:
        process.kill()
        process.wait()


def _knows(folder: Path, port: int) -> bool:
    options = {"ssl": True, "ssl_ca_certs": str(folder / "ca.pem"), "password": PASSWORD}
    with contextlib.suppress(redis.RedisError), redis.Redis(port=port, host="127.0.0.1", **options) as client:  # type: ignore[arg-type]
        return "master" in str(client.sentinel_master("shop"))
    return False
