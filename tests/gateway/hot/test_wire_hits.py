"""Lists of the AWS wire that go out before HTTP is parsed: nobody can tell from outside, and each call is verified."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings, strategies as st

from engine import Question, Ranked, ShownList
from gateway.aws.hits import LONGEST_LINE, MOST_LINES, WireHits
from gateway.connection.protocol import BODY_S
from gateway.hot.heads import Peer
from tests.aws.world import Clients
from tests.gateway.hot.servers import Pair, said, serving
from tests.gateway.hot.test_differential import LAST
from tests.gateway.serve.world import ARN, CONFIG, SmallEngine, app_over

KEYS = """
aws:
  accessKeys:
    - {accessKeyId: AKIDEXAMPLE, secretAccessKey: secret, accountId: "000000000000"}
    - {accessKeyId: AKIDTOKEN, secretAccessKey: other, accountId: "000000000000", sessionToken: token}
    - {accessKeyId: AKIDOTHER, secretAccessKey: third, accountId: "999999999999"}
"""
NAME = re.compile(rb"RID-\d{6}")


class NumberingEngine(SmallEngine):
    """Its ids are of one length."""

    def recommend(self, question: Question) -> Ranked:
        ranked = super().recommend(question)
        return Ranked(
            items=ranked.items, scores=ranked.scores, recommendation_id=self._next(), model="m", as_of=ranked.as_of
        )

    def show_again(self, question: Question, answer: ShownList) -> str:
        super().show_again(question, answer)
        return self._next()

    def _next(self) -> str:
        return f"RID-{len(self.asked) + len(self.again):06}"


def counted(pair: Pair) -> list[bytes]:
    """The answers that go out before HTTP is parsed, from here on."""
    answers, answer = list[bytes](), WireHits.answer

    def noted(data: bytes, peer: Peer) -> bytes | None:
        sent = answer(pair.wire_hits, data, peer)
        answers.extend(() if sent is None else (sent,))
        return sent

    pair.wire_hits.answer = noted  # type: ignore[method-assign]
    return answers


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> NumberingEngine:
    return NumberingEngine(tmp_path_factory.mktemp("open"))


@pytest.fixture(scope="module")
def pair(engine: NumberingEngine) -> Iterator[Pair]:
    with serving(app_over(engine, time.time)) as opened:  # type: ignore[arg-type]
        yield opened


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    engine = NumberingEngine(tmp_path_factory.mktemp("guarded"))
    with serving(app_over(engine, time.time, CONFIG + KEYS)) as opened:  # type: ignore[arg-type]
        yield opened


def request(path: bytes, body: bytes, *fields: bytes, method: bytes = b"POST") -> bytes:
    head = (b"%b %b HTTP/1.1" % (method, path), b"Host: localhost", b"Content-Length: %d" % len(body), *fields)
    return b"\r\n".join((*head, b"", body))


def body_of(**members: object) -> bytes:
    return json.dumps({"campaignArn": ARN, "userId": "u1", "numResults": 3, **members}).encode()


BODIES = (
    *(
        body_of(),
        body_of(userId="u2"),
        body_of(itemId="i2"),
        body_of(context={"DEVICE": "phone"}),
        body_of(numResults=-1),
    ),
    *(
        body_of(metadataColumns={"ITEMS": ["PRICE"]}),
        body_of(campaignArn=ARN + "s"),
        b"{",
        b"",
        body_of(inputList=["i3", "i1"]),
    ),
)
PATHS = (b"/recommendations",) * 4 + (
    b"/personalize-ranking",
    b"/aws/recommendations",
    b"/recommendations?a=b",
    b"/recommendations/",
)
FIELDS = (
    *(b"X-Recgate-Explain: i3", b"X-Recgate-Position: 3", b"Content-Encoding: gzip", b"Origin: https://a.b"),
    *(b"X-Forwarded-For: 1.2.3.4", b"Host: b", b"X-Odd:  two", b"amz-sdk-request: attempt=1", b"X-Odd: \xff"),
    *(b"Content-Type: application/json", b"Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/r/s/aws4_request"),
    b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
UNUSUAL = (
    *(
        b"Content-Length: 3",
        b"Expect: 100-continue",
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"X-Odd: \xff",
    ),
    *(b" folded: line", b"X-Odd: a\tb", b"X Odd: a", b"Upgrade: h2c", b"Content-Encoding: gzip", b"no colon"),
    *(b"X-Recgate-Explain: i3", b"X-Recgate-Position: 3", b"traceparent: 00-a-b-01", b"X-Odd: blank "),
)
METHODS = (b"POST",) * 6 + (b"GET", b"OPTIONS")


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Requests of one connection, some of them in two parts or two in one."""
    parts: list[bytes] = []
    for _ in range(draw(st.integers(1, 4))):
        fields = draw(st.lists(st.sampled_from(FIELDS), max_size=1))
        each = request(
            draw(st.sampled_from(PATHS)), draw(st.sampled_from(BODIES)), *fields, method=draw(st.sampled_from(METHODS))
        )
        cut = draw(st.sampled_from((0, 0, 0, 0, len(each) // 2, len(each) - 1)))
        if parts and draw(st.integers(0, 5)) == 0:
            parts[-1] += each
        else:
            parts += [each[:cut], each[cut:]] if cut else [each]
    return [*parts, LAST]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(streams())
def test_both_ways_say_the_same(pair: Pair, parts: list[bytes]) -> None:
    hot, plain = (NAME.sub(b"-", said(port, parts, 0.001)) for port in (pair.hot, pair.plain))
    assert hot == plain


@pytest.mark.parametrize("field", UNUSUAL)
def test_unusual_requests_are_parsed(pair: Pair, field: bytes) -> None:
    asked = request(b"/recommendations", body_of(userId="unusual"))
    said(pair.hot, [asked, asked, LAST], 0.01)
    hits, peer = pair.wire_hits, ("127.0.0.1", 50_000)
    assert hits.answer(asked, peer) is not None
    assert hits.answer(request(b"/recommendations", body_of(userId="unusual"), field), peer) is None
    assert hits.answer(asked + b"P", peer) is None and hits.answer(asked[:-1], peer) is None


def test_the_same_question_goes_out_before_it_is_parsed(pair: Pair, engine: NumberingEngine) -> None:
    asked = request(b"/recommendations", body_of(userId="again"))
    said(pair.hot, [asked, asked, LAST], 0.01)
    again, before = len(engine.again), calls(pair)
    answers = b"".join(pair.wire_hits.answer(asked, ("127.0.0.1", 50_000)) or b"" for _ in range(3))
    assert len(engine.again) - again == 3
    assert len(set(NAME.findall(answers))) == 3, "each has an id of its own"
    question, shown = engine.again[-1]
    assert (question.user, shown.items) == ("again", ("i0", "i1", "i2"))
    assert calls(pair) - before == 3


def test_lines_of_heads_are_remembered_within_bounds(pair: Pair) -> None:
    lines, peer = pair.wire_hits._lines, ("127.0.0.1", 50_000)
    for number in range(2 * MOST_LINES):
        pair.wire_hits.answer(request(b"/recommendations", b"", b"X-Own: %d" % number), peer)
    pair.wire_hits.answer(request(b"/recommendations", b"", b"X-Long: " + b"a" * LONGEST_LINE), peer)
    assert 0 < len(lines) <= MOST_LINES and all(len(line) <= LONGEST_LINE for line in lines)


def test_a_body_that_is_late_has_the_same_answer(pair: Pair) -> None:
    asked = request(b"/recommendations", body_of(userId="late"))
    head = asked.index(b"\r\n\r\n") + 4
    said(pair.hot, [asked, asked, LAST], 0.01)
    for pause_s in (0.001, 2 * BODY_S):
        answer = said(pair.hot, [asked[:head], asked[head:], LAST], pause_s)
        assert answer.count(b"200 OK") == 1 and b'"itemId":"i0"' in answer


def calls(pair: Pair) -> float:
    pair.hot_cache.counters.report_all()
    rows = pair.hot_cache.counters.telemetry.numbers()["recgate_aws_requests"]
    return sum(values[0] for labels, values in rows if labels == ("GetRecommendations", ARN, "200"))


def test_an_event_ends_what_is_kept(pair: Pair) -> None:
    event = {"sessionId": "s", "userId": "eager", "eventList": [{"eventType": "View", "itemId": "i3"}]}
    asked = request(b"/recommendations", body_of(userId="eager"))
    before = said(pair.hot, [asked, asked, asked, LAST], 0.01)
    after = said(pair.hot, [request(b"/events/shop", json.dumps(event).encode()), asked, LAST], 0.01)
    assert b'[{"itemId":"i0"' in before and b'"itemId":"i3"' not in before and b'[{"itemId":"i3"' in after


@pytest.fixture(scope="module")
def boto(guarded: Pair) -> Iterator[Clients]:
    clients = Clients(f"http://127.0.0.1:{guarded.hot}")
    yield clients
    clients.close()


def test_what_boto3_signs_goes_out_and_is_verified(guarded: Pair, boto: Clients) -> None:
    hits = counted(guarded)
    answers = [boto.runtime.get_recommendations(campaignArn=ARN, userId="u1") for _ in range(3)]
    while not hits and len(answers) < 100:  # on a busy machine the body may come too late
        answers.append(boto.runtime.get_recommendations(campaignArn=ARN, userId="u1"))
    assert hits and len({each["recommendationId"] for each in answers}) == len(answers)
    assert all(each["itemList"] == answers[0]["itemList"] for each in answers)
    strangers = {"secret": "wrong"}, {"key": "AKIDNOBODY"}, {"key": None}, {"key": "AKIDTOKEN", "secret": "other"}
    before = len(hits)
    for each in strangers:
        clients = Clients(f"http://127.0.0.1:{guarded.hot}", **each)  # type: ignore[arg-type]
        with pytest.raises(ClientError) as refused:
            clients.runtime.get_recommendations(campaignArn=ARN, userId="u1")
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)
        clients.close()
    assert len(hits) == before
    clients = Clients(f"http://127.0.0.1:{guarded.hot}", key="AKIDTOKEN", secret="other", token="token")
    clients.runtime.get_recommendations(campaignArn=ARN, userId="u1")  # another key of the account
    clients.close()


def test_limits_and_quotas_count_every_call(tmp_path: Path) -> None:
    config = CONFIG + "\nrateLimits: {perAddress: 1000/minute}\n"
    with serving(app_over(NumberingEngine(tmp_path), time.time, config)) as pair:  # type: ignore[arg-type]
        asked, hits = request(b"/recommendations", body_of()), counted(pair)
        assert said(pair.hot, [asked, asked, asked, LAST], 0.01).count(b"200 OK") == 3
        assert not hits
