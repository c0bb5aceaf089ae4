"""The shares that the arms of bandits have, and the thread that finds the next ones.

A period's weights are a row in the database, written before it begins and never changed: whoever writes first decides.
Every process reads new rows twice a second, and all go over to them when the period begins by their clock. The last
moment to write is a quarter of a period before, or a minute if that is less: so all answer by the same weights, as long
as no clock is astray by more than that, less half a second. Each exposure is kept with the weight that it was drawn by,
whatever clocks say.

No process is chosen to do the work. Each has a moment of its own, drawn once, within the first quarter of the time
before the period, and the first to come finds nothing and does it; if it dies, the next one does. A period for which
nobody wrote in time keeps the weights before.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import isfinite

from engine import Allocation, ExperimentStore, Unavailable
from gateway.experiments.analysis.rows import UnitRow
from gateway.experiments.analysis.verdict import Share, Step
from gateway.experiments.bandit import lead, next_allocation
from gateway.experiments.enrol import next_period
from gateway.plan.experiment import AllocationStep, Bandit, Experiment

log = logging.getLogger(__name__)

POLL_S = 0.5
MOST_PERIODS = 1_000  # periods of an experiment, the newest: events may say that they are of the past
Rows = Callable[[Experiment], Sequence[UnitRow]]
Steps = tuple[tuple[float, ...], tuple[AllocationStep, ...]]  # since when, and which


class Weights:
    def __init__(self, store: ExperimentStore, rows: Rows, clock: Callable[[], float], jitter: float) -> None:
        """`rows` reads the rows of an experiment's units; `jitter` between 0 and 1 is this process's moment."""
        self._store, self._rows, self._clock, self._jitter = store, rows, clock, jitter
        self._bandits: dict[str, Experiment] = {}
        self._seq = 0
        self._allocations: dict[str, dict[float, Allocation]] = {}  # by an experiment's id and when the period begins
        self._steps: dict[tuple[str, str], Steps] = {}  # by its id and what its configuration says
        self._lock = threading.Lock()  # of those who read rows
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bandits", daemon=True)

    def prepare(self, experiments: Iterable[Experiment]) -> None:
        """Prepare for experiments, before they are in use. Reads the database."""
        self._bandits = {each.id: each for each in experiments if each.bandit is not None}
        if self._bandits:
            self.follow()

    def in_force(self, experiment: Experiment, now: float) -> AllocationStep:
        """The shares at an epoch second."""
        if experiment.bandit is not None:
            since, allocations = self._steps.get((experiment.id, experiment.allocation), ((), ()))
            if index := bisect_right(since, now):
                return allocations[index - 1]
        return experiment.scheduled(now)

    # ---- the thread

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(POLL_S):
            try:
                self.look()
            except Unavailable:  # the database has logged it
                pass
            except Exception:
                log.exception("bandits keep the weights that they have: their ledger can't be read or written")

    def look(self) -> None:
        """Read the allocations of other processes, and find those that nobody has."""
        if not self._bandits:
            return
        self.follow()
        for experiment in tuple(self._bandits.values()):
            if experiment.bandit is not None and experiment.start <= self._clock() < experiment.end:
                self._allocate(experiment, experiment.bandit)

    def follow(self) -> None:
        with self._lock:
            self._seq, rows = self._store.allocations_after(self._seq)
            for row in rows:
                periods = self._allocations.setdefault(row.experiment, {})
                periods[row.since] = row
                if len(periods) > MOST_PERIODS:
                    del periods[next(iter(periods))]
            for experiment in tuple(self._bandits.values()):
                key = (experiment.id, experiment.allocation)
                if key not in self._steps or any(row.experiment == experiment.id for row in rows):
                    self._steps[key] = steps(experiment, self._allocations.get(experiment.id, {}).values())

    def _allocate(self, experiment: Experiment, bandit: Bandit) -> None:
        now, before = self._clock(), lead(bandit.period_s)
        since = next_period(bandit.period_s, now)
        first, last = since - before * (1 - self._jitter / 4), since - before / 2
        if not first <= now < last or since in self._allocations.get(experiment.id, {}):
            return
        current = experiment.under(self.in_force(experiment, now))
        arms = next_allocation(experiment, bandit, self._rows(current))
        if self._store.allocate(Allocation(experiment.id, since, self._clock(), arms), lambda: self._clock() < last):
            shares = ", ".join(f"{name} {each.weight:.4g}" for name, each in arms.items())
            log.info("%s: weights from %.0f on: %s", experiment.id, since, shares)
        self.follow()


def steps(experiment: Experiment, rows: Iterable[Allocation]) -> Steps:
    """The steps of rows about the arms that the experiment has now; those that change nothing are left out."""
    allocations: list[AllocationStep] = []
    for row in sorted(rows, key=lambda row: row.since):
        if row.arms.keys() != experiment.by_variation.keys():
            continue  # a variation came or went
        allocation = AllocationStep(
            tuple(replace(arm, share=row.arms[arm.variation].weight) for arm in experiment.arms), row.since
        )
        if not allocations or allocations[-1].name != allocation.name:
            allocations.append(allocation)
    return tuple(each.since for each in allocations), tuple(allocations)


def history(experiment: Experiment, rows: Sequence[Allocation], now: float) -> list[Step]:
    """The configured weights, and those of rows in the order of their times, till an epoch second; rows that change no
    weight are left out. Empty where weights do not change by themselves."""
    if experiment.is_steady:
        return []
    start = experiment.start if isfinite(experiment.start) else None
    taken = [Step(start, shares_of(experiment.configured))]
    taken += [Step(each.since, shares_of(each)) for each in experiment.launch]
    for row in rows:
        arms = {name: Share(*earned) for name, earned in row.arms.items()}
        if weights_of(arms) != weights_of(taken[-1].arms):
            taken.append(Step(row.since, arms))
    return [each for each in taken if each.since is None or each.since <= now]


def shares_of(allocation: AllocationStep) -> dict[str, Share]:
    return {arm.variation: Share(arm.share) for arm in allocation.arms}


def weights_of(arms: Mapping[str, Share]) -> dict[str, float]:
    return {name: each.weight for name, each in arms.items()}
