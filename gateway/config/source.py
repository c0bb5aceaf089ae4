"""The text of a configuration as plain data, with the line of every place; YAML or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from gateway.document.report import ConfigError, Fault, inside

LARGEST = 200_000  # nodes, aliases counted as often as they are used: a few lines of aliases can stand for billions

Node = yaml.nodes.Node


@dataclass(frozen=True)
class DocumentText:
    data: object
    lines: Mapping[str, int]


class Loader(yaml.SafeLoader):
    """YAML without dates: a version such as 2026-01-31 is a text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base class has it
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class FastLoader(yaml.CSafeLoader):
    """The same by libyaml, ten times as fast. It refuses some JSON, and says less well what is wrong and where."""

    yaml_implicit_resolvers = Loader.yaml_implicit_resolvers


def source(text: str, name: str) -> DocumentText:
    """As `parsed`. Raises ConfigError where the text is no map of keys, too."""
    document = parsed(text, name)
    if isinstance(document.data, dict):
        return document
    wanted = "a configuration is a map of keys; the smallest is `namespaces: {}`"
    raise ConfigError(name, (Fault("", wanted if document.data is not None else f"is empty: {wanted}"),))


def parsed(text: str, name: str) -> DocumentText:
    """Raises ConfigError where the text is neither YAML nor JSON, or says the same key twice."""
    try:
        return from_json(text) if is_json(text, name) else from_yaml(text)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(name, (marked(error),)) from error
    except json.JSONDecodeError as error:
        raise ConfigError(name, (Fault("", f"{error.msg}, column {error.colno}", error.lineno),)) from error
    except RecursionError as error:
        raise ConfigError(name, (Fault("", "nested too deeply"),)) from error
    except (yaml.YAMLError, ValueError, IndexError) as error:
        raise ConfigError(name, (Fault("", str(error).partition("\n")[0]),)) from error


def is_json(text: str, name: str) -> bool:
    if name.endswith(".json"):
        return True
    try:
        return text.lstrip().startswith("{") and json.loads(text) is not None
    except json.JSONDecodeError:
        return False  # a YAML map in one line starts with a brace, too


def from_yaml(text: str) -> DocumentText:
    try:
        return _from_yaml(FastLoader(text))
    except (yaml.YAMLError, RecursionError):
        return _from_yaml(Loader(text))


def _from_yaml(loader: Loader | FastLoader) -> DocumentText:
    try:
        node = loader.get_single_node()
        if node is None:
            return DocumentText(None, {})
        lines = lines_of(node)
        return DocumentText(loader.construct_document(node), lines)
    finally:
        loader.dispose()


def from_json(text: str) -> DocumentText:
    data = json.loads(text)
    # inside JSON's strings a tab is always escaped, so a raw one is only white space, which YAML refuses
    text = text.replace("\t", " ")
    try:
        node = yaml.compose(text, FastLoader)
    except (yaml.YAMLError, RecursionError):
        node = yaml.compose(text, Loader)
    return DocumentText(data, {} if node is None else lines_of(node))


def lines_of(root: Node) -> dict[str, int]:
    lines: dict[str, int] = {}
    pending: list[tuple[str, Node, frozenset[int]]] = [("", root, frozenset())]
    for count in range(LARGEST + 1):
        if not pending:
            return lines
        if count == LARGEST:
            break
        place, node, around = pending.pop()
        lines.setdefault(place, node.start_mark.line + 1)
        if id(node) in around:
            raise yaml.MarkedYAMLError(problem="an alias of the map it is in", problem_mark=node.start_mark)
        for key, line, child in children(node):
            lines.setdefault(inside(place, key), line)
            pending.append((inside(place, key), child, around | {id(node)}))
    raise yaml.YAMLError(f"too large: more than {LARGEST} values")


def children(node: Node) -> Iterator[tuple[object, int, Node]]:
    if isinstance(node, yaml.SequenceNode):
        yield from ((index, child.start_mark.line + 1, child) for index, child in enumerate(node.value))
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[tuple[str, str]] = set()
    for key, value in node.value:
        name = (key.tag, str(key.value))
        if name in seen and not key.tag.endswith(":merge"):
            raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} is there twice", problem_mark=key.start_mark)
        seen.add(name)
        yield str(key.value), key.start_mark.line + 1, value


def marked(error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    problem = " ".join(filter(None, [error.context, error.problem]))
    return Fault("", f"{problem}, column {mark.column + 1}", mark.line + 1) if mark else Fault("", problem)
