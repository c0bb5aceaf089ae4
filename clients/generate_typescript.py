"""The TypeScript client's models and operations, from `clients/openapi.json`: `make clients` writes them."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable

from clients.document import HERE, ClientOperation, Language, Schema, UnknownSchema, operations_of, read_document

SOURCES = HERE / "typescript" / "src"
WIDTH = 120
SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
HEAD = "// {title} Generated from the OpenAPI document by `make clients`: do not edit.\n\n"
OPERATIONS_HEAD = (
    HEAD.format(title="Operations of recgate's API.")
    + """import type * as models from "./models.js";
import { pathOf } from "./transport.js";
import type { CallOptions, Conditional, ConditionalOptions, ETag, Transport } from "./transport.js";

"""
)


def main() -> None:
    for name, text in generated().items():
        (SOURCES / name).write_text(text)


def generated() -> dict[str, str]:
    """The texts by the names of their files."""
    document = read_document()
    models = [record(name, each) for name, each in document["components"]["schemas"].items()]
    operations = list(operations_of(document, TYPESCRIPT))
    queries = [query_record(each) for each in operations if each.query]
    classes = [operations_class(operations, is_admin=is_admin) for is_admin in (False, True)]
    return {
        "models.ts": HEAD.format(title="Records of recgate's API.") + "\n".join(models),
        "operations.ts": OPERATIONS_HEAD + "\n".join([*queries, *classes]),
    }


# ---- types


def typescript_type(schema: Schema, module: str = "") -> str:
    """The TypeScript type of values of the schema. Raises `UnknownSchema`."""
    match schema:
        case {"$ref": str(reference)}:
            return module + reference.rpartition("/")[2]
        case {"enum": list(values)}:
            return " | ".join(map(json.dumps, values))
        case {"anyOf": list(choices)} | {"oneOf": list(choices)}:
            return " | ".join(dict.fromkeys(typescript_type(each, module) for each in choices))
        case {"type": "array", "prefixItems": list(items)}:
            return f"[{', '.join(typescript_type(each, module) for each in items)}]"
        case {"type": "array"}:
            return f"Array<{typescript_type(schema.get('items', {}), module)}>"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"Record<string, {typescript_type(values, module)}>"
        case {"type": "object"}:
            return "Record<string, unknown>"
        case {"type": str(name)} if name in SIMPLE:
            return SIMPLE[name]
    if schema.keys() <= {"default", "description", "title"}:
        return "unknown"
    raise UnknownSchema(json.dumps(schema))


def typescript_name(name: str) -> str:
    return re.sub(r"[_-](\w)", lambda match: match[1].upper(), name[0].lower() + name[1:])


TYPESCRIPT = Language(
    typescript_name, lambda schema: typescript_type(schema, "models."), "readonly string[]", "Uint8Array | string"
)


def comment(lines: Iterable[str], indent: str = "") -> str:
    """A JSDoc comment of the lines, or nothing where they are empty."""
    safe = [line.replace("*/", "*\\/") for line in lines if line]
    if not safe:
        return ""
    single = f"{indent}/** {safe[0]} */\n"
    if len(safe) == 1 and len(single) <= WIDTH + 1:
        return single
    wrapped = [row for line in safe for row in textwrap.wrap(line, WIDTH - len(indent) - 3)]
    return "".join([f"{indent}/**\n", *(f"{indent} * {row}\n" for row in wrapped), f"{indent} */\n"])


def member(name: str, annotation: str, *, is_required: bool = False) -> str:
    """A line of an interface; of a long union, a line a choice."""
    own = name if re.fullmatch(r"[A-Za-z_]\w*", name) else json.dumps(name)
    line = f"  {own}{'' if is_required else '?'}: {annotation};\n"
    return line if len(line) <= WIDTH + 1 else line.replace(": ", ":\n    | ", 1).replace(' | "', '\n    | "')


# ---- models


def record(name: str, schema: Schema) -> str:
    """The interface of one record; one with members of any name is a dictionary."""
    if schema.get("additionalProperties") is True:
        return f"export type {name} = Record<string, unknown>;\n"
    required = schema.get("required", ())
    members = (
        member(each, typescript_type(inner), is_required=each in required)
        for each, inner in schema["properties"].items()
    )
    return f"{comment([schema.get('description', '')])}export interface {name} {{\n{''.join(members)}}}\n"


# ---- operations


def query_name(operation: ClientOperation) -> str:
    return f"{operation.name[0].upper()}{operation.name[1:]}Query"


def query_record(operation: ClientOperation) -> str:
    """The interface of an operation's query, by the names on the wire."""
    members = (comment([each.description], "  ") + member(each.name, each.annotation) for each in operation.query)
    return f"export interface {query_name(operation)} {{\n{''.join(members)}}}\n"


def operations_class(operations: list[ClientOperation], *, is_admin: bool) -> str:
    words = "The operations for operators: paths below /admin." if is_admin else "The operations for pages and apps."
    head = f"/** {words} */\nexport class {'Admin' if is_admin else ''}Operations {{\n"
    head += "  constructor(protected readonly transport: Transport) {}\n\n"
    return head + "\n".join(method_of(each) for each in operations if each.is_admin == is_admin) + "}\n"


def method_of(operation: ClientOperation) -> str:
    """One method: the path's values, headers, body, query, options."""
    words = [f"{operation.method} {operation.path}: {operation.summary}."]
    words += [f"@param {each.own} {each.description}" for each in operation.places if each.description]
    path = re.sub(r"{(\w+)}", lambda match: f"${{{typescript_name(match[1])}}}", operation.path)
    call = [f"method: {json.dumps(operation.method)}", "path"]
    if operation.headers:
        call.append(f"headers: {{ {', '.join(f'{json.dumps(each.name)}: {each.own}' for each in operation.headers)} }}")
    call += ["query"] * bool(operation.query) + ["body"] * bool(operation.body)
    send = "sendConditional" if operation.is_conditional else "send"
    return (
        f"{comment(words, '  ')}{signature(operation)} {{\n"
        f"    const path = pathOf`{path}`;\n"
        f"    return this.transport.{send}({{ {', '.join(call)} }}, options);\n  }}\n"
    )


def signature(operation: ClientOperation) -> str:
    """In one line, or a line a parameter."""
    name, options, result = f"async {operation.name}", "CallOptions", operation.result or "void"
    if operation.is_conditional:
        name, options = f"{name}<Tag extends ETag = undefined>", "ConditionalOptions<Tag>"
        result = f"Conditional<{result}, Tag>"
    parameters = [f"{each.own}: {each.annotation}" for each in (*operation.places, *operation.headers)]
    parameters += [f"body: {operation.body}"] if operation.body else []
    parameters += [f"query: {query_name(operation)} = {{}}"] if operation.query else []
    parameters.append(f"options: {options} = {{}}")
    line = f"  {name}({', '.join(parameters)}): Promise<{result}>"
    if len(line) + len(" {") <= WIDTH:
        return line
    rows = "".join(f"    {each},\n" for each in parameters)
    return f"  {name}(\n{rows}  ): Promise<{result}>"


if __name__ == "__main__":
    main()
