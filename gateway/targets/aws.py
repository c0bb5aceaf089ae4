"""Calls to AWS: signed, and their errors told apart."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from gateway.errors import UpstreamProblem
from gateway.outbound import Got, Peer, Sent
from gateway.plan.plan import Limits
from gateway.targets.base import Down, Means, judged, told

PASSING = re.compile(  # errors with status 400 that are about the account, the stream or the time, not the records
    "Throttl|Throughput|LimitExceeded|NotFound|ResourceInUse|AccessDenied|Expired|UnrecognizedClient|Signature"
    "|ClientTokenId|AuthenticationToken|KMS|Kms|Unavailable|InternalFailure|RequestTimeout|OptInRequired"
)


class Place(NamedTuple):
    """A service that is called, and how long one call may take."""

    service: str
    region: str
    endpoint_url: str | None
    timeout_s: float


async def called(means: Means, name: str, place: Place, path: str, headers: dict[str, str], body: bytes) -> Any:
    """The answer as plain data. Raises `Down` and `Refused`."""
    peer = Peer(name, "Events", Limits(timeout_s=place.timeout_s))
    url = means.signer.endpoint(place.service, place.region, place.endpoint_url) + path
    try:
        sent = await means.signer.signed(peer, Sent("POST", url, headers, body), place.service, place.region)
    except UpstreamProblem as problem:
        raise Down(problem.message) from problem
    got = await told(means.outbound, peer, sent)
    error = "" if got.status < 300 else _error(got)
    judged(got, f"{name} answers with status {got.status} {error}".rstrip(), bool(PASSING.search(error)))
    return _decoded(got)


def _error(got: Got) -> str:
    said = _decoded(got)
    fields = said if isinstance(said, dict) else {}
    kind = got.headers.get("x-amzn-errortype") or str(fields.get("__type") or fields.get("code") or "")
    bare = kind.partition(":")[0].rpartition("#")[2]
    message = str(fields.get("message") or fields.get("Message") or "")
    return f"{bare}: {message}"[:300] if message else bare


def _decoded(got: Got) -> Any:
    try:
        return msgspec.json.decode(got.body) if got.body else {}
    except msgspec.DecodeError:
        return {}
