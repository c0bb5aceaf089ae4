"""Experiments: each with its arms, its verdict, how that came about over time, and whether it is healthy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Literal, NamedTuple

import numpy as np

from gateway.admin.view import ListName, View
from gateway.experiments.analysis.contest import Contest
from gateway.experiments.analysis.lift import FEWEST, FEWEST_EVENTS, Lift, Method
from gateway.experiments.analysis.rows import UnitRow
from gateway.experiments.analysis.verdict import Verdict
from gateway.experiments.judge import judge, preferred
from gateway.experiments.ledger import Ledger
from gateway.plan.experiment import Experiment
from gateway.plan.plan import Plan

State = Literal["scheduled", "running", "ended", "off"]
Level = Literal["ok", "warning", "broken"]
Word = Literal["better", "worse", "open", "too early", "harmed", "untrusted", "none"]
SUSPECT, BROKEN = 0.01, 0.001  # p-values of the sample ratio
MOST_CROSSED = 0.01  # of the units: beyond, arms are no longer apart
UNITS_AT_ONCE = 300_000  # that a timeline counts, all looks together


class ArmView(View, frozen=True, kw_only=True):
    """An arm, with its share now, the units that were exposed to it and the answers that it gave."""

    variation: str
    share: float
    exposed: int
    answers: int


class CheckView(View, frozen=True, kw_only=True):
    """A sign of health, in words."""

    name: str
    level: Level
    words: str
    p: float | None = None
    count: int | None = None


class ExperimentSummary(ListName, frozen=True, kw_only=True):
    """An experiment in a list of them. Times are null where nothing limits them."""

    id: str
    feature: str
    method: str
    unit: str
    description: str
    state: State
    start: float | None
    end: float | None
    traffic: float
    arms: list[ArmView]
    metrics: list[str]
    guardrails: list[str]
    verdict: Word
    words: str
    health: Level
    checks: list[CheckView]


class LookRow(View, frozen=True, kw_only=True):
    """A metric in an arm against the control, at one look; bounds are null where there are none yet."""

    metric: str
    arm: str
    value: float | None
    low: float | None
    high: float | None
    p: float | None
    said: str | None


class Look(View, frozen=True, kw_only=True):
    """The verdict as of an epoch second."""

    at: float
    units: dict[str, int]
    mismatch: float
    rows: list[LookRow]


class ExperimentDetail(ExperimentSummary, frozen=True, kw_only=True):
    """An experiment with all that is known of it: a verdict or, where lists are interleaved, a contest."""

    verdict_detail: Verdict | None
    contest: Contest | None
    timeline: list[Look]
    configuration: Mapping[str, Any]
    overrides: dict[str, str]


class ExperimentsView(View, frozen=True, kw_only=True):
    experiments: list[ExperimentSummary]


class Judged(NamedTuple):
    """An experiment with what is known of it."""

    plan: Plan
    experiment: Experiment
    result: Verdict | Contest
    checks: list[CheckView]
    exposed: Mapping[str, int]
    answers: Mapping[str, int]


def experiment_detail(
    plan: Plan, feature: str, ledger: Ledger, now: float, method: Method, alpha: float, points: int
) -> ExperimentDetail:
    """Reads the database."""
    judged = judged_experiment(plan, feature, ledger, now, method, alpha)
    view = summary(judged, now)
    fields = {name: getattr(view, name) for name in view.__struct_fields__}
    experiment = judged.experiment
    looks: list[Look] = []
    if not experiment.rankers:
        moments = moments_of(ledger.units(experiment), now, points)
        looks = timeline(experiment, ledger.units_at(experiment, moments), moments, method, alpha)
    result = judged.result
    steps = ledger.steps(plan.experiments[feature])
    return ExperimentDetail(
        **fields,
        verdict_detail=replace(result, steps=steps) if isinstance(result, Verdict) else None,
        contest=result if isinstance(result, Contest) else None,
        timeline=looks,
        configuration=plan.config.get("experiments", {}).get(feature, {}),
        overrides=dict(experiment.overrides),
    )


def judged_experiment(
    plan: Plan, feature: str, ledger: Ledger, now: float, method: Method = "always", alpha: float = 0.05
) -> Judged:
    """Reads the database."""
    experiment = ledger.current(plan.experiments[feature], now)
    units = ledger.units(experiment)
    result: Verdict | Contest
    if experiment.rankers:
        result = preferred(experiment, units, method, alpha)
    else:
        result = judge(experiment, units, method, alpha, ledger.arms.readings(experiment))
    exposed = ledger.exposed_counts(experiment)
    checks = checks_of(experiment, result, exposed, ledger.crossed(experiment), now)
    return Judged(plan, experiment, result, checks, exposed, ledger.answer_totals(experiment))


def summary(judged: Judged, now: float) -> ExperimentSummary:
    plan, experiment = judged.plan, judged.experiment
    word, words = word_of(judged.result, state_of(experiment, now))
    levels = [check.level for check in judged.checks]
    return ExperimentSummary(
        namespace=plan.namespace,
        action=plan.action,
        recommender=plan.recommender,
        id=experiment.id,
        feature=experiment.feature,
        method=experiment.method,
        unit=experiment.unit,
        description=str(plan.config.get("experiments", {}).get(experiment.feature, {}).get("description", "")),
        state=state_of(experiment, now),
        start=experiment.start if isfinite(experiment.start) else None,
        end=experiment.end if isfinite(experiment.end) else None,
        traffic=experiment.traffic(now),
        arms=[
            ArmView(
                variation=arm.variation,
                share=arm.share,
                exposed=judged.exposed.get(arm.variation, 0),
                answers=judged.answers.get(arm.variation, 0),
            )
            for arm in experiment.arms
        ],
        metrics=[name for name, each in experiment.metrics.items() if not each.guardrail],
        guardrails=[name for name, each in experiment.metrics.items() if each.guardrail],
        verdict=word,
        words=words,
        health="broken" if "broken" in levels else "warning" if "warning" in levels else "ok",
        checks=judged.checks,
    )


def state_of(experiment: Experiment, now: float) -> State:
    if now < experiment.start:
        return "scheduled"
    if now >= experiment.end:
        return "ended"
    return "running" if experiment.traffic(now) else "off"


# ---- health


def checks_of(
    experiment: Experiment, result: Verdict | Contest, exposed: Mapping[str, int], crossed: int, now: float
) -> list[CheckView]:
    return [
        started(experiment, now),
        exposure(experiment, exposed, now),
        sample_ratio(result),
        crossing(crossed, sum(exposed.values())),
    ]


def started(experiment: Experiment, now: float) -> CheckView:
    match state_of(experiment, now):
        case "scheduled":
            return CheckView(name="started", level="ok", words=f"Starts on {moment(experiment.start)}.")
        case "ended":
            return CheckView(name="started", level="ok", words=f"Ended on {moment(experiment.end)}.")
        case "off":
            return CheckView(name="started", level="warning", words="Nobody takes part: its traffic is 0.")
        case _:
            since = f" since {moment(experiment.start)}" if isfinite(experiment.start) else ""
            return CheckView(name="started", level="ok", words=f"Runs{since}.")


def exposure(experiment: Experiment, exposed: Mapping[str, int], now: float) -> CheckView:
    """Arms that are meant to have units have some."""
    total = sum(exposed.values())
    empty = [arm.variation for arm in experiment.arms if arm.share and not exposed.get(arm.variation)]
    if not empty:
        return CheckView(name="exposed", level="ok", words=f"{total:,} units were exposed.", count=total)
    is_due = state_of(experiment, now) in ("running", "ended")
    words = f"Nobody was exposed to {', '.join(empty)} yet"
    if experiment.confirmed_by is not None:
        words += "; an exposure counts once an event confirms it"
    level: Level = "warning" if is_due and total >= FEWEST else "ok"
    return CheckView(name="exposed", level=level, words=f"{words}.", count=total)


def sample_ratio(result: Verdict | Contest) -> CheckView:
    p, counts = result.mismatch, ", ".join(f"{name} {count:,}" for name, count in result.units.items())
    if p < BROKEN:
        words = f"Units get lost: the arms have not the shares that were meant ({counts}). Nothing here can be trusted."
        return CheckView(name="sample ratio", level="broken", words=words, p=p)
    if p < SUSPECT:
        words = f"The arms may not have the shares that were meant ({counts}). Find out whether units get lost."
        return CheckView(name="sample ratio", level="warning", words=words, p=p)
    return CheckView(
        name="sample ratio", level="ok", words=f"The arms have the shares that were meant ({counts}).", p=p
    )


def crossing(crossed: int, units: int) -> CheckView:
    if not crossed:
        return CheckView(name="crossed", level="ok", words="No unit saw two arms.", count=0)
    part = crossed / max(units, 1)
    words = f"{crossed:,} of {units:,} units ({part:.1%}) saw an arm that is not theirs."
    level: Level = "broken" if part > MOST_CROSSED else "warning"
    return CheckView(name="crossed", level=level, words=words, count=crossed)


# ---- the verdict in a word, and over time


def word_of(result: Verdict | Contest, state: State) -> tuple[Word, str]:
    """The word that stands for a verdict, and a sentence."""
    if not result.trusted:
        return "untrusted", "Not to be trusted: the arms have not the shares of units that were meant."
    alarms = result.alarms if isinstance(result, Verdict) else ()
    if alarms:
        return "harmed", f"A guardrail is broken: {', '.join(alarms)}."
    goals = [row for row in result.rows if row.said is not None and not row.guardrail]
    for word in ("better", "worse"):
        rows = [row for row in goals if row.said == word]
        if rows:
            sentences = [f"{row.arm} is {word} in {row.metric}{by_how_much(row)}" for row in rows]
            return ("better" if word == "better" else "worse"), f"{'; '.join(sentences)}."
    if not goals:
        return "none", "It has no metric that could tell the arms apart."
    if all(row.said == "too early" for row in goals):
        counts = ", ".join(f"{name} {count:,}" for name, count in result.units.items())
        needs = f"each arm needs {FEWEST} units, and both together {FEWEST_EVENTS} events"
        if min(result.units.values(), default=0) >= FEWEST:
            needs += "; unequal shares need more, where a metric is lopsided"
        return "too early", "It has not begun." if state == "scheduled" else f"Too early: {needs} ({counts})."
    return "open", "Open: no difference is certain so far."


def by_how_much(row: Any) -> str:
    over = getattr(row, "lift", None)
    if not isinstance(over, Lift) or not isfinite(over.low + over.high):
        return ""
    return f" by {over.value:+.1%} ({over.low:+.1%} to {over.high:+.1%})"


def moments_of(units: Sequence[UnitRow], now: float, points: int) -> list[float]:
    """Evenly spaced looks from the first exposure till now, fewer where there are many units."""
    if not units:
        return []
    first = min(unit.first_exposed_at for unit in units)
    looks = max(2, min(points, UNITS_AT_ONCE // len(units)))
    return [float(at) for at in np.linspace(first, max(now, first), looks + 1)[1:]]


def timeline(
    experiment: Experiment, looks: Sequence[Sequence[UnitRow]], moments: Sequence[float], method: Method, alpha: float
) -> list[Look]:
    """The verdict at each look, by the units of the time."""
    shown = []
    for at, rows in zip(moments, looks, strict=True):
        result = judge(experiment, rows, method, alpha)
        figures = [(row, row.lift) for row in result.rows]
        shown.append(
            Look(
                at=at,
                units=dict(result.units),
                mismatch=result.mismatch,
                rows=[
                    LookRow(
                        metric=row.metric,
                        arm=row.arm,
                        value=finite(over.value),
                        low=finite(over.low),
                        high=finite(over.high),
                        p=over.p,
                        said=row.said,
                    )
                    for row, over in figures
                    if over is not None
                ],
            )
        )
    return shown


def finite(value: float) -> float | None:
    return value if isfinite(value) else None


def moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%-d %b %Y %H:%M} UTC"
