"""The ledger of experiments: exposures and outcomes, written in batches off the request path, and the arms that units
keep.

A thread writes what waits every half a second: a killed process loses the exposures of that time, which the unit's next
request makes up for. Outcomes are written at once, and acknowledged when they are on disk. In return the thread hears
of other processes' exposures: a unit that was exposed under other weights keeps its arm, and only units whom the
weights of today would move are remembered for that; where weights change by themselves, all.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from math import floor, inf

from engine import ArmAnswer, ExperimentStore, Exposure, Unavailable, UnitOutcome
from gateway.config import Config
from gateway.experiments.analysis.contest import credit_of
from gateway.experiments.analysis.rows import UnitRow
from gateway.experiments.analysis.verdict import Step
from gateway.experiments.arms import ArmCounters
from gateway.experiments.credit import attributed, confirmed, teams_of
from gateway.experiments.enrol import Enrolment, placed
from gateway.experiments.weights import Weights, history
from gateway.plan.experiment import AllocationStep, Experiment, ExperimentMetric

log = logging.getLogger(__name__)

FLUSH_S = 0.5
KEEP_S = 90 * 86_400.0
TIDY_S = 3_600.0
MOST_WAITING = 100_000  # exposures; beyond these the newest wait for their unit's next request
MOST_SEEN = 200_000  # units and their answers that are known to be in the ledger
LONGEST_NAME = 40  # of an answer that an event can name
Key = tuple[str, str]


class Ledger:
    def __init__(
        self,
        store: ExperimentStore,
        clock: Callable[[], float] = time.time,
        jitter: float = 0.0,
        *,
        keep_s: float = KEEP_S,
        tidy_s: float = TIDY_S,
    ) -> None:
        """`jitter` is between 0 and 1, each process's own (see `weights`). Every `tidy_s` the ledger deletes
        experiments that were in no configuration for `keep_s`."""
        self._clock, self._keep_s, self._tidy_s, self._tidied = clock, keep_s, tidy_s, -inf
        self._configured: dict[str, str] = {}  # the scope of each experiment
        self._store, self.arms = store, ArmCounters(store.readings)
        self._weights = Weights(store, self.units, clock, jitter)
        self._waiting: deque[Exposure] = deque()
        self._answers: deque[ArmAnswer] = deque()
        self._outcomes: deque[tuple[Sequence[UnitOutcome], Future[None]]] = deque()
        self._recorded: set[tuple[str, ...]] = set()
        self.answer_counts: Counter[Key] = Counter()  # answers by experiment and variation, of this process
        self._written: Counter[Key] = Counter()
        self._sticky: dict[Key, tuple[Experiment, dict[str, str]]] = {}  # by an experiment's id and allocation
        self.moves = 0  # another number wherever a unit may have another arm than before
        self._tell: Callable[[Sequence[Exposure]], None] | None = None
        self._seq = -1  # of the last exposure that is known of
        self._wake, self._stop, self._writing = threading.Event(), False, threading.Lock()
        self._thread = threading.Thread(target=self._run, name="experiments", daemon=True)

    # ---- who keeps an arm

    def prepare(self, experiments: Iterable[Experiment]) -> None:
        """Prepare for experiments, before they are in use. Reads the database: all exposures of an experiment whose
        weights have changed."""
        wanted = {(each.id, each.allocation): each for each in experiments}
        self._weights.prepare(wanted.values())
        self._configured = {each.id: each.scope for each in wanted.values()}
        if self._seq < 0 and wanted:
            self._seq = self._store.last()
        for key, experiment in wanted.items():
            if key in self._sticky:
                continue
            arms: dict[str, str] = {}
            self._sticky[key] = (experiment, arms)
            if not experiment.is_steady or self._store.allocation_names(experiment.id) - {experiment.allocation}:
                exposures = self._store.exposures(experiment.id)
                arms |= {each.unit: each.variation for each in exposures if moved(experiment, each)}

    def expect(self, config: Config) -> None:
        """Prepare for a configuration to come; it comes whatever fails here. Takes a second where weights are new: till
        then every process has written whom it has exposed."""
        try:
            if any((each.id, each.allocation) not in self._sticky for each in config.experiments):
                self._flush()
                time.sleep(2 * FLUSH_S)
            self.prepare(config.experiments)
        except Exception:
            log.exception("the experiments' ledger can't be read: who has an arm may draw another one")

    def sticky_variation(self, experiment: Experiment, unit: str) -> str | None:
        """The variation that the unit was exposed to, where it would draw another one now."""
        sticky = self._sticky.get((experiment.id, experiment.allocation))
        return None if sticky is None else sticky[1].get(unit)

    def in_force(self, experiment: Experiment, now: float) -> AllocationStep:
        """The shares at an epoch second."""
        return self._weights.in_force(experiment, now)

    def current(self, experiment: Experiment, now: float) -> Experiment:
        """The experiment with the shares in force."""
        return experiment.under(self.in_force(experiment, now))

    def tell_exposures(self, tell: Callable[[Sequence[Exposure]], None]) -> None:
        """Tell of units' first exposures, once they are in the database, from the ledger's thread."""
        self._tell = tell

    # ---- what happens

    def expose(self, enrolment: Enrolment, now: float, name: str = "", teams: bytes | None = None) -> bool:
        """Count an answer and add its exposure, in a microsecond and without waiting. `name` is the answer's
        recommendationId; `teams` are of a list of several variations (see `ArmAnswer`). True if unit and answer are in
        the ledger now."""
        experiment, unit, arm = enrolment.experiment, enrolment.unit, enrolment.arm
        self.answer_counts[experiment.id, arm.variation] += 1
        return (experiment.id, unit, name) in self._recorded or self._add(enrolment, now, name, teams)

    def count_hits(self, experiment: str, variation: str, count: int, seconds: float) -> None:
        """Count answers from the cache, which are in the ledger already and took so many seconds together."""
        self.answer_counts[experiment, variation] += count
        self.arms.served(experiment, variation, "hit", seconds, count)

    def _add(self, enrolment: Enrolment, now: float, name: str, teams: bytes | None) -> bool:
        experiment, unit, arm = enrolment.experiment, enrolment.unit, enrolment.arm
        if len(self._waiting) + len(self._answers) >= MOST_WAITING:
            return False
        if len(self._recorded) >= MOST_SEEN:
            self._recorded.clear()  # the database knows those who come again
        if (experiment.id, unit) not in self._recorded:
            self._waiting.append(Exposure(experiment.id, unit, arm.variation, now, arm.share, enrolment.allocation))
            sticky = None if experiment.is_steady else self._sticky.get((experiment.id, experiment.allocation))
            if sticky is not None:
                sticky[1].setdefault(unit, arm.variation)  # the shares may be others before the thread comes round
        answer = (experiment.id, arm.variation, name, "answer")
        if 0 < len(name) <= LONGEST_NAME and answer not in self._recorded:
            self._answers.append(ArmAnswer(experiment.id, name, arm.variation, unit, now, teams))
        self._recorded |= {(experiment.id, unit), (experiment.id, unit, name), answer}
        return True

    async def record(self, outcomes: Sequence[UnitOutcome]) -> None:
        """Record outcomes, durable on return."""
        done: Future[None] = Future()
        self._outcomes.append((outcomes, done))
        self._wake.set()
        await asyncio.wrap_future(done)

    async def decide(self, decision: ArmAnswer) -> None:
        """Record what was chosen for whom, by its name, durable on return. It is there for a week."""
        self._answers.append(decision)
        await self.record(())

    async def decision(self, experiment: str, name: str) -> ArmAnswer | None:
        """The decision of this name."""
        return await asyncio.to_thread(self._store.answer, experiment, name)

    # ---- what came of it

    def units(self, experiment: Experiment) -> list[UnitRow]:
        """A row for each exposed unit. Its outcomes count from its first exposure to the end of each metric's window;
        where lists are drafted, what each variation is credited with counts, too. The covariate is what the unit did of
        the first metric before, the period that of its weights, where they have changed; now's are those of an
        experiment that is `current`. Reads the database."""
        return self.units_at(experiment, (inf,))[0]

    def units_at(self, experiment: Experiment, moments: Sequence[float]) -> list[list[UnitRow]]:
        """The same as of each of these epoch seconds. Reads the database once."""
        arms = experiment.by_variation
        exposures = [each for each in self._store.exposures(experiment.id) if each.variation in arms]
        answers = self._store.answers(experiment.id)
        outcomes = (*self._store.outcomes(experiment.id), *self._store.outcomes(experiment.scope))
        return [
            rows_of(
                experiment,
                exposures if at == inf else [each for each in exposures if each.at <= at],
                outcomes if at == inf else [each for each in outcomes if each.at <= at],
                answers,
            )
            for at in moments
        ]

    def exposed_counts(self, experiment: Experiment) -> dict[str, int]:
        """The number of units that were exposed to each variation. Reads the database."""
        return self._store.exposed_counts(experiment.id)

    def crossed(self, experiment: Experiment) -> int:
        """The number of units that got an answer of another arm than their own. Reads the database."""
        return self._store.crossed(experiment.id)

    def answer_totals(self, experiment: Experiment) -> dict[str, int]:
        """The number of answers that each variation gave, of all processes. Reads the database."""
        return self._store.answer_counts(experiment.id)

    def steps(self, experiment: Experiment) -> list[Step]:
        """Its weights so far, where they change by themselves. Reads the database."""
        return history(experiment, self._store.allocations(experiment.id), self._clock())

    # ---- the thread

    def start(self) -> None:
        self._thread.start()
        self._weights.start()

    def close(self) -> None:
        """Write all that waits, and stop."""
        self._weights.close()
        self._stop = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._flush()
        self.arms.save(now=True)

    def _run(self) -> None:
        while not self._stop:
            self._wake.wait(FLUSH_S)
            self._wake.clear()
            self._flush()
            self.arms.save()
            self._tidy()
            try:
                self._follow()
            except Unavailable:  # the database has logged it
                pass
            except Exception:
                log.exception("other processes' exposures can't be read")

    def _flush(self) -> None:
        with self._writing:  # in turn: what waits is taken out by one
            self._write()

    def _write(self) -> None:
        exposures = [self._waiting.popleft() for _ in range(len(self._waiting))]
        answers = [self._answers.popleft() for _ in range(len(self._answers))]
        parts = [self._outcomes.popleft() for _ in range(len(self._outcomes))]
        total = Counter(dict(self.answer_counts))
        new = total - self._written
        if not (exposures or answers or parts or new):
            return
        try:
            first = self._store.write(
                exposures, new, [outcome for outcomes, _ in parts for outcome in outcomes], answers
            )
        except Exception as error:  # whatever it was, every waiter must hear of it; exposures wait for the next round
            if not isinstance(error, Unavailable):  # which the database has logged
                log.exception("the experiments' ledger can't be written")
            self._waiting.extendleft(reversed(exposures))
            self._answers.extendleft(reversed(answers))
            for _, done in parts:
                done.set_exception(error)
            return
        self._written = total
        for _, done in parts:
            done.set_result(None)
        if first and self._tell is not None:
            self._tell(first)

    def _tidy(self) -> None:
        """Delete one step; the next comes with the next round as long as there is more to delete."""
        now = self._clock()
        if now - self._tidied < self._tidy_s:
            return
        try:
            self._store.retention.mark(self._configured, now)
            if not self._store.retention.prune(now, self._keep_s):
                self._tidied = now
        except Exception as error:
            if not isinstance(error, Unavailable):
                log.exception("experiments that are over can't be deleted")
            self._tidied = now

    def _follow(self) -> None:
        """Hear of exposures by other processes: whoever was exposed under other weights keeps its arm here."""
        if self._seq < 0:
            return
        seq, exposures = self._store.exposures_after(self._seq)
        for each in exposures:
            for (name, allocation), (experiment, arms) in list(self._sticky.items()):
                same = experiment.is_steady and allocation == each.allocation
                if name == each.experiment and not same and moved(experiment, each):
                    arms[each.unit] = each.variation
                    self.moves += 1
        self._seq = seq


def rows_of(
    experiment: Experiment,
    exposures: Sequence[Exposure],
    outcomes: Sequence[UnitOutcome],
    answers: Sequence[ArmAnswer],
) -> list[UnitRow]:
    """A row for each exposed unit, see `Ledger.units`."""
    done: dict[str, list[UnitOutcome]] = {each.unit: [] for each in exposures}
    for outcome in attributed(outcomes, {each.unit: each.variation for each in exposures}, answers):
        done[outcome.unit].append(outcome)
    exposures = confirmed(experiment, exposures, done, frozenset(each.recommendation_id for each in answers))
    first = next(iter(experiment.metrics.items()), None)
    before = {each.unit: earlier(first, done[each.unit], each.at) for each in exposures}
    has_covariate = any(before.values())
    teams = teams_of(answers)
    allocations = dict.fromkeys((experiment.allocation, *(each.allocation for each in reversed(exposures))))
    periods = {name: number for number, name in enumerate(allocations)}  # of today's weights first, then backwards
    return [
        UnitRow(
            each.unit,
            each.variation,
            each.at,
            counted(experiment, done[each.unit], each.at) | credited(experiment, done[each.unit], each.at, teams),
            before[each.unit] if has_covariate else None,
            periods[each.allocation] if len(periods) > 1 else None,
        )
        for each in exposures
    ]


def moved(experiment: Experiment, exposure: Exposure) -> bool:
    """True if it can't be left to the draw that the unit keeps its arm."""
    if not experiment.is_steady:
        return True
    drawn = placed(experiment, exposure.unit, None, experiment.configured)
    return drawn.arm.variation != exposure.variation


