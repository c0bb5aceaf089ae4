"""Edits of a configuration's text in place: of one value, a key or a part, with all else as it was, comments too.

Each edit is checked by reading both texts: the new one must say what the old one says, and the change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import yaml

from gateway.config.source import Loader, Node, source
from gateway.document.report import ConfigError, Fault
from gateway.errors import Conflict

Keys = Sequence[str]  # keys, from the document's root


class PathStep(NamedTuple):
    """A key on a path: the map that has it, and the place of its value; None: the map lacks it."""

    parent: yaml.MappingNode
    key: Node | None
    value: Node | None


class Edit(NamedTuple):
    """A new value at a path; None takes its key out."""

    path: Keys
    value: Any


def edited(text: str, name: str, edits: Sequence[Edit]) -> str:
    """The text with all edits. Raises `ConfigError` for a text that can't be read, and `Conflict` for one in which they
    can't be made without touching something else."""
    wanted = deepcopy(source(text, name).data)
    for edit in edits:
        apply(wanted, edit)
        text = edited_once(text, edit)
    if source(text, name).data != wanted:
        raise uneditable("it would change something else, too")
    return text


def apply(data: Any, edit: Edit) -> None:
    """Make the edit in plain data."""
    *way, last = edit.path
    for key in way:
        if not isinstance(data.get(key), dict):
            if edit.value is None:
                return
            data[key] = {}
        data = data[key]
    if edit.value is None:
        data.pop(last, None)
    else:
        data[last] = edit.value


def edited_once(text: str, edit: Edit) -> str:
    root = yaml.compose(text.replace("\t", " "), Loader)
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError("configuration", (Fault("", "a configuration is a map of keys"),))
    steps = steps_of(root, edit.path)
    end = steps[-1]
    if edit.value is None:
        return removed(text, end) if end.key is not None and len(steps) == len(edit.path) else text
    rest = edit.path[len(steps) :]
    value = edit.value
    for key in reversed(rest):
        value = {key: value}
    if end.value is not None:
        return replaced(text, end, value)
    return inserted(text, end.parent, edit.path[len(steps) - 1], value)


def steps_of(root: yaml.MappingNode, path: Keys) -> list[PathStep]:
    """The steps of a path as far as the document has it: the last is of a value to replace, or of a key to insert."""
    shared, node = aliased(root), root
    steps: list[PathStep] = []
    for key in path:
        pair = next((pair for pair in node.value if str(pair[0].value) == key), None)
        if pair is None:
            return [*steps, PathStep(node, None, None)]
        steps.append(PathStep(node, *pair))
        if id(pair[1]) in shared:
            raise uneditable("it is written by an alias, which stands for other places as well")
        if not isinstance(pair[1], yaml.MappingNode):
            return steps
        node = pair[1]
    return steps


def aliased(root: Node) -> set[int]:
    """The nodes that the document has in several places."""
    seen, shared, waiting = set[int](), set[int](), [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            shared.add(id(node))
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return shared


def replaced(text: str, step: PathStep, value: Any) -> str:
    assert step.value is not None and step.key is not None
    start, end = step.value.start_mark.index, end_of(step.value)
    if isinstance(step.value, yaml.CollectionNode) and not step.value.flow_style:
        if value and isinstance(value, list if isinstance(step.value, yaml.SequenceNode) else dict):
            return text[:start] + block(value, step.value.start_mark.column).lstrip() + text[end:]
        start = text.index(":", step.key.end_mark.index) + 1  # a list may begin in its key's column, where no value may
    before = "" if text[start - 1 : start] in (" ", "[", "{") else " "
    return text[:start] + before + flow(value) + text[end:]


def inserted(text: str, parent: yaml.MappingNode, key: str, value: Any) -> str:
    if parent.flow_style:
        end = parent.end_mark.index - 1  # before the brace
        head = text[:end].rstrip()
        comma = "" if head.endswith(("{", ",")) else ", "
        quoted = flow(key) if is_json(text) else key
        return f"{head}{comma}{quoted}: {flow(value)}{text[len(head) : end]}{text[end:]}"
    last = end_of(parent)
    newline = text.find("\n", last - 1 if text[last - 1] == "\n" else last)
    at = len(text) if newline < 0 else newline
    lines = block({key: value}, parent.start_mark.column)
    return f"{text[:at]}\n{lines}{text[at:]}"


def removed(text: str, step: PathStep) -> str:
    assert step.value is not None and step.key is not None
    start, end = step.key.start_mark.index, end_of(step.value)
    if step.parent.flow_style:
        after = re.compile(r"\s*,\s*").match(text, end)
        if after is not None:
            return text[:start] + text[after.end() :]
        return re.sub(r",?\s*$", "", text[:start]) + text[end:]
    if len(step.parent.value) == 1:  # a map without keys is written as such
        return text[:start] + "{}" + text[end:]
    line = text.rfind("\n", 0, start) + 1
    following = text.find("\n", end)
    following = len(text) if following < 0 else following + 1
    if text[line:start].strip():  # behind the dash of a list
        indent = " " * (start - line)
        rest = text[following:]
        return text[:start] + (rest[len(indent) :] if rest.startswith(indent) else rest)
    return text[:line] + text[following:]


def end_of(node: Node) -> int:
    """The end of a value as it is written: a block ends with its last value, before comments and blank lines."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return end_of(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return end_of(node.value[-1])
    return int(node.end_mark.index)


def block(value: Mapping[str, Any] | Sequence[Any], column: int) -> str:
    """A map or a list in lines of their own, indented, without the last line's end."""
    lines = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100_000).splitlines()
    return "\n".join(" " * column + line for line in lines)


def flow(value: Any) -> str:
    """A value in one line, as JSON has it: YAML reads that, too."""
    return json.dumps(value, ensure_ascii=False)


def is_json(text: str) -> bool:
    return text.lstrip().startswith("{") and '"' in text[: text.find(":") if ":" in text else 0]


def uneditable(reason: str) -> Conflict:
    message = f"this can't be written in its place, because {reason}: edit the text of the configuration"
    return Conflict("Configuration", "ConfigurationNotEditable", message)
