"""What became of an import's rows: kept, doubled, bad; and of the bad ones every kind of flaw, with its lines."""

from __future__ import annotations

import msgspec

LINES_SHOWN = 10  # of each kind of bad row
FLAWS_SHOWN = 10  # kinds of bad rows in a failure reason


class Flaw(msgspec.Struct, rename="camel"):
    """One kind of bad row. `lines` are the first ones, as file:line; `example` is the first value that was refused."""

    rule: str
    column: str | None = None
    count: int = 0
    lines: list[str] = []
    example: str | None = None

    def __str__(self) -> str:
        names_it = self.column is None or self.rule.endswith(f"for {self.column}.")
        what = self.rule if names_it else f"{self.column} {self.rule}"
        rows = f"{self.count:,} {'row' if self.count == 1 else 'rows'}"
        example = "" if self.example is None else f", such as {self.example!r}"
        where = ", ".join(self.lines) + (", …" if self.count > len(self.lines) else "")
        return f"{what} ({rows}{example}: {where})"


class Report(msgspec.Struct, rename="camel"):
    """What became of every row: rows = kept + duplicates + bad. Blank lines are no rows."""

    rows: int = 0
    kept: int = 0
    duplicates: int = 0  # interactions equal in every column, or earlier rows of the same id
    bad: int = 0
    blank_lines: int = 0
    files: list[str] = []
    ignored_columns: list[str] = []
    flaws: list[Flaw] = []

    def failure_reason(self) -> str | None:
        """Why the job fails; None where every row is good."""
        if not self.bad:
            return None
        shown = "; ".join(map(str, self.flaws[:FLAWS_SHOWN]))
        more = len(self.flaws) - FLAWS_SHOWN
        tail = f"; and {more} more kinds of errors" if more > 0 else ""
        return f"{self.bad:,} of {self.rows:,} rows are bad, nothing was imported. {shown}{tail}."


class Ledger:
    """Collects flaws by column and rule."""

    def __init__(self) -> None:
        self.flaws: dict[tuple[str | None, str], Flaw] = {}

    def note(self, rule: str, line: str, column: str | None = None, example: str | None = None) -> None:
        flaw = self.flaws.get((column, rule))
        if flaw is None:
            shown = None if example is None else example[:40] + ("…" if len(example) > 40 else "")
            flaw = self.flaws[column, rule] = Flaw(rule, column, lines=[], example=shown)
        flaw.count += 1
        if len(flaw.lines) < LINES_SHOWN:
            flaw.lines.append(line)
