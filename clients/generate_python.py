"""The Python client's models and operations, from `clients/openapi.json`: `make clients` writes them."""

from __future__ import annotations

import json
import keyword
import re
import subprocess
import sys
import textwrap
from typing import NamedTuple

from clients.document import HERE, ClientOperation, Language, Schema, UnknownSchema, operations_of, read_document

SOURCES = HERE / "python" / "recgate_client"
SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
HEAD = '"""{title} Generated from the OpenAPI document by `make clients`: do not edit."""\n\n'
MODELS_HEAD = (
    HEAD.format(title="Records of recgate's API.")
    + """from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

"""
)
OPERATIONS_HEAD = (
    HEAD.format(title="Operations of recgate's API.")
    + """from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from recgate_client import models
from recgate_client.transport import AsyncTransport, Call, Transport, path_of

"""
)


class Colour(NamedTuple):
    """How one of the two clients calls: at once, or awaited."""

    prefix: str
    transport: str
    define: str
    call: str


BLOCKING = Colour("", "Transport", "def", "")
AWAITED = Colour("Async", "AsyncTransport", "async def", "await ")


def main() -> None:
    for name, text in generated().items():
        (SOURCES / name).write_text(text)


def generated() -> dict[str, str]:
    """The texts by the names of their files."""
    document = read_document()
    models = MODELS_HEAD + "\n\n".join(model(name, each) for name, each in document["components"]["schemas"].items())
    operations = list(operations_of(document, PYTHON))
    classes = [
        operations_class(f"{colour.prefix}{kind}Operations", colour, operations, is_admin=kind == "Admin")
        for colour in (BLOCKING, AWAITED)
        for kind in ("", "Admin")
    ]
    return {"models.py": formatted(models), "operations.py": formatted(OPERATIONS_HEAD + "\n\n".join(classes))}


def formatted(source: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--line-length", "120", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=True)
    return done.stdout


# ---- types


def python_type(schema: Schema, module: str = "") -> str:
    """The Python type of values of the schema. Raises `UnknownSchema`."""
    match schema:
        case {"$ref": str(reference)}:
            return module + reference.rpartition("/")[2]
        case {"enum": list(values)}:
            return f"Literal[{', '.join(map(repr, values))}]"
        case {"anyOf": list(choices)} | {"oneOf": list(choices)}:
            return " | ".join(dict.fromkeys(python_type(each, module) for each in choices))
        case {"type": "array", "prefixItems": list(items)}:
            return f"tuple[{', '.join(python_type(each, module) for each in items)}]"
        case {"type": "array"}:
            return f"list[{python_type(schema.get('items', {}), module)}]"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"dict[str, {python_type(values, module)}]"
        case {"type": "object"}:
            return "dict[str, Any]"
        case {"type": str(name)} if name in SIMPLE:
            return SIMPLE[name]
    if schema.keys() <= {"default", "description", "title"}:
        return "Any"
    raise UnknownSchema(json.dumps(schema))


def python_name(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    return f"{snake}_" if keyword.iskeyword(snake) else snake


PYTHON = Language(python_name, lambda schema: python_type(schema, "models."), "Sequence[str]", "bytes")


# ---- models


def model(name: str, schema: Schema) -> str:
    """The class of one record; one with members of any name is a dictionary."""
    if schema.get("additionalProperties") is True:
        return f"{name}: TypeAlias = dict[str, Any]\n"
    lines = [f"class {name}(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):"]
    if description := schema.get("description"):
        lines.append(textwrap.indent(docstring(description), "    "))
    required = schema.get("required", ())
    lines += [member(each, inner, is_required=each in required) for each, inner in schema["properties"].items()]
    return "\n".join(lines if len(lines) > 1 else [*lines, "    pass"]) + "\n"


def member(name: str, schema: Schema, *, is_required: bool) -> str:
    own, annotation = python_name(name), python_type(schema)
    renamed = f"name={name!r}" if own != name else ""
    if is_required:
        return f"    {own}: {annotation}" + (f" = msgspec.field({renamed})" if renamed else "")
    optional = annotation if annotation == "Any" or "None" in annotation.split(" | ") else f"{annotation} | None"
    return f"    {own}: {optional} = " + (f"msgspec.field(default=None, {renamed})" if renamed else "None")


def docstring(text: str) -> str:
    safe = text.replace("\\", "\\\\").replace('"""', "'''")
    wrapped = "\n".join(textwrap.wrap(safe, 110))
    return f'"""{wrapped} """' if wrapped.endswith('"') else f'"""{wrapped}"""'


# ---- operations


def operations_class(name: str, colour: Colour, operations: list[ClientOperation], *, is_admin: bool) -> str:
    words = "The operations for operators: paths below /admin." if is_admin else "The operations for pages and apps."
    head = f'class {name}:\n    """{words}"""\n\n'
    head += f"    def __init__(self, transport: {colour.transport}) -> None:\n        self._transport = transport\n\n"
    chosen = [each for each in operations if each.is_admin == is_admin]
    return head + "\n".join(method_of(each, colour) for each in chosen)


def method_of(operation: ClientOperation, colour: Colour) -> str:
    places = [f"{each.own}: {each.annotation}" for each in (*operation.places, *operation.headers)]
    body = [] if operation.body is None else [f"body: {operation.body}"]
    query = [f"{each.own}: {each.annotation} | None = None" for each in operation.query]
    signature = ", ".join(["self", *places, *body, *(["*"] if query else []), *query])
    template = re.sub(r"{\w+}", "{}", operation.path)
    path = f"path_of({', '.join([repr(template), *(each.own for each in operation.places)])})"
    call = [repr(operation.method), path]
    for part, values in (("headers", operation.headers), ("query", operation.query)):
        if values:
            call.append(f"{part}={{{', '.join(f'{each.name!r}: {each.own}' for each in values)}}}")
    if body:
        call.append("body=body")
    result = operation.result
    sent = f"{colour.call}self._transport.send(Call({', '.join(call)}), {result or 'type(None)'})"
    return (
        f"    {colour.define} {operation.name}({signature}) -> {result}:\n"
        + textwrap.indent(method_docstring(operation), " " * 8)
        + f"\n        {'return ' if result else ''}{sent}\n"
    )


def method_docstring(operation: ClientOperation) -> str:
    text = f"{operation.method} {operation.path}: {operation.summary}."
    text = "\n".join(textwrap.wrap(text, 104))
    lines = [f"{each.own}: {each.description}" for each in (*operation.places, *operation.query) if each.description]
    wrapped = ["\n".join(textwrap.wrap(line, 108, subsequent_indent="    ")) for line in lines]
    many = bool(wrapped) or "\n" in text
    return '"""' + "\n".join([text, *([""] if wrapped else []), *wrapped]) + ('\n"""' if many else '"""')


if __name__ == "__main__":
    main()
