"""AWS's Signature Version 4, verified: which access key signed this very request, and when (specification §1.1).

botocore can sign but not verify: it never signs some headers (User-Agent among them) that other SDKs do sign. The tests
hold this against its signatures. A refusal says which rule is broken, never what would have been right.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from gateway.aws.canonical import Pairs, RawRequest, canonical, pairs_of
from gateway.errors import Denied
from gateway.plan.plan import AccessKey

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "personalize"  # all three services of Personalize sign as this one
SKEW_S = 300
LONGEST_S = 7 * 86_400  # that a presigned request may live
LONGEST_FORM = 1000  # characters of an Authorization header whose form is remembered
DIGEST = "x-amz-content-sha256"
UNSIGNED = "UNSIGNED-PAYLOAD"
CREDENTIAL = re.compile(
    r"(?P<key>[^/]+)/(?P<date>[0-9]{8})/(?P<region>[a-z0-9-]{1,32})/(?P<service>[^/]+)/aws4_request"
)
MUST_BE_SIGNED = frozenset({"host", "x-amz-date", "x-amz-security-token", "x-amz-target"})  # where the request has them


class Claim(NamedTuple):
    """A request's claims about its signature."""

    key: str
    date: str
    region: str
    service: str
    signed_headers: str
    signature: str
    time: str
    token: str | None
    life_s: int | None  # of a presigned request


def verified(
    request: RawRequest, keys: Mapping[str, AccessKey], now: float, service: str = SERVICE
) -> tuple[Claim, AccessKey]:
    """The claim of a request to a service, and the key that has signed it. Raises `Denied`."""
    query = pairs_of(request.query)
    claim, key = claimed(request, query, keys, now, service)
    check_signature(request, query, claim, key.secret, payload_of(request))
    if now >= key.expires:  # last, so that only the key's owner learns of it
        raise Denied("ExpiredTokenException", "The security token included in the request is expired.")
    return claim, key


def check_head(request: RawRequest, keys: Mapping[str, AccessKey], now: float, service: str = SERVICE) -> None:
    """Verify what can be before the body is there: all but the body's digest where the head says that, else all but the
    signature. Raises `Denied`."""
    query = pairs_of(request.query)
    claim, key = claimed(request, query, keys, now, service)
    if DIGEST in request.headers:
        check_signature(request, query, claim, key.secret, request.headers[DIGEST])
    else:
        check_signed_headers(request, claim)


def claimed(
    request: RawRequest, query: Pairs, keys: Mapping[str, AccessKey], now: float, service: str
) -> tuple[Claim, AccessKey]:
    """The request's claim, by a key that there is. Raises `Denied`."""
    claim = claim_of(request, query)
    key = keys.get(claim.key)
    if key is None or ((claim.token or key.session_token) and not same(claim.token or "", key.session_token or "")):
        raise Denied("UnrecognizedClientException", "The security token included in the request is invalid.")
    if claim.service != service:
        raise invalid(f"Credential should be scoped to the service {service!r}.")
    if claim.date != claim.time[:8]:
        raise invalid("The date in Credential is not that of X-Amz-Date.")
    check_time(claim, now)
    return claim, key


# --- what the request claims


def claim_of(request: RawRequest, query: Pairs) -> Claim:
    if "authorization" in request.headers:
        said = request.headers["authorization"]
        time, token = request.headers.get("x-amz-date"), request.headers.get("x-amz-security-token")
        before, _, last = said.rpartition(", Signature=")
        form = form_of(before) if len(before) <= LONGEST_FORM else None
        if form is not None and last and "," not in last and time:
            return Claim(*form, last.rstrip(), time, token, None)
        algorithm, _, rest = said.partition(" ")
        parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        return claim_from(algorithm, parts, time, token, None)
    parts = {name.removeprefix("X-Amz-"): unquote(value) for name, value in query if name.startswith("X-Amz-")}
    if "Algorithm" not in parts:
        raise Denied("MissingAuthenticationToken", "The request has neither an Authorization header nor a signature.")
    life = parts.get("Expires", "")
    if not (re.fullmatch(r"[0-9]{1,6}", life) and 1 <= int(life) <= LONGEST_S):
        raise incomplete(f"X-Amz-Expires must be a number of seconds from 1 to {LONGEST_S}.")
    return claim_from(parts["Algorithm"], parts, parts.get("Date"), parts.get("Security-Token"), int(life))


