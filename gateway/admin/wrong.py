"""Findings: whatever is wrong now, in plain words, and how it is mended. Each check is a function of the server's
state, and yields as many as it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine import Job
from gateway.admin.experiments import ExperimentSummary
from gateway.admin.traffic import Interval, gauge
from gateway.admin.view import View
from gateway.document.report import Fault, counted
from gateway.telemetry import Totals

Severity = Literal["error", "warning", "note"]
ORDER: Mapping[Severity, int] = {"error": 0, "warning": 1, "note": 2}
OLD_S = 60.0  # of records that a target has not got
LAG_S = 5.0  # from an event to answers that see it
FULL = 0.98  # of the cache's ceiling
STARVES = 0.05  # see gateway.processes.starvation
SHOWN = 3


class OpenProblem(View, frozen=True, kw_only=True):
    """`do` is how it is mended; `view` shows more of it, of the one thing that `about` names."""

    severity: Severity
    code: str
    what: str
    do: str
    view: str
    namespace: str | None = None
    about: str | None = None


@dataclass(frozen=True)
class ServerState:
    """The parts of a server that may be wrong. `recent` are the counts of the last minute, `failed` jobs of a day."""

    totals: Totals
    recent: Interval | None
    checks: Mapping[str, str]  # as /ready has them
    faults: Sequence[Fault]  # of the configuration that lies there, and is not in use
    failed: Sequence[Job]
    silent_workers: Sequence[str]
    experiments: Sequence[ExperimentSummary] = ()


def broken_models(state: ServerState) -> Iterator[OpenProblem]:
    for name, check in state.checks.items():
        if check == "ok" or not name.startswith("model "):
            continue
        model = name.removeprefix("model ")
        is_late = check.startswith("an earlier model")
        yield OpenProblem(
            severity="warning" if is_late else "error",
            code="ModelLate" if is_late else "ModelMissing",
            what=f"The model {model} is not as it should be: {check}.",
            do="Look at its storage." if is_late else f"Train and deploy it: recgate train {model}.",
            view="models",
        )


def database(state: ServerState) -> Iterator[OpenProblem]:
    if (check := state.checks.get("database", "ok")) != "ok":
        yield OpenProblem(
            severity="error",
            code="DatabaseDown",
            what=f"Events can't be kept: {check}.",
            do="See that the database runs and can be reached; the server's log says what it answered.",
            view="processes",
        )


def configuration(state: ServerState) -> Iterator[OpenProblem]:
    if state.faults:
        shown = "; ".join(str(each) for each in state.faults[:SHOWN])
        yield OpenProblem(
            severity="error",
            code="ConfigurationFaulty",
            what=f"The configuration has {counted(len(state.faults), 'error')}, so the one before is in use: {shown}",
            do="Mend the file; it is read again at once.",
            view="configuration",
        )


def failed_jobs(state: ServerState) -> Iterator[OpenProblem]:
    for job in state.failed[:SHOWN]:
        yield OpenProblem(
            severity="warning",
            code="JobFailed",
            what=f"Job {job.id} ({job.kind} {job.arn.split(':')[-1]}) has failed: {job.message}",
            do="Mend what it says, and do it again.",
            view="jobs",
        )
    if len(state.failed) > SHOWN:
        more = counted(len(state.failed) - SHOWN, "more job")
        yield OpenProblem(
            severity="warning", code="JobFailed", what=f"{more} failed today.", do="See why.", view="jobs"
        )


def outbox(state: ServerState) -> Iterator[OpenProblem]:
    for labels, (age,) in state.totals.get("recgate_outbox_oldest_seconds", {}).items():
        if age >= OLD_S:
            yield OpenProblem(
                severity="warning",
                code="TargetBehind",
                what=f"The event target {labels[0]} has not taken events for {age:.0f} s; they are kept on disk.",
                do="See that the target can be reached; the server's log says what it answers.",
                view="overview",
            )
    for labels, (count,) in state.totals.get("recgate_outbox_dead", {}).items():
        if count:
            yield OpenProblem(
                severity="warning",
                code="DeadLetters",
                what=f"The event target {labels[0]} has refused {counted(round(count), 'message')} for good.",
                do="Read the dead letters in the data directory's outbox.",
                view="overview",
            )


def overload(state: ServerState) -> Iterator[OpenProblem]:
    if state.recent is None:
        return
    for kind in ("answers", "events"):
        if count := state.recent.count(f"recgate_{kind}_refused"):
            yield OpenProblem(
                severity="error",
                code="Overloaded",
                what=f"{counted(count, 'request')} for {kind} were refused within a minute: too many at once.",
                do="Start more workers or machines, or cache for longer.",
                view="processes",
            )


def failing_origins(state: ServerState) -> Iterator[OpenProblem]:
    for labels, values in () if state.recent is None else state.recent.rows("recgate_upstream_failures"):
        if values[0] > 0:
            yield OpenProblem(
                severity="warning",
                code="OriginFails",
                what=f"The origin {labels[0]} failed {counted(round(values[0]), 'time')} within a minute.",
                do="See that it answers; stale answers and fallbacks stand in meanwhile.",
                view="overview",
            )


def lag(state: ServerState) -> Iterator[OpenProblem]:
    if (seconds := gauge(state.totals, "recgate_event_lag_seconds")) >= LAG_S:
        yield OpenProblem(
            severity="warning",
            code="EventsLate",
            what=f"The last event waited {seconds:.1f} s until answers saw it.",
            do="Look for a process that is stopped, or a machine that has too little processor.",
            view="processes",
        )


def memory(state: ServerState) -> Iterator[OpenProblem]:
    size, ceiling = (gauge(state.totals, f"recgate_cache_{name}") for name in ("bytes", "ceiling_bytes"))
    if ceiling and size >= FULL * ceiling and gauge(state.totals, "recgate_cache_evictions"):
        yield OpenProblem(
            severity="note",
            code="CacheFull",
            what="The cache is full: answers make room for others before they expire.",
            do="Raise cache.megabytes where memory is free.",
            view="overview",
        )


def starved_jobs(state: ServerState) -> Iterator[OpenProblem]:
    shares = state.totals.get("recgate_jobs_processor_share", {})
    if () in shares and shares[()][0] < STARVES:
        yield OpenProblem(
            severity="warning",
            code="JobsStarve",
            what=f"The job process gets {shares[()][0]:.1%} of the processor that it asks for: trainings wait.",
            do="Fewer programs beside it, more cores or a smaller --job-nice help.",
            view="jobs",
        )


def redis(state: ServerState) -> Iterator[OpenProblem]:
    if count := 0 if state.recent is None else state.recent.count("recgate_redis_failures"):
        yield OpenProblem(
            severity="note",
            code="RedisFailed",
            what=f"Redis did not answer {counted(count, 'time')} within a minute; answers came without it.",
            do="See that Redis runs and is near.",
            view="processes",
        )


def storage(state: ServerState) -> Iterator[OpenProblem]:
    if count := round(gauge(state.totals, "recgate_storage_waiting")):
        yield OpenProblem(
            severity="warning",
            code="StorageWaits",
            what=f"Snapshots and models are yet to come from the storage ({count}): older ones answer.",
            do="See that the bucket can be reached.",
            view="models",
        )


def processes(state: ServerState) -> Iterator[OpenProblem]:
    for name in state.silent_workers:
        yield OpenProblem(
            severity="warning",
            code="ProcessSilent",
            what=f"The process {name} has written nothing for a while: it has ended, or is stopped.",
            do="The supervisor starts it again; its log says why it ended.",
            view="processes",
        )


ADVICE: Mapping[str, tuple[str, str]] = {
    "started": ("ExperimentOff", "Give it traffic, or stop it: recgate experiment ramp {id} --traffic 1."),
    "exposed": (
        "ArmEmpty",
        "See that the arm's model answers, and that exposures are confirmed where that is asked for.",
    ),
    "sample ratio": (
        "SampleRatio",
        "Find out where units get lost, such as an arm that fails or redirects; then start it anew with another seed.",
    ),
    "crossed": (
        "UnitsCrossed",
        "See that all pages ask with the same user and session ids, and that nobody sets arms.",
    ),
}
LEVELS: Mapping[str, Severity] = {"broken": "error", "warning": "warning"}


def experiments(state: ServerState) -> Iterator[OpenProblem]:
    """Experiments that are under way and may do harm, or can't be trusted."""
    for each in state.experiments:
        if each.state not in ("running", "off"):
            continue
        name = "/".join((each.namespace, each.action, each.recommender, each.feature))
        if each.verdict == "harmed":
            yield OpenProblem(
                severity="error",
                code="GuardrailHarmed",
                what=f"The experiment {each.feature} does harm. {each.words}",
                do=f"Stop it, or take the arm's weight away: recgate experiment stop {name}.",
                view="experiments",
                namespace=each.namespace,
                about=name,
            )
        for check in each.checks:
            if check.level in LEVELS:
                code, advice = ADVICE[check.name]
                yield OpenProblem(
                    severity=LEVELS[check.level],
                    code=code,
                    what=f"The experiment {each.feature}: {check.words}",
                    do=advice.format(id=name),
                    view="experiments",
                    namespace=each.namespace,
                    about=name,
                )


CHECKS: Sequence[Callable[[ServerState], Iterator[OpenProblem]]] = (
    *(database, broken_models, configuration, overload, failed_jobs, outbox, failing_origins, lag, starved_jobs),
    *(storage, processes, experiments, redis, memory),
)


def problems(state: ServerState) -> list[OpenProblem]:
    """The worst first."""
    return sorted((each for check in CHECKS for each in check(state)), key=lambda each: ORDER[each.severity])
