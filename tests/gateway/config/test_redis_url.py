"""Which Redis URLs can be used; the others are refused at the start, by a message that shows no password."""

from __future__ import annotations

import pytest

from gateway.config import ConfigError, parse
from gateway.document.redis_url import CHOICES, fault_of
from tests.gateway.config.documents import faults_of

EMPTY = "namespaces: {}"
GOOD = (
    "redis://127.0.0.1:6379/0",
    "redis://host",
    "redis://[::1]:6379/3",
    "rediss://user:p%40ss@host:6380/0?ssl_cert_reqs=none",
    "unix:///run/redis.sock?db=1",
    "redis://host:6379?db=2&health_check_interval=5",
    "redis+sentinel://s1:26379,s2,[::1]:26380/mymaster",
    "redis+sentinel://user:p%40ss@s1/mymaster/3?sentinel_username=u&sentinel_password=p",
    "rediss+sentinel://:p%40ss@s1/mymaster?ssl_ca_certs=/etc/ssl/ca.pem",
    "redis+cluster://n1:7000,n2:7001,n3",
    "rediss+cluster://user:p%40ss@n1/0?ssl_cert_reqs=none",
)
BAD = (
    ("sentinel://s1:26379/mymaster", "has no scheme"),
    ("redis-sentinel://:hunter2@s1:26379,s2:26379/mymaster/0", "has no scheme"),
    ("redis://s1:26379,s2:26379/mymaster", "several hosts"),
    ("redis+sentinel://:hunter2@s1:26379,s2:26379", "does not name the service"),
    ("redis+sentinel://s1,:26379/mymaster", "has no host"),
    ("redis+sentinel://s1:abc/mymaster", "has a port"),
    ("redis+sentinel://s1/mymaster/zero", "has no number as its database"),
    ("redis+sentinel://s1/mymaster?nothing=1", "has a parameter"),
    ("redis+cluster://:hunter2@n1:7000/1", "has only 0"),
    ("redis+cluster://n1?nothing=1", "has a parameter"),
    ("redis+cluster://n1?db=x", "has a parameter"),
    ("redis://s1:26379/mymaster", "has no number as its database"),
    ("host:6379", "has no scheme"),
    ("memcached://host", "has no scheme"),
    ("redis://", "has no host"),
    ("redis://host:abc/0", "has a port"),
    ("redis://host:99999/0", "has a port"),
    ("redis://host:6379/0?nothing=1", "has a parameter"),
    ("redis://:hunter2#x@host:6379/0", "percent-encoded"),
    ("redis://[::1", "can't be read"),
    ("unix://", "has no path"),
)


@pytest.mark.parametrize("url", GOOD)
def test_what_can_be_used(url: str) -> None:
    assert fault_of(url) == ""


@pytest.mark.parametrize(("url", "why"), BAD)
def test_what_can_t_is_refused_with_the_choices(url: str, why: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(EMPTY, environ={"RECGATE_REDIS_URL": url})
    (fault,) = raised.value.faults
    assert fault.place == "RECGATE_REDIS_URL" and why in fault.message and CHOICES in fault.message
    assert "hunter2" not in str(raised.value)


def test_a_secret_is_long_enough() -> None:
    with pytest.raises(ConfigError, match="RECGATE_REDIS_SECRET: is too short: 16 characters") as raised:
        parse(EMPTY, environ={"RECGATE_REDIS_SECRET": "hunter2"})
    assert "hunter2" not in str(raised.value)
    parse(EMPTY, environ={"RECGATE_REDIS_SECRET": "0123456789abcdef"})


def test_a_stream_s_own_url() -> None:
    target = "{type: redis-stream, stream: clicks, url: 'redis://s1:1,s2:2/mymaster'}"
    (fault,) = faults_of(f"namespaces: {{shop: {{recommenders: {{}}, eventTargets: [{target}]}}}}")
    assert "eventTargets[0].url: names several hosts" in fault