def counted(experiment: Experiment, outcomes: Sequence[UnitOutcome], since: float) -> dict[str, tuple[float, float]]:
    """The number and sum of each metric's outcomes. An event's time may be in whole seconds: the exposure's second
    counts."""
    sums: dict[str, tuple[float, float]] = {}
    for name, metric in experiment.metrics.items():
        names = (name, event_name(metric))
        end = since + metric.window_s
        values = [each.value for each in outcomes if each.metric in names and floor(since) <= each.at <= end]
        if values:
            sums[name] = (float(len(values)), sum(values))
    return sums


def credited(
    experiment: Experiment, outcomes: Sequence[UnitOutcome], since: float, teams: Mapping[Key, Mapping[str, str]]
) -> dict[str, tuple[float, float]]:
    """The number and sum of outcomes for each variation: those that name a list of their unit, and an item that it
    placed there."""
    by_team: dict[str, list[UnitOutcome]] = {}
    for each in outcomes if teams else ():
        team = teams.get((each.unit, each.recommendation_id or ""), {}).get(each.item or "")
        if team is not None:
            by_team.setdefault(team, []).append(each)
    return {
        credit_of(name, team): sums
        for team, own in by_team.items()
        for name, sums in counted(experiment, own, since).items()
    }


def earlier(first: tuple[str, ExperimentMetric] | None, outcomes: Sequence[UnitOutcome], before: float) -> float:
    if first is None or not event_name(first[1]):
        return 0.0
    return sum(each.value for each in outcomes if each.metric == event_name(first[1]) and each.at < floor(before))


def event_name(metric: ExperimentMetric) -> str:
    """The name, among the outcomes, of the events that a metric counts; a name of a metric has no spaces. "": none."""
    return "" if metric.event_type is None else f"{metric.event_type} {metric.value_key}"
