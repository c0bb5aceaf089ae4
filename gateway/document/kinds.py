"""The folder is the registry: a kind is a module that ends with its type, such as `TARGET = TargetType(...)`."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Union

from gateway.document.values import Part

LAST = 100  # the place of a kind that says none


def kinds_in(package: str, path: Iterable[str], name: str) -> list[Any]:
    """The types that a folder's modules have under this name, by their `place`; a module without one is shared."""
    modules = [import_module(f"{package}.{module.name}") for module in iter_modules(path)]
    return sorted((vars(module)[name] for module in modules if name in vars(module)), key=lambda kind: kind.place)


def union(parts: Iterable[type[Part]]) -> Any:
    """The type of a place of the document that takes any of these."""
    return Union[tuple(parts)]  # noqa: UP007 - made at run time
