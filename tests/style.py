"""`make style`: prints how the product code stands by the measures that this project holds itself to.

Each measure is a list of findings with their place and a limit; `tests/test_style.py` asserts the limits. The script
reads the sources of `gateway/` and `engine/` as syntax trees and imports none of them.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gateway", "engine")
LONGEST = 40  # lines of a function, docstring aside
PARAMETERS = 6  # of a function, `self` and `cls` aside
VAGUE = frozenset(("told", "said", "found", "kept", "known", "given", "made"))
CLAUSE = re.compile(
    r"(what|whatever|who|whoever|whom|whose|which|where|when|whether|why|how|that|if|of|in|on|at|by|for|from|to|with"
    r"|without|under|over|after|before|beside|between|behind|as|into|about|against|through|till|until|while)\b",
    re.IGNORECASE,
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    path: Path  # below the root

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse((ROOT / self.path).read_text())

    @property
    def dotted(self) -> str:
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str:
        """The package or top-level module that the file belongs to, the unit of the test of circles."""
        return ".".join(self.dotted.split(".")[:2])

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in self.nodes if isinstance(node, Function)]

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        return [node for node in self.nodes if isinstance(node, ast.ClassDef)]


@dataclass(frozen=True)
class Measure:
    name: str
    findings: Sequence[str]
    limit: float
    of: int = 0  # what the findings are a share of; 0: they are counted

    @property
    def value(self) -> float:
        return len(self.findings) / self.of * 100 if self.of else len(self.findings)

    @property
    def holds(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        unit = " %" if self.of else ""
        return f"{self.name:<58}{self.value:>8.4g}{unit:<2}  at most {self.limit:g}{unit}"


def modules(root: Path = ROOT) -> list[Module]:
    return [Module(path.relative_to(root)) for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]


def measures(product: Sequence[Module]) -> list[Measure]:
    functions = [(module, function) for module in product for function in module.functions]
    docstrings = [each for module in product for each in _docstrings(module)]
    return [
        *(Measure(f"circles of packages in {package}", circles(product, package), 0) for package in PACKAGES),
        Measure("modules at the top of gateway", _top("gateway"), 12),
        Measure("modules at the top of engine", _top("engine"), 15),
        Measure(f"functions over {LONGEST} lines", _long(functions), 0),
        Measure(f"functions with more than {PARAMETERS} parameters", _wide(functions), 5),
        Measure("class names used more than once", _twice(product), 10),
        Measure("functions with a local " + "/".join(sorted(VAGUE)), _vague(functions), 1, len(functions)),
        Measure("docstrings that open with a clause or preposition", _clauses(docstrings), 2, len(docstrings)),
    ]


def circles(product: Sequence[Module], package: str) -> list[str]:
    """The packages and top-level modules of `package` that import each other at run time, a circle a line."""
    graph: dict[str, set[str]] = defaultdict(set)
    names = {module.dotted for module in product}
    for module in product:
        if module.dotted.startswith(f"{package}."):
            rooms = {".".join(name.split(".")[:2]) for name in _imports(module, names)}
            graph[module.room] |= {room for room in rooms if room.startswith(f"{package}.")} - {module.room}
    cycles: list[str] = []
    while True:
        try:
            TopologicalSorter(graph).prepare()
            return cycles
        except CycleError as error:
            circle = error.args[1]
            cycles.append(" ← ".join(circle))
            graph[circle[1]].discard(circle[0])


def _imports(module: Module, names: set[str]) -> Iterator[str]:
    """The modules that a module imports when it runs, those inside its functions too."""
    waiting: list[ast.AST] = [module.tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in names else node.module
        waiting += ast.iter_child_nodes(node)


def _top(package: str) -> list[str]:
    files = sorted((ROOT / package).glob("*.py"))
    return [str(path.relative_to(ROOT)) for path in files if not path.name.startswith("__")]


def _lines(function: Function) -> int:
    """The lines of a function from its `def` to its end, docstring aside."""
    first = function.body[0]
    docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    total = (function.end_lineno or 0) - function.lineno + 1
    return total - ((first.end_lineno or 0) - first.lineno + 1 if docstring else 0)


def _long(functions: Sequence[tuple[Module, Function]]) -> list[str]:
    return [_place(module, each) + f" {_lines(each)}" for module, each in functions if _lines(each) > LONGEST]


def _wide(functions: Sequence[tuple[Module, Function]]) -> list[str]:
    def count(function: Function) -> int:
        every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        return len([each for each in every if each.arg not in ("self", "cls")])

    return [_place(module, each) + f" {count(each)}" for module, each in functions if count(each) > PARAMETERS]


def _twice(product: Sequence[Module]) -> list[str]:
    places: dict[str, list[str]] = defaultdict(list)
    for module in product:
        for each in module.classes:
            places[each.name].append(_place(module, each))
    return [f"{name}: {', '.join(where)}" for name, where in sorted(places.items()) if len(where) > 1]


def _vague(functions: Sequence[tuple[Module, Function]]) -> list[str]:
    def locals_of(function: Function) -> set[str]:
        nodes = ast.walk(function)
        return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)} | {
            each.arg for each in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        }

    pairs = [(_place(module, each), locals_of(each) & VAGUE) for module, each in functions]
    return [f"{place} {', '.join(sorted(names))}" for place, names in pairs if names]


def _docstrings(module: Module) -> Iterator[tuple[str, str]]:
    for node in [module.tree, *module.classes, *module.functions]:
        text = ast.get_docstring(node)
        if text:
            yield _place(module, node), text.splitlines()[0]


def _clauses(docstrings: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{place} {line}" for place, line in docstrings if CLAUSE.match(line)]


def _place(module: Module, node: ast.AST) -> str:
    return f"{module.path}:{getattr(node, 'lineno', 1)} {getattr(node, 'name', '')}".rstrip()


def main(arguments: Sequence[str]) -> int:
    """`--findings` lists each finding with its place."""
    product = modules()
    lines = sum(len((ROOT / module.path).read_text().splitlines()) for module in product)
    print(f"{len(product)} modules, {lines} lines")
    every = measures(product)
    for measure in every:
        print(measure)
        if "--findings" in arguments:
            print(*(f"    {finding}" for finding in measure.findings), sep="\n")
    return 0 if all(measure.holds for measure in every) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
