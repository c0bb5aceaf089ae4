"""Routes of partners: their clients' own paths, answered in their words. What is not configured is not there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec
from litestar.enums import HttpMethod
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from engine import EngineError
from gateway.caller import Caller, Principal
from gateway.config import Config
from gateway.errors import Problem, problem_of
from gateway.events.partner_records import PartnerRecorder
from gateway.events.record import Recorder
from gateway.intake import PARTNERS, PartnerType
from gateway.intake.base import Endpoint, PartnerAccounts, PartnerDelivery, PartnerRefusal, PartnerReply, PartnerRequest
from gateway.routes.events import Rejections
from gateway.routes.replies import NO_STORE, AnyRequest, Front, Sending, refusal

LONG = 64 << 10  # bytes of a body that is read in a thread


class PartnerRoutes:
    """The routes of the partners that the configuration has, or had: those of all would be a third of an app's, and
    of the time that one takes to be made. `reads` makes the routes that a partner's clients read by."""

    def __init__(
        self,
        front: Front,
        recorder: Recorder,
        records: PartnerRecorder,
        reads: Mapping[str, Callable[[], list[HTTPRouteHandler]]],
    ) -> None:
        self._front, self._recorder, self._records, self._reads = front, recorder, records, reads
        self._routed: set[str] = set()

    def new_in(self, config: Config) -> list[HTTPRouteHandler]:
        """The handlers of partners that no configuration before had."""
        added = [partner for name, partner in PARTNERS.items() if name in config.partners and name not in self._routed]
        self._routed.update(partner.name for partner in added)
        reads = [handler for partner in added if partner.name in self._reads for handler in self._reads[partner.name]()]
        return [self._handler(partner, endpoint) for partner in added for endpoint in partner.endpoints] + reads

    def _handler(self, partner: PartnerType, endpoint: Endpoint) -> HTTPRouteHandler:
        return self._front.handler(
            [HttpMethod(method) for method in endpoint.methods],
            endpoint.path,
            "intake",
            PartnerEndpoint(self._front, self._recorder, self._records, partner, endpoint).answer,
            guarded=False,
        )


class PartnerEndpoint:
    """One path of one partner."""

    def __init__(
        self, front: Front, recorder: Recorder, records: PartnerRecorder, partner: PartnerType, endpoint: Endpoint
    ) -> None:
        self._front, self._recorder, self._records = front, recorder, records
        self._partner, self._endpoint = partner, endpoint
        self._rejections = Rejections(front.telemetry, front.gateway.clock)

    async def answer(self, request: AnyRequest, caller: Caller) -> Sending:
        accounts = self._front.gateway.config.partners.get(self._partner.name)
        if accounts is None:
            raise NotFoundException
        try:
            return _sending(await self._taken(request, caller, accounts))
        except EngineError as error:
            return self._refused(problem_of(error))
        except Problem as problem:
            return self._refused(problem)

    async def _taken(self, request: AnyRequest, caller: Caller, accounts: PartnerAccounts) -> PartnerReply:
        front, endpoint = self._front, self._endpoint
        self._recorder.check_room(caller)
        async with (
            front.bodies.of(request, caller.share, endpoint.largest) as body,
            self._recorder.room(caller),
        ):
            sent = self._request(request, caller, body)
            read = partial(endpoint.read, sent, accounts)
            delivery = await asyncio.to_thread(read) if len(body) > LONG else read()
            if isinstance(delivery, PartnerReply):
                return delivery
            await self._store(delivery, caller)
            return delivery.reply

    async def _store(self, delivery: PartnerDelivery, caller: Caller) -> None:
        account, front = delivery.account, self._front
        caller = msgspec.structs.replace(caller, principal=Principal(name=f"{account.partner}/{account.namespace}"))
        await front.limit(caller, 1)
        namespace = front.gateway.config.namespace(account.namespace)
        await self._records.store(namespace, delivery, front.gateway.moment(caller))

    def _request(self, request: AnyRequest, caller: Caller, body: bytes) -> PartnerRequest:
        return PartnerRequest(
            method=request.scope["method"],
            path=request.scope["path"],
            segments={name: str(value) for name, value in request.path_params.items()},
            query=caller.query,
            headers=caller.headers,
            body=body,
            received_at=self._front.gateway.clock(),
        )

    def _refused(self, problem: Problem) -> Sending:
        """The refusal in the partner's words, with the headers of our own, Retry-After among them."""
        self._rejections.note_refusal("", problem.status, problem.code, f"{self._partner.name}: {problem.message}")
        headers: Sequence[tuple[bytes, bytes]] = refusal(problem).headers
        reply = problem.reply if isinstance(problem, PartnerRefusal) else self._partner.refused(problem)
        return Sending(reply.body, reply.status, (*headers, *reply.headers), reply.media_type)


def _sending(reply: PartnerReply) -> Sending:
    return Sending(reply.body, reply.status, (NO_STORE, *reply.headers), reply.media_type)
