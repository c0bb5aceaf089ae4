"""`make reference`: writes the pages of the reference anew, from the code that they describe."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

import engine
from engine import RECIPES
from gateway import errors
from gateway.__main__ import COMMANDS, main
from gateway.config import parse
from gateway.config.document import Root
from gateway.routes.openapi import described
from gateway.telemetry import FAMILIES

ROOT = Path(__file__).parents[2]
HEAD = "<!-- written by `make reference` from the code: change it there -->\n"


def table(*head: str, rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


def code(text: str) -> str:
    return f"`{text}`"


def sentence(text: str | None) -> str:
    """The text in one line, as inline Markdown."""
    return re.sub(r"\s+", " ", text or "").strip()


def wrapped(text: str) -> str:
    """A paragraph."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


# ---- keys of the configuration


def configuration() -> str:
    schema = msgspec.json.schema(Root)
    parts = ConfigurationParts(schema["$defs"])
    text = parts.written()
    opening = wrapped(
        "Every key of the configuration, by the part it stands in. `config/schema.json` is the same for editors. "
        "The [samples](reference.md#configuration-samples) show keys at work; `recgate check-config FILE` says "
        "what is wrong."
    )
    return f"# Configuration keys\n\n{HEAD}\n{opening}\n{text}"


class ConfigurationParts:
    """The document's parts, in the order in which they are met from the top."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def written(self) -> str:
        waiting, done = ["Root"], list[str]()
        while waiting:
            name = waiting.pop(0)
            if name not in done and "properties" in self._definitions[name]:
                done.append(name)
                waiting += [
                    each for field in self._definitions[name]["properties"].values() for each in names_in(field)
                ]
        return "\n".join(self._part(name) for name in done)

    def _part(self, name: str) -> str:
        definition = self._definitions[name]
        required = definition.get("required", ())
        rows = [
            [code(key), self._form(field), self._default(field, key in required), self._says(field)]
            for key, field in definition["properties"].items()
        ]
        about = sentence(definition.get("description"))
        tag = next(
            (field["enum"][0] for field in definition["properties"].values() if len(field.get("enum", ())) == 1), ""
        )
        kind = f"Of `{tag}`. " if tag else ""
        return f"## {name}\n\n{kind}{about}\n\n{table('key', 'value', 'if not said', 'rule', rows=rows)}"

    def _form(self, field: Mapping[str, Any]) -> str:
        """The value's type, with links to parts."""
        if "$ref" in field:
            return self._link(field["$ref"].rpartition("/")[2])
        if "anyOf" in field:
            return " or ".join(dict.fromkeys(self._form(each) for each in field["anyOf"] if each.get("type") != "null"))
        if "enum" in field:
            return ", ".join(code(str(each)) for each in field["enum"])
        if field.get("type") == "array":
            items = field.get("items") or field.get("prefixItems", [{}])[0] or {}
            return f"list of {self._form(items)}" if items else "list"
        if field.get("type") == "object":
            more = field.get("additionalProperties")
            return f"map of {self._form(more)}" if isinstance(more, dict) else "map"
        return str(field.get("type", "any"))

    def _link(self, name: str) -> str:
        return (
            f"[{name}](#{name.lower()})"
            if "properties" in self._definitions[name]
            else self._form(self._definitions[name])
        )

    def _default(self, field: Mapping[str, Any], is_required: bool) -> str:
        if is_required:
            return "must be said"
        default = field.get("default")
        return (
            ""
            if default in (None, "", []) or isinstance(default, dict)
            else code(msgspec.json.encode(default).decode())
        )

    def _says(self, field: Mapping[str, Any]) -> str:
        alternatives = [field, *field.get("anyOf", ()), field.get("items") or {}]
        return next(
            (
                sentence(each["description"])
                for each in alternatives
                if isinstance(each, dict) and "description" in each
            ),
            "",
        )


def names_in(field: Any) -> Iterator[str]:
    """The parts that a field refers to."""
    if isinstance(field, dict):
        if "$ref" in field:
            yield field["$ref"].rpartition("/")[2]
        for each in field.values():
            yield from names_in(each)
    elif isinstance(field, list):
        for each in field:
            yield from names_in(each)


# ---- routes


