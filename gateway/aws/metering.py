"""Calls of the wire, counted by operation and by what they are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from gateway.telemetry import RequestSpan, Telemetry

MOST_RESOURCES = 500  # that calls are counted for, each by itself
OTHER = "other"
UNKNOWN = "unknown"  # an operation that there is none of


class CallSubject(msgspec.Struct, frozen=True, rename="camel"):
    """The members of a data call that name what it is about."""

    campaign_arn: str | None = None
    recommender_arn: str | None = None
    tracking_id: str | None = None
    dataset_arn: str | None = None

    @property
    def name(self) -> str:
        return self.campaign_arn or self.recommender_arn or self.tracking_id or self.dataset_arn or ""


class CallObserver(Protocol):
    """Takes each call of a data operation that is about a resource that exists."""

    def observe(self, operation: str, resource: str, status: int, seconds: float) -> None: ...


_decode_subject = msgspec.json.Decoder(CallSubject).decode


class WireMeter:
    """Counts calls in the telemetry. `measured(name, account)` is the ARN that a call about this counts for, "" for
    nothing that exists: callers can't make up labels."""

    def __init__(
        self, telemetry: Telemetry, measured: Callable[[str, str], str], observer: CallObserver | None = None
    ) -> None:
        self._telemetry, self._measured, self._observer = telemetry, measured, observer
        self._resources: dict[tuple[str, str], str] = {}

    def trace(self, operation: str, headers: Mapping[str, str]) -> AbstractContextManager[RequestSpan | None]:
        return self._telemetry.trace(operation, "POST", headers)

    def count(self, operation: str, account: str, body: bytes, status: int, seconds: float) -> None:
        """Count a call of an account, "" where it was refused before its caller was known."""
        resource = self.resource_of(account, body, status) if account else ""
        self._telemetry.aws_request(operation, resource, status, seconds)
        self.observe(operation, resource, status, seconds)

    def observe(self, operation: str, resource: str, status: int, seconds: float) -> None:
        """Tell the observer of a call that the telemetry counts elsewhere."""
        if resource and resource != OTHER and self._observer is not None:
            self._observer.observe(operation, resource, status, seconds)

    def resource_of(self, account: str, body: bytes, status: int) -> str:
        """The resource that a call counts for."""
        try:
            name = _decode_subject(body).name
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""
        resource = self._resources.get((account, name), "")
        if resource or not name or status == 404:
            return resource
        resource = self._measured(name, account)
        if not resource or len(self._resources) >= MOST_RESOURCES:
            return OTHER if resource else ""
        self._resources[account, name] = resource
        return resource
