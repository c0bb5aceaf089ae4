"""The runs within a budget: each gets its share of the time that is left, so light ones leave theirs to the others."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engine.data.snapshot import Snapshot
from gateway.processes.supervisor import end_with_parent
from loadtests.processes import stop
from loadtests.quality.datasets import DATASETS
from loadtests.quality.environments import ROOT, NotInstallable, python_of
from loadtests.quality.peers import OURS, PEERS
from loadtests.quality.protocol import TITLES, Manner, task_of
from loadtests.quality.record import RunRecord, Setting
from loadtests.quality.task import Task
from loadtests.report import machine

SHORTEST_S = 15.0
GRACE = 1.5  # limits after which a run is ended: a stage that has begun is waited for
STARTING_S = 30.0  # more, for imports and measuring
WORKER = "loadtests.quality.worker"

Say = Callable[[float, str], None]


class PlannedRun(NamedTuple):
    data: str
    split: str
    peer: str
    seed: int


@dataclass(frozen=True)
class Plan:
    data: Sequence[str]
    splits: Collection[str]
    peers: Sequence[str]
    seeds: int
    budget_s: float
    threads: int

    @cached_property
    def runs(self) -> list[PlannedRun]:
        """In each split of a data set the light peers first, then ours."""
        order = sorted(self.peers, key=lambda name: (PEERS[name].weight, name != OURS))
        return [
            PlannedRun(data, split, peer, seed)
            for data in self.data
            for split in DATASETS[data].splits
            if split in self.splits
            for peer in order
            for seed in range(self.seeds if PEERS[peer].seeded else 1)
        ]


class Contest:
    """Runs of a plan, one after the other. `began` is told of each before it starts, `say` how far it is."""

    def __init__(self, plan: Plan, began: Callable[[str], None], say: Say) -> None:
        self._plan, self._began, self._say = plan, began, say
        self._ends = time.monotonic() + plan.budget_s
        self._left = list(plan.runs)

    def records(self) -> Iterator[RunRecord]:
        snapshots = {}
        for data in self._plan.data:  # all of them first: what can't be had is told before hours have passed
            self._began(f"reading {DATASETS[data].title}")
            snapshots[data] = DATASETS[data].load()
        with tempfile.TemporaryDirectory() as folder:
            for (data, split), planned in groupby(self._plan.runs, lambda run: (run.data, run.split)):
                file = Path(folder) / f"{data}-{split}.npz"
                setting, hide_seen = prepared(snapshots[data], data, split, file)
                for _, _, peer, seed in planned:
                    limit_s = self._limit(peer)
                    self._left.pop(0)
                    if PEERS[peer].repeats_only and hide_seen:
                        continue
                    self._began(f"{DATASETS[data].title}, {TITLES[split]}: {PEERS[peer].name}, seed {seed}")
                    yield self._record(setting, peer, seed, limit_s, file)
                file.unlink()

    def _limit(self, peer: str) -> float:
        """The seconds that a run may take, out of those left."""
        left = max(self._ends - time.monotonic(), 0.0)
        return max(left * PEERS[peer].weight / sum(PEERS[run.peer].weight for run in self._left), SHORTEST_S)

    def _record(self, setting: Setting, peer: str, seed: int, limit_s: float, file: Path) -> RunRecord:
        when = datetime.now(UTC).isoformat(timespec="seconds")
        record = RunRecord(setting, peer, seed, when, machine(), round(limit_s, 1))
        try:
            self._say(0.0, "its environment")
            python = python_of(PEERS[peer].group)
            options = ["--peer", peer, "--seed", str(seed), "--seconds", f"{limit_s:.1f}"]
            changes = run([str(python), "-m", WORKER], file, options, limit_s, self._plan.threads, self._say)
        except NotInstallable as error:
            return msgspec.structs.replace(record, failure=str(error))
        return msgspec.convert({**msgspec.to_builtins(record), **changes}, RunRecord)


def prepared(snapshot: Snapshot, data: str, split: str, file: Path) -> tuple[Setting, bool]:
    """The task in its file, what it is, and whether lists leave out what users have had."""
    manner = Manner.of(snapshot)
    task: Task = task_of(snapshot, split, manner)
    task.save(file)
    setting = Setting(
        data,
        split,
        DATASETS[data].title,
        manner.words,
        task.fingerprint(),
        users=snapshot.user_count,
        items=snapshot.item_count,
        trained_on=len(task.test.log.items),
        questions=len(task.test.questions),
    )
    return setting, manner.hide_seen


def run(
    worker: Sequence[str], task: Path, options: Sequence[str], limit_s: float, threads: int, say: Say
) -> dict[str, Any]:
    """The changes of a run's record: what the worker left, or how it failed."""
    out, errors = task.with_suffix(".json"), task.with_suffix(".txt")
    out.unlink(missing_ok=True)
    most_s = GRACE * limit_s + STARTING_S
    in_time = watched([*worker, str(task), str(out), *options], errors, most_s, threads, say)
    if out.exists():
        changes: dict[str, Any] = json.loads(out.read_bytes())
        return changes
    if not in_time:
        return {"failure": f"not done in {most_s:.0f} s; give it more with --budget-minutes"}
    words = errors.read_text(errors="replace").strip().splitlines() or ["it ended without a word"]
    return {"failure": words[-1][:300]}


def watched(argv: Sequence[str], errors: Path, most_s: float, threads: int, say: Say) -> bool:
    """Whether a worker ended by itself within its time."""
    counts = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    late = threading.Event()
    with (
        errors.open("wb") as log,
        subprocess.Popen(
            argv, cwd=ROOT, env={**os.environ, **counts}, stdout=subprocess.PIPE, stderr=log, preexec_fn=end_with_parent
        ) as process,
    ):

        def end() -> None:
            late.set()
            stop(process)

        timer = threading.Timer(most_s, end)
        timer.start()
        try:
            for line in process.stdout or ():
                report(line, say)
            process.wait()
        finally:
            timer.cancel()
            stop(process)
    return not late.is_set()


def report(line: bytes, say: Say) -> None:
    """Passes a worker's line on; libraries print there, too, which is dropped."""
    try:
        message = json.loads(line)
        say(float(message["over"]), str(message["words"]))
    except (ValueError, KeyError, TypeError):
        return
