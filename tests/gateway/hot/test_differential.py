"""From outside nobody can tell which way an answer came: the same bytes to the hot path and to uvicorn's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from gateway.hot.entry import HotEntry
from tests.gateway.hot.servers import Pair, said, serving
from tests.gateway.serve.world import CONFIG, SmallEngine, app_over

BROWSER = (
    b"Host: localhost",
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    b"Accept: application/json",
    b"Accept-Language: en-GB,en;q=0.5",
    b"Accept-Encoding: gzip, deflate, br",
    b"Referer: https://shop.example/",
    b"Origin: https://shop.example",
    b"Connection: keep-alive",
    b"Cookie: a=1; b=2",
    b"Sec-Fetch-Mode: cors",
)
LAST = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
TARGETS = (
    *(
        b"/recommend-items/shop/home/u1",
        b"/recommend-items/shop/home/u2?numResults=3",
        b"/recommend-items/shop/home/u%31",
    ),
    *(
        b"/related-items/shop/like/i2?userId=u1",
        b"/related-items/shop/like/i2",
        b"/rerank-items/shop/order/u1/i3,i1,i2",
    ),
    *(b"/recommend-items/shop/split/u7?numResults=2", b"/recommend-items/shop/home/u1?decorateItems=0"),
    *(b"/recommend-items/shop/gone/u1", b"/recommend-items/shop/nowhere/u1"),
    *(b"/health", b"/recommend-items/shop/home/u1?numResults=no", b"//", b"*"),
    *(b"/recommend-items/shop/home/u1#part", b"/recommend-items/shop/home/u1?", b"http://localhost/health"),
)
FIELDS = (
    *(b"If-None-Match: *", b'If-None-Match: "0"', b'if-none-match: W/"1", *', b"CloudFront-Viewer-Country: DE"),
    *(b"cloudfront-viewer-country:FR", b"X-Forwarded-For: 1.2.3.4", b"Connection: Keep-Alive", b"Connection: close"),
    *(b"Content-Length: 0", b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Expect: 100-continue"),
    *(b"X-Odd:  two spaces", b"X-Odd: tab\there", b"X-Odd: trailing ", b"X-Odd:", b"X-Odd: \xff\xfe", b"X Odd: space"),
    *(
        b"Upgrade: websocket",
        b"Upgrade: h2c",
        b" folded: line",
        b"no colon",
        b"Host: other",
        b"Host: a b",
        b"Proxy-Connection: close",
        b"Origin: https://b.example",
    ),
    *(b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b"X-Long: " + b"a" * 9000),
)
TRIES = 10
PAUSE_S = 0.002  # in which a server reads what was sent
UNREADABLE = b"HTTP/1.1 400 Bad Request\r\n-\r\ncontent-type: text/plain"
METHODS = (b"GET", b"GET", b"GET", b"HEAD", b"POST", b"OPTIONS", b"get")
VERSIONS = (b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0")
BODIES = (b"", b"", b"", b"abc", b"0\r\n\r\n", b"\r\n")


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    fields = [each for each in BROWSER if draw(st.integers(0, 9))] + draw(st.lists(st.sampled_from(FIELDS), max_size=2))
    fields = draw(st.permutations(fields))
    line = b" ".join((draw(st.sampled_from(METHODS)), draw(st.sampled_from(TARGETS)), draw(st.sampled_from(VERSIONS))))
    return b"\r\n".join((line, *fields, b"", b"")) + draw(st.sampled_from(BODIES))


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Requests of one connection, as the parts in which they are sent."""
    whole = b"".join(draw(st.lists(requests(), min_size=1, max_size=4))) + LAST
    cuts = sorted(draw(st.lists(st.integers(1, len(whole) - 1), max_size=3)))
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@st.composite
def alike_but_for_targets(draw: st.DrawFn) -> list[bytes]:
    """Requests with one head, as browsers send them; now and then two at once, another method, or something behind."""
    fields = [each for each in BROWSER if draw(st.integers(0, 9))] + draw(st.lists(st.sampled_from(FIELDS), max_size=1))
    few = draw(st.lists(st.sampled_from(TARGETS), min_size=1, max_size=2))
    asked = []
    for _ in range(draw(st.integers(2, 5))):
        method = draw(st.sampled_from((b"GET",) * 6 + (b"HEAD", b"POST")))
        line = b"%b %b HTTP/1.1" % (method, draw(st.sampled_from(few)))
        request = b"\r\n".join((line, *fields, b"", b""))
        asked.append(request * draw(st.sampled_from((1, 1, 1, 2))) + draw(st.sampled_from((b"", b"", b"", b"\r\n"))))
    return [*asked, LAST]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with serving(app_over(SmallEngine(tmp_path_factory.mktemp("hot")))) as opened:
        yield opened


def request(target: bytes, *fields: bytes, method: bytes = b"GET") -> bytes:
    return b"\r\n".join((b"%b %b HTTP/1.1" % (method, target), *BROWSER, *fields, b"", b""))


