"""The filters of a question: its own, those of a recommender's use case, and the one that promotes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from engine.control.lifecycle import ACTIVE, shown
from engine.errors import InvalidInput, NotFound
from engine.feed.directory import Directory
from engine.filters import CompiledFilter, compile_filter
from engine.question import Promotion, Question, ServingObjective
from engine.rank.merchandising import CompiledRule, check_rule_filter
from engine.rank.rule import DiversityRule
from engine.recipe import Recipe
from engine.records import FilterRecord
from engine.rules.rules import ListRule
from engine.serving.deployments import Deployable, Deployed
from engine.settings import Settings

HIDDEN = "hidden items"  # the label of the filter that an operator's list is


class FilteredQuestion(NamedTuple):
    """A question with the objective that counts, its filters, the filter that promotes, the rules in force, and what
    makes its list diverse. `labels` name the filters: an ARN or an expression."""

    question: Question
    filters: tuple[CompiledFilter, ...] = ()
    promoting: CompiledFilter | None = None
    labels: tuple[str, ...] = ()
    rules: tuple[CompiledRule, ...] = ()
    diversity: DiversityRule | None = None

    @property
    def every_filter(self) -> tuple[CompiledFilter, ...]:
        """All that the question's answer is chosen by."""
        ruling = tuple([each.filter for each in self.rules if each.filter is not None])
        return (*self.filters, *(() if self.promoting is None else (self.promoting,)), *ruling)


@dataclass(frozen=True)
class QuestionFilters:
    directory: Directory
    settings: Settings
    clock: Callable[[], float]

    def of_question(self, question: Question, deployed: Deployed) -> FilteredQuestion:
        """Raises `NotFound` for an unknown filter, `InvalidInput` for one that can't be used."""
        labels, filters = self._labelled(question.filter, question.expression, deployed, question.cohort is None)
        promoting, diversity = self._promoting(question.promotion, deployed), self.diversity(question, deployed)
        if question.objective is not None or deployed.objective is not None:
            question = msgspec.structs.replace(question, objective=self.objective(deployed, question.objective))
        rules = question.rules
        if rules is None and deployed.rules is not None and question.of == "items":
            rules = deployed.rules.in_force(self.clock()).of(question.user)
        compiled = self.compiled(rules, deployed) if rules else ()
        return FilteredQuestion(question, filters, promoting, labels, compiled, diversity)

    def compiled(self, rules: Sequence[ListRule], deployed: Deployed) -> tuple[CompiledRule, ...]:
        """Raises as `of_question`."""
        return tuple([CompiledRule(each, self._ruling(each, deployed)) for each in rules])

    def rule_faults(
        self, rules: Iterable[ListRule], record: Deployable, recipe: Recipe[Any]
    ) -> list[tuple[ListRule, str]]:
        """The rules that a campaign's or recommender's lists can't be ruled by, each with the reason."""
        faults: list[tuple[ListRule, str]] = []
        for rule in rules:
            try:
                self._check_rule(rule, record, recipe)
            except (InvalidInput, NotFound) as error:
                faults.append((rule, error.message))
        return faults

    def _check_rule(self, rule: ListRule, record: Deployable, recipe: Recipe[Any]) -> None:
        self.check(record, rule.filter, rule.expression)
        text = rule.expression
        if rule.filter is not None:
            text = self.directory.get(_arn(rule.filter, record), FilterRecord).filter_expression
        if text is not None:
            check_rule_filter(rule, compile_filter(text, self.settings.quotas), recipe.name, recipe.kind)

    def diversity(self, question: Question, deployed: Deployed) -> DiversityRule | None:
        """The question's own, or else the campaign's. Raises `InvalidInput` where the data does not allow it."""
        setting = deployed.diversity if question.diversity is None else question.diversity
        if setting is None or question.of == "actions":
            return None
        return self.directory.diversity(setting, deployed.group_arn)

    def objective(self, deployed: Deployed, asked: ServingObjective | None = None) -> ServingObjective | None:
        """The objective that counts, its column spelled as in the schema; None where there is none.

        Raises `InvalidInput` where Items have no such numeric column.
        """
        objective = asked or deployed.objective
        if objective is None or objective.weight == 0:
            return None
        column = self.directory.numeric_column(deployed.group_arn, objective.column)
        return objective if column == objective.column else msgspec.structs.replace(objective, column=column)

    def named(self, name: str | None, expression: str | None, deployed: Deployed) -> tuple[CompiledFilter, ...]:
        """The filters of this name and expression, and the use case's own. Raises as `of_question`."""
        return self._labelled(name, expression, deployed)[1]

    def check_objective(self, record: Deployable, objective: ServingObjective) -> None:
        """Raises `InvalidInput` where a campaign's or recommender's items can't be ranked so."""
        self.directory.numeric_column(record.dataset_group_arn, objective.column)

    def check(self, record: Deployable, name: str | None, expression: str | None) -> None:
        """Raises as `of_question` where a campaign's or recommender's data can't be filtered so."""
        if expression is not None:
            self.directory.expression(expression, record.dataset_group_arn, self.settings.quotas)
        if name is not None:
            self.directory.filter(_arn(name, record), record.dataset_group_arn, self.settings.quotas)

    def _labelled(
        self, name: str | None, expression: str | None, deployed: Deployed, for_one_user: bool = True
    ) -> tuple[tuple[str, ...], tuple[CompiledFilter, ...]]:
        """Labels and filters. A use case drops items for each user, which can't be done for a whole cohort."""
        use_case = deployed.use_case if for_one_user else None
        drops = use_case.drops if use_case is not None else None
        labels = tuple([text for text in (expression, drops) if text is not None])
        group, rules = deployed.group_arn, self.settings.quotas
        filters = tuple([self.directory.expression(text, group, rules) for text in labels])
        if deployed.hiding is not None:
            labels, filters = (*labels, HIDDEN), (*filters, deployed.hiding)
        if name is None:
            return labels, filters
        return (*labels, name), (*filters, self._active(name, deployed))

    def _promoting(self, promotion: Promotion | None, deployed: Deployed) -> CompiledFilter | None:
        if promotion is None:
            return None
        if (promotion.filter is None) == (promotion.expression is None):
            raise InvalidInput(f"promotions: {promotion.name} needs a filter, by ARN or written in place.")
        if promotion.filter is not None:
            return self._active(promotion.filter, deployed)
        return self.directory.expression(promotion.expression or "", deployed.group_arn, self.settings.quotas)

    def _ruling(self, rule: ListRule, deployed: Deployed) -> CompiledFilter | None:
        if rule.filter is not None:
            return self._active(rule.filter, deployed)
        if rule.expression is None:
            return None
        return self.directory.expression(rule.expression, deployed.group_arn, self.settings.quotas)

    def _active(self, name: str, deployed: Deployed) -> CompiledFilter:
        """Raises `NotFound`, and `InvalidInput` where it is of another group or not ACTIVE yet (specification §4.3)."""
        arn = _arn(name, deployed.campaign)
        record = self.directory.get(arn, FilterRecord, deployed.campaign.account)
        compiled = self.directory.filter(arn, deployed.group_arn, self.settings.quotas)
        if shown(record, self.clock(), self.settings.pending_s) != ACTIVE:
            raise InvalidInput(f"filterArn: {arn} is not in ACTIVE state yet.")
        return compiled


def _arn(name: str, campaign: Deployable) -> str:
    """The ARN of a filter that may be named without the campaign's region and account."""
    return name if ":" in name else f"{campaign.arn.rpartition(':')[0]}:filter/{name}"
