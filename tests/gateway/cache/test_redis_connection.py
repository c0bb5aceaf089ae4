"""Questions to a real Redis over one connection, and all the ways in which it may be lost."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import uvloop

from gateway.cache.redis_connection import MISSING, RedisConnection
from gateway.cache.shared_store import SharedStore
from gateway.document.redis_url import connected
from tests.services import RedisServer, free_port, program, redis_server

PATIENCE_S = 0.5


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


def run(url: str, story: Callable[[RedisConnection, list[Exception]], Awaitable[None]]) -> None:
    async def told() -> None:
        client, broke = connected(url), list[Exception]()
        line = RedisConnection(client.connection_pool, PATIENCE_S, broke.append)
        await story(line, broke)
        await line.close()
        await client.aclose()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # the loop of workers
        runner.run(told())


async def found(line: RedisConnection, *names: bytes) -> Any:
    """What lies under the names; None where there is no reply."""
    told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def take(reply: Any) -> str:
        told.set_result(None if reply is MISSING else reply)
        return ""

    line.send((b"MGET", *names), take)
    return await told


def test_many_questions_under_way_are_answered_in_order(server: RedisServer) -> None:
    for number in range(50):
        server.client().set(f"n{number}", "x" * number)

    async def story(line: RedisConnection, broke: list[Exception]) -> None:
        asked = [found(line, b"n%d" % number, b"nothing", b"n%d" % number) for number in range(50)]
        answers = await asyncio.gather(*asked)
        assert answers == [[b"x" * number, None, b"x" * number] for number in range(50)]
        assert await found(line, b"n3") == [b"xxx"]
        assert not broke

    run(server.url, story)


def test_passwords_users_and_databases_are_redis_py_s_to_know(server: RedisServer) -> None:
    client = server.client()
    client.execute_command("ACL", "SETUSER", "reader", "on", ">s3cret", "~*", "+@all")
    client.execute_command("ACL", "SETUSER", "writer", "on", ">s3cret", "~*", "+@all", "-mget")
    client.execute_command("SELECT", 3)
    with client.pipeline() as pipeline:
        pipeline.execute_command("SELECT", 3)
        pipeline.set("name", "in three")
        pipeline.execute()

    async def reads(line: RedisConnection, broke: list[Exception]) -> None:
        assert await found(line, b"name") == [b"in three"]

    async def is_refused(line: RedisConnection, broke: list[Exception]) -> None:
        assert await asyncio.gather(found(line, b"name"), found(line, b"name")) == [None, None]
        assert line.is_broken and "permissions" in str(broke[0]) and len(broke) == 1

    run(f"redis://reader:s3cret@127.0.0.1:{server.port}/3", reads)
    run(f"redis://writer:s3cret@127.0.0.1:{server.port}/3", is_refused)


def test_a_wrong_password_is_logged_without_it(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async def told() -> None:
        client: Any = connected(f"redis://:wr0ng@127.0.0.1:{server.port}/0")
        shared = SharedStore(client, time.time)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        shared.fetch_many([b"name"], answer.set_result)
        assert await answer is None
        assert shared.failures == 1 and not shared.is_up(time.time())
        await shared.close()
        await client.aclose()

    server.client().config_set("requirepass", "r1ght")
    with caplog.at_level(logging.DEBUG):
        asyncio.run(told())
    assert "invalid username-password" in caplog.text
    assert "wr0ng" not in caplog.text


def test_a_socket_of_the_file_system(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("socket") / "redis.sock"
    argv = [program("redis-server", "redis-server"), "--port", str(free_port()), "--unixsocket", str(place)]
    process = subprocess.Popen([*argv, "--save", "", "--dir", str(place.parent)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 15
        while not place.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)

        async def story(line: RedisConnection, broke: list[Exception]) -> None:
            assert await found(line, b"nothing") == [None]

        run(f"unix://{place}?db=1", story)
    finally:
        process.kill()
        process.wait()


def test_who_waits_when_redis_dies_is_told(server: RedisServer) -> None:
    async def story(line: RedisConnection, broke: list[Exception]) -> None:
        assert await found(line, b"nothing") == [None]
        server.client().client_pause(10_000)
        asked = [asyncio.create_task(found(line, b"nothing")) for _ in range(10)]
        await asyncio.sleep(0.05)
        server.kill()
        assert await asyncio.gather(*asked) == [None] * 10
        assert line.is_broken and len(broke) == 1

    run(server.url, story)


def test_a_line_that_nobody_uses_breaks_without_a_word(server: RedisServer) -> None:
    async def story(line: RedisConnection, broke: list[Exception]) -> None:
        assert await found(line, b"nothing") == [None]
        server.kill()
        while not line.is_broken:
            await asyncio.sleep(0.01)
        assert not broke

    run(server.url, story)


def test_nobody_waits_for_longer_than_patience(server: RedisServer) -> None:
    async def story(line: RedisConnection, broke: list[Exception]) -> None:
        assert await found(line, b"nothing") == [None]
        await asyncio.sleep(PATIENCE_S / 2)
        server.client().client_pause(10_000)
        began = time.monotonic()
        assert await found(line, b"nothing") is None
        assert PATIENCE_S * 0.9 < time.monotonic() - began < PATIENCE_S * 3
        assert [type(error) for error in broke] == [TimeoutError]

    run(server.url, story)


def test_a_loop_that_was_busy_itself_reads_before_it_gives_up(server: RedisServer) -> None:
    async def story(line: RedisConnection, broke: list[Exception]) -> None:
        assert await found(line, b"nothing") == [None]
        asked = asyncio.create_task(found(line, b"nothing"))
        await asyncio.sleep(0)
        time.sleep(PATIENCE_S * 1.5)
        assert await asked == [None]
        assert not broke

    run(server.url, story)


def test_nobody_there(server: RedisServer) -> None:
    server.kill()

    async def story(line: RedisConnection, broke: list[Exception]) -> None:
        assert await asyncio.gather(found(line, b"nothing"), found(line, b"nothing")) == [None, None]
        assert line.is_broken and len(broke) == 1

    run(server.url, story)


def test_one_that_never_says_a_word_and_a_close_meanwhile() -> None:
    async def told() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        silent = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}/0"
        client, broke = connected(url), list[Exception]()
        silenced = RedisConnection(client.connection_pool, 0.1, broke.append)
        assert await found(silenced, b"nothing") is None
        assert len(broke) == 1 and not silenced.is_broken, "it may be open for who comes later"
        await silenced.close()
        closed = RedisConnection(client.connection_pool, 5.0, broke.append)
        waits = asyncio.create_task(found(closed, b"nothing"))
        await asyncio.sleep(0.05)
        await closed.close()
        assert await waits is None
        await client.aclose()
        silent.close()
        await silent.wait_closed()

    asyncio.run(told())
