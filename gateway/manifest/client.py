"""The control plane that resources are read from and made in: operations of Personalize, and resources waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

Call = Callable[..., dict[str, Any]]  # an operation of Amazon Personalize and its members, as boto3 spells them
NOT_FOUND = "ResourceNotFoundException"


class OperationRefused(Exception):
    """An operation that the control plane refused, or a resource whose making failed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class ResourceClient(Protocol):
    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """One operation. Raises `OperationRefused`."""

    def wait(self, noun: str, arn: str, label: str) -> None:
        """Wait until a resource is made or changed, with a progress bar. Raises `OperationRefused` where that fails."""

    def wait_gone(self, noun: str, arn: str, label: str) -> None:
        """Wait until a deleted resource is there no more."""


def pages(call: Call, operation: str, key: str, **members: str) -> Iterator[dict[str, Any]]:
    """The entries of a list, page by page."""
    more: dict[str, str] = {}
    while True:
        answer = call(operation, **members, **more)
        yield from answer[key]
        if not answer.get("nextToken"):
            return
        more = {"nextToken": answer["nextToken"]}


def is_busy(status: str) -> bool:
    return status.endswith(("PENDING", "IN_PROGRESS", "STOPPING"))


def is_leaving(status: str) -> bool:
    return status.startswith("DELETE ")
