"""Azure Personalizer's Rank, Reward and Activate, answered by a recommender of rerank-items (see
`gateway.intake.personalizer`)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import msgspec
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from engine import ArmAnswer, EngineError
from gateway.ask import Ask
from gateway.body import names_in
from gateway.caller import Caller, Principal
from gateway.errors import NotConfigured, Problem, Unauthenticated, problem_of
from gateway.events.partner_records import PartnerRecorder
from gateway.intake import personalizer as wire
from gateway.intake.base import PartnerAccount, PartnerDelivery, PartnerReply
from gateway.intake.records import MappedEvent
from gateway.plan.plan import NO_CACHE
from gateway.routes.parsing import checked_id, decode, decoded
from gateway.routes.replies import LARGEST_BODY, NO_STORE, POST, AnyRequest, Front, Sending, refusal

FIRST = "/personalizer"
KEY = "ocp-apim-subscription-key"
TAKEN = PartnerReply(status=204)


def personalizer_route(front: Front, records: PartnerRecorder) -> HTTPRouteHandler:
    """POST /personalizer/VERSION/rank, and below it events/EVENT/reward and events/EVENT/activate."""
    api = PersonalizerApi(front, records)
    return front.handler(POST, FIRST + "/{rest:path}", wire.PARTNER.name, api.answer, guarded=False)


class PersonalizerApi:
    def __init__(self, front: Front, records: PartnerRecorder) -> None:
        self._front, self._records, self._ledger = front, records, front.gateway.ledger

    async def answer(self, request: AnyRequest, caller: Caller) -> Sending:
        try:
            return await self._answer(request, caller)
        except EngineError as error:
            return refused(problem_of(error))
        except Problem as problem:
            return refused(problem)

    async def _answer(self, request: AnyRequest, caller: Caller) -> Sending:
        path = request.scope["raw_path"].partition(b"?")[0].removeprefix(FIRST.encode() + b"/").split(b"/")
        account = self._account(caller)
        principal = Principal(name=f"{account.partner}/{account.namespace}", namespaces=frozenset([account.namespace]))
        caller = msgspec.structs.replace(caller, principal=principal)
        await self._front.limit(caller, 1)
        async with self._front.bodies.of(request, caller.share, LARGEST_BODY) as body:
            match path[1:]:
                case [b"rank"]:
                    rank = decode(body, wire.RankBody, "a Rank request", "ValidationError")
                    return await self._rank(rank, account, caller)
                case [b"events", event, b"reward"]:
                    value = decode(body, wire.RewardBody, "a reward with its 'value'", "ValidationError").value
                    return await self._reward(checked_id(decoded(event, "eventId"), "eventId"), value, account, caller)
                case [b"events", event, b"activate"]:
                    return await self._activate(checked_id(decoded(event, "eventId"), "eventId"), account, caller)
        raise NotFoundException

    def _account(self, caller: Caller) -> PartnerAccount:
        accounts = self._front.gateway.config.partners.get(wire.PARTNER.name)
        if accounts is None:
            raise NotFoundException
        try:
            return accounts.of_key(caller.headers.get(KEY))
        except Unauthenticated as problem:
            raise Unauthenticated(problem.code, f"Ocp-Apim-Subscription-Key: {problem.message}", "Key") from problem

    async def _rank(self, body: wire.RankBody, account: PartnerAccount, caller: Caller) -> Sending:
        part: wire.PersonalizerPart = account.part
        eligible = wire.eligible_actions(body)
        user = account.mapper.user({"contextFeatures": body.context_features})
        event_id = body.event_id or uuid.uuid4().hex
        context = wire.context_of(body.context_features)
        ranked = await self._ranked(eligible, user or event_id, context, account, caller)
        scope, now = scope_of(account), self._front.gateway.clock()
        decision = None if body.event_id is None else await self._ledger.decision(scope, event_id)
        chances = wire.probabilities(len(ranked), part.exploration)
        chosen = ranked[wire.drawn(chances, scope, event_id)]
        if decision is not None and decision.variation in ranked:  # sent again
            chosen = decision.variation
        else:
            await self._ledger.decide(ArmAnswer(scope, event_id, chosen, user or "", now))
        if not body.defer_activation:
            await self._store(wire.shown(chosen, event_id, user, now), account, caller)
        by_id = dict(zip(ranked, chances, strict=True))
        ranking = wire.ranking([each.id for each in body.actions], ranked, chosen, by_id)
        answer = {
            "ranking": [each._asdict() for each in ranking],
            "eventId": event_id,
            "rewardActionId": chosen,
        }
        return Sending(msgspec.json.encode(answer), 201, (NO_STORE,))

    async def _ranked(
        self, actions: Sequence[str], user: str, context: dict[str, str], account: PartnerAccount, caller: Caller
    ) -> list[str]:
        """The actions, the best first."""
        ask = Ask(
            action="rerank-items",
            namespace=account.namespace,
            recommender=account.part.recommender,
            user_id=user,
            item_ids=tuple(actions),
            num_results=len(actions),
            context=context,
            decorate=False,
            shaped=False,
        )
        reply = await self._front.gateway.answer(ask, caller, NO_CACHE)
        names = [name for name in names_in(reply.body) if name in actions]
        return [*names, *(each for each in actions if each not in names)]

    async def _reward(self, event_id: str, value: float, account: PartnerAccount, caller: Caller) -> Sending:
        decision, now = await self._decision(event_id, account), self._front.gateway.clock()
        event = wire.rewarded(decision.variation, event_id, decision.unit or None, value, now)
        return await self._store(event, account, caller)

    async def _activate(self, event_id: str, account: PartnerAccount, caller: Caller) -> Sending:
        decision, now = await self._decision(event_id, account), self._front.gateway.clock()
        return await self._store(wire.shown(decision.variation, event_id, decision.unit or None, now), account, caller)

    async def _decision(self, event_id: str, account: PartnerAccount) -> ArmAnswer:
        decision = await self._ledger.decision(scope_of(account), event_id)
        if decision is None:
            raise NotConfigured("EventNotFound", f"eventId: no Rank of the last week has {event_id[:80]!r}")
        return decision

    async def _store(self, event: MappedEvent, account: PartnerAccount, caller: Caller) -> Sending:
        gateway = self._front.gateway
        delivery = PartnerDelivery(account=account, mapped=[event], reply=TAKEN)
        await self._records.store(gateway.config.namespace(account.namespace), delivery, gateway.moment(caller))
        return Sending(status=204, headers=(NO_STORE,))


def scope_of(account: PartnerAccount) -> str:
    """The name under which the ledger has the decisions of a namespace."""
    return f"{account.partner}/{account.namespace}"


def refused(problem: Problem) -> Sending:
    reply = wire.refused(problem)
    return Sending(reply.body, reply.status, refusal(problem).headers, reply.media_type)
