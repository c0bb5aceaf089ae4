"""Records which test ran which operation through boto3, and how that ended, for OPERATIONS.md."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

TABLE = Path(__file__).with_name("OPERATIONS.md")
HEAD = """# Every operation, and the tests that run it with boto3

Written by `make operations`; the tests' `operations` fixture holds it to what they did.

| operation | a test in which it succeeds | a test in which it is refused |
| --- | --- | --- |
"""

SEEN: dict[tuple[str, bool], dict[str, None]] = defaultdict(
    dict
)  # (operation, whether it succeeded) -> tests, in order


def note(operation: str, status: int) -> None:
    """What a fixture does is no test of it."""
    test, _, phase = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")
    if phase == "(call)" and (status < 300 or 400 <= status < 500):
        SEEN[operation, status < 300][test.partition("[")[0]] = None


def rows() -> dict[str, tuple[str, str]]:
    """Operation -> the tests that the table names, "" for none."""
    lines = [line.strip("| ").split(" | ") for line in TABLE.read_text().removeprefix(HEAD).splitlines()]
    return {operation: (_bare(good), _bare(bad)) for operation, good, bad in lines}


def missing(tests: set[str]) -> list[str]:
    """The rows that name one of these tests for an operation that it did not run, or that ended otherwise."""
    named = [(test, name, ok) for name, pair in rows().items() for ok, test in zip((True, False), pair, strict=True)]
    return [f"{name}: {test}" for test, name, ok in named if test in tests and test not in SEEN[name, ok]]


def write(operations: list[str]) -> None:
    """The table of what was seen, with the earlier table's tests where they still hold."""
    before = rows() if TABLE.exists() else {}
    lines = []
    for name in operations:
        earlier = before.get(name, ("", ""))
        cells = [_chosen(SEEN[name, ok], earlier[not ok]) for ok in (True, False)]
        lines.append(f"| {name} | {' | '.join(f'`{cell}`' if cell else '-' for cell in cells)} |\n")
    TABLE.write_text(HEAD + "".join(lines))


def _chosen(seen: dict[str, None], earlier: str) -> str:
    """The test that runs the fewest operations tells most."""
    width = {test: sum(test in tests for tests in SEEN.values()) for test in seen}
    return earlier if earlier in seen else min(seen, key=lambda test: width[test], default="")


def _bare(cell: str) -> str:
    return cell.strip("`- ")
