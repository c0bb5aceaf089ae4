"""The tables: what each run gained, with intervals paired against ours, and what it took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.evaluation.evaluate import bootstrap
from loadtests.quality.datasets import DATASETS
from loadtests.quality.peers import OURS, PEERS
from loadtests.quality.protocol import TITLES
from loadtests.quality.record import RunRecord, Setting
from loadtests.quality.task import Array

MARKERS = "<!-- quality -->", "<!-- /quality -->"
PICTURE = "quality.svg"
COLUMNS = (
    "model",
    "NDCG@10",
    "HR@10",
    "recgate ahead by",
    "coverage",
    "trained in (tuning and all)",
    "processor time",
    "peak memory",
)
SEED = 0

Interval = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """One model of a table, the mean of its seeds."""

    peer: str
    records: Sequence[RunRecord]
    reading: str  # "true" where the moment of asking is known

    @property
    def name(self) -> str:
        known = ", request time known" if self.reading == "true" else ""
        return f"{PEERS[self.peer].name}{known}"

    @property
    def cut(self) -> str:
        """What the time did not suffice for, of any seed."""
        shortages = [record.cut or record.settings.partition("; ")[2] for record in self.records]
        return next((f" ({shortage})" for shortage in shortages if shortage), "")

    @cached_property
    def ndcg(self) -> Array:
        return np.mean([record.gains[self.reading].ndcg for record in self.records], axis=0)

    @property
    def mean(self) -> float:
        return float(self.ndcg.mean())

    @cached_property
    def interval(self) -> Interval:
        return bootstrap(self.ndcg, SEED)

    @property
    def hit_rate(self) -> float:
        return float(np.mean([record.gains[self.reading].hits for record in self.records]))

    @property
    def coverage(self) -> float:
        return float(np.mean([record.gains[self.reading].coverage for record in self.records]))

    @property
    def wall_s(self) -> float:
        return float(np.mean([record.tuning.wall_s + record.fitting.wall_s for record in self.records]))

    @property
    def cpu_s(self) -> float:
        return float(np.mean([record.tuning.cpu_s + record.fitting.cpu_s for record in self.records]))

    @property
    def peak_mib(self) -> float:
        return max(record.peak_mib for record in self.records)

    @property
    def seeds(self) -> str:
        """How far the seeds lie apart; empty with one."""
        means = [float(np.mean(record.gains[self.reading].ndcg)) for record in self.records]
        return f"; {len(means)} seeds {short(min(means))}–{short(max(means))}" if len(means) > 1 else ""


@dataclass(frozen=True)
class Part:
    """One table: a data set and a split."""

    setting: Setting
    rows: Sequence[Row]  # best first
    failures: Sequence[RunRecord]
    outdated: Sequence[str]  # peers whose records are of other questions

    @property
    def title(self) -> str:
        return f"{self.setting.title}, {TITLES[self.setting.split]}"

    def ours(self, reading: str) -> Row | None:
        return next((row for row in self.rows if row.peer == OURS and row.reading == reading), None)

    @property
    def limits(self) -> str:
        """The time that a peer of weight 1 had, least and most."""
        minutes = [record.limit_s / 60 for row in self.rows for record in row.records if PEERS[row.peer].weight >= 1]
        bounds = dict.fromkeys(f"{bound(minutes):.0f}" for bound in (min, max) if minutes)
        return f"; a share is {' to '.join(bounds)} min" if bounds else ""

    @property
    def about(self) -> str:
        setting = self.setting
        return (
            f"{setting.manner}; {setting.questions:,} questions, {setting.items:,} items,"
            f" trained on {setting.trained_on:,} interactions of {setting.users:,} users"
            f"{self.limits}"
        )


def parts(records: Iterable[RunRecord]) -> list[Part]:
    """A table for each data set and split, in the registries' order, of records that answer the same questions."""
    groups: dict[tuple[str, str], list[RunRecord]] = defaultdict(list)
    for record in records:
        if record.peer in PEERS and record.setting.data in DATASETS:
            groups[record.setting.data, record.setting.split].append(record)
    order = [(data, split) for data in DATASETS for split in TITLES if (data, split) in groups]
    return [part(groups[key]) for key in order]


def part(records: Sequence[RunRecord]) -> Part:
    newest = max(records, key=lambda record: (record.peer == OURS, record.when))
    current = [record for record in records if record.setting.fingerprint == newest.setting.fingerprint]
    by_peer: dict[str, list[RunRecord]] = defaultdict(list)
    for record in current:
        if not record.failure:
            by_peer[record.peer].append(record)
    rows = [Row(peer, runs, reading) for peer, runs in by_peer.items() for reading in runs[0].gains]
    rows.sort(key=lambda row: (row.reading, -row.mean))
    failures = [record for record in current if record.failure]
    outdated = sorted({record.peer for record in records} - {record.peer for record in current})
    return Part(newest.setting, rows, failures, outdated)


def texts(part: Part, row: Row) -> list[str]:
    """The cells of a row."""
    ours = part.ours(row.reading)
    ahead = ""
    if ours is not None and row.peer != OURS:
        difference = ours.ndcg - row.ndcg
        ahead = f"{signed(float(difference.mean()))} {span(bootstrap(difference, SEED))}"
    return [
        f"{row.name}{row.cut}",
        f"{short(row.mean)} {span(row.interval)}{row.seeds}",
        short(row.hit_rate),
        ahead,
        f"{row.coverage:.0%}",
        seconds(row.wall_s),
        seconds(row.cpu_s),
        f"{row.peak_mib:,.0f} MB",
    ]


def markdown(tables: Sequence[Part]) -> str:
    """What stands between the markers of the page."""
    records = [record for each in tables for row in each.rows for record in row.records]
    machines = "; ".join(dict.fromkeys(record.machine for record in records))
    days = sorted({record.when[:10] for record in records})
    lines = [
        f"Measured {' to '.join(dict.fromkeys(days[:1] + days[-1:]))} on {machines}.",
        "",
        f"![NDCG@10 of every model]({PICTURE})",
    ]
    for each in tables:
        lines += ["", f"**{each.title}** ({each.about})", "", f"| {' | '.join(COLUMNS)} |"]
        lines += ["| --- |" + " --- |" * (len(COLUMNS) - 1)]
        for row in each.rows:
            cells = texts(each, row)
            if row.peer == OURS:
                cells[:2] = [f"**{cell}**" for cell in cells[:2]]
            lines.append(f"| {' | '.join(cells)} |")
        missing = [f"- {PEERS[record.peer].name}: no figure, {record.failure}" for record in each.failures]
        missing += [f"- {PEERS[peer].name}: measured on other data, run it again" for peer in each.outdated]
        lines += ["", *missing] if missing else []
    return "\n".join(lines)


def short(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


def signed(value: float) -> str:
    return ("−" if value < 0 else "+") + short(abs(value))


def span(interval: Interval) -> str:
    return "[" + ", ".join(("−" if each < 0 else "") + short(abs(each)) for each in interval) + "]"


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 10 else f"{value:,.0f} s"
