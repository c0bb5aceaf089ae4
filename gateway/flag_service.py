"""The flag service: other tools ask which arm a unit is in, and report its exposures and conversions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.answer.serve import Gateway
from gateway.caller import Caller
from gateway.events.record import EventBatch, Recorder
from gateway.experiments.enrol import enrolled
from gateway.experiments.flags import Evaluation, UnitReport, ask_of, evaluation, exposure
from gateway.experiments.outcomes import DEFAULT_VALUE, Conversion
from gateway.intake.records import MappedConversion, MappedExposure
from gateway.plan.flag import AnyFlag, Flag, RecommenderFlag
from gateway.plan.plan import Moment, Namespace


class FlagService:
    def __init__(self, gateway: Gateway, recorder: Recorder) -> None:
        self._gateway, self._ledger, self._recorder = gateway, gateway.ledger, recorder

    def current(self, flag: AnyFlag, now: float) -> AnyFlag:
        """The flag with the shares that its experiments have at an epoch second: to tell others, not to ask here."""
        if isinstance(flag, RecommenderFlag):
            return replace(flag, rules=tuple(self.current_rule(each, now) for each in flag.rules))
        return self.current_rule(flag, now)

    def current_rule(self, flag: Flag, now: float) -> Flag:
        return replace(flag, experiment=self._ledger.current(flag.experiment, now))

    def evaluate(
        self, flag: AnyFlag, unit: str, context: Mapping[str, Any], caller: Caller, *, exposes: bool
    ) -> Evaluation:
        """The variation that a request of this unit would be answered by, were it for this experiment."""
        moment = self._gateway.moment(caller)
        ask, now = ask_of(flag, unit, context), moment.now.timestamp()
        enrolment = enrolled(flag.plan, ask, moment, self._ledger.sticky_variation, self._ledger.in_force)
        if exposes and enrolment is not None and enrolment.counted:
            self._ledger.expose(enrolment, now)
        return evaluation(flag, unit, enrolment, now)

    async def expose(self, namespace: Namespace, exposure: MappedExposure, moment: Moment) -> bool:
        """Record an exposure that a partner tells of, durable on return. False: there is no such flag or variation."""
        flag = self._flag(namespace, exposure.rule) or self._flag(namespace, exposure.flag)
        if flag is None or exposure.variation not in flag.plan.by_name:
            return False
        unit = exposure.user if flag.unit == "user" else exposure.session
        if unit:
            report = UnitReport(flag, unit, variation=exposure.variation)
            await self.report(report, moment.caller, exposure.at)
        return True

    async def convert(self, namespace: Namespace, conversion: MappedConversion, moment: Moment) -> bool:
        """Record a partner's conversion for each experiment with such a metric, durable on return; False for none. A
        metric with an `eventType` counts events instead."""
        value = DEFAULT_VALUE if conversion.value is None else conversion.value
        reports = [
            UnitReport(flag, unit, conversion.metric, value, event_id=conversion.event_id)
            for flag in self._gateway.config.flags.values()
            if isinstance(flag, Flag) and flag.plan.namespace == namespace.key
            if (metric := flag.experiment.metrics.get(conversion.metric)) is not None and metric.event_type is None
            if (unit := conversion.user if flag.unit == "user" else conversion.session)
        ]
        for report in reports:
            await self.report(report, moment.caller, conversion.at)
        return bool(reports)

    def _flag(self, namespace: Namespace, name: str) -> AnyFlag | None:
        """The flag of this key, or the only one that is about a feature of this name."""
        flags = [each for each in self._gateway.config.flags.values() if each.plan.namespace == namespace.key]
        by_feature = [each for each in flags if each.feature == name]
        by_key = [each for each in flags if each.key == name]
        return next(iter(by_key or (by_feature if len(by_feature) == 1 else ())), None)

    async def report(self, report: UnitReport, caller: Caller, at: float) -> None:
        """Record an exposure or a conversion, durable on return. `at` is in epoch seconds; the future is now. Raises as
        `Recorder.record` does."""
        at = min(at, self._gateway.clock())
        if report.metric is not None:
            moment = Moment(caller, datetime.fromtimestamp(at, UTC))
            namespace = self._gateway.config.namespaces[report.flag.plan.namespace]
            await self._recorder.record(namespace, conversion_batch(report), moment)
            return
        enrolment = exposure(report, at, self._ledger.sticky_variation, self._ledger.in_force)
        if enrolment is not None:
            self._ledger.expose(enrolment, at)
            await self._ledger.record(())  # with all that waits


def conversion_batch(report: UnitReport) -> EventBatch:
    """The conversion as `POST /events` would have it."""
    flag = report.flag
    conversion = Conversion(flag.plan.path, flag.feature, report.metric, report.value, report.event_id)
    is_user = flag.unit == "user"
    body = {"userId" if is_user else "sessionId": report.unit, "experimentConversions": [conversion]}
    session, user = ("", report.unit) if is_user else (report.unit, None)
    return EventBatch(session, user, (), [conversion], msgspec.json.encode(body))
