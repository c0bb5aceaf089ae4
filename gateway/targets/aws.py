"""Streams of AWS: their part of the document, calls that are signed, and their errors told apart."""

from __future__ import annotations

import re
from typing import Any, ClassVar, NamedTuple

import msgspec

from gateway.document.remote import Enclosing
from gateway.document.report import Report, checks, inside
from gateway.document.values import Duration, Region, StreamName, Url
from gateway.errors import UpstreamProblem
from gateway.outbound import OutboundRequest, OutboundResponse, Peer
from gateway.plan.plan import Limits
from gateway.targets.base import Down, EventTargetPart, RecordTarget, TargetDependencies, check_status, exchange

PASSING = re.compile(  # errors with status 400 that are about the account, the stream or the time, not the records
    "Throttl|Throughput|LimitExceeded|NotFound|ResourceInUse|AccessDenied|Expired|UnrecognizedClient|Signature"
    "|ClientTokenId|AuthenticationToken|KMS|Kms|Unavailable|InternalFailure|RequestTimeout|OptInRequired"
)

STREAM_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class StreamPart(EventTargetPart, frozen=True, kw_only=True):
    name_field: ClassVar[str] = "stream_name"

    stream_name: StreamName
    region: Region | None = None
    endpoint_url: Url | None = None
    timeout: Duration = 10


@checks
def check_stream(part: StreamPart, place: str, report: Report) -> None:
    if not STREAM_NAME.fullmatch(part.stream_name):
        rule = "letters, digits, _, . and -, at most 128 of them"
        report.warn(inside(place, "streamName"), f"{part.stream_name!r} is no stream's name: {rule}")


class AwsPlace(NamedTuple):
    """A stream or tracker, and how long a call about it may take."""

    name: str
    region: str
    endpoint_url: str | None
    timeout_s: float


def stream(part: StreamPart, enclosing: Enclosing) -> AwsPlace:
    return AwsPlace(part.stream_name, part.region or enclosing.region, part.endpoint_url, part.timeout)


class AwsTarget(RecordTarget):
    """A stream or tracker of an AWS service, which `service` names."""

    service: ClassVar[str]

    def __init__(self, dependencies: TargetDependencies, key: str, place: AwsPlace) -> None:
        self._outbound, self._signer, self._place = dependencies.outbound, dependencies.signer, place
        self._peer = Peer(key, "Events", Limits(timeout_s=place.timeout_s))

    async def _call(self, path: str, headers: dict[str, str], body: bytes) -> Any:
        """The answer as plain data. Raises `Down` and `Refused`."""
        peer, region = self._peer, self._place.region
        url = self._signer.endpoint(self.service, region, self._place.endpoint_url) + path
        try:
            request = await self._signer.signed(peer, OutboundRequest("POST", url, headers, body), self.service, region)
        except UpstreamProblem as problem:
            raise Down(problem.message) from problem
        response = await exchange(self._outbound, peer, request)
        error = "" if response.status < 300 else _error(response)
        why = f"{peer.name} answers with status {response.status} {error}".rstrip()
        check_status(response, why, bool(PASSING.search(error)))
        return _decoded(response)


def _error(response: OutboundResponse) -> str:
    answer = _decoded(response)
    fields = answer if isinstance(answer, dict) else {}
    kind = response.headers.get("x-amzn-errortype") or str(fields.get("__type") or fields.get("code") or "")
    bare = kind.partition(":")[0].rpartition("#")[2]
    message = str(fields.get("message") or fields.get("Message") or "")
    return f"{bare}: {message}"[:300] if message else bare


def _decoded(response: OutboundResponse) -> Any:
    try:
        return msgspec.json.decode(response.body) if response.body else {}
    except msgspec.DecodeError:
        return {}
