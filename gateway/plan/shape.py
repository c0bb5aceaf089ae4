"""The form that a recommender's answers have: a JMESPath expression over recgate's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError

from gateway.ask import Action
from gateway.errors import Problem


class ShapeFailed(Problem):
    def __init__(self, message: str) -> None:
        super().__init__(message, status=502, type="Configuration", code="ShapeFailed")


@dataclass(frozen=True)
class Shape:
    """`expression` reads the answer with its items' metadata; what it gives is the body."""

    expression: str

    @cached_property
    def _compiled(self) -> Any:
        return jmespath.compile(self.expression)

    def of(self, body: bytes) -> bytes:
        """The body in this form. Raises `ShapeFailed` where the expression takes no such values."""
        try:
            return msgspec.json.encode(self._compiled.search(msgspec.json.decode(body)))
        except (JMESPathError, TypeError, ValueError) as error:
            raise ShapeFailed(f"the shape can't be made of this answer: {error}") from error


def fault_of(expression: str) -> str:
    """The reason why a text is no JMESPath expression; "" where it is one."""
    try:
        jmespath.compile(expression)
    except JMESPathError as error:
        return f"is no JMESPath expression: {error}"
    return ""


class _AnyColumn(dict[str, Any]):
    """Metadata in which every column is."""

    def __init__(self, value: str) -> None:
        super().__init__()
        self._value = value

    def get(self, name: Any, default: Any = None) -> Any:
        return self._value


def gives_nothing(expression: str, action: Action) -> bool:
    """Tell whether nothing comes of an answer of two items, whatever their metadata."""
    names = ("personalizedRanking",) if action == "rerank-items" else ("itemList",)
    items = [{"itemId": name, "score": 0.5, "metadata": _AnyColumn(name)} for name in ("first", "second")]
    try:
        result = jmespath.compile(expression).search({**dict.fromkeys(names, items), "recommendationId": "list"})
    except (JMESPathError, TypeError, ValueError):  # of a column that is no text
        return False
    return result is None or result in ([], {})
