"""Checks of what parts say of each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gateway.ask import Action
from gateway.config import document, experiments
from gateway.config.caching import SHARED, directives
from gateway.config.checks import flags
from gateway.config.checks.context import reads_item
from gateway.config.inherit import inherited
from gateway.context.rules import ITEM_METADATA
from gateway.context.viewer import Viewers
from gateway.document.context import AutoField, DiversityPart, Filter, Promotion
from gateway.document.remote import FILTER_ARN, MODEL_ARN, EngineOrigin
from gateway.document.report import Report, checks, choices, inside
from gateway.document.rules import ListRulePart
from gateway.intake import parts_of
from gateway.plan.shape import fault_of, gives_nothing
from gateway.upstreams.level import Level, RemoteVariation, VariationPart
from gateway.upstreams.personalize import ArnVariation

COUNTED_BY_NONE = "only the built-in engine counts what it has shown: nobody tires of this origin's lists"
HEEDED_BY_NONE = "only the built-in engine heeds an objective: this origin is not told of it"
NEEDS_TRACKER = "is read into the built-in engine: 'eventTargets' needs a personalize-event-tracker of its own"
RULED_BY_NONE = "is answered elsewhere: 'rules' are for models of the built-in engine"

LISTED = {"recommend-items": "itemList", "related-items": "itemList", "rerank-items": "personalizedRanking"}
ALIASED = {"itemId": "related-items", "itemIds": "rerank-items"}  # parameters of paths of one action

Placed = tuple[str, Action, document.Recommender, VariationPart, Level]


@checks
def check_namespace(part: document.Namespace, place: str, report: Report) -> None:
    experiments.check_exclusions(part, place, report)
    experiments.check_senders(part, place, report)
    flags.check_bucketing(part, place, report)
    if not part.event_targets and not any(part.recommenders.values()):
        report.warn(place, "has neither 'recommenders' nor 'eventTargets': it answers nothing")
    for (tag, name), times in Counter((each.__struct_config__.tag, each.named) for each in part.event_targets).items():
        if times > 1:
            report.warn(inside(place, "eventTargets"), f"has {tag} {name!r} {times} times: events go there once")


@checks
def check_fallbacks(part: document.Namespace, place: str, report: Report) -> None:
    for action, recommenders in part.recommenders.items():
        for name, recommender in recommenders.items():
            at = f"{place}.recommenders.{action}.{name}.fallback"
            for other in recommender.fallback:
                if other == name:
                    report.refuse(at, "names the recommender itself")
                elif other not in recommenders:
                    report.refuse(
                        at, f"there is no recommender {other!r} under {action}; {choices(other, recommenders)}"
                    )


@checks
def check_personalizer(part: document.Namespace, place: str, report: Report) -> None:
    """Azure's Rank is answered by a recommender of this namespace."""
    personalizer, rankers = parts_of(part.intake).get("personalizer"), part.recommenders.get("rerank-items", {})
    if personalizer is not None and personalizer.recommender not in rankers:
        name = personalizer.recommender
        report.refuse(
            inside(place, "intake", "personalizer", "recommender"),
            f"there is no recommender {name!r} under rerank-items; {choices(name, rankers)}",
        )


@checks
def check_root(part: document.Root, place: str, report: Report) -> None:
    check_auth(part, report)
    check_tenants(part, report)
    check_origins(part, report)
    check_item_rules(part, report)
    check_promotions(part, report)
    check_elsewhere(part, report)
    check_cohorts(part, report)
    check_event_sources(part, report)
    check_partners(part, report)
    check_shapes(part, report)
    check_aliases(part, report)
    flags.check_keys(part, report)
    for index, network in enumerate(part.trusted_proxies):
        try:
            Viewers([network])
        except ValueError as error:
            report.refuse(inside(place, "trustedProxies", index), str(error))


def recommenders_of(part: document.Root) -> Iterator[tuple[str, Action, document.Recommender]]:
    for key, namespace in part.namespaces.items():
        for action, recommenders in namespace.recommenders.items():
            for name, recommender in recommenders.items():
                yield f"namespaces.{key}.recommenders.{action}.{name}", action, recommender


def check_shapes(part: document.Root, report: Report) -> None:
    for place, action, recommender in recommenders_of(part):
        shape = recommender.shape
        if shape is not None and not fault_of(shape) and gives_nothing(shape, action):
            report.warn(f"{place}.shape", f"gives nothing for an answer with two items: {LISTED[action]} has them")


