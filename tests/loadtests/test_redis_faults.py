"""A Redis that lies: its proxy by itself, and the campaign as small as it gets."""

import shutil

import pytest
from click.testing import CliRunner

from loadtests import redis_faults
from loadtests.redis_proxy import whole


@pytest.mark.parametrize(
    "reply",
    [
        b"+OK\r\n",
        b":12\r\n",
        b"-ERR no\r\n",
        b"$3\r\na\r\n\r\n",
        b"$-1\r\n",
        b"*-1\r\n",
        b"*2\r\n$1\r\nx\r\n*1\r\n:1\r\n",
    ],
)
def test_the_proxy_knows_where_a_reply_ends(reply: bytes) -> None:
    for cut in range(len(reply)):
        assert whole(reply[:cut]) == -1
    assert whole(reply) == whole(reply + b"+more") == len(reply)
    assert whole(b"+OK\r\n" + reply, 5) == 5 + len(reply)


def test_nobody_gets_what_is_not_theirs():
    if shutil.which("redis-server") is None:
        pytest.fail("redis-server is not installed: apt-get install redis-server")
    ran = CliRunner().invoke(redis_faults.main, ["--answers", "1000", "--seconds", "120", "--share", "0.05"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert "0 wrong, 0 stale, by status {200: 1" in ran.output and "tracebacks in the log: 0" in ran.output
    assert "recgate_redis_rejected_total" in ran.output, "the proxy lied, and somebody noticed"
