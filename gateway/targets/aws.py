"""Streams of AWS: their part of the document, calls that are signed, and their errors told apart."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from gateway.document.check import checks
from gateway.document.remote import Enclosing
from gateway.document.report import Report, inside
from gateway.document.values import Duration, Region, StreamName, Url
from gateway.errors import UpstreamProblem
from gateway.outbound import Got, Peer, Sent
from gateway.plan.plan import Limits
from gateway.targets.base import Down, EventTargetPart, TargetDependencies, judged, told

PASSING = re.compile(  # errors with status 400 that are about the account, the stream or the time, not the records
    "Throttl|Throughput|LimitExceeded|NotFound|ResourceInUse|AccessDenied|Expired|UnrecognizedClient|Signature"
    "|ClientTokenId|AuthenticationToken|KMS|Kms|Unavailable|InternalFailure|RequestTimeout|OptInRequired"
)

STREAM_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class StreamPart(EventTargetPart, frozen=True, kw_only=True):
    stream_name: StreamName
    region: Region | None = None
    endpoint_url: Url | None = None
    timeout: Duration = 10

    @property
    def named(self) -> str:
        return self.stream_name


@checks
def check_stream(part: StreamPart, place: str, report: Report) -> None:
    if not STREAM_NAME.fullmatch(part.stream_name):
        rule = "letters, digits, _, . and -, at most 128 of them"
        report.warn(inside(place, "streamName"), f"{part.stream_name!r} is no stream's name: {rule}")


class Stream(NamedTuple):
    name: str
    region: str
    endpoint_url: str | None
    timeout_s: float


def stream(part: StreamPart, enclosing: Enclosing) -> Stream:
    return Stream(part.stream_name, part.region or enclosing.region, part.endpoint_url, part.timeout)


class Place(NamedTuple):
    """A service that is called, and how long one call may take."""

    service: str
    region: str
    endpoint_url: str | None
    timeout_s: float


async def called(
    dependencies: TargetDependencies, name: str, place: Place, path: str, headers: dict[str, str], body: bytes
) -> Any:
    """The answer as plain data. Raises `Down` and `Refused`."""
    peer = Peer(name, "Events", Limits(timeout_s=place.timeout_s))
    url = dependencies.signer.endpoint(place.service, place.region, place.endpoint_url) + path
    try:
        sent = await dependencies.signer.signed(peer, Sent("POST", url, headers, body), place.service, place.region)
    except UpstreamProblem as problem:
        raise Down(problem.message) from problem
    got = await told(dependencies.outbound, peer, sent)
    error = "" if got.status < 300 else _error(got)
    judged(got, f"{name} answers with status {got.status} {error}".rstrip(), bool(PASSING.search(error)))
    return _decoded(got)


def _error(got: Got) -> str:
    answer = _decoded(got)
    fields = answer if isinstance(answer, dict) else {}
    kind = got.headers.get("x-amzn-errortype") or str(fields.get("__type") or fields.get("code") or "")
    bare = kind.partition(":")[0].rpartition("#")[2]
    message = str(fields.get("message") or fields.get("Message") or "")
    return f"{bare}: {message}"[:300] if message else bare


def _decoded(got: Got) -> Any:
    try:
        return msgspec.json.decode(got.body) if got.body else {}
    except msgspec.DecodeError:
        return {}
