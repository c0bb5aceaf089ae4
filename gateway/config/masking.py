"""Secrets in the text of a configuration, masked before anybody sees it: each becomes a mark that says nothing of it,
and that a text which is sent back may have in its place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

import yaml

from gateway.config.source import FastLoader, Loader, Node
from gateway.document.report import ConfigError, Fault
from gateway.document.values import Part, fields_of, is_secret

MARK = re.compile(r"""(["']?)\*\*\*([0-9a-f]{8})\*\*\*\1""")
REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")  # to the environment: no secret itself


class Span(NamedTuple):
    """The part of a text that a value is written as."""

    start: int
    end: int


def masked(text: str) -> str:
    """The text with a mark in the place of every secret."""
    parts, at = [], 0
    for span in spans(text):
        parts += [text[at : span.start], f'"{mark_of(text[span.start : span.end])}"']
        at = span.end
    return "".join([*parts, text[at:]])


def unmasked(text: str, current: str, name: str) -> str:
    """The text with the secrets of the current one where it has their marks. Raises `ConfigError` for a mark that is
    none of them."""
    secrets = secrets_in(current)
    unknown = [match for match in MARK.finditer(text) if match[2] not in secrets]
    if unknown:
        lines = [text.count("\n", 0, match.start()) + 1 for match in unknown]
        message = "stands for a secret that the configuration has no longer: write it out, or take it from ${NAME}"
        raise ConfigError(name, tuple(Fault("", f"***…*** {message}", line) for line in lines))
    return MARK.sub(lambda match: secrets[match[2]], text)


def secrets_in(text: str) -> Mapping[str, str]:
    """The secrets as they are written, by what their marks say."""
    written = (text[span.start : span.end] for span in spans(text))
    return {mark_of(each)[3:-3]: each for each in written}


def mark_of(written: str) -> str:
    return f"***{hashlib.sha256(written.encode()).hexdigest()[:8]}***"


def spans(text: str) -> list[Span]:
    """The spans of all values below a key that may hold a secret, in their order."""
    plain = text.replace("\t", " ")  # where JSON has one; the places stay
    for loader in (FastLoader, Loader):
        try:
            root = yaml.compose(plain, loader)
        except (yaml.YAMLError, RecursionError):
            continue
        shown = {} if root is None else dict.fromkeys(secret_values(root, plain))
        return sorted(shown)
    return sorted(spans_by_line(text))


def secret_values(root: Node, text: str) -> Iterator[Span]:
    waiting: list[tuple[Node, bool]] = [(root, False)]
    seen: set[tuple[int, bool]] = set()
    while waiting:
        node, is_hidden = waiting.pop()
        if (id(node), is_hidden) in seen:
            continue
        seen.add((id(node), is_hidden))
        if isinstance(node, yaml.MappingNode):
            waiting += [(value, is_hidden or str(key.value) in secret_keys()) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            # a list under a key that may hold secrets has texts; one of maps is another list of the same name
            waiting += [(value, is_hidden and not isinstance(value, yaml.MappingNode)) for value in node.value]
        elif is_hidden:
            written = text[node.start_mark.index : node.end_mark.index].rstrip()
            if written.strip("\"'") and not REFERENCE.fullmatch(written.strip("\"'")):
                yield Span(node.start_mark.index, node.start_mark.index + len(written))


def spans_by_line(text: str) -> Iterator[Span]:
    """Spans to the end of the line, in a text that is no YAML."""
    keys = "|".join(map(re.escape, sorted(secret_keys())))
    for match in re.finditer(rf"""["']?(?:{keys})["']?\s*:\s*(?P<value>[^\n]+)""", text):
        yield Span(*match.span("value"))


@cache
def secret_keys() -> frozenset[str]:
    """The keys that any part of the document has a secret under."""
    kinds, waiting = set[type[Part]](), [Part]
    while waiting:
        kind = waiting.pop()
        kinds.add(kind)
        waiting += kind.__subclasses__()
    names = {name for kind in kinds for name, field in fields_of(kind).items() if is_secret(field.type)}
    return frozenset(names)
