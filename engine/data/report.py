"""The report of an import: how many rows were kept, doubled or bad, and every kind of flaw with its lines."""

from __future__ import annotations

import msgspec

from engine.data.values import MISSING
from engine.words import counted

ODD_AT_MOST = 0.5  # of a column's values; more are no oddity but a wrong column or type
ODD_AT_LEAST = 10  # before that is said
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


class ImportReport(msgspec.Struct, rename="camel"):
    """The counts of an import's rows: rows = kept + duplicates + bad. Blank lines are no rows."""

    rows: int = 0
    kept: int = 0
    duplicates: int = 0  # interactions equal in every column, or earlier rows of the same id
    bad: int = 0  # rows that are left out, or fail the import where they are more than `skip_bad_rows`
    blank_lines: int = 0
    files: list[str] = []
    ignored_columns: list[str] = []
    flaws: list[Flaw] = []  # of the bad rows
    skip_bad_rows: int = 0
    undated: int = 0  # interactions of time 0
    ahead: int = 0  # interactions of more than a day after the import
    nulls: list[Flaw] = []  # values that were read as null, of rows that were kept or not

    def failure_reason(self) -> str | None:
        """The reason for which the job fails; None where the rows may be used."""
        if self.bad > self.skip_bad_rows:
            most = f" and at most {self.skip_bad_rows:,} may be left out" if self.skip_bad_rows else ""
            return f"{self.bad:,} of {self.rows:,} rows are bad{most}, nothing was imported. {_listed(self.flaws)}."
        odd: dict[str | None, list[Flaw]] = {}
        for flaw in self.nulls:
            if flaw.rule != MISSING:
                odd.setdefault(flaw.column, []).append(flaw)
        for column, flaws in odd.items():
            count = sum(flaw.count for flaw in flaws)
            if count >= ODD_AT_LEAST and count > ODD_AT_MOST * self.rows:
                return (
                    f"{count:,} of {self.rows:,} values of {column} do not fit its type, nothing was imported:"
                    f" the schema or the column is a wrong one. {_listed(flaws)}."
                )
        return None

    def notes(self) -> list[str]:
        """Sentences that a user should read after an import that went well."""
        notes = []
        if self.bad:
            notes.append(f"{counted(self.bad, 'bad row')} left out: {_listed(self.flaws)}.")
        if self.nulls:
            count = sum(flaw.count for flaw in self.nulls)
            notes.append(f"{counted(count, 'odd value')} read as null: {_listed(self.nulls)}.")
        if self.undated:
            unknown = "the first second of 1970, which often stands for a time that nobody knows"
            notes.append(f"{counted(self.undated, 'interaction')} with TIMESTAMP 0, {unknown}: the oldest of all.")
        if self.ahead:
            notes.append(f"{counted(self.ahead, 'interaction')} dated in the future: the newest of all till then.")
        if columns := [name for name in self.ignored_columns if name]:
            notes.append(f"{counted(len(columns), 'column')} not in the schema left out: {', '.join(columns)}.")
        return notes


def _listed(flaws: list[Flaw]) -> str:
    more = len(flaws) - FLAWS_SHOWN
    return "; ".join(map(str, flaws[:FLAWS_SHOWN])) + (f"; and {more} more kinds of errors" if more > 0 else "")


class FlawLedger:
    def __init__(self) -> None:
        self.flaws: dict[tuple[str | None, str], Flaw] = {}  # by column and rule

    def listed(self) -> list[Flaw]:
        """The most frequent first."""
        return sorted(self.flaws.values(), key=lambda flaw: -flaw.count)

    def note(self, rule: str, line: str, column: str | None = None, example: str | None = None) -> None:
        flaw = self.flaws.get((column, rule))
        if flaw is None:
            shown = None if example is None else example[:40] + ("…" if len(example) > 40 else "")
            flaw = self.flaws[column, rule] = Flaw(rule, column, lines=[], example=shown)
        flaw.count += 1
        if len(flaw.lines) < LINES_SHOWN:
            flaw.lines.append(line)
