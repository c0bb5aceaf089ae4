"""The price of diversity: NDCG@10 of lists against how unlike their items are, for each strength and some caps.

Each user's last item is hidden, as leave-last-out has it. All lists are of one training, so differences are paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Column, Floats, Numbers, Tags, Texts
from engine.data.schema import Field, Schema
from engine.data.snapshot import Snapshot
from engine.data.table import LiveTable
from engine.errors import InvalidInput
from engine.evaluation.evaluate import BASKETS, CUT, DEFAULT, RARE, bootstrap, ranked_by, sampled
from engine.evaluation.report import Interval, span
from engine.measure.metrics import mean, ndcg
from engine.measure.split import EvaluationCase, leave_last_out, repeat_share, tied_share
from engine.question import Cap, Diversity, Similarity
from engine.rank.diversify import spread
from engine.rank.rule import DiversityRule, column_with_terms
from engine.recipe import Model, Progress, silent, stretch
from engine.recipes import RECIPES
from engine.serving.diversity import Diversifier, ScoreArray
from engine.serving.likeness import ItemTerms, ModelVectors, item_vectors

STRENGTHS = tuple(step / 10 for step in range(11))
CAPS = (1, 2, 3, 5)  # of one value, in ten places


class DiverseLists(msgspec.Struct, frozen=True):
    """Lists of ten under one setting. `diversity` is 1 less the mean similarity of two items of a list, `values` how
    many different values of the column a list has, `short` the share of lists that caps leave fewer than ten items."""

    name: str
    strength: float | None  # None: caps
    ndcg_at_10: float
    interval: Interval
    lost: float  # of NDCG@10, against the most relevant items
    lost_interval: Interval
    diversity: float
    values: float
    short: float


class DiversityCurve(msgspec.Struct, frozen=True):
    recipe: str
    similarity: str  # what items are alike by, and the columns
    column: str  # whose values are counted and capped
    interactions: int
    users: int  # that were asked for
    rows: list[DiverseLists]

    def to_json(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2)

    def table(self) -> list[dict[str, str]]:
        """One row of texts a setting."""
        return [
            {
                "list": row.name,
                "NDCG@10": f"{row.ndcg_at_10:.4f} {span(row.interval)}",
                "lost": "" if row.strength == 0 else f"{row.lost:.4f} {span(row.lost_interval)}",
                "diversity": f"{row.diversity:.3f}",
                f"values of {self.column}": f"{row.values:.1f}",
                "short": f"{row.short:.0%}",
            }
            for row in self.rows
        ]


@dataclass(frozen=True)
class DiversityStudy:
    """The settings of a diversity curve; no columns: all categorical ones, the first of which is capped."""

    recipe: str = DEFAULT[0]
    seed: int = 0
    similarity: Similarity = "columns"
    columns: tuple[str, ...] = ()
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    whole: Snapshot | None = None  # with columns of items that no model learns from
    strengths: Sequence[float] = STRENGTHS
    caps: Sequence[int] = CAPS


def diversity_curve(snapshot: Snapshot, study: DiversityStudy, progress: Progress = silent) -> DiversityCurve:
    """Train once and choose each user's list under every setting.

    Raises `InvalidInput` where there is no user to hide anything of, or nothing that items could be alike by.
    """
    items = items_schema((study.whole or snapshot).item_columns)
    columns = study.columns or tuple(each.name for each in items.fields if each.categorical)
    if not columns:
        raise InvalidInput("Items has no categorical column: name one whose values are to be counted.")
    counted = column_with_terms(columns[0], "columns[0]", items.fields)
    setting = Diversity(similarity=study.similarity, columns=columns if study.similarity == "columns" else ())
    caps = [Diversity(caps=(Cap(column=counted.name, most=most),)) for most in study.caps]
    rules = [DiversityRule.of(msgspec.structs.replace(setting, strength=each), items) for each in study.strengths]
    rules += [DiversityRule.of(each, items) for each in caps]
    names = [f"strength {each:g}" for each in study.strengths]
    names += [f"at most {most} of a {counted.name}" for most in study.caps]
    yardstick = DiversityRule.of(msgspec.structs.replace(setting, strength=1.0), items)
    assert yardstick is not None
    trial = _trial(snapshot, study, yardstick, counted, stretch(progress, 0.0, 0.8))
    rows: list[DiverseLists] = []
    for place, (name, rule) in enumerate(zip(names, rules, strict=True)):
        progress(0.8 + 0.2 * place / len(rules), name)
        strength = study.strengths[place] if place < len(study.strengths) else None
        rows.append(trial.row(name, strength, rule))
    progress(1.0, "measured")
    return DiversityCurve(
        recipe=study.recipe,
        similarity=study.similarity if study.similarity != "columns" else ", ".join(columns),
        column=counted.name,
        interactions=len(snapshot.items),
        users=len(trial.cases),
        rows=rows,
    )


def items_schema(columns: Mapping[str, Column]) -> Schema:
    """The schema that columns of Items say of themselves."""
    kinds = {Tags: {"categorical": True}, Texts: {"textual": True}}
    fields = (
        Field(name=name, type="float" if isinstance(column, Numbers) else "string", **kinds.get(type(column), {}))
        for name, column in columns.items()
    )
    return Schema("Items", "ITEMS", tuple(fields))


def _trial(
    snapshot: Snapshot, study: DiversityStudy, yardstick: DiversityRule, counted: Field, progress: Progress
) -> _DiversityTrial:
    split = leave_last_out(snapshot, baskets=tied_share(snapshot) > BASKETS)
    if not split.cases:
        raise InvalidInput("No user has an interaction to hide and another to learn from: there is nothing to measure.")
    recipe = RECIPES[study.recipe]
    model = recipe.train(split.train, recipe.parse(study.hyperparameters), study.seed, progress)
    score, cases = recipe.ready(model), sampled(split.cases, snapshot.item_count, study.seed)
    remove_seen = repeat_share(split.cases) < RARE
    scores = [ranked_by(score, case, remove_seen) for case in cases]
    table = LiveTable((study.whole or snapshot).item_columns)
    return _DiversityTrial(table, model, cases, scores, yardstick, counted, study.seed)


@dataclass(frozen=True)
class _DiversityTrial:
    """`yardstick` says by what the diversity of all lists is measured, `counted` whose values are counted."""

    table: LiveTable
    model: Model
    cases: list[EvaluationCase]
    scores: list[Floats]
    yardstick: DiversityRule
    counted: Field
    seed: int

    @cached_property
    def own(self) -> NDArray[np.float64]:
        """(cases,) NDCG@10 of the most relevant items."""
        return np.array([_gain(self.plain(scores), case) for scores, case in zip(self.scores, self.cases, strict=True)])

    @cached_property
    def vectors(self) -> ModelVectors | None:
        vectors = item_vectors(self.model)
        return None if vectors is None else ModelVectors(vectors)

    def plain(self, scores: Floats) -> NDArray[np.int32]:
        return ScoreArray(scores).best(CUT).items

    def row(self, name: str, strength: float | None, rule: DiversityRule | None) -> DiverseLists:
        measured = Diversifier(self.yardstick, self.table, len(self.scores[0]), lambda: self.vectors)
        lists, short = [self.plain(scores) for scores in self.scores], [False]
        if rule is not None:
            choosing = replace(measured, rule=rule)
            chosen = [choosing.choose(ScoreArray(scores), CUT) for scores in self.scores]
            lists, short = [each.items for each in chosen], [each.short for each in chosen]
        gains = np.array([_gain(items, case) for items, case in zip(lists, self.cases, strict=True)])
        terms = ItemTerms.of(self.table, self.counted)
        values = [len({term for own in terms(items.tolist()) for term in own}) for items in lists]
        return DiverseLists(
            name=name,
            strength=strength,
            ndcg_at_10=mean(gains),
            interval=bootstrap(gains, self.seed),
            lost=mean(self.own - gains),
            lost_interval=bootstrap(self.own - gains, self.seed),
            diversity=mean([spread(measured.vectors(items)) for items in lists]),
            values=mean([float(each) for each in values]),
            short=mean([float(each) for each in short]),
        )


def _gain(items: NDArray[np.int32], case: EvaluationCase) -> float:
    place_of = {item: place for place, item in enumerate(items.tolist())}
    return ndcg(np.array([place_of.get(item, CUT) for item in case.truth.tolist()], np.float64), CUT)
