"""Experiments as other protocols ask for them: flags by a key, each of one experiment, whose values are variations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from gateway.ask import Ask
from gateway.auth import allowed
from gateway.caller import Principal
from gateway.errors import Denied
from gateway.experiments.enrol import Enrolment, InForce, StickyArm, placed, takes
from gateway.fields import text_of
from gateway.plan.flag import Flag

Reason = Literal["split", "targeted", "override", "default", "stopped"]


class UnitReport(NamedTuple):
    """A report of another tool: the unit was exposed, or did what a metric counts. `variation` is what it was shown,
    where the tool says so."""

    flag: Flag
    unit: str
    metric: str | None = None
    value: float = 0.0
    variation: str | None = None


def number_of(value: object) -> float | None:
    """A metric's value as another tool sends it; None for what is no number, or beyond a float."""
    try:
        return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:
        return None


class Evaluation(NamedTuple):
    variation: str
    reason: Reason


def ask_of(flag: Flag, unit: str, context: Mapping[str, Any]) -> Ask:
    """The question that a request of this unit would be; its context as texts."""
    texts = {name: text_of(value) for name, value in context.items() if isinstance(value, str | int | float)}
    is_user = flag.experiment.unit == "user"
    return Ask(
        action=flag.plan.action,
        namespace=flag.plan.namespace,
        recommender=flag.plan.recommender,
        user_id=unit if is_user else None,
        session_id=None if is_user else unit,
        context=texts,
        synthetic=texts.get("syntheticUser") == "true",
        feature=flag.experiment.feature,
    )


def evaluation(flag: Flag, enrolment: Enrolment | None, now: float) -> Evaluation:
    """`now` in epoch seconds."""
    experiment = flag.experiment
    if enrolment is None:
        runs = experiment.start <= now < experiment.end
        return Evaluation(flag.default, "default" if runs else "stopped")
    if not enrolment.counted:
        return Evaluation(enrolment.arm.variation, "override")
    return Evaluation(enrolment.arm.variation, "targeted" if experiment.audience else "split")


def exposure(report: UnitReport, at: float, sticky: StickyArm, in_force: InForce) -> Enrolment | None:
    """The arm that the unit was shown, at an epoch second; None for one that takes no part, or none that counts. The
    tool has evaluated who is of the audience."""
    experiment, unit = report.flag.experiment, report.unit
    if unit in experiment.overrides or not takes(experiment, unit, at):
        return None
    allocation = in_force(experiment, at)
    if report.variation is not None:
        return Enrolment(experiment, unit, allocation.by_variation[report.variation], allocation=allocation.name)
    return placed(experiment, unit, sticky(experiment, unit), allocation)


def may_see(flag: Flag, principal: Principal, unit: str | None, action: str | None = None) -> bool:
    """True if a caller may ask for this unit, or do the `action` for it; None: for no unit in particular."""
    try:
        allowed(principal, flag.plan.namespace, action or flag.plan.action, unit)
    except Denied:
        return False
    return True
