"""One line of a batch inference job: what it asks in its recipe type's format, and the answer (specification §7.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from engine.data.group import Group
from engine.question import MOST_RESULTS
from engine.recipe import RecipeType
from engine.serving import serve
from engine.serving.deployments import Deployed
from engine.serving.question_filters import FilteredQuestion

Id = Annotated[str, Meta(min_length=1, max_length=256)]
Value = Annotated[str, Meta(max_length=1000)]
Key = Annotated[str, Meta(max_length=150, pattern=r"^[A-Za-z0-9_]+\Z")]

FilterValues = Annotated[dict[Key, Value], Meta(max_length=25)]
Context = Annotated[dict[Key, Value], Meta(max_length=150)]


class InputLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The members that any line may hold, beside those its recipe type needs; unknown ones are passed over."""

    user_id: Id | None = None
    item_id: Id | None = None
    item_list: tuple[Id, ...] | None = None
    filter_values: FilterValues = {}
    context: Context = {}  # ours, and so is the next
    history: Annotated[tuple[Id, ...], Meta(max_length=MOST_RESULTS)] = ()


class UserLine(InputLine, frozen=True, kw_only=True):
    user_id: Id


class RankingLine(UserLine, frozen=True, kw_only=True):
    item_list: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MOST_RESULTS)]


class ItemLine(InputLine, frozen=True, kw_only=True):
    item_id: Id


LINES: dict[RecipeType, type[InputLine]] = {
    "USER_PERSONALIZATION": UserLine,
    "POPULAR_ITEMS": UserLine,
    "PERSONALIZED_RANKING": RankingLine,
    "RELATED_ITEMS": ItemLine,
}


class InferenceOutput(msgspec.Struct, frozen=True, rename="camel"):
    recommended_items: tuple[str, ...]
    scores: tuple[float | None, ...] | UnsetType = UNSET
    reasons: list[list[str]] | UnsetType = UNSET  # of each item, of version 2 recipes


@dataclass(frozen=True)
class LineAnswers:
    """Answers lines by the story that answers requests, as of `now` and of the group's state. `template` has what all
    questions have in common. Another process can do it, too."""

    deployed: Deployed
    group: Group
    template: FilteredQuestion
    now: float
    new_id: Callable[[], str]

    def __call__(self, line: bytes) -> InferenceOutput:
        recipe, kind = self.deployed.recipe, self.deployed.recipe.kind
        asked = _decoder(kind).decode(line)
        question = msgspec.structs.replace(
            self.template.question,
            user=asked.user_id,
            item=asked.item_id if kind == "RELATED_ITEMS" else None,
            candidates=asked.item_list if kind == "PERSONALIZED_RANKING" else None,
            filter_values=asked.filter_values,
            context=asked.context,
            history=asked.history,
        )
        rules = self.template.rules
        if asked.user_id is None:
            rules = tuple([each for each in rules if not each.rule.needs_user])
        whole = self.template._replace(question=question, rules=rules)
        at = self.group.seq
        ranked = serve.answer(whole, self.deployed, self.group, as_of=at, now=self.now, new_id=self.new_id)
        reasons = [[reason] if reason else [] for reason in ranked.reasons or (None,) * len(ranked.items)]
        return InferenceOutput(
            ranked.items,
            ranked.scores if recipe.scores else UNSET,
            reasons if recipe.v2 else UNSET,
        )


@cache
def _decoder(kind: RecipeType) -> msgspec.json.Decoder[InputLine]:
    return msgspec.json.Decoder(LINES[kind])
