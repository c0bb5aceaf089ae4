"""Where other tools ask which arm a unit is in, and report what it was shown and what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.answer.serve import Gateway
from gateway.caller import Caller
from gateway.events.record import EventBatch
from gateway.experiments.conversions import Conversion
from gateway.experiments.enrol import enrolled
from gateway.experiments.flags import Evaluation, Seen, asked_by, evaluation, exposure
from gateway.experiments.ledger import Ledger
from gateway.plan.flag import Flag
from gateway.plan.plan import Moment


class Desk:
    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self._gateway, self._ledger = gateway, ledger

    def current(self, flag: Flag, now: float) -> Flag:
        """With the shares that its experiment has at an epoch second: to tell others, not to ask here."""
        return replace(flag, experiment=self._ledger.current(flag.experiment, now))

    def evaluate(
        self, flag: Flag, unit: str, context: Mapping[str, Any], caller: Caller, *, exposes: bool
    ) -> Evaluation:
        """The variation that a request of this unit would be answered by, were it for this experiment."""
        moment = self._gateway.moment(caller)
        found = enrolled(flag.plan, asked_by(flag, unit, context), moment, self._ledger.kept, self._ledger.in_force)
        if exposes and found is not None and found.counted:
            self._ledger.expose(found, moment.now.timestamp())
        return evaluation(flag, found, moment.now.timestamp())

    async def report(self, seen: Seen, caller: Caller, at: float) -> None:
        """Durable on return; `at` is in epoch seconds, and what is of the future happens now. Raises what `record` of
        the gateway raises."""
        at = min(at, self._gateway.now())
        if seen.metric is not None:
            moment = Moment(caller, datetime.fromtimestamp(at, UTC))
            await self._gateway.events.record(
                self._gateway.config.namespaces[seen.flag.plan.namespace], told_by(seen), moment
            )
            return
        found = exposure(seen, at, self._ledger.kept, self._ledger.in_force)
        if found is not None:
            self._ledger.expose(found, at)
            await self._ledger.record(())  # with all that waits


def told_by(seen: Seen) -> EventBatch:
    """The conversion as `POST /events` would have it."""
    flag = seen.flag
    told = Conversion(flag.plan.path, flag.experiment.feature, seen.metric, seen.value)
    is_user = flag.experiment.unit == "user"
    body = {"userId" if is_user else "sessionId": seen.unit, "experimentConversions": [told._asdict()]}
    session, user = ("", seen.unit) if is_user else (seen.unit, None)
    return EventBatch(session, user, (), [told], msgspec.json.encode(body))