def alike(hot: bytes, plain: bytes) -> bool:
    if UNREADABLE not in hot and UNREADABLE not in plain:
        return hot == plain
    # uvicorn refuses what it can't read at once, and forgets requests before that are not answered by then; where one
    # that was answered has closed the connection, nothing is read after it
    short, long = sorted((before_refusal(hot), before_refusal(plain)), key=len)
    ended = all(UNREADABLE in each or b"connection: close" in each for each in (hot, plain))
    return ended and long.startswith(short)


def before_refusal(answers: bytes) -> bytes:
    before, refused, _ = answers.rpartition(UNREADABLE)
    return before if refused else answers


@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=streams())
def test_whatever_is_sent(pair: Pair, parts: list[bytes]) -> None:
    for port in (pair.plain, pair.hot):  # what is missing is made, and what can be is kept
        said(port, parts)
    # a server that closes on what it has not read resets the connection, and the end of its answers may be lost on the
    # way: what differs every time differs
    told = [(said(pair.hot, parts), said(pair.plain, parts))]
    while not alike(*told[-1]) and len(told) < TRIES:
        told.append((said(pair.hot, parts), said(pair.plain, parts)))
    assert alike(*told[-1]), told


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=alike_but_for_targets())
def test_one_head_after_another(pair: Pair, parts: list[bytes]) -> None:
    for port in (pair.plain, pair.hot):
        said(port, parts)
    told = [(said(pair.hot, parts, PAUSE_S), said(pair.plain, parts, PAUSE_S))]
    while not alike(*told[-1]) and len(told) < TRIES:
        told.append((said(pair.hot, parts, PAUSE_S), said(pair.plain, parts, PAUSE_S)))
    assert alike(*told[-1]), told


@pytest.mark.parametrize("target", TARGETS[:8])
@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
@pytest.mark.parametrize("field", [b"X-Nothing: 1", b"If-None-Match: *"])
def test_what_goes_the_hot_way(pair: Pair, target: bytes, method: bytes, field: bytes) -> None:
    asked = request(target, field, method=method)
    for _ in range(2):
        said(pair.hot, [asked, LAST])
    before = pair.answered()
    told = said(pair.hot, [asked, asked + asked, LAST])
    assert pair.answered() == before + 3, "all went the ordinary way"
    assert told == said(pair.plain, [asked, asked + asked, LAST])
    assert told.count(b"HTTP/1.1 304 " if b"None" in field else b"HTTP/1.1 200 ") == 3


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([b"Host: a b"], id="no host"),
        pytest.param([b"Accept: */*"], id="without a host"),
        pytest.param([b"Host: localhost", b"Connection: close", b"Connection: keep-alive"], id="closed and kept"),
        pytest.param([b"Host: localhost", b"Proxy-Connection: close"], id="closed for a proxy"),
        pytest.param([b"Host: localhost", b"Origin: https://a.example", b"Origin: https://b.example"], id="origins"),
    ],
)
def test_odd_fields_mean_the_same_where_an_answer_is_kept(pair: Pair, fields: list[bytes]) -> None:
    usual = request(TARGETS[0])
    odd = b"\r\n".join((b"GET %b HTTP/1.1" % TARGETS[0], *fields, b"", b""))
    for _ in range(2):
        said(pair.hot, [b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % TARGETS[0], usual, LAST])
    assert said(pair.hot, [odd + LAST]) == said(pair.plain, [odd + LAST])


def test_two_origins_say_nothing_to_one(pair: Pair) -> None:
    """Nobody makes an answer that allows one origin go out to another."""
    target, one, other = TARGETS[0] + b"?numResults=7", b"Origin: https://a.example", b"Origin: https://b.example"
    both, single = (
        b"\r\n".join((b"GET %b HTTP/1.1" % target, b"Host: localhost", *fields, b"", b""))
        for fields in ((one, other), (other,))
    )
    for _ in range(3):
        said(pair.hot, [both, LAST])
    told = said(pair.hot, [single, LAST])
    assert b"access-control-allow-origin: https://b.example" in told
    assert b"https://a.example" not in told


def test_the_test_tells_ways_apart(pair: Pair) -> None:
    """A different byte would be seen."""
    asked = request(TARGETS[0])
    said(pair.hot, [asked, asked, LAST])
    for entry in [entry for group in pair.hot_cache.heads._groups.values() for entry in group.values()]:
        if isinstance(entry, HotEntry) and entry.target == TARGETS[0]:
            entry.rest = entry.rest.replace(b"x-cache: hit", b"x-cache: HIT")
    assert said(pair.hot, [asked, LAST]) != said(pair.plain, [asked, LAST])


def test_config_is_what_the_targets_ask() -> None:
    assert all(name in CONFIG for name in ("home", "split", "live", "gone", "like", "order"))
