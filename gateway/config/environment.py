"""`${NAME}` and `${NAME:-default}` in the texts of a configuration; `$${` is a plain `${`."""

from __future__ import annotations

import re
from collections.abc import Mapping

REFERENCE = re.compile(
    r"\$(?P<plain>\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|(?P<wrong>\$\{)"
)

HOME = {"accountId": "RECGATE_ACCOUNT_ID", "region": "RECGATE_REGION"}  # of `aws`


class FromEnvironment(str):
    """A text that came from outside: it may become the number that its place asks for."""

    __slots__ = ()


class Unset(str):
    """Says why the environment had nothing for this place."""

    __slots__ = ()


def with_home(data: object, environ: Mapping[str, str]) -> object:
    """The document with the account and region of the environment, which commands take too, where it says none."""
    said = {key: environ[name] for key, name in HOME.items() if environ.get(name)}
    if not said or not isinstance(data, dict):
        return data
    aws = data.get("aws")
    if aws is not None and not isinstance(aws, dict):
        return data  # whoever reads it refuses it
    known = {key: value for key, value in (aws or {}).items() if value is not None}
    return {**data, "aws": {**said, **known}}


def filled(data: object, environ: Mapping[str, str]) -> object:
    if isinstance(data, dict):
        return {key: filled(value, environ) for key, value in data.items()}
    if isinstance(data, list):
        return [filled(value, environ) for value in data]
    return filled_text(data, environ) if isinstance(data, str) and "${" in data else data


def filled_text(text: str, environ: Mapping[str, str]) -> str:
    problems: list[str] = []

    def found(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match["plain"]:
            return "${"
        if match["wrong"]:
            problems.append("write ${NAME} or ${NAME:-default}, and $${ for a plain ${")
        elif name not in environ and default is None:
            problems.append(f"the environment has no {name}; set it, or write ${{{name}:-default}}")
        return environ.get(name or "", "") or default or ""

    result = REFERENCE.sub(found, text)
    return Unset(problems[0]) if problems else FromEnvironment(result)