def check_aliases(part: document.Root, report: Report) -> None:
    """A path leads to one recommender, and says whose or which item's list it is."""
    first: dict[str, str] = {}
    for place, action, recommender in recommenders_of(part):
        for index, alias in enumerate(recommender.aliases):
            at = inside(place, "aliases", index)
            if first.setdefault(alias.path, at) != at:
                report.refuse(inside(at, "path"), f"{alias.path} is {first[alias.path]} already")
            for name in ("itemId", "itemIds"):
                if name in alias.query and ALIASED[name] != action:
                    report.refuse(inside(at, "query"), f"{name} is for {ALIASED[name]}", name)


def check_tenants(part: document.Root, report: Report) -> None:
    for index, key in enumerate(() if part.admin is None else part.admin.keys):
        for name in key.namespaces or ():
            if name not in part.namespaces:
                at = inside("admin", "keys", index, "namespaces")
                report.warn(at, f"there is no namespace {name!r}; {choices(name, part.namespaces)}")


def check_item_rules(part: document.Root, report: Report) -> None:
    for place, action, _, _, level in variations_of(part):
        has_metadata = level.inference_item_metadata is not None
        if action == "related-items" and not has_metadata and any(map(reads_item, filter_values_of(level))):
            report.warn(place, f"{ITEM_METADATA} never has a value: there is no 'inferenceItemMetadata'")


def check_promotions(part: document.Root, report: Report) -> None:
    """Rankings have none, nor fatigue, and who is asked by GET hears of none."""
    for place, action, recommender, variation, level in variations_of(part):
        if action == "rerank-items":
            if variation.fatigue or recommender.fatigue:
                report.warn(place, "has 'fatigue': rerank-items orders given items, and nobody tires of them")
            if variation.promotions or recommender.promotions:
                report.refuse(place, "has 'promotions': rerank-items orders given items and promotes none")
        elif level.promotions and not variation.asks_for_promotions:
            report.warn(place, "its 'promotions' are not asked for: method POST sends them")


def check_elsewhere(part: document.Root, report: Report) -> None:
    """Objectives, fatigue, rules and diversity are for the engine's lists: other origins order theirs themselves."""
    elsewhere = answered_elsewhere(part)
    for place, _, recommender, variation, level in variations_of(part):
        if not isinstance(variation, elsewhere):
            continue
        if variation.objective is not None:
            report.warn(inside(place, "objective"), HEEDED_BY_NONE)
        if variation.fatigue is not None:
            report.warn(inside(place, "fatigue"), COUNTED_BY_NONE)
        if variation.rules:
            report.refuse(place, RULED_BY_NONE)
        elif level.rules and all(isinstance(each, elsewhere) for each in recommender.variations.values()):
            report.warn(place, RULED_BY_NONE)
        if level.diversity not in (None, DiversityPart()):
            if variation.diversity or recommender.diversity:
                report.refuse(place, "has 'diversity': only models of the built-in engine have that")
            else:
                report.warn(place, "is answered elsewhere: 'diversity' above it changes nothing here")


def check_partners(root: document.Root, report: Report) -> None:
    """A key finds one namespace, and events need a place to go."""
    owners: dict[tuple[str, str], str] = {}
    for name, namespace in root.namespaces.items():
        for partner, part in parts_of(namespace.intake).items():
            place = inside("namespaces", name, "intake", partner)
            if not namespace.takes_events:
                report.refuse(place, "needs 'eventTargets' in its namespace, where its events go")
            for index, key in enumerate(part.keys):
                other = owners.setdefault((partner, key), name)
                if other != name:
                    report.refuse(inside(place, "keys", index), f"is a key of namespace {other!r}, too")


def check_event_sources(root: document.Root, report: Report) -> None:
    readers: dict[tuple[object, str], str] = {}
    is_ours = isinstance(root.origins.personalize, EngineOrigin)
    for key, space in root.namespaces.items():
        written = {(each.__struct_config__.tag, each.named) for each in space.event_targets}
        for index, each in enumerate(space.event_sources):
            place, tag = f"namespaces.{key}.eventSources[{index}]", each.__struct_config__.tag
            first = readers.setdefault((tag, each.named), place)
            if first != place:
                report.refuse(
                    place, f"{first} reads {each.named!r}, too, and each would get a part: name another group"
                )
            if not is_ours or "personalize-event-tracker" not in {tag for tag, _ in written}:
                report.refuse(place, NEEDS_TRACKER)
            if (tag, each.place) in written and each.records_of in (None, key):
                report.warn(place, f"the namespace's eventTargets write to {each.place!r}: its events come back")


def answered_elsewhere(root: document.Root) -> tuple[type[VariationPart], ...]:
    """The kinds of variations that the built-in engine does not answer."""
    if isinstance(root.origins.personalize, EngineOrigin):
        return (RemoteVariation,)
    return (RemoteVariation, ArnVariation)


