"""Any service that takes a POST: a record, or a list of them; what is sent again has the same Idempotency-Key."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from gateway.context.rules import HeaderName
from gateway.document.report import Report, checks, choices, inside
from gateway.document.values import BatchSize, Duration, Url
from gateway.outbound import OutboundRequest, Peer
from gateway.plan.plan import Limits
from gateway.plan.template import in_header, in_url, template
from gateway.targets.base import (
    Call,
    EventTargetPart,
    Failed,
    Message,
    RecordTarget,
    TargetDependencies,
    TargetType,
    check_status,
    exchange,
)

ONE, SEVERAL = 1024 * 1024, 4 * 1024 * 1024  # bytes of a POST
AT_ONCE = 8
OF_ONE = ("id", "sessionId", "userId")  # what templates may name besides the namespace, where a POST has one record


class HttpTarget(EventTargetPart, frozen=True, tag="http", kw_only=True):
    """Any service over HTTP: a POST of a record as JSON, or of a list of up to `batchSize`; one that is sent again has
    the same `Idempotency-Key`. In the URL after its host, and in headers, may stand `{namespace}` and, without a
    `batchSize`, `{id}`, `{sessionId}` and `{userId}`."""

    url: Url
    method: Literal["POST"] = "POST"
    headers: dict[HeaderName, str] = {}
    batch_size: BatchSize = 1
    timeout: Duration = 10

    @property
    def named(self) -> str:
        url = urlsplit(self.url)
        digest = f"#{hashlib.sha256(url.query.encode()).hexdigest()[:8]}" if url.query else ""
        return f"{url.netloc.rpartition('@')[2]}{url.path}{digest}"


@checks
def check_http_target(part: HttpTarget, place: str, report: Report) -> None:
    allowed = ("namespace",) if part.batch_size > 1 else ("namespace", *OF_ONE)
    for key, text in (("url", part.url), *((f"headers.{name}", text) for name, text in part.headers.items())):
        try:
            names = template(text).names
        except ValueError as error:
            report.refuse(inside(place, key), str(error))
            continue
        for name in sorted(set(names) - set(allowed)):
            report.refuse(inside(place, key), f"{{{name}}} has no value here; {choices(name, allowed)}")
    if "{" in "/".join(part.url.split("/")[:3]):
        report.refuse(inside(place, "url"), "has a {name} in its host: callers would choose whom the gateway tells")


class WebhookTarget(RecordTarget):
    """A POST has the record itself, or with a `batchSize` above 1 a list."""

    def __init__(self, dependencies: TargetDependencies, key: str, part: HttpTarget) -> None:
        self._outbound, self._key, self._batch = dependencies.outbound, key, part.batch_size
        self._url = template(part.url)
        self._headers = {name: template(text) for name, text in part.headers.items()}
        self.call = Call(self._batch, SEVERAL, whole=True) if self._batch > 1 else Call(1, ONE, at_once=AT_ONCE)
        self._peer = Peer(key, "Events", Limits(timeout_s=part.timeout))

    async def send(self, call: Sequence[Message]) -> Sequence[Failed | None]:
        response = await exchange(self._outbound, self._peer, self._sent(call))
        check_status(response, f"{self._key} answers with status {response.status}")
        return [None] * len(call)

    def _sent(self, call: Sequence[Message]) -> OutboundRequest:
        entry = call[0].entry
        values = {"namespace": entry.namespace, "id": entry.id, "sessionId": entry.session, "userId": entry.user or ""}
        headers = {
            "content-type": "application/json",
            "idempotency-key": call[0].id if len(call) == 1 else _digest(call),
            **{name: value.filled(values.__getitem__, in_header) for name, value in self._headers.items()},
        }
        body = call[0].data if self._batch == 1 else b"[" + b",".join(each.data for each in call) + b"]"
        return OutboundRequest("POST", self._url.filled(values.__getitem__, in_url), headers, body)


def _digest(call: Sequence[Message]) -> str:
    return hashlib.sha256("\n".join(each.id for each in call).encode()).hexdigest()[:32]


TARGET = TargetType(HttpTarget, WebhookTarget, place=4)
