"""Compressed answers: the same as plain ones once they are decompressed, whichever way they come."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings, strategies as st

from gateway.config import parse
from gateway.encoding import accepts_gzip, choose_coding
from gateway.encoding.codings import CODINGS, LONGEST_ENDING, Coding
from tests.gateway.hot.servers import Pair, said, serving
from tests.gateway.serve.world import CONFIG, Clock, SmallEngine, app_over

zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
LAST = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
FROM_ONE_BYTE = "compression: {minBytes: 1}\n"
EXPERIMENT = CONFIG.replace(
    "        split:\n",
    """        split:
          experiments:
            new-list: {method: builtin, metrics: {bought: {eventType: Purchase}}}
""",
)
MANY = b'{"userId": "u1", "requests": [{"recommender": "home"}, {"recommender": "split"}, {"recommender": "gone"}]}'
TARGETS = (
    *(b"GET /recommend-items/shop/home/u1", b"GET /recommend-items/shop/home/u2?numResults=3"),
    *(b"GET /recommend-items/shop/split/u7?feature=new-list", b"GET /related-items/shop/like/i2"),
    *(b"GET /rerank-items/shop/order/u1/i3,i1", b"GET /recommend-items/shop/home/u1?exclude=i1"),
    *(b"GET /recommend-items/shop/home/u1?pageSize=2", b"GET /recommend-items/shop/nowhere/u1", b"GET /openapi.json"),
    *(b"POST /recommend-many/shop", b"POST /rerank-items/shop/order/u1"),
)
BODIES = {b"POST /recommend-many/shop": MANY, b"POST /rerank-items/shop/order/u1": b'["i3", "i1", "i2"]'}
ACCEPTED = (b"gzip", b"zstd", b"gzip, deflate, br", b"gzip, deflate, br, zstd", b"zstd;q=0.1, gzip", b"*", b"identity")


class Message(NamedTuple):
    status: bytes
    headers: dict[str, str]
    body: bytes

    def decoded(self) -> bytes:
        coding = self.headers.get("content-encoding")
        if coding == "gzip":
            unpacker = zlib.decompressobj(31)
            body: bytes = unpacker.decompress(self.body)
            assert unpacker.eof and not unpacker.unused_data
            return body
        return bytes(zstd.decompress(self.body)) if coding == "zstd" else self.body


def without_names(body: bytes) -> bytes:
    """A body without the recommendationIds of answers that are made anew for each request."""
    return re.sub(rb"RID-[0-9a-f-]+", b"RID", body)


def asked(port: int, line: bytes, *fields: bytes) -> Message:
    body = BODIES.get(line, b"")
    length = (b"Content-Length: %d" % len(body),) if body else ()
    request = b"\r\n".join((line + b" HTTP/1.1", b"Host: localhost", *fields, *length, b"", body))
    answer = said(port, [request, LAST])
    head, _, rest = answer.partition(b"\r\n\r\n")
    status, _, lines = head.partition(b"\r\n")
    fields = (each.partition(b": ") for each in lines.split(b"\r\n"))
    headers = {name.decode().lower(): value.decode() for name, sign, value in fields if sign}
    return Message(status, headers, rest[: int(headers.get("content-length", 0))])


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    engine = SmallEngine(tmp_path_factory.mktemp("coded"))
    with serving(app_over(engine, Clock(), EXPERIMENT + FROM_ONE_BYTE)) as opened:
        yield opened


@pytest.mark.parametrize("line", TARGETS)
def test_decompressed_it_is_the_plain_answer(pair: Pair, line: bytes) -> None:
    for accepted in ACCEPTED * 3:  # it is made, it is found, it goes by hot entry
        coding, plain = choose_coding(accepted.decode()).coding, asked(pair.hot, line)
        for port in (pair.hot, pair.plain):
            coded = asked(port, line, b"Accept-Encoding: " + accepted)
            is_coded = plain.status == b"HTTP/1.1 200 OK" and coding is not None
            assert coded.headers.get("content-encoding") == (coding.name if is_coded and coding else None)
            assert without_names(coded.decoded()) == without_names(plain.body)
            if is_coded:
                assert "accept-encoding" in coded.headers["vary"].lower()


@pytest.mark.parametrize("accepted", [b"gzip", b"zstd"])
@pytest.mark.parametrize("line", TARGETS[:4])
def test_each_form_has_a_tag_and_is_revalidated_by_it(pair: Pair, line: bytes, accepted: bytes) -> None:
    field = b"Accept-Encoding: " + accepted
    for _ in range(3):
        plain, coded = asked(pair.hot, line), asked(pair.hot, line, field)
    tag = coded.headers["etag"]
    assert tag == f'{plain.headers["etag"][:-1]}-{accepted.decode()}"'
    before = pair.answered()
    for port in (pair.hot, pair.plain):
        again = asked(port, line, field, b"If-None-Match: " + tag.encode())
        assert (again.status, again.headers["etag"]) == (b"HTTP/1.1 304 Not Modified", tag)
        assert "content-encoding" not in again.headers and "content-length" not in again.headers
        assert asked(port, line, b"If-None-Match: " + tag.encode()).status == b"HTTP/1.1 200 OK"
        other = asked(port, line, field, b"If-None-Match: " + plain.headers["etag"].encode())
        assert (other.status, other.decoded()) == (b"HTTP/1.1 200 OK", plain.body)
        assert asked(port, line.replace(b"GET", b"HEAD"), field).headers == coded.headers
    assert pair.answered() >= before + 4


def test_arms_share_one_compressed_opening(tmp_path: Path) -> None:
    with serving(app_over(SmallEngine(tmp_path), Clock(), EXPERIMENT + FROM_ONE_BYTE)) as pair:
        cache = pair.hot_cache._cache
        line = b"GET /recommend-items/shop/split/u%d?feature=new-list"
        sizes = []
        for user in range(6):
            for _ in range(3):
                coded = asked(pair.hot, line % user, b"Accept-Encoding: gzip")
            assert coded.decoded().endswith(b"}}") and b"matchedExperiment" in coded.decoded()
            sizes.append(cache.size)
        entries = [entry for segment in (cache._local._main, cache._local._window) for entry in segment.values()]
        openings = [entry.decorated.openings for entry in entries if entry.decorated is not None]
        assert all(set(each) == {"gzip"} for each in openings) and len(openings) == len(entries)
        assert cache.size == sum(entry.size for entry in entries)


def test_small_answers_and_switched_off_ones_go_as_they_are(tmp_path: Path) -> None:
    line, field = TARGETS[0], b"Accept-Encoding: gzip"
    for text, varies in (("{minBytes: 5000}", True), ("{enabled: false, minBytes: 1}", False)):
        folder = tmp_path / str(varies)
        folder.mkdir()
        with serving(app_over(SmallEngine(folder), Clock(), f"{CONFIG}compression: {text}\n")) as pair:
            coded, plain = asked(pair.hot, line, field), asked(pair.hot, line)
            refusing = asked(pair.hot, line, b"Accept-Encoding: gzip, identity;q=0")
        assert (coded.body, coded.headers["etag"]) == (plain.body, plain.headers["etag"])
        assert "content-encoding" not in coded.headers
        assert ("accept-encoding" in coded.headers["vary"]) == varies
        assert (refusing.headers.get("content-encoding"), refusing.decoded()) == (
            "gzip" if varies else None,
            plain.body,
        )


@pytest.mark.parametrize(
    ("accepted", "name"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.9", "gzip"),
        ("gzip;q=0", None),
        ("gzip; q=0.000", None),
        ("zstd;q=0, *", "gzip"),
        ("*;q=0", None),
        ("identity;q=1, gzip;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("br", None),
        ("gzip;q=2, zstd;q=x, nonsense!!(", None),
        ("gzip ; q=0.5 , ,zstd;q=0.4", "gzip"),
    ],
)
def test_accept_encoding_is_read_as_the_standard_has_it(accepted: str, name: str | None) -> None:
    coding = choose_coding(accepted).coding
    assert (coding and coding.name) == name


@pytest.mark.parametrize(
    ("accepted", "spelled"),
    [
        ("gzip, identity;q=0", "gzip, identity;q=0"),
        ("zstd, *;q=0", "zstd, identity;q=0"),
        ("*;q=0", "identity"),
        ("identity;q=0", "identity"),
        ("identity, *;q=0", "identity"),
        ("gzip;q=0.3, *;q=0.2", "gzip"),
        ("*", "zstd"),
    ],
)
def test_a_caller_may_refuse_plain_answers(accepted: str, spelled: str) -> None:
    choice = choose_coding(accepted)
    assert choice.spelled() == spelled and choose_coding(spelled) == choice


def test_files_that_are_there_in_gzip_alone() -> None:
    accepted = ("gzip", "zstd, gzip;q=0.1", "*", "gzip;q=0", "zstd", "", "gzip;q=0.1, identity")
    assert [accepts_gzip(each) for each in accepted] == [True, True, True, False, False, False, False]


@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: coding.name)
@given(body=st.binary(min_size=1, max_size=5000), times=st.integers(1, 60), rest=st.binary(max_size=600))
@settings(max_examples=60, deadline=None)
def test_an_opening_and_an_ending_are_one_body(coding: Coding, body: bytes, times: int, rest: bytes) -> None:
    opening = coding.opening(body * times)
    message = Message(b"", {"content-encoding": coding.name}, opening.coded + coding.ending(opening, rest))
    assert message.decoded() == body * times + rest


@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: coding.name)
@pytest.mark.parametrize("size", [1, 2000, 200_000])
def test_the_longest_ending_is_read_by_its_decoders(coding: Coding, size: int) -> None:
    opening, rest = coding.opening(b"a" * size), b"b" * LONGEST_ENDING
    message = Message(b"", {"content-encoding": coding.name}, opening.coded + coding.ending(opening, rest))
    assert message.decoded() == b"a" * size + rest


def test_the_switch_is_in_the_configuration() -> None:
    assert parse("namespaces: {}").compressed_from == 860
    assert parse("namespaces: {}\ncompression: {enabled: false}").compressed_from is None
