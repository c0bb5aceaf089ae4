"""`@operation`: a function of (control, request) is the Personalize operation of its name, in OPERATIONS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

import msgspec

from engine.control.control import Control
from engine.control.fields import decoded
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
    register(function.__name__.title().replace("_", ""), get_type_hints(function)["request"], function)
    return function


def register(name: str, request: type[msgspec.Struct], function: Callable[[Control, Any], Any]) -> None:
    OPERATIONS[name] = Operation(request, function, msgspec.json.Decoder(request))


def perform(control: Control, name: str, body: bytes) -> bytes:
    """One operation, JSON in and JSON out. Raises `EngineError`."""
    operation = OPERATIONS.get(name)
    if operation is None:
        raise UnknownOperation(f"There is no operation {name}.")
    answer = operation.function(control, decoded(body, operation.decoder))
    return b"" if answer is None else msgspec.json.encode(answer)
