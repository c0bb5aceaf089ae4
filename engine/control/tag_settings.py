"""Settings of recgate's own that ride on the tags of what answers: `recgate:NAME`, with JSON for a value.

No member of the operations could carry them. TagResource and UntagResource change them at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from engine.arns import name_of
from engine.control.control import Control
from engine.control.rule_checks import check_rules_of_lists
from engine.control.schemas import schemas_of
from engine.data.options import TAG_PREFIX
from engine.data.schema import Schema, numeric_column
from engine.errors import InvalidInput
from engine.question import Diversity, EventType, Fatigue, NegativeEvent, ServingObjective
from engine.rank.rule import DiversityRule
from engine.recipe import Recipe
from engine.recipes import RECIPES
from engine.records import (
    BatchInferenceJobRecord,
    CampaignRecord,
    DatasetGroupRecord,
    RecommenderRecord,
    SolutionVersionRecord,
)
from engine.rules.rules import ItemId, ListRule, check_rules
from engine.use_cases import USE_CASES
from engine.words import in_words

OBJECTIVE, FATIGUE, RULES, DIVERSITY = "objective", "fatigue", "rules", "diversity"
Rules = tuple[ListRule, ...]
SETTINGS: Mapping[str, Any] = {  # types of their values
    OBJECTIVE: ServingObjective,
    FATIGUE: Fatigue,
    RULES: Rules,
    DIVERSITY: Diversity,
}
NEGATIVE_EVENTS = TAG_PREFIX + "negativeEvents"  # of dataset groups
HIDDEN_ITEMS = TAG_PREFIX + "hiddenItems"  # of dataset groups
MOST_HIDDEN = 1000

Answering = CampaignRecord | RecommenderRecord | BatchInferenceJobRecord
NegativeList = Annotated[tuple[EventType | NegativeEvent, ...], Meta(max_length=50)]
HiddenList = Annotated[tuple[ItemId, ...], Meta(max_length=MOST_HIDDEN)]
T = TypeVar("T")


def objective_in(tags: Mapping[str, str]) -> ServingObjective | None:
    return setting_in(tags, OBJECTIVE, ServingObjective)


def rules_in(tags: Mapping[str, str]) -> Rules | None:
    """As `setting_in`; also raises where two rules go against each other."""
    rules = setting_in(tags, RULES, Rules)
    if rules is not None:
        check_rules(rules, f"tags: {TAG_PREFIX}{RULES}")
    return rules


def diversity_in(tags: Mapping[str, str]) -> Diversity | None:
    return setting_in(tags, DIVERSITY, Diversity)


def fatigue_in(tags: Mapping[str, str]) -> Fatigue | None:
    return setting_in(tags, FATIGUE, Fatigue)


def negative_events_in(tags: Mapping[str, str]) -> tuple[NegativeEvent, ...]:
    """The event types that a dataset group's tag lists. Raises `InvalidInput`."""
    text = tags.get(NEGATIVE_EVENTS)
    if text is None:
        return ()
    try:
        listed: tuple[str | NegativeEvent, ...] = msgspec.json.decode(text, type=NegativeList)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"tags: {NEGATIVE_EVENTS} is a list of event types in JSON: {in_words(error)}") from error
    return tuple(NegativeEvent(event_type=each) if isinstance(each, str) else each for each in listed)


def negative_events_text(events: Iterable[NegativeEvent]) -> str:
    """The tag's value that lists them."""
    plain = [each if each.undone_by else each.event_type for each in events]
    return msgspec.json.encode(plain).decode()


def hidden_items_in(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The items that a dataset group's tag takes out of every list. Raises `InvalidInput`."""
    text = tags.get(HIDDEN_ITEMS)
    if text is None:
        return ()
    try:
        return msgspec.json.decode(text, type=HiddenList)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"tags: {HIDDEN_ITEMS} is a list of item ids in JSON: {in_words(error)}") from error


def check_group_tags(group: DatasetGroupRecord) -> None:
    """Raises `InvalidInput` for a setting that dataset groups do not have, or that can't be read."""
    unknown = settings_of(group.tags).keys() - {NEGATIVE_EVENTS, HIDDEN_ITEMS}
    if unknown:
        choices = f"{NEGATIVE_EVENTS} or {HIDDEN_ITEMS}"
        raise InvalidInput(f"tags: a dataset group has no setting {min(unknown)}; use {choices}.")
    negative_events_in(group.tags)
    hidden_items_in(group.tags)


def setting_in(tags: Mapping[str, str], name: str, kind: type[T]) -> T | None:
    """The setting of this name; None where no tag has it. Raises `InvalidInput`, naming the tag and the rule."""
    text = tags.get(TAG_PREFIX + name)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        form = "list" if kind == Rules else "object"
        raise InvalidInput(f"tags: {TAG_PREFIX}{name} is a setting as a JSON {form}: {in_words(error)}") from error


def settings_of(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that are settings."""
    return {key: text for key, text in tags.items() if key.startswith(TAG_PREFIX)}


def check_tags_of(control: Control, record: Answering, within: Connection) -> None:
    """Raises `InvalidInput` for a setting that there is none of, can't be read, or fits neither recipe nor data."""
    if not settings_of(record.tags):
        return
    if isinstance(record, RecommenderRecord):
        recipe, group = USE_CASES[name_of(record.recipe_arn)].recipe, record.dataset_group_arn
    else:
        version = control.records.get(record.solution_version_arn, SolutionVersionRecord, within)
        recipe, group = RECIPES[name_of(version.recipe_arn)], version.dataset_group_arn
    if isinstance(record, BatchInferenceJobRecord) and TAG_PREFIX + FATIGUE in record.tags:
        raise InvalidInput(
            f"tags: {TAG_PREFIX}{FATIGUE} fits campaigns and recommenders: a batch job shows nobody a list."
        )
    _check_settings(record.tags, recipe, schemas_of(control, group, within).get("ITEMS"))
    rules = rules_in(record.tags)
    if rules is not None:
        check_rules_of_lists(control, rules, recipe, group, within)


def refuse_settings(tags: Mapping[str, str], kind: str) -> None:
    """Raise `InvalidInput` where a resource of another kind is to have a setting: nothing would heed it."""
    for name in SETTINGS:
        if TAG_PREFIX + name in tags:
            raise InvalidInput(
                f"tags: {TAG_PREFIX}{name} is for campaigns, recommenders and batch inference jobs, not for a "
                f"{kind.replace('-', ' ')}."
            )


def _check_settings(tags: Mapping[str, str], recipe: Recipe[Any], items: Schema | None) -> None:
    for key in sorted(settings_of(tags)):
        name = key.removeprefix(TAG_PREFIX)
        if name not in SETTINGS:
            choices = ", ".join(TAG_PREFIX + each for each in SETTINGS)
            raise InvalidInput(f"tags: what answers has no setting {key}; use one of {choices}.")
        setting_in(tags, name, SETTINGS[name])
        if not recipe.ranks_items:
            raise InvalidInput(f"tags: {key} fits recipes that rank items, not {recipe.name}.")
    if (objective := objective_in(tags)) is not None:
        numeric_column(objective.column, items, f"tags: {TAG_PREFIX}{OBJECTIVE}")
    if (diversity := diversity_in(tags)) is not None:
        try:
            DiversityRule.of(diversity, items)
        except InvalidInput as error:
            raise InvalidInput(f"tags: {TAG_PREFIX}{error.message}") from error
