"""The pipeline of one answer of the engine: its stages in order, with how many items pass each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from engine.data.columns import Bools
from engine.engine import Engine
from engine.ensemble.plan import IN_SESSION
from engine.inspection.cards import Cards, Inspected, ItemCard
from engine.inspection.looks import uncounted
from engine.question import Question
from engine.rules.rules import Pin
from engine.serving import artifacts, serve
from engine.serving.deployments import Deployed
from engine.serving.question_filters import FilteredQuestion
from engine.serving.ranking import LiveState, RankingContext, ranking_context

EXAMPLES = 5
Detail = tuple[str, str]  # a name and what there is to say of it


class PipelineStage(Inspected, frozen=True, kw_only=True):
    """`before` items come in and `after` go on; `dropped` and `top` are examples of what goes and of the best."""

    stage: str
    title: str
    before: int | None = msgspec.field(name="in", default=None)
    after: int = msgspec.field(name="out")
    detail: list[Detail] = msgspec.field(default_factory=list)
    dropped: list[ItemCard] = msgspec.field(default_factory=list)
    top: list[ItemCard] = msgspec.field(default_factory=list)


def pipeline(engine: Engine, question: Question, deployed: Deployed) -> list[PipelineStage]:
    """The stages of an answer to this question, made anew. Raises as answering does."""
    group, now = engine.answers.campaigns.group(deployed), engine.clock()
    asked = engine.answers.filters.of_question(uncounted(engine, question, deployed), deployed)
    serve.check(asked.question, deployed, asked.every_filter)
    context = ranking_context(asked, deployed, LiveState.for_question(asked.question, group, now), now)
    return list(AnswerStages(asked, context, Cards.of(engine, deployed.group_arn)).stages())


class AnswerStages:
    """The stages of one answer, each counting what the one before has left."""

    def __init__(self, asked: FilteredQuestion, context: RankingContext, cards: Cards) -> None:
        self._asked, self._context, self._cards = asked, context, cards
        self._left: Bools = np.ones(context.live.item_count, np.bool_)

    def stages(self) -> Iterator[PipelineStage]:
        context, count = self._context, self._context.live.item_count
        yield PipelineStage(
            stage="candidates",
            title="Candidates",
            after=count,
            detail=[("catalogue", f"{count:,} items"), *self._shortlisted()],
        )
        yield self._blend()
        if len(gone := np.unique(np.concatenate((context.aversion.gone, context.aversion.last)))):
            yield self._without("unwanted", "Unwanted and tired of", ~np.isin(np.arange(count), gone), [])
        values = context.question.filter_values
        for label, each in zip(self._asked.labels, self._asked.filters, strict=True):
            kept = each.mask(context.candidates, values)[:-1]
            yield self._without("filters", "Filter", kept, [("filter", label), ("expression", each.text)])
        if self._asked.rules:
            yield self._rules()
        yield from self._list()

    def _shortlisted(self) -> list[Detail]:
        shortlist = self._context.shortlist
        return [] if shortlist is None else [("index", f"opens cells with {len(shortlist.best):,} items")]

    def _blend(self) -> PipelineStage:
        context = self._context
        has_score: Bools = context.model_scores > -np.inf
        self._left = has_score
        best = np.argsort(-context.model_scores, kind="stable")[:EXAMPLES]
        return PipelineStage(
            stage="blend",
            title="Model",
            before=len(has_score),
            after=int(has_score.sum()),
            detail=[("recipe", context.deployed.recipe.name), ("version", context.deployed.model), *self._weights()],
            top=self._named(best[has_score[best]]),
        )

    def _weights(self) -> list[Detail]:
        """The blend of the user's situation, for models that are one."""
        chosen: dict[str, Any] = artifacts.load(self._context.deployed.folder).about.get("chosen", {})
        blend = chosen.get("blends", {}).get(situation := self._situation())
        if blend is None:
            return []
        parts = sorted(blend["weights"].items(), key=lambda pair: -pair[1])
        return [("situation", situation), *((scorer, f"{weight:.3g}") for scorer, weight in parts)]

    def _situation(self) -> str:
        times = self._context.live.heard.times
        if not len(times):
            return "new"
        return "active" if self._context.now - float(times[-1]) <= IN_SESSION else "returning"

    def _without(self, stage: str, title: str, kept: Bools, detail: list[Detail]) -> PipelineStage:
        before, dropped = int(self._left.sum()), np.flatnonzero(self._left & ~kept)
        self._left = self._left & kept
        if len(dropped):
            dropped = dropped[np.argsort(-self._context.model_scores[dropped], kind="stable")]
        return PipelineStage(
            stage=stage,
            title=title,
            before=before,
            after=int(self._left.sum()),
            detail=[*detail, ("dropped", f"{len(dropped):,} items")],
            dropped=self._named(dropped[:EXAMPLES]),
        )

    def _rules(self) -> PipelineStage:
        context, left = self._context, int(self._left.sum())
        detail: list[Detail] = []
        for each in self._asked.rules:
            if isinstance(each.rule, Pin):
                pinned = sum(name == each.rule.name for name in context.pins.rules)
                detail.append((each.rule.name, f"pins {pinned} from place {each.rule.place}"))
            else:
                touched = int((each.includes(context.candidates) & self._left).sum())
                verb = str(each.rule.__struct_config__.tag)
                detail.append((each.rule.name, f"{verb} {touched:,} items {each.rule.times:g} times"))
        return PipelineStage(stage="rules", title="Rules", before=left, after=left, detail=detail)

    def _list(self) -> Iterator[PipelineStage]:
        """The stages from what may be listed to the list."""
        context, left = self._context, int(self._left.sum())
        shown, _ = serve.final(serve.shown_of(context, self._asked.promoting), context)
        count, promotion = len(shown.items), context.question.promotion
        if promotion is not None:
            detail = [(promotion.name, f"{shown.promoted} of {count} places")]
            yield PipelineStage(stage="promotion", title="Promotion", before=left, after=left, detail=detail)
        if context.diversifier is not None:
            rule = context.diversifier.rule
            caps = [(f"cap on {each.column}", f"at most {each.most}") for each in _caps(context)]
            detail = [("strength", f"{rule.strength:g}"), *caps]
            yield PipelineStage(stage="diversity", title="Diversity", before=left, after=count, detail=detail)
        if context.explorer is not None:
            explored = sum(shown.explored)
            detail = [("explored", f"{explored} of {count}"), ("seed", context.explorer.drawn_with)]
            yield PipelineStage(stage="exploration", title="Exploration", before=left, after=count, detail=detail)
        yield PipelineStage(
            stage="list", title="List", before=left, after=count, top=self._cards.cards(shown.items[:EXAMPLES])
        )

    def _named(self, items: Sequence[int] | Any) -> list[ItemCard]:
        return self._cards.cards(self._cards.group.items.names(np.asarray(items)))


def _caps(context: RankingContext) -> Sequence[Any]:
    setting = context.question.diversity or context.deployed.diversity
    return () if setting is None else setting.caps
