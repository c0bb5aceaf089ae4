"""The operators that compare a value with one of the configuration (specification §2.4).

To add an operator: one function under `@operator`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

Value = str | int | float
Operator = Callable[[Value, Value], bool]
OPERATORS: dict[str, Operator] = {}


def operator(legacy: str | None = None) -> Callable[[Operator], Operator]:
    def register(function: Operator) -> Operator:
        OPERATORS[function.__name__.replace("_", "-")] = function
        if legacy:
            OPERATORS[legacy] = function
        return function

    return register


@operator()
def equals(raw: Value, value: Value) -> bool:
    return isinstance(raw, str) == isinstance(value, str) and raw == value


@operator()
def less_than(raw: Value, value: Value) -> bool:
    return order(raw, value) < 0


@operator()
def greater_than(raw: Value, value: Value) -> bool:
    return order(raw, value) > 0


@operator()
def contains(raw: Value, value: Value) -> bool:
    return str(value) in str(raw)


@operator(legacy="start-with")
def starts_with(raw: Value, value: Value) -> bool:
    return str(raw).startswith(str(value))


@operator()
def ends_with(raw: Value, value: Value) -> bool:
    return str(raw).endswith(str(value))


def order(raw: Value, value: Value) -> int:
    """-1, 0 or 1: two texts as texts, else as numbers; what is no number is neither less nor greater."""
    if isinstance(raw, str) and isinstance(value, str):
        return (raw > value) - (raw < value)
    left, right = number(raw), number(value)
    return 0 if left is None or right is None else (left > right) - (left < right)


def number(value: Value) -> float | None:
    try:
        parsed = float(value)
    except ValueError:
        return None
    return parsed if math.isfinite(parsed) else None
