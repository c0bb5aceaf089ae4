"""An answer against botocore's output shape: no unknown member, the required ones there, every type right, no nulls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from botocore.model import OperationModel, Shape

NUMBERS = (int, float)
SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": NUMBERS,
    "double": NUMBERS,
    "timestamp": NUMBERS,
}
OF_ANY_OPERATION = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "InternalFailure",
    "InvalidInputException",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "RequestEntityTooLargeException",
    "ServiceUnavailableException",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
}
BESIDE_THE_MODEL = {  # where the specification asks for more than the model declares
    ("CreateFilter", "ResourceInUseException"),
    ("ListMetricAttributionMetrics", "ResourceNotFoundException"),
}


def faults(shape: Shape, value: Any, path: str = "$") -> Iterator[str]:
    """What is wrong with the value, a line each."""
    if value is None:
        yield f"{path} is null"
    elif shape.type_name == "structure":
        yield from _structure(shape, value, path)
    elif shape.type_name == "list":
        yield from _list(shape, value, path)
    elif shape.type_name == "map":
        for key, member in value.items():
            yield from faults(shape.key, key, f"{path}.{key} (key)")
            yield from faults(shape.value, member, f"{path}.{key}")
    else:
        yield from _scalar(shape, value, path)


def answer_faults(operation: OperationModel, status: int, headers: Any, body: bytes) -> list[str]:
    """What is wrong with a whole HTTP answer, success or error."""
    found = [] if headers.get("x-amzn-RequestId") else ["no request id"]
    if status >= 300:
        return found + list(_error_faults(operation, headers, json.loads(body)))
    if operation.output_shape is None or not operation.output_shape.members:
        return found + ([f"a body where none is due: {body!r}"] if body not in (b"", b"{}") else [])
    return found + list(faults(operation.output_shape, json.loads(body)))


def _error_faults(operation: OperationModel, headers: Any, body: dict[str, Any]) -> Iterator[str]:
    if body.get("__type") != headers.get("x-amzn-ErrorType"):
        yield f"__type {body.get('__type')} is not the header's {headers.get('x-amzn-ErrorType')}"
    if not body.get("message"):
        yield "no message"
    code = str(body.get("__type"))
    declared = {shape.name for shape in operation.error_shapes} | OF_ANY_OPERATION
    if code not in declared and (operation.name, code) not in BESIDE_THE_MODEL:
        yield f"{operation.name} declares no {code}"


def _structure(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} is no structure: {value!r}"
        return
    members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
    yield from (f"{path}.{name} is not in botocore's shape" for name in value.keys() - members.keys())
    yield from (f"{path}.{name} is missing" for name in set(shape.required_members) - value.keys())
    for name in value.keys() & members.keys():
        yield from faults(members[name], value[name], f"{path}.{name}")


def _list(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path} is no list: {value!r}"
        return
    if len(value) > shape.metadata.get("max", len(value)):
        yield f"{path} is longer than {shape.metadata['max']}"
    for place, member in enumerate(value):
        yield from faults(shape.member, member, f"{path}[{place}]")


def _scalar(shape: Shape, value: Any, path: str) -> Iterator[str]:
    types = SCALARS[shape.type_name]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        yield f"{path} is no {shape.type_name}: {value!r}"
        return
    rules = shape.metadata
    if "enum" in rules and value not in rules["enum"]:
        yield f"{path} is none of {rules['enum']}: {value!r}"
    if isinstance(value, str) and not rules.get("min", 0) <= len(value) <= rules.get("max", len(value)):
        yield f"{path} has a wrong length: {value!r}"
    pattern = rules.get("pattern", "")
    if pattern and not _excused(path, value, pattern) and not re.search(pattern, value):
        yield f"{path} does not match {pattern}: {value!r}"


def _excused(path: str, value: str, pattern: str) -> bool:
    """Python knows no Unicode classes; the model gives some roles the pattern of Personalize's own ARNs; and files are
    an extension of ours."""
    mismodelled = path.endswith(".roleArn") and ":personalize:" in pattern
    return r"\p" in pattern or mismodelled or value.startswith("file://")
