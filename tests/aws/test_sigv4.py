"""Verification against botocore's own signatures, and request by request what is refused with which code."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings, strategies as st

from gateway.aws.canonical import RawRequest
from gateway.aws.sigv4 import verified
from gateway.errors import Denied
from gateway.plan.plan import AccessKey

KEYS = {
    "AKIA1": AccessKey("111111111111", "first secret"),
    "ASIA2": AccessKey("222222222222", "second/secret+", session_token="a//token=="),
}
UNSIGNED = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}


def signed(
    url: str = "http://localhost:8080/recommendations",
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
    *,
    key: str = "AKIA1",
    secret: str = "",
    token: str | None = None,
    service: str = "personalize",
    life_s: int = 0,
) -> RawRequest:
    """As botocore signs it, in the query where it has a life."""
    request = AWSRequest("POST", url, data=b"" if life_s else body, headers={"Host": "h", **(headers or {})})
    credentials = Credentials(key, secret or KEYS[key].secret, token)
    if life_s:
        SigV4QueryAuth(credentials, service, "eu-west-1", life_s).add_auth(request)
    else:
        SigV4Auth(credentials, service, "eu-west-1").add_auth(request)
    parts = urlsplit(request.url)
    lower = {name.lower(): str(value) for name, value in request.headers.items()}
    return RawRequest("POST", parts.path or "/", parts.query, lower, body)


def code_of(request: RawRequest, now: float | None = None, keys: dict[str, AccessKey] = KEYS) -> str:
    try:
        verified(request, keys, time.time() if now is None else now)
    except Denied as denied:
        assert denied.status == 403
        assert not [key.secret for key in keys.values() if key.secret in denied.message]
        return denied.code
    return ""


def changed(request: RawRequest, **headers: str | None) -> RawRequest:
    """With other headers (their dashes as underscores), or without those that are None."""
    given = request.headers | {name.replace("_", "-"): value for name, value in headers.items()}
    return request._replace(headers={name: value for name, value in given.items() if value is not None})


path = st.lists(st.sampled_from(["a", "b c", "..", ".", "", "%20", "~x", "é", "a+b", "="]), max_size=4)
word = st.text("aZ0~-_. /+=&%é", max_size=6)
header = st.text(" ab,\t", max_size=8).map(lambda text: f"x{text}x")


@settings(deadline=None)
@given(path, st.dictionaries(word, word, max_size=4), header, st.binary(max_size=40), st.integers(0, 1))
def test_whatever_botocore_signs_is_verified(path: list[str], params: dict[str, str], value: str, body: bytes, n: int):
    url = "http://h:1/" + "/".join(quote(part) for part in path)
    query = urlencode(params, quote_via=lambda text, *_: quote(text, safe="-_.~"))
    request = signed(f"{url}?{query}" if query else url, body, {"X-Custom": value, "X-Amz-Target": "T.Op"})
    assert code_of(request) == ""
    place = len(request.body) // 2
    assert code_of(request._replace(body=request.body[:place] + b"!" + request.body[place:])) != ""
    assert code_of(request._replace(path=request.path + "x")) != ""
    assert code_of(request._replace(query=f"{request.query}&more=1")) != ""
    assert code_of(changed(request, x_custom=value + "y")) != ""


def test_the_key_and_the_region_are_returned():
    claim, key = verified(signed(key="ASIA2", token="a//token=="), KEYS, time.time())
    assert (claim.key, key.account, claim.region) == ("ASIA2", "222222222222", "eu-west-1")


def test_headers_that_botocore_never_signs_may_be_signed():
    assert code_of(signed(headers={"User-Agent": "x"})) == ""
    request = signed()
    assert "user-agent" not in request.headers["authorization"]
    assert code_of(changed(request, user_agent="a proxy's", x_forwarded_for="10.0.0.1")) == ""


def test_bytes_that_are_no_ascii():
    request = signed(headers={"X-Name": "caf\u00e9 \u00e0 b"})
    utf8 = request.headers["x-name"].encode().decode("latin-1")  # how a server sees the bytes that botocore signs
    assert code_of(changed(request, x_name=utf8)) == ""
    odd = signed(life_s=60, body=b"")
    second = odd.query.partition("X-Amz-Date=")[2][14]
    arabic = odd._replace(
        query=odd.query.replace(f"{second}Z&", f"%D9%A{second}Z&", 1)
    )  # strptime takes it for a digit
    assert arabic != odd and code_of(arabic) == "InvalidSignatureException"


REFUSED: list[tuple[str, Any, str]] = [
    ("unknown key", lambda: signed(key="AKIA9", secret="s"), "UnrecognizedClientException"),
    ("bad secret", lambda: signed(secret="other"), "InvalidSignatureException"),
    ("no token", lambda: signed(key="ASIA2"), "UnrecognizedClientException"),
    ("wrong token", lambda: signed(key="ASIA2", token="a//token="), "UnrecognizedClientException"),
    ("a token too many", lambda: signed(token="t"), "UnrecognizedClientException"),
    ("another service", lambda: signed(service="s3"), "InvalidSignatureException"),
    ("another method", lambda: signed()._replace(method="GET"), "InvalidSignatureException"),
    ("another host", lambda: changed(signed(), host="evil"), "InvalidSignatureException"),
    ("a target added", lambda: changed(signed(), x_amz_target="A.DeleteAll"), "InvalidSignatureException"),
    ("a header removed", lambda: changed(signed(headers={"X-A": "1"}), x_a=None), "InvalidSignatureException"),
    ("an unsigned payload after all", lambda: changed(signed(), x_amz_content_sha256="UNSIGNED-PAYLOAD"), "InvalidS"),
    ("a digest of something else", lambda: signed(headers={"X-Amz-Content-SHA256": "0" * 64}), "InvalidSignature"),
    ("a chunked payload", lambda: signed(headers={"X-Amz-Content-SHA256": "STREAMING-x"}), "InvalidSignature"),
    ("no signature", lambda: changed(signed(), authorization=None), "MissingAuthenticationToken"),
    ("another scheme", lambda: changed(signed(), authorization="Bearer abc"), "IncompleteSignature"),
    ("a bare scheme", lambda: changed(signed(), authorization="AWS4-HMAC-SHA256"), "IncompleteSignature"),
    ("nothing", lambda: changed(signed(), authorization=""), "IncompleteSignature"),
    ("no date", lambda: changed(signed(), x_amz_date=None), "IncompleteSignature"),
    ("no time", lambda: changed(signed(), x_amz_date=signed().headers["x-amz-date"][:8]), "IncompleteSignature"),
    ("no digits", lambda: changed(signed(), x_amz_date=signed().headers["x-amz-date"][:8] + "TabcdefZ"), "Incomplete"),
    ("another day", lambda: changed(signed(), x_amz_date="20200101T000000Z"), "InvalidSignatureException"),
    ("too long a life", lambda: signed(life_s=8 * 86_400), "IncompleteSignature"),
]


@pytest.mark.parametrize(("make", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(make: Any, code: str):
    assert code_of(make()).startswith(code)


@pytest.mark.parametrize("part", ["Credential=", "SignedHeaders=", "Signature="])
def test_an_authorization_without_one_of_its_parts(part: str):
    request = signed()
    assert code_of(changed(request, authorization=request.headers["authorization"].replace(part, "X="))) == (
        "IncompleteSignature"
    )


@pytest.mark.parametrize("lost", ["host", "x-amz-date"])
def test_what_must_be_signed(lost: str):
    request = signed()
    text = request.headers["authorization"]
    assert lost in text
    text = text.replace(f"{lost};", "").replace(f";{lost}", "")
    assert code_of(changed(request, authorization=text)) == "InvalidSignatureException"


SKEWS = [(-301, "InvalidSignatureException"), (-290, ""), (0, ""), (290, ""), (302, "InvalidSignatureException")]


@pytest.mark.parametrize(("skew_s", "code"), SKEWS)
def test_five_minutes_of_skew(skew_s: int, code: str):
    assert code_of(signed(), time.time() + skew_s) == code


def test_an_expired_key_is_told_only_to_its_owner():
    keys = {"AKIA1": AccessKey("1", "first secret", expires=time.time() - 1)}
    assert code_of(signed(), keys=keys) == "ExpiredTokenException"
    assert code_of(signed(secret="guess"), keys=keys) == "InvalidSignatureException"


# ---- presigned


def test_presigned_as_long_as_it_lives():
    request = signed(life_s=60, body=b"")
    assert "authorization" not in request.headers and "X-Amz-Signature=" in request.query
    assert [code_of(request, time.time() + later) for later in (0, 55)] == ["", ""]
    assert code_of(request, time.time() + 62) == "InvalidSignatureException"
    assert code_of(request, time.time() - 301) == "InvalidSignatureException"


def test_presigned_with_a_session_token():
    assert code_of(signed(life_s=60, body=b"", key="ASIA2", token="a//token==")) == ""
    assert code_of(signed(life_s=60, body=b"", key="ASIA2", token="other")) == "UnrecognizedClientException"


def test_presigned_bodies():
    assert code_of(signed(life_s=60, body=b"another")) == "InvalidSignatureException"
    assert code_of(signed(life_s=60, body=b"any", headers=UNSIGNED)) == ""


def test_presigned_queries():
    request = signed("http://h/?a=1", life_s=60, body=b"")
    assert code_of(request) == ""
    assert code_of(request._replace(query=request.query.replace("a=1", "a=2"))) == "InvalidSignatureException"
    assert code_of(request._replace(query=request.query.replace("Expires=60", "Expires=61"))) != ""
