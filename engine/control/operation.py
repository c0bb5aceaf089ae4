"""`@operation`: a function of (control, request) is the Personalize operation of its name, in OPERATIONS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

import msgspec

from engine.control.control import Control
from engine.control.fields import Arn, Request, decoded
from engine.errors import EngineError

F = TypeVar("F", bound=Callable[..., Any])


class UnknownOperation(EngineError):
    code = "UnknownOperationException"
    status = 404


@dataclass(frozen=True)
class Operation:
    request: type[msgspec.Struct]
    function: Callable[[Control, Any], Any]  # → the answer's members, or None for an empty body
    decoder: msgspec.json.Decoder[Any]


OPERATIONS: dict[str, Operation] = {}


def operation(function: F) -> F:
    """Registers `create_dataset_group` as CreateDatasetGroup, with the type of its `request`."""
    register(_name_of(function), get_type_hints(function)["request"], function)
    return function


class ByArn(Request, frozen=True):
    arn: str


def operation_on(noun: str) -> Callable[[F], F]:
    """As `operation`, of a function whose request is the `nounArn` alone, in a `ByArn`."""

    def registered(function: F) -> F:
        register(_name_of(function), by_arn(noun), function)
        return function

    return registered


def by_arn(noun: str) -> type[ByArn]:
    arn = ("arn", Arn, msgspec.field(name=f"{noun}Arn"))
    request: type[Any] = msgspec.defstruct("ByArn", [arn], bases=(ByArn,), frozen=True)
    return request


def _name_of(function: Callable[..., Any]) -> str:
    return function.__name__.title().replace("_", "")


def register(name: str, request: type[msgspec.Struct], function: Callable[[Control, Any], Any]) -> None:
    OPERATIONS[name] = Operation(request, function, msgspec.json.Decoder(request))


def perform(control: Control, name: str, body: bytes) -> bytes:
    """One operation, JSON in and JSON out. Raises `EngineError`."""
    operation = OPERATIONS.get(name)
    if operation is None:
        raise UnknownOperation(f"There is no operation {name}.")
    answer = operation.function(control, decoded(body, operation.decoder))
    return b"" if answer is None else msgspec.json.encode(answer)
