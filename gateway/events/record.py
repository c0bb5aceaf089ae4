"""The story of events: what one body tells is durable for every target, or none of it is."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

import msgspec

from engine import Event
from gateway.auth import allowed
from gateway.cache.purge import KIND, Purge, encoded
from gateway.caller import Caller
from gateway.context.autocontext import properties_of
from gateway.errors import RETRY_AFTER_S, TooMany
from gateway.experiments.ledger import Ledger
from gateway.experiments.outcomes import Conversion, outcomes_of, resolved
from gateway.limits.admission import TOO_MANY_EVENTS, Admission
from gateway.outbox import Outbox
from gateway.plan.plan import Moment, Namespace
from gateway.targets.entry import Entry, harmless_headers, harmless_query
from gateway.telemetry import Telemetry
from gateway.upstreams.engine import EngineUpstream


class EventBatch(NamedTuple):
    """The body of one POST /events, checked; `body`, for targets beside the engine, is it as JSON, with a `sentAt` for
    every event."""

    session: str
    user: str | None
    events: Sequence[Event]
    conversions: Sequence[Conversion] = ()
    body: bytes = b"{}"


class Recorder:
    def __init__(
        self, engine: EngineUpstream, outbox: Outbox, ledger: Ledger, telemetry: Telemetry, admission: Admission
    ) -> None:
        self._engine, self._outbox, self._ledger = engine, outbox, ledger
        self._telemetry, self._admission = telemetry, admission

    def room(self, caller: Caller) -> AbstractAsyncContextManager[None]:
        """Room to take a body of events, held until it is durable. Raises `TooMany` if there is none."""
        return self._admission.place(caller.share)

    def check_room(self, caller: Caller) -> None:
        """Raises `TooMany` where it is not worth while to read one more body of this caller."""
        if not self._admission.opens(caller.share):
            raise TooMany(TOO_MANY_EVENTS, RETRY_AFTER_S)

    async def record(self, namespace: Namespace, batch: EventBatch, moment: Moment) -> int | None:
        """Return once everything is durable, for every target; nothing is where anything is refused. The result is the
        position in the engine's log, None where it has nothing of this."""
        allowed(moment.caller.principal, namespace.key, "events", batch.user or batch.session)
        conversions = resolved(namespace, batch.conversions)
        automatic = properties_of(namespace.event_context, moment)
        outgoing = None
        if namespace.elsewhere:
            outgoing = self._outbox.ready(entry(namespace, batch, automatic, moment))
        durable: list[Awaitable[object]] = []
        if namespace.trackers and batch.events:
            trackers = namespace.trackers
            durable.append(await self._engine.deliver(trackers, batch.session, batch.user, batch.events, automatic))
        if outgoing is not None:
            durable.append(self._outbox.append(outgoing))
        if namespace.asks_elsewhere and batch.events:
            durable.append(self._engine.announce(KIND, encoded(Purge(namespace.key, user=batch.user or batch.session))))
        outcomes = outcomes_of(namespace, batch.session, batch.user, batch.events, conversions, moment.now.timestamp())
        if outcomes:
            durable.append(self._ledger.record(outcomes))
        results = [await durable[0]] if len(durable) == 1 else await asyncio.gather(*durable)
        self._telemetry.events(namespace.key, len(batch.events))
        for each in conversions:
            self._telemetry.conversion(namespace.key, each.recommender, str(each.feature), str(each.metric))
        return next((result for result in results if isinstance(result, int)), None)


def entry(namespace: Namespace, batch: EventBatch, automatic: Mapping[str, Any], moment: Moment) -> Entry:
    """An entry for the targets beside the engine, without any credential of the caller's."""
    return Entry(
        id=uuid.uuid4().hex,
        at=moment.now.timestamp(),
        targets=tuple(target.key for target in namespace.elsewhere),
        namespace=namespace.key,
        session=batch.session,
        user=batch.user,
        path=f"/events/{namespace.key}",
        headers=harmless_headers(moment.headers),
        query=harmless_query(moment.caller),
        body=msgspec.Raw(batch.body),
        automatic=dict(automatic),
    )