@lru_cache(maxsize=256)
def form_of(before: str) -> tuple[str, str, str, str, str] | None:
    """Key, date, region, service and signed headers of an Authorization header without its signature, which SDKs put
    last: it is the same for a day, and read once. None where it is unusual."""
    algorithm, _, rest = before.partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    credential = CREDENTIAL.fullmatch(parts.get("Credential", ""))
    if algorithm != ALGORITHM or credential is None or parts.keys() != {"Credential", "SignedHeaders"}:
        return None
    key, date, region, service = credential.groups()
    return (key, date, region, service, parts["SignedHeaders"]) if parts["SignedHeaders"] else None


def claim_from(
    algorithm: str, parts: Mapping[str, str], time: str | None, token: str | None, life_s: int | None
) -> Claim:
    if algorithm != ALGORITHM:
        raise incomplete(f"The request must be signed with {ALGORITHM}.")
    missing = [name for name in ("Credential", "SignedHeaders", "Signature") if not parts.get(name)]
    if missing or not time:
        raise incomplete(f"The request's authorization lacks {missing[0] if missing else 'X-Amz-Date'}.")
    credential = CREDENTIAL.fullmatch(parts["Credential"])
    if credential is None:
        raise incomplete("Credential must have the form KEY/YYYYMMDD/REGION/SERVICE/aws4_request.")
    key, date, region, service = credential.groups()
    return Claim(key, date, region, service, parts["SignedHeaders"], parts["Signature"], time, token, life_s)


@lru_cache(maxsize=1024)
def seconds_of(time: str) -> float:
    """Epoch seconds."""
    try:
        return datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise incomplete("X-Amz-Date must have the form YYYYMMDDTHHMMSSZ.") from None


def check_time(claim: Claim, now: float) -> None:
    """Signed at most five minutes ago or ahead; a presigned request holds as long as it says."""
    signed_at = seconds_of(claim.time)
    if signed_at > now + SKEW_S:
        raise invalid(f"Signature not yet current: {claim.time} is more than 5 minutes ahead of this server's clock.")
    if now > signed_at + (SKEW_S if claim.life_s is None else claim.life_s):
        raise invalid(f"Signature expired: {claim.time} is too long ago by this server's clock.")


# --- the signature


def check_signed_headers(request: RawRequest, claim: Claim) -> list[str]:
    names, sent = claim.signed_headers.split(";"), request.headers.keys()
    signed = frozenset(names)
    if "host" not in signed or not (MUST_BE_SIGNED & sent) <= signed or not signed <= sent:
        raise mismatch()
    return names


def check_signature(request: RawRequest, query: Pairs, claim: Claim, secret: str, payload: str) -> None:
    """`payload` is the body's digest, or what stands for it."""
    text = canonical(request, query, check_signed_headers(request, claim), payload)
    scope = f"{claim.date}/{claim.region}/{claim.service}/aws4_request"
    digest = hashlib.sha256(text.encode("latin-1")).hexdigest()
    to_sign = f"{ALGORITHM}\n{claim.time}\n{scope}\n{digest}".encode()
    wanted = signing_key(secret, claim.date, claim.region, claim.service).sign(to_sign)
    if not same(wanted, claim.signature):
        raise mismatch()


def payload_of(request: RawRequest) -> str:
    """The body's digest, or what the request says instead; a digest that it says must be the body's."""
    digest = hashlib.sha256(request.body).hexdigest()
    payload = request.headers.get(DIGEST)
    if payload is None:
        return digest
    if payload != UNSIGNED and not same(payload, digest):
        raise mismatch()
    return payload


class SigningKey:
    """HMAC-SHA-256 (RFC 2104) by one key: both hashes stand ready with the key in them, which takes half the time of
    `hmac.digest` and, unlike that, lets no other thread in between."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        """`key` is no longer than a block."""
        block = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in block]))
        self._outer = hashlib.sha256(bytes([byte ^ 0x5C for byte in block]))

    def sign(self, text: bytes) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.hexdigest()


@lru_cache(maxsize=256)
def signing_key(secret: str, date: str, region: str, service: str) -> SigningKey:
    """The key of a day, derived once."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return SigningKey(key)


def same(one: str, other: str) -> bool:
    """Compare in a time that tells nothing of where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


# --- refusals


def incomplete(message: str) -> Denied:
    return Denied("IncompleteSignature", message)


def invalid(message: str) -> Denied:
    return Denied("InvalidSignatureException", message)


def mismatch() -> Denied:
    return invalid(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method."
    )
