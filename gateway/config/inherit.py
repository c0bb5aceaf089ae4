"""The document becomes plans: every level inherits from the one above, down to the variation (specification §2.3).

A level that has a key replaces what it inherits for that key, except `cacheControl`, where it replaces a kind of
caller at a time: to set one kind's policy must not lose the others. (Upstream loses them.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from engine import Cap, Diversity, Fatigue, NegativeEvent, RuleBook, ServingObjective
from gateway.ask import Action
from gateway.config import caching, document, experiments
from gateway.context import autocontext
from gateway.context.operators import OPERATORS
from gateway.context.rules import RULES
from gateway.document.context import AutoField, DiversityPart, Filter, ObjectivePart, Promotion, RulePart
from gateway.document.remote import Enclosing
from gateway.document.rules import AnyListRule, list_rule
from gateway.document.values import plain
from gateway.metadata import SOURCES, MetadataPart
from gateway.plan import plan
from gateway.plan.experiment import FieldCondition
from gateway.plan.shape import Shape
from gateway.sources import EventSourcePart
from gateway.targets import TARGETS, EventTargetPart
from gateway.upstreams import BY_PART, Answerer
from gateway.upstreams.function import function
from gateway.upstreams.level import CacheControl, Level, VariationPart

P = TypeVar("P", Level, CacheControl)


def inherited(above: Level, level: Level) -> Level:
    """The level above, with what this level states in its place."""
    both = overridden(Level, above, level)
    if above.cache_control is None or level.cache_control is None:
        return both
    control = overridden(CacheControl, above.cache_control, level.cache_control)
    return msgspec.structs.replace(both, cache_control=control)


def overridden(kind: type[P], above: P, own: P) -> P:
    """What `above` states, but for what `own` states itself."""
    stated = {name: value for name in kind.__struct_fields__ if (value := getattr(own, name)) is not None}
    return msgspec.structs.replace(above, **stated)


def namespaces(root: document.Root) -> dict[str, plan.Namespace]:
    above = inherited(Level(), root)
    return {key: namespace(key, each, above, root) for key, each in root.namespaces.items()}


def namespace(key: str, part: document.Namespace, above: Level, root: document.Root) -> plan.Namespace:
    own = inherited(above, part)
    plans = {
        (action, name): plan_of(key, action, name, recommender, own, root)
        for action, recommenders in part.recommenders.items()
        for name, recommender in recommenders.items()
    }
    enclosing = enclosing_of(key, root)
    events = event_targets((each for each in part.event_targets if not each.takes_exposures), enclosing)
    exposures = event_targets((each for each in part.event_targets if each.takes_exposures), enclosing)
    return plan.Namespace(
        key,
        part.name or key,
        plans,
        events,
        context_fields(own.auto_context or {}),
        None if part.negative_events is None else tuple(map(negative_event, part.negative_events)),
        tuple(event_source(key, each) for each in part.event_sources),
        example_user=part.examples.user_id,
        example_items=part.examples.item_ids,
        exposure_targets=exposures,
    )


def negative_event(part: str | document.NegativeEventPart) -> NegativeEvent:
    if isinstance(part, str):
        return NegativeEvent(event_type=part)
    return NegativeEvent(event_type=part.event_type, undone_by=part.undone_by)


def event_targets(parts: Iterable[EventTargetPart], enclosing: Enclosing) -> tuple[plan.EventTarget, ...]:
    """Each once."""
    return tuple({each.key: each for each in (event_target(part, enclosing) for part in parts)}.values())


def event_target(part: EventTargetPart, enclosing: Enclosing) -> plan.EventTarget:
    tag = str(part.__struct_config__.tag)
    key = f"{enclosing.namespace}/{tag}/{part.named}"
    return plan.EventTarget(key, tag, TARGETS[tag].settings(part, enclosing))


def event_source(namespace: str, part: EventSourcePart) -> plan.EventSource:
    tag = str(part.__struct_config__.tag)
    return plan.EventSource(f"{namespace}/{tag}/{part.named}", namespace, tag, part.records_of or namespace, part)


def plan_of(
    key: str, action: Action, name: str, part: document.Recommender, above: Level, root: document.Root
) -> plan.Plan:
    own = inherited(above, part)
    if action == "rerank-items":  # its items are given: none has a place to promise
        own = msgspec.structs.replace(own, promotions=())
    weighted = any(each.weight is not None for each in part.variations.values())
    variations = tuple(
        variation(label, each, (each.weight or 0.0) if weighted else float(index == 0), inherited(own, each), root, key)
        for index, (label, each) in enumerate(with_floats(part.variations).items())
    )
    tested = experiments.TestedRecommender(
        path=(key, action, name),
        weights={each.name: each.weight if weighted else 1.0 for each in variations},
        holdout=root.namespaces[key].holdout,
        fields=context_fields(own.auto_context or {}),
    )
    return plan.Plan(
        namespace=key,
        action=action,
        recommender=name,
        variations=variations,
        cohorts=None if part.cohorts is None else part.cohorts.count,
        fallback=part.fallback,
        post_processor=post_processor(part.response_post_processor, root.aws.region),
        shape=None if part.shape is None else Shape(part.shape),
        aliases=tuple(alias(each) for each in part.aliases),
        experiments={
            feature: experiments.experiment(feature, each, tested) for feature, each in part.experiments.items()
        },
        flag=part.flag,
        config=plain(part),
    )


def with_floats(variations: Mapping[str, VariationPart]) -> dict[str, VariationPart]:
    """Variations whose values are all floats where one is: clients of flags take a number with a decimal point, or one
    without, for another type."""
    if not any(isinstance(each.value, float) for each in variations.values()):
        return dict(variations)
    return {
        name: msgspec.structs.replace(each, value=float(each.value)) if type(each.value) is int else each
        for name, each in variations.items()
    }


def alias(part: document.AliasPart) -> plan.Alias:
    return plan.Alias(part.path, {theirs: ours for ours, theirs in part.query.items()})


def enclosing_of(namespace: str, root: document.Root) -> Enclosing:
    return Enclosing(namespace, root.aws.region, root.origins.personalize)


def post_processor(part: document.AnyPostProcessor | None, region: str) -> plan.PostProcessor | None:
    if part is None:
        return None
    most = None if part.look_ahead_maximum_value is None else int(part.look_ahead_maximum_value)
    return plan.PostProcessor(function(part, region), part.look_ahead_multiplier, most)


def variation(
    name: str, part: VariationPart, weight: float, own: Level, root: document.Root, namespace: str
) -> plan.Variation:
    enclosing = enclosing_of(namespace, root)
    answerer = BY_PART[type(part)].answerer(part, enclosing)
    by_arn = answerer.origin is not None
    return plan.Variation(
        name=name,
        weight=weight,
        upstream=answerer.upstream,
        model=answerer.model,
        origin=answerer.origin,
        parameters=answerer.parameters,
        value=part.value,
        config=plain(part),
        auto_context=context_fields(own.auto_context or {}),
        filters=tuple(filter_choice(each, by_arn) for each in with_old_filter(own.filters or (), part.filter)),
        promotion=promotion(own.promotions[0], by_arn) if own.promotions else None,
        objective=objective(own.objective),
        rules=None if own.rules is None or by_arn else RuleBook(tuple(map(list_rule, own.rules))),
        rule_values={each.name: context_fields(each.auto_dynamic_filter_values) for each in dynamic_rules(own)},
        diversity=None if by_arn or own.diversity is None else diversity(own.diversity),
        policies=None if own.cache_control is None else caching.policies(own.cache_control),
        metadata=metadata(own.inference_item_metadata, answerer, enclosing),
        hide=tuple(FieldCondition(each.field, each.operator, each.value) for each in own.hide or ()),
        hide_seen_s=own.hide_seen or 0,
        fatigue=None if own.fatigue is None else Fatigue(**msgspec.structs.asdict(own.fatigue)),
    )


def with_old_filter(filters: tuple[Filter, ...], old: Filter | None) -> tuple[Filter, ...]:
    """The old spelling `filter` is a filter of its own, or automatic values for every filter."""
    if old is None:
        return filters
    if old.arn or old.expression:
        return (old,)
    values = old.auto_dynamic_filter_values
    return tuple(
        msgspec.structs.replace(each, auto_dynamic_filter_values={**values, **each.auto_dynamic_filter_values})
        for each in filters
    )


def objective(part: ObjectivePart | None) -> ServingObjective | None:
    """One of no weight stands, too: it is in place of a campaign's own."""
    return None if part is None else ServingObjective(column=part.column, weight=part.weight)


