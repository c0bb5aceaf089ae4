"""A configuration that changes while it is in use: from a file, over HTTP, from Redis."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gateway.config import Config, ConfigError, Watch, load, parse, place_of
from gateway.config.place import FilePlace, Place, Text
from tests.liar import bulk, lying
from tests.services import redis_server


def document(version: str, more: str = "") -> str:
    return f'version: "{version}"\nnamespaces: {{}}\n{more}'


def write(path: Path, text: str) -> None:
    path.write_text(text)
    os.utime(path, (time.time() - 10, time.time() - 10 - len(text)))  # long ago, so that it counts at once


class Seen:
    """A watch and what it swapped in."""

    def __init__(self, place: Place, environ: dict[str, str] | None = None) -> None:
        self.swapped: list[Config] = []
        config = parse(place.read().text, place.name, environ or {})
        self.watch = Watch(place, config, self.swapped.append, time.time, environ or {})

    def look(self) -> list[str]:
        asyncio.run(self.watch.look())
        return [config.version for config in self.swapped]


class GrowingFile(FilePlace):
    """A file whose rest comes right after it has been read."""

    rest = ""

    def read(self) -> Text:
        text, rest, self.rest = super().read(), self.rest, ""
        if rest:
            self.target.write_text(rest)
        return text


def test_a_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "shop.yaml"
    write(path, document("1"))
    seen = Seen(place_of(str(path)))
    assert seen.look() == []
    write(path, document("2", "# more\n"))
    assert seen.look() == ["2"]
    write(path, document("3", "namespacs: {}\n"))
    assert seen.look() == seen.look() == ["2"]
    assert seen.watch.faults == 1
    assert caplog.text.count("unknown key 'namespacs'") == 1
    path.unlink()
    assert seen.look() == ["2"]
    write(path, document("4"))
    assert seen.look() == ["2", "4"]
    assert seen.watch.faults == 0


def test_a_file_that_says_the_same_otherwise_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    write(path, document("1"))
    seen = Seen(place_of(str(path)))
    write(path, document("1", "# a remark\n"))
    assert seen.look() == []


def test_a_file_counts_a_second_after_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    write(path, document("1"))
    seen = Seen(place_of(str(path)))
    path.write_text(document("2"))
    written = path.stat().st_mtime
    assert seen.look() == ["2"]
    assert written + 1.0 <= time.time() < written + 2.0


def test_a_file_that_is_still_being_written_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    write(path, document("1"))
    place = GrowingFile(path)
    seen = Seen(place)
    path.write_text(document("2"))
    place.rest = document("3")
    assert seen.look() == []
    assert seen.look() == ["3"]


def test_the_environment_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    write(path, document("${V}"))
    environ = {"V": "1"}
    seen = Seen(place_of(str(path)), environ)
    environ["V"] = "2"
    write(path, document("${V}", "# again\n"))
    assert seen.look() == ["2"]


def test_what_the_engine_was_opened_with_needs_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "shop.yaml"
    write(path, document("1"))
    seen = Seen(place_of(str(path)))
    write(path, document("2", "aws: {region: eu-west-1}\n"))
    assert seen.look() == ["2"]
    assert "aws.region has changed; that counts after a restart" in caplog.text


@contextlib.contextmanager
def served(page: Callable[[str], tuple[int, str, str]]) -> Iterator[str]:
    """Pages by If-None-Match: a status, a text and an ETag."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text, etag = page(self.headers.get("If-None-Match", ""))
            self.send_response(status)
            self.send_header("etag", etag)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/shop.json"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_over_http() -> None:
    pages = [(200, document("1"), '"a"')]
    statuses: list[int] = []

    def page(etag: str) -> tuple[int, str, str]:
        status, text, tag = pages[-1]
        answer = (304, "", tag) if etag == tag and status == 200 else (status, text, tag)
        statuses.append(answer[0])
        return answer

    with served(page) as url:
        seen = Seen(place_of(url.replace("shop.json", "shop.yaml")))
        assert (seen.look(), statuses) == ([], [200, 304])
        pages.append((200, document("2"), '"b"'))
        assert seen.look() == ["2"]
        pages.append((503, "", '"c"'))
        assert seen.look() == ["2"]
        assert seen.watch.faults == 1
    with pytest.raises(ConfigError, match="cannot be read"):
        load(url)


def test_a_damaged_reply_of_redis_is_not_swapped_in() -> None:
    texts = [document("1")] * 2 + [document("7"), document("1"), document("1"), document("2"), document("2")]
    texts += [document("2")] * 9

    def answer(command: Sequence[bytes]) -> bytes:
        return bulk(texts.pop(0).encode()) if command[0] == b"GET" else b":5\r\n"

    with lying(answer) as url:
        seen = Seen(place_of(f"{url}#shop"))
        assert seen.look() == []
        assert seen.watch.faults == 1
        assert seen.look() == [] and seen.watch.faults == 0
        assert seen.look() == ["2"]


@pytest.mark.parametrize("reply", [b":5\r\n", b"*1\r\n:5\r\n", b"+OK\r\n+OK\r\n", b"!junk\r\n", b"$3\r\nab"])
def test_a_reply_that_is_no_text(reply: bytes) -> None:
    with lying(lambda _: reply) as url, pytest.raises(ConfigError, match="redis key shop"):
        load(f"{url}&socket_timeout=0.2#shop")


def test_from_redis(tmp_path: Path) -> None:
    with redis_server(tmp_path) as redis:
        where = f"{redis.url}#shop"
        with pytest.raises(ConfigError, match="redis key shop: 1 error\n  cannot be read: there is no such key"):
            load(where)
        redis.client().set("shop", document("1"))
        seen = Seen(place_of(where))
        redis.client().set("shop", document("2"))
        assert seen.look() == ["2"]
        redis.kill()
        assert seen.look() == ["2"]
        redis.start()
        redis.client().set("shop", document("3"))
        assert seen.look() == ["2", "3"]
