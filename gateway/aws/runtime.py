"""The runtime service: GetRecommendations, GetPersonalizedRanking and GetActionRecommendations (specification §9).

All become a `Question` that goes through the same story as the gateway's own routes, cache included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, Protocol, TypedDict

import msgspec
from msgspec import UNSET, Meta, UnsetType

import engine
from gateway.answer.rank import WireList
from gateway.aws.callers import AwsCaller
from gateway.aws.protocol import Arn, Headers, Id, RequestBody, WireAnswer, decoded
from gateway.aws.rates import Take
from gateway.context.position import BEHIND, position_in
from gateway.fields import text_of

EXPLAIN = "x-recgate-explain"  # a header of ours: the item whose presence or absence the answer is to explain
SHORT = {"x-recgate-short": "true"}  # a header of ours: caps leave fewer items than were asked for
HISTORY = "history"  # a key of `context` that is ours: items that the asker has chosen, oldest first
BEFORE_ID, ENDING = b',"recommendationId":"', b'"}'
DEFAULT_RESULTS = 25
LONGEST_ID = 256
MOST_WITH_METADATA = 50
DEFAULT_ACTIONS, MOST_ACTIONS = 5, 100

Value = Annotated[str, Meta(max_length=1000)]
Context = Annotated[
    dict[Annotated[str, Meta(max_length=150, pattern=r"^[A-Za-z0-9_]+\Z")], Value], Meta(max_length=150)
]
FilterValues = Annotated[
    dict[Annotated[str, Meta(max_length=50, pattern=r"^[A-Za-z0-9_]+\Z")], Value], Meta(max_length=25)
]
PromotionName = Annotated[str, Meta(max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*\Z")]
Columns = Annotated[list[Annotated[str, Meta(max_length=150)]], Meta(max_length=10)]
MetadataColumns = Annotated[dict[Annotated[str, Meta(pattern=r"^(?i:ITEMS)\Z")], Columns], Meta(max_length=1)]


class RuntimePromotion(RequestBody, frozen=True, kw_only=True):
    name: PromotionName
    percent_promoted_items: Annotated[int, Meta(ge=1, le=100)]
    filter_arn: Arn
    filter_values: FilterValues | None = None


class GetRecommendations(RequestBody, frozen=True, kw_only=True):
    campaign_arn: Arn | None = None
    recommender_arn: Arn | None = None
    item_id: Id | None = None
    user_id: Id | None = None
    num_results: Annotated[int, Meta(ge=0, le=engine.MOST_RESULTS)] | None = None
    context: Context | None = None
    filter_arn: Arn | None = None
    filter_values: FilterValues | None = None
    promotions: Annotated[list[RuntimePromotion], Meta(max_length=1)] | None = None
    metadata_columns: MetadataColumns | None = None


class GetPersonalizedRanking(RequestBody, frozen=True, kw_only=True):
    campaign_arn: Arn
    input_list: Annotated[list[Id], Meta(min_length=1, max_length=engine.MOST_RESULTS)]
    user_id: Id
    context: Context | None = None
    filter_arn: Arn | None = None
    filter_values: FilterValues | None = None
    metadata_columns: MetadataColumns | None = None


class GetActionRecommendations(RequestBody, frozen=True, kw_only=True):
    campaign_arn: Arn | None = None
    user_id: Id | None = None
    num_results: Annotated[int, Meta(ge=0, le=MOST_ACTIONS)] | None = None
    filter_arn: Arn | None = None
    filter_values: FilterValues | None = None


class AskedWith(TypedDict, total=False):
    context: Mapping[str, str]
    history: tuple[str, ...]


class PredictedItem(msgspec.Struct, frozen=True, rename="camel"):
    item_id: str
    score: float | UnsetType = UNSET
    promotion_name: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET
    reason: tuple[str, ...] | UnsetType = UNSET


class PredictedAction(msgspec.Struct, frozen=True, rename="camel"):
    action_id: str
    score: float | None


Encode = Callable[[engine.Ranked], Awaitable[bytes]]


class RankerPort(Protocol):
    """Each method is described at `gateway.answer.rank.Ranker`."""

    async def rank(self, question: engine.Question, position: int) -> tuple[engine.Ranked, int | None]: ...

    async def answer(
        self, question: engine.Question, columns: tuple[str, ...], position: int, encode: Encode
    ) -> WireList: ...


class RuntimeCall(NamedTuple):
    """A call and what it asks. `body` is as it was decoded."""

    operation: str
    question: engine.Question
    headers: Headers
    body: bytes


Keep = Callable[[RuntimeCall, WireList], None]  # keeps a list that may go out again


def keep_nothing(call: RuntimeCall, answer: WireList) -> None:
    """Keep no list."""


class RuntimeAnswers(Protocol):
    def check_metadata(self, campaign: str, columns: Sequence[str], account: str) -> None: ...

    def metadata(
        self, campaign: str, items: Sequence[str], columns: Sequence[str], account: str
    ) -> list[dict[str, Any] | None]: ...

    def explain(self, question: engine.Question, item: str, answered: Sequence[str]) -> engine.Explanation: ...


class RuntimeCalls:
    def __init__(self, ranker: RankerPort, catalogue: RuntimeAnswers, take: Take, keep: Keep) -> None:
        self._ranker, self._catalogue, self._take, self._keep = ranker, catalogue, take, keep
        self._recommendations = msgspec.json.Decoder(GetRecommendations)
        self._ranking = msgspec.json.Decoder(GetPersonalizedRanking)
        self._actions = msgspec.json.Decoder(GetActionRecommendations)

    async def recommend(self, caller: AwsCaller, headers: Headers, body: bytes) -> bytes | WireAnswer:
        asked = decoded(body, self._recommendations)
        question = engine.Question(
            campaign=_one_of(asked.campaign_arn, asked.recommender_arn),
            account=caller.account,
            user=asked.user_id,
            item=asked.item_id,
            num_results=asked.num_results or DEFAULT_RESULTS,
            filter=asked.filter_arn,
            filter_values=asked.filter_values or {},
            **_asked_with(asked.context),
            promotion=_promotion(asked.promotions[0]) if asked.promotions else None,
        )
        _check_count("numResults", question.num_results, asked.metadata_columns)
        self._take("GetRecommendations", question.account, question.campaign)
        call = RuntimeCall("GetRecommendations", question, headers, body)
        return await self._answer("itemList", call, asked.metadata_columns)

    async def rerank(self, caller: AwsCaller, headers: Headers, body: bytes) -> bytes | WireAnswer:
        asked = decoded(body, self._ranking)
        question = engine.Question(
            campaign=_of_kind("campaign", asked.campaign_arn),
            account=caller.account,
            user=asked.user_id,
            candidates=tuple(dict.fromkeys(asked.input_list)),  # of duplicates the first counts (§9.3)
            num_results=len(asked.input_list),
            filter=asked.filter_arn,
            filter_values=asked.filter_values or {},
            **_asked_with(asked.context),
        )
        _check_count("the length of inputList", len(asked.input_list), asked.metadata_columns)
        self._take("GetPersonalizedRanking", question.account, question.campaign)
        call = RuntimeCall("GetPersonalizedRanking", question, headers, body)
        return await self._answer("personalizedRanking", call, asked.metadata_columns)

    async def act(self, caller: AwsCaller, headers: Headers, body: bytes) -> bytes | WireAnswer:
        asked = decoded(body, self._actions)
        if asked.campaign_arn is None:
            raise engine.InvalidInput("A campaignArn is required.")
        if asked.user_id is None:
            raise engine.InvalidInput("A userId is required.")
        question = engine.Question(
            of="actions",
            campaign=_of_kind("campaign", asked.campaign_arn),
            account=caller.account,
            user=asked.user_id,
            num_results=asked.num_results or DEFAULT_ACTIONS,
            filter=asked.filter_arn,
            filter_values=asked.filter_values or {},
        )
        self._take("GetActionRecommendations", question.account, question.campaign)
        ranked, behind = await self._ranker.rank(question, position_in(headers))
        actions = [PredictedAction(*each) for each in zip(ranked.items, ranked.scores, strict=True)]
        response = msgspec.json.encode({"actionList": actions, "recommendationId": ranked.recommendation_id})
        return _answered(response, {}, behind)

    async def _answer(
        self, list_name: str, call: RuntimeCall, columns: dict[str, list[str]] | None
    ) -> bytes | WireAnswer:
        names, question, headers = _names(columns), call.question, call.headers
        if item := headers.get(EXPLAIN):
            return await self._explained(list_name, question, names, item, headers)

        async def encode(ranked: engine.Ranked) -> bytes:
            return await self._opening(list_name, question, ranked, names)

        answer = await self._ranker.answer(question, names, position_in(headers), encode)
        if answer.repeat is not None:
            self._keep(call, answer)
        body = answer.opening + answer.recommendation_id.encode() + ENDING
        return _answered(body, SHORT if answer.short else {}, answer.behind)

    async def _explained(
        self, list_name: str, question: engine.Question, columns: tuple[str, ...], item: str, headers: Headers
    ) -> bytes | WireAnswer:
        ranked, behind = await self._ranker.rank(question, position_in(headers))
        opening = await self._opening(list_name, question, ranked, columns)
        explanation = await asyncio.to_thread(self._catalogue.explain, question, item, ranked.items)
        ending = msgspec.json.encode({"explanation": explanation})[1:]
        body = b"".join((opening, ranked.recommendation_id.encode(), b'",', ending))
        return _answered(body, SHORT if ranked.short else {}, behind)

    async def _opening(
        self, list_name: str, question: engine.Question, ranked: engine.Ranked, columns: tuple[str, ...]
    ) -> bytes:
        """The body, up to the recommendationId."""
        nothing = (None,) * len(ranked.items)
        rows: Sequence[dict[str, Any] | None] = nothing
        if columns:
            rows = await asyncio.to_thread(self._metadata, question, ranked.items, columns)
        more = (ranked.promotion_names or nothing, rows, ranked.reasons or nothing)
        predicted = [
            PredictedItem(
                item,
                UNSET if score is None else score,
                UNSET if promotion is None else promotion,
                _texts(row),
                UNSET if reason is None else (reason,),
            )
            for item, score, promotion, row, reason in zip(ranked.items, ranked.scores, *more, strict=True)
        ]
        return msgspec.json.encode({list_name: predicted})[:-1] + BEFORE_ID

    def _metadata(
        self, question: engine.Question, items: Sequence[str], columns: Sequence[str]
    ) -> list[dict[str, Any] | None]:
        self._catalogue.check_metadata(question.campaign, columns, question.account)
        return self._catalogue.metadata(question.campaign, items, columns, question.account)


def _answered(body: bytes, headers: Mapping[str, str], behind: int | None) -> bytes | WireAnswer:
    if behind is not None:
        headers = {**headers, BEHIND: str(behind)}
    return WireAnswer(body, headers) if headers else body


def _asked_with(context: dict[str, str] | None) -> AskedWith:
    """The context, and the history that is in it. Raises `InvalidInput` for one that can't be read."""
    if not context or HISTORY not in context:
        return {"context": context or {}}
    history = engine.split_values("context: the history", context[HISTORY])
    if len(history) > engine.MOST_RESULTS or not all(1 <= len(item) <= LONGEST_ID for item in history):
        raise engine.InvalidInput(
            f"context: the history has at most {engine.MOST_RESULTS} items, each of 1 to {LONGEST_ID} characters."
        )
    return {"context": {name: value for name, value in context.items() if name != HISTORY}, "history": history}