EVERYTHING = """
title: recgate
version: "1"
auth: {type: none}
namespaces:
  NAMESPACE:
    eventTargets: [{type: personalize-event-tracker, trackingId: t}]
    intake: {optimizely: {keys: [k]}, shopify: {}, amplitude: {keys: [k]}}
    recommenders:
      recommend-items:
        RECOMMENDER:
          cohorts: {count: 16}
          variations: {a: {type: engine, model: m}, b: {type: engine, model: m}}
          experiments: {FEATURE: {method: builtin, metrics: {clicks: {}}}}
      related-items: {RECOMMENDER: {variations: {a: {type: engine, model: m}}}}
      rerank-items: {RECOMMENDER: {variations: {a: {type: engine, model: m}}}}
"""


def routes() -> str:
    document = described(parse(EVERYTHING, "all.yaml", {}))
    group_of = {tag: each["name"] for each in document["x-tagGroups"] for tag in each["tags"]}
    groups: dict[str, list[str]] = {each["name"]: [] for each in document["x-tagGroups"]}
    about = {each["name"]: sentence(each["description"]) for each in document["x-tagGroups"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups[group_of[operation["tags"][0]]].append(route(method.upper(), path, operation))
    opening = wrapped(
        "Every route of the REST API, as `/openapi.json` describes it; `/docs` of a running server lets you try "
        "each. `NAMESPACE`, `RECOMMENDER` and `FEATURE` are names of your configuration. Errors are in "
        "[Errors](errors.md)."
    )
    parts = [f"## {name}\n\n{about[name]}\n\n" + "\n".join(parts) for name, parts in groups.items() if parts]
    return f"# Routes\n\n{HEAD}\n{opening}\n" + re.sub(r"\n{3,}", "\n\n", "\n".join(parts))


def route(method: str, path: str, operation: Mapping[str, Any]) -> str:
    readable = path.replace("{user_id}", "{user}").replace("{item_id}", "{item}").replace("{item_ids}", "{items}")
    rows = [
        [code(each["name"]), each["in"], each.get("schema", {}).get("type", ""), sentence(each.get("description"))]
        for each in operation.get("parameters", ())
    ]
    parameters = f"\n{table('parameter', 'in', 'type', 'meaning', rows=rows)}" if rows else ""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    sent = f"\nThe body: {members(body)}\n" if body else ""
    statuses = ", ".join(code(status) for status in sorted(operation["responses"]))
    summary = sentence(operation.get("description") or operation.get("summary")).rstrip(".")
    return f"### {method} {readable}\n\n{summary}. Answers with {statuses}.\n{parameters}{sent}"


def members(schema: Mapping[str, Any]) -> str:
    """The members of a JSON schema, in words."""
    if "oneOf" in schema:
        return " or ".join(members(each) for each in schema["oneOf"])
    if schema.get("type") == "array":
        return "a list"
    names = [code(name) for name in schema.get("properties", {})]
    required = ", ".join(code(name) for name in schema.get("required", ()))
    return (
        f"an object of {', '.join(names) or 'any members'}" + (f"; it must have {required}" if required else "") + "."
    )


# ---- commands


def commands() -> str:
    opening = wrapped("Every command with all of its options, as `recgate COMMAND --help` prints them.")
    return f"# Commands\n\n{HEAD}\n{opening}\n" + "\n".join(command_page(name) for name in COMMANDS)


def command_page(name: str) -> str:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return "\n".join(described_command(command, f"recgate {name}"))


def described_command(command: click.Command, path: str, level: int = 2) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    usage = command.get_usage(context).removeprefix("Usage: ")
    yield f"{'#' * level} {path}\n"
    yield f"{sentence(command.help)}\n"
    yield f"```text\n{re.sub(chr(92) + 's+', ' ', usage)}\n```\n"
    rows = [
        [code(record[0]), sentence(record[1])] for each in command.params if (record := each.get_help_record(context))
    ]
    if rows:
        yield table("option", "does", rows=rows)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from described_command(inner, f"{path} {name}", level + 1)


# ---- metrics, recipes, errors


def metrics() -> str:
    kinds = {"counter": "counter", "shared": "counter", "histogram": "histogram", "sum": "gauge", "max": "gauge"}
    suffixes = {"counter": "_total", "shared": "_total"}
    rows = [
        [
            code(name + suffixes.get(family.kind, "")),
            kinds[family.kind],
            ", ".join(map(code, family.labels)),
            family.help,
        ]
        for name, family in FAMILIES.items()
    ]
    opening = wrapped(
        "Every number on `/metrics`, which adds up all workers of a server, and the same by OTLP. "
        "[Alarms](alarms.md) says which of them to watch. A histogram has `_bucket`, `_count` and `_sum`."
    )
    return f"# Metrics\n\n{HEAD}\n{opening}\n{table('name', 'kind', 'labels', 'counts', rows=rows)}"


def recipes() -> str:
    opening = wrapped(
        "Every recipe that is installed with recgate, with its hyperparameters. `recgate train MODEL --recipe "
        "RECIPE --set NAME=VALUE` sets one; boto3 has them in `algorithmHyperParameters`. [Models](models.md) says "
        "what they do."
    )
    return f"# Recipes\n\n{HEAD}\n{opening}\n" + "\n".join(
        recipe_page(name) for name in sorted(RECIPES) if name.startswith("aws-")
    )


def recipe_page(name: str) -> str:
    recipe = RECIPES[name]
    schema = msgspec.json.schema(recipe.params)
    properties = schema["$defs"][recipe.params.__name__].get("properties", {})
    rows = [
        [code(key), value_form(field), code(str(field.get("default", ""))), bounds(field)]
        for key, field in properties.items()
    ]
    head = f"## {name}\n\n{sentence(recipe.description).rstrip('.')}. Kind: `{recipe.kind}`.\n"
    return f"{head}\n{table('hyperparameter', 'value', 'default', 'range', rows=rows)}" if rows else head


def value_form(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(code(str(each)) for each in field["enum"])
    return str(field.get("type", "")) or " or ".join(each.get("type", "") for each in field.get("anyOf", ()))


def bounds(field: Mapping[str, Any]) -> str:
    low, high = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum", field.get("exclusiveMaximum"))
    if low is None and high is None:
        return ""
    return f"{'' if low is None else low} to {'' if high is None else high}".strip()


def error_codes() -> str:
    rows = sorted(set(raised()))
    opening = wrapped(
        'An error of the REST API is `{"type", "code", "message"}`; the message names field and rule. Below is '
        "every code. Answers of an origin pass its own code on. The AWS wire answers with the codes of its "
        "services."
    )
    wire = [
        [code(each.code), str(each.status), code(each.__name__), sentence(each.__doc__) or ""]
        for each in subclasses(engine.EngineError)
    ]
    by_rest = table("code", "status", "type", rows=[[code(row[0]), str(row[1]), row[2]] for row in rows])
    by_engine = table("code", "status", "error", "means", rows=wire)
    title = "## Codes of the REST API"
    return (
        f"# Errors\n\n{HEAD}\n{opening}\n{title}\n\n{by_rest}\n## Codes of the engine and the AWS wire\n\n{by_engine}"
    )


def raised() -> Iterator[tuple[str, int, str]]:
    """Code, status and type of each error that the gateway raises with a code of its own."""
    kinds = {each.__name__: each for each in subclasses(errors.Problem)}
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
                yield from sample(kinds[node.func.id], node)


def sample(kind: type[errors.Problem], node: ast.Call) -> Iterator[tuple[str, int, str]]:
    """What an error raised so would say, where its code stands in the code."""
    parameters = [*inspect.signature(kind.__init__).parameters][1:]
    words = {word.arg: word.value for word in node.keywords} | dict(zip(parameters, node.args, strict=False))
    constants = {name: value.value for name, value in words.items() if isinstance(value, ast.Constant)}
    if any(name in parameters and name not in constants for name in ("code", "status", "type", "reply")):
        return  # a reply of its own is in the words of a partner
    problem = kind(**{name: constants.get(name, 1 if name == "retry_after_s" else "") for name in parameters})
    yield problem.code, problem.status, problem.type


def subclasses(kind: type[Any]) -> list[type[Any]]:
    """The class and all below it, in the order of the tree."""
    return [kind, *(each for child in kind.__subclasses__() for each in subclasses(child))]


PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": configuration,
    "routes.md": routes,
    "commands.md": commands,
    "metrics.md": metrics,
    "recipes.md": recipes,
    "errors.md": error_codes,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (ROOT / "docs" / name).write_text(page(), "utf-8")