def promotion(part: Promotion, by_arn: bool) -> plan.PromotionChoice:
    chosen = Filter(part.filter_arn, part.expression, part.condition, part.auto_dynamic_filter_values)
    return plan.PromotionChoice(
        part.name, part.percent_promoted_items, filter_choice(chosen, by_arn), part.filter_values
    )


def dynamic_rules(level: Level) -> list[AnyListRule]:
    return [each for each in level.rules or () if each.auto_dynamic_filter_values]


def diversity(part: DiversityPart) -> Diversity:
    caps = tuple(Cap(column=cap.column, most=cap.most, first=cap.first) for cap in part.caps)
    return Diversity(strength=part.strength, similarity=part.similarity, columns=part.columns, caps=caps)


def filter_choice(part: Filter, by_arn: bool) -> plan.FilterChoice:
    """The built-in engine has a filter by its name, whatever account its ARN is of."""
    return plan.FilterChoice(
        filter=part.arn if by_arn or not part.arn else part.arn.rpartition("/")[2],
        expression=part.expression,
        user_required=part.condition == "user-required",
        values=context_fields(part.auto_dynamic_filter_values),
    )


def metadata(part: MetadataPart | None, answerer: Answerer, enclosing: Enclosing) -> plan.Metadata | None:
    if part is None:
        return None
    tag = str(part.__struct_config__.tag)
    model = answerer.model if answerer.origin is None else ""
    of = SOURCES[tag].items(part, enclosing._replace(model=model))
    return plan.Metadata(tag, part.item_columns, of, part.locales)


def context_fields(parts: Mapping[str, AutoField]) -> tuple[plan.ContextField, ...]:
    return tuple(
        autocontext.automatic(name, part.type, tuple(map(bound, part.rules)), part.default, part.evaluate_all)
        for name, part in parts.items()
    )


def bound(part: RulePart) -> autocontext.Bound:
    mapped = (autocontext.Mapped(OPERATORS[m.operator], m.value, m.map_to) for m in part.value_mappings)
    keys = {key: value.lower() if key == "header" else value for key, value in part.own_keys().items()}
    return autocontext.Bound(RULES[str(part.__struct_config__.tag)], keys, tuple(mapped))