def _promotion(asked: RuntimePromotion) -> engine.Promotion:
    return engine.Promotion(
        name=asked.name,
        percent=asked.percent_promoted_items,
        filter=asked.filter_arn,
        filter_values=asked.filter_values or {},
    )


def _one_of(campaign: str | None, recommender: str | None) -> str:
    """Raises `InvalidInput`, or `NotFound` for an ARN of another kind."""
    if campaign is not None and recommender is not None:
        raise engine.InvalidInput("Give a campaignArn or a recommenderArn, not both.")
    if campaign is not None:
        return _of_kind("campaign", campaign)
    if recommender is not None:
        return _of_kind("recommender", recommender)
    raise engine.InvalidInput("A campaignArn or a recommenderArn is required.")


def _of_kind(kind: str, arn: str) -> str:
    if f":{kind}/" not in arn:
        raise engine.NotFound(f"Resource Arn {arn} does not exist.")
    return arn


def _names(columns: dict[str, list[str]] | None) -> tuple[str, ...]:
    return tuple([name for names in (columns or {}).values() for name in names])


def _check_count(name: str, count: int, columns: object) -> None:
    if columns and count > MOST_WITH_METADATA:
        raise engine.InvalidInput(f"With metadataColumns {name} is at most {MOST_WITH_METADATA}, not {count}.")


def _texts(row: dict[str, Any] | None) -> dict[str, str] | UnsetType:
    """Metadata is all strings on the wire."""
    return UNSET if row is None else {name: text_of(value) for name, value in row.items()}
