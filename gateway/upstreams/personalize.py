"""Campaigns and recommenders by ARN: models of the engine, or Amazon Personalize's by SigV4 (specification §2.6)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from gateway.ask import Answer, Ask
from gateway.document.remote import MODEL_ARN, Enclosing, EngineOrigin, limits, no_arn
from gateway.document.report import Report, checks, inside
from gateway.errors import Invalid, UpstreamProblem
from gateway.outbound import OutboundRequest, Peer
from gateway.plan.plan import Limits, Plan, Variation
from gateway.upstreams.answers import answer_of
from gateway.upstreams.base import Answerer, Elsewhere, UpstreamType
from gateway.upstreams.level import VariationPart
from gateway.upstreams.payload import promotion_of

SERVICE = "personalize-runtime"


class ArnVariation(VariationPart, frozen=True):
    arn: str = ""


class CampaignVariation(ArnVariation, frozen=True, tag="personalize-campaign"):
    """A campaign by ARN: the engine's model of that name."""


class RecommenderVariation(ArnVariation, frozen=True, tag="personalize-recommender"):
    """A recommender by ARN: the engine's model of that name."""


@checks
def check_arn_variation(part: ArnVariation, place: str, report: Report) -> None:
    if not part.arn:
        report.warn(place, "names no 'arn' yet: it answers 404 RecommenderArnNotConfigured")
    elif not MODEL_ARN.fullmatch(part.arn):
        wanted = "campaign/NAME or …:recommender/NAME"
        report.warn(inside(place, "arn"), no_arn(part.arn, "campaign's or recommender's", wanted, "model"))


@dataclass(frozen=True)
class Personalize:
    """Amazon Personalize itself. `prefix` begins the ARNs of its account and region."""

    region: str
    prefix: str
    endpoint_url: str | None
    limits: Limits


def answerer(part: ArnVariation, enclosing: Enclosing) -> Answerer:
    origin = enclosing.personalize
    if isinstance(origin, EngineOrigin):
        return Answerer("engine", part.arn.rpartition("/")[2])
    fields = part.arn.split(":")
    region = origin.region or (fields[3] if len(fields) > 3 else enclosing.region)
    asking = limits(origin.timeout, origin.retries, origin.circuit_breaker)
    return Answerer("personalize", part.arn, Personalize(region, ":".join(fields[:5]), origin.endpoint_url, asking))


class PersonalizeUpstream(Elsewhere):
    async def answer(self, ask: Ask, plan: Plan, variation: Variation) -> Answer:
        origin: Personalize = variation.origin
        path = "/personalize-ranking" if ask.action == "rerank-items" else "/recommendations"
        url = self._signer.endpoint(SERVICE, origin.region, origin.endpoint_url) + path
        body = msgspec.json.encode(question(ask, origin, variation))
        peer = Peer(variation.model, "Personalize", origin.limits)
        request = OutboundRequest("POST", url, {"content-type": "application/json"}, body)
        prepare = partial(self._signer.signed, peer, request, SERVICE, origin.region)
        try:
            response = await self._outbound.ask(peer, prepare)
        except UpstreamProblem as problem:
            raise _named(problem) from problem
        answer = answer_of(peer, response.body)
        answer.decorated = _columns(ask, variation) is not None
        return answer


def question(ask: Ask, origin: Personalize, variation: Variation) -> dict[str, Any]:
    """Raises `Invalid` for a recommender's ARN on rerank, as there is no such call, and for a history."""
    if ask.history:
        message = "Amazon Personalize knows users by their events alone; only the built-in engine takes a history"
        raise Invalid("ValidationError", f"history: {message}")
    by_recommender = ":recommender/" in variation.model
    if ask.action == "rerank-items" and by_recommender:
        raise Invalid("ValidationError", "a recommender of Personalize can't rerank; configure a campaign's ARN")
    body: dict[str, Any] = {"recommenderArn" if by_recommender else "campaignArn": variation.model}
    if ask.user_id:
        body["userId"] = ask.user_id
    if ask.action == "rerank-items":
        body["inputList"] = list(ask.item_ids or ())
    else:
        body["numResults"] = ask.num_results
    if ask.item_id:
        body["itemId"] = ask.item_id
    if ask.filter:
        body["filterArn"] = _filter_arn(ask.filter, origin)
        body["filterValues"] = dict(ask.filter_values)
    if ask.promotion is not None:
        promotion = promotion_of(ask.promotion)
        body["promotions"] = [{**promotion, "filterArn": _filter_arn(promotion["filterArn"], origin)}]
    if ask.context:
        body["context"] = dict(ask.context)
    columns = _columns(ask, variation)
    if columns:
        body["metadataColumns"] = {"ITEMS": list(columns)}
    return body


def _filter_arn(name: str, origin: Personalize) -> str:
    return name if name.startswith("arn:") else f"{origin.prefix}:filter/{name}"


def _columns(ask: Ask, variation: Variation) -> tuple[str, ...] | None:
    """The columns that the origin is to return; None where metadata is not its part."""
    metadata = variation.metadata
    return metadata.columns if ask.decorate and metadata is not None and metadata.type == "personalize" else None


def _named(problem: UpstreamProblem) -> UpstreamProblem:
    """The problem under the name that specification §1.8 has for it."""
    names = {400: "InvalidInputException", 404: "ResourceNotFoundException", 429: "ThrottlingException"}
    code = names.get(problem.status, problem.code)
    return UpstreamProblem(problem.message, status=problem.status, type="Personalize", code=code)


UPSTREAM = UpstreamType(
    "personalize", (CampaignVariation, RecommenderVariation), answerer, PersonalizeUpstream, place=2
)