def check_origins(part: document.Root, report: Report) -> None:
    """Refuse what Amazon Personalize can't do: filters written in place, and reranking by a recommender."""
    if isinstance(part.origins.personalize, EngineOrigin):
        return
    for place, action, _, variation, level in variations_of(part):
        if not isinstance(variation, ArnVariation):
            continue
        filters, promotions = level.filters or (), level.promotions or ()
        if variation.arn and not MODEL_ARN.fullmatch(variation.arn):
            report.refuse(inside(place, "arn"), f"{variation.arn!r} is no ARN that Amazon Personalize could answer for")
        if any(each.arn and not FILTER_ARN.fullmatch(each.arn) for each in filters):
            report.refuse(place, "has a filter whose 'arn' is none of Amazon Personalize")
        if any(each.filter_arn and not FILTER_ARN.fullmatch(each.filter_arn) for each in promotions):
            report.refuse(place, "has a promotion whose 'filterArn' is none of Amazon Personalize")
        if action != "rerank-items" and any(each.expression for each in promotions):
            report.refuse(place, "promotes by 'expression': Amazon Personalize takes filters by 'filterArn' only")
        if any(each.expression for each in filters):
            report.refuse(place, "has a filter by 'expression': Amazon Personalize takes filters by 'arn' only")
        if action == "rerank-items" and ":recommender/" in variation.arn:
            report.refuse(inside(place, "arn"), "is a recommender's: Amazon Personalize reranks by campaigns only")


def check_cohorts(part: document.Root, report: Report) -> None:
    """Cohorts are of the built-in engine's models that personalise, and their lists are for caches downstream."""
    elsewhere = answered_elsewhere(part)
    for place, action, recommender, variation, level in variations_of(part):
        if recommender.cohorts is None:
            continue
        if action != "recommend-items":
            report.refuse(place, f"has 'cohorts' above it: only recommend-items have cohorts, not {action}")
        elif isinstance(variation, elsewhere):
            report.refuse(place, "is answered elsewhere: only models of the built-in engine have 'cohorts'")
        policy = None if level.cache_control is None else level.cache_control.no_user_specified
        if policy is None or not directives(policy.directives).keys() & set(SHARED):
            report.warn(place, "its 'cohorts' are for caches downstream, and no noUserSpecified policy says 'public'")


def variations_of(root: document.Root) -> Iterator[Placed]:
    """Every variation's place and action, its recommender, itself, and its level with all that it inherits."""
    for key, space in root.namespaces.items():
        above = inherited(inherited(Level(), root), space)
        for action, recommenders in space.recommenders.items():
            for name, recommender in recommenders.items():
                own = inherited(above, recommender)
                for label, variation in recommender.variations.items():
                    place = f"namespaces.{key}.recommenders.{action}.{name}.variations.{label}"
                    yield place, action, recommender, variation, inherited(own, variation)


def check_auth(part: document.Root, report: Report) -> None:
    """Check `auth` against the wire's callers, the namespaces and the rules that need a token."""
    if isinstance(part.auth, document.NoAuth):
        rules = [rule for each in fields_of(part) for rule in each.rules if rule.__struct_config__.tag == "jwt-claim"]
        if rules:
            report.warn("autoContext", "jwt-claim never has a value: 'auth' is not of type oidc")
        return
    if part.aws.access_keys is None and part.aws.unsigned_callers is None:
        report.warn("auth", "closes the Personalize wire API, too: who is to use it signs by one of aws.accessKeys")
    if part.aws.access_keys is None and part.aws.unsigned_callers == "anyone":
        report.warn("auth", "does not cover the Personalize wire API: aws.unsignedCallers opens it to anyone")
    if isinstance(part.auth, document.ApiKeyAuth):
        for index, key in enumerate(part.auth.keys):
            for name in sorted(set(key.namespaces or ()) - set(part.namespaces)):
                report.warn(f"auth.keys[{index}].namespaces", f"there is no namespace {name!r}")
            if key.publishable and len(key.namespaces or ()) != 1:
                report.refuse(
                    f"auth.keys[{index}]", "a 'publishable' key is for one of the 'namespaces', which it names"
                )


def fields_of(root: document.Root) -> Iterator[AutoField]:
    below = (level for _, _, *levels, _ in variations_of(root) for level in levels)
    for level in (root, *root.namespaces.values(), *below):
        yield from (level.auto_context or {}).values()
        yield from filter_values_of(level)


def filter_values_of(level: Level) -> Iterator[AutoField]:
    choosing: tuple[Filter | Promotion | ListRulePart, ...]
    choosing = (*(level.filters or ()), *(level.promotions or ()), *(level.rules or ()))
    for choice in choosing:
        yield from choice.auto_dynamic_filter_values.values()
