"""A campaign's outcome: as tables for a terminal, and as Markdown for the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from loadtests.campaign.checker import Watched
from loadtests.campaign.faults import FAULTS
from loadtests.campaign.verdict import Verdict

LONGEST_S = 10.0  # that a fault may take to be over
LEAST = 0.999  # share of the requests that are answered
SHOWN = 20  # requests and answers of a kind that are printed
COLUMNS = ("fault", "times", "serving again, median s", "most s", "unanswered")


class Over(NamedTuple):
    fault: str
    seconds: float  # from its worst, or from when it was mended, until all served


class Outcome(NamedTuple):
    shape: str
    seconds: float
    watched: Watched
    verdict: Verdict
    over: Sequence[Over]

    @property
    def answered(self) -> float:
        """The share of all requests, lists and events."""
        return 1 - len(self.watched.unanswered) / max(self.watched.requests, 1)

    def is_good(self) -> bool:
        return (
            self.verdict == Verdict(0, 0, 0)
            and not self.watched.before
            and not self.watched.foreign
            and self.answered >= LEAST
            and all(each.seconds <= LONGEST_S for each in self.over)
        )


def faults(outcome: Outcome) -> list[Sequence[str]]:
    """A row for each kind of fault, below `COLUMNS`."""
    lines: list[Sequence[str]] = []
    unanswered = Counter(each.fault for each in outcome.watched.unanswered)
    for name, words in ((fault.__name__, fault.__doc__ or "") for fault in FAULTS):
        seconds = sorted(each.seconds for each in outcome.over if each.fault == name)
        if seconds:
            lines.append(
                (words, str(len(seconds)), f"{median(seconds):.1f}", f"{seconds[-1]:.1f}", str(unanswered[words]))
            )
    return lines


def found(outcome: Outcome) -> list[tuple[str, str]]:
    watched, verdict = outcome.watched, outcome.verdict
    states = ", ".join(f"{count:,} {state or 'none'}" for state, count in watched.states.most_common())
    lists = sum(not each.request.startswith("POST") for each in watched.unanswered)
    return [
        ("events acknowledged", f"{len(watched.acknowledged):,}"),
        ("acknowledged events lost", str(verdict.lost)),
        ("events stored twice", str(verdict.doubled)),
        ("events stored of another tenant, user or item than was sent", str(verdict.strange)),
        ("lists asked for", f"{watched.asked:,}"),
        ("answers from before an acknowledged event of their user", str(len(watched.before))),
        ("answers of another user or tenant", str(len(watched.foreign))),
        ("requests answered within 10 s, lists and events", f"{outcome.answered:.3%}"),
        ("lists, events not answered within 10 s", f"{lists}, {len(watched.unanswered) - lists}"),
        ("how lists were answered (X-Cache)", states),
        ("lists that said that they may be from before (X-Recgate-Behind)", f"{watched.behind:,}"),
        ("requests that the second machine had to answer", f"{watched.again:,}"),
        ("the slowest list, the slowest event", f"{watched.slowest_s['GET']:.1f} s, {watched.slowest_s['POST']:.1f} s"),
        ("the longest that a fault took to be over", f"{max(each.seconds for each in outcome.over):.1f} s"),
    ]


def show(console: Console, outcome: Outcome) -> None:
    shown = Table(*COLUMNS, box=SIMPLE)
    for line in faults(outcome):
        shown.add_row(*line)
    console.print(shown)
    for what, value in found(outcome):
        console.print(f"{what}: {value}", highlight=False)
    watched = outcome.watched
    for failure, count in watched.failures.most_common(SHOWN):
        console.print(f"  {count:,} attempts failed, {failure}", highlight=False)
    for request, fault, attempts in watched.unanswered[:SHOWN]:
        console.print(f"unanswered: {request}, while: {fault} {dict(attempts)}", markup=False, highlight=False)
    for violation in (*watched.before[:SHOWN], *watched.foreign[:SHOWN]):
        console.print(violation, markup=False, highlight=False)


def markdown(outcome: Outcome) -> str:
    head = f"{len(outcome.over)} faults in {outcome.seconds / 60:.0f} minutes (`--shape {outcome.shape}`)"
    return f"{_table((head, ''), found(outcome))}\n{_table(COLUMNS, faults(outcome))}"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)] if len(head) > 2 else ["---"] * len(head)
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, rule, *lines))
