"""What a struct's types cannot say: one function a struct, run as soon as the struct is decoded."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import singledispatch
from pathlib import Path

import jmespath
import jmespath.exceptions
import maxminddb

from engine import InvalidInput, check_expression
from gateway.ask import Action
from gateway.autocontext import ITEM_METADATA, OPERATORS, RULES, holidays_of, instant
from gateway.caller import Caller
from gateway.config import document, experiments
from gateway.config.caching import FLAGS, SHARED, TIMED, directives, readable, unknown
from gateway.config.report import Report, choices, inside
from gateway.plan import Moment
from gateway.template import template
from gateway.viewer import Places, Viewers

ARN = r"arn:[a-z0-9-]+:personalize:[a-z0-9-]+:[0-9]{12}:"
MODEL_ARN = re.compile(ARN + r"(campaign|recommender)/[A-Za-z0-9_-]+")
FILTER_ARN = re.compile(ARN + r"filter/[A-Za-z0-9_-]+")
TRACKING_ID = re.compile(r"[A-Za-z0-9-]+")
STREAM_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
EVENT_PATH = re.compile(r"[^.\s]+(\.[^.\s]+)*")
MODEL_NAME = re.compile(r"[A-Za-z0-9_-]+")
A_DAY, A_YEAR = 86_400, 31_536_000
FUNCTION = re.compile(
    r"arn:[a-z0-9-]+:lambda:[a-z0-9-]+:[0-9]{12}:function[:/][A-Za-z0-9_-]+(:[A-Za-z0-9$_-]+)?|[\w-]+"
)
NUMBERS = frozenset({"hour-of-day", "day-of-week", "season-of-year", "season"})  # rules that yield numbers
A_YEAR_WITH_HOLIDAYS = 2026
ANY_MOMENT = Moment(Caller({}), datetime(2026, 1, 1, tzinfo=UTC))


@singledispatch
def check(part: document.Part, place: str, report: Report) -> None:
    """Refuses what cannot work, and warns of what probably was not meant."""


@check.register
def check_policy(part: document.CachePolicy, place: str, report: Report) -> None:
    if looks_like_milliseconds(part.max_age):
        report.warn(inside(place, "maxAge"), f"maxAge is in seconds: {part.max_age} looks like milliseconds")
    try:
        given = directives(part.directives)
    except ValueError as error:
        report.warn(inside(place, "directives"), f"{error}: answers go out with no-store")
        return
    for name in unknown(given):
        report.warn(inside(place, "directives"), f"unknown directive {name!r}; {choices(name, (*TIMED, *FLAGS))}")
    if "max-age" in given and part.max_age not in (0, int(given["max-age"] or 0)):
        said = f"max-age={given['max-age']}"
        report.warn(inside(place, "directives"), f"{said} among the directives wins over maxAge {part.max_age}")


def looks_like_milliseconds(max_age: int) -> bool:
    return max_age > A_YEAR or (max_age >= 60_000 and max_age % 1000 == 0 and max_age % A_DAY != 0)


@check.register
def check_cache_control(part: document.CacheControl, place: str, report: Report) -> None:
    if part.user_specified is None:
        return
    for name in (readable(part.user_specified.directives) or {}).keys() & set(SHARED):
        at = inside(inside(place, "userSpecified"), "directives")
        report.warn(at, f"{name!r} is left out: a user's own answers are never for shared caches")


@check.register
def check_field(part: document.AutoField, place: str, report: Report) -> None:
    if not part.rules and part.default is None:
        report.warn(place, "has neither rules nor a default: it never has a value")
    if part.default is not None and not suits(part.default, part.type):
        report.warn(inside(place, "default"), f"{part.default!r} is not of type {part.type}")
    for index, rule in enumerate(part.rules):
        for number, mapping in enumerate(rule.value_mappings):
            at = inside(inside(inside(place, "rules"), index), "valueMappings")
            if not suits(mapping.map_to, part.type):
                report.warn(inside(inside(at, number), "mapTo"), f"{mapping.map_to!r} is not of type {part.type}")


def suits(value: document.Value, kind: str) -> bool:
    if kind == "string":
        return True
    return isinstance(value, int | float) if kind == "float" else isinstance(value, int)


@check.register
def check_rule(part: document.RulePart, place: str, report: Report) -> None:
    tag = str(part.__struct_config__.tag)
    if RULES[tag].name != tag:
        report.warn(inside(place, "type"), f"old spelling {tag!r}: write {RULES[tag].name!r}")
    keys = part.own_keys()
    check_keys(keys, place, report)
    is_text = tag not in NUMBERS
    for index, mapping in enumerate(part.value_mappings):
        if mapping.operator == "equals" and isinstance(mapping.value, str) != is_text:
            yields = f"a text: write {str(mapping.value)!r}" if is_text else "a number: write it without quotes"
            report.warn(inside(inside(place, "valueMappings"), index), f"never holds, for {tag} yields {yields}")


def check_keys(keys: dict[str, str], place: str, report: Report) -> None:
    """Of dates, whether they exist and in which order; of a holiday, whether its place is known."""
    if "country" in keys:
        try:
            holidays_of(keys["country"], keys["subdivision"], A_YEAR_WITH_HOLIDAYS)
        except NotImplementedError as error:
            report.refuse(place, f"has no holidays: {error}")
    if "start" not in keys:
        return
    times = []
    for key in ("start", "end"):
        try:
            times.append(instant(keys[key], ANY_MOMENT))
        except ValueError as error:
            report.refuse(inside(place, key), f"is no date or time: {error}")
    if len(times) == 2 and times[0] > times[1]:
        report.refuse(place, f"ends at {keys['end']}, before it starts at {keys['start']}")


@check.register
def check_mapping(part: document.Mapping, place: str, report: Report) -> None:
    name = OPERATORS[part.operator].__name__.replace("_", "-")
    if name != part.operator:
        report.warn(inside(place, "operator"), f"old spelling {part.operator!r}: write {name!r}")
    for key, value in (("value", part.value), ("mapTo", part.map_to)):
        if isinstance(value, float) and not math.isfinite(value):
            report.refuse(inside(place, key), "must be a finite number")


@check.register
def check_filter(part: document.Filter, place: str, report: Report) -> None:
    if part.arn and part.expression:
        report.refuse(place, "has both 'arn' and 'expression': give one of them")
    if part.arn and not FILTER_ARN.fullmatch(part.arn):
        report.warn(inside(place, "arn"), no_arn(part.arn, "filter's", "filter/NAME", "filter"))
    if part.expression:
        try:
            check_expression(part.expression)
        except InvalidInput as error:
            report.refuse(inside(place, "expression"), error.message.removeprefix("Could not create filter. "))
    for name in part.auto_dynamic_filter_values:
        if part.expression and f"${name}" not in part.expression:
            report.warn(inside(inside(place, "autoDynamicFilterValues"), name), f"the expression has no ${name}")


def check_filters(filters: Iterable[document.Filter] | None, place: str, report: Report) -> None:
    reached = True
    for index, each in enumerate(filters or ()):
        at = inside(inside(place, "filters"), index)
        if not each.arn and not each.expression:
            report.refuse(at, "needs 'arn' or 'expression'")
        if not reached:
            report.warn(at, "never applies: the filter before it has no condition")
        reached = reached and each.condition is not None


@check.register
def check_dynamodb(part: document.DynamoDbMetadata, place: str, report: Report) -> None:
    if part.auto_provision or part.billing_mode or part.provisioned_throughput:
        report.warn(place, "the table is neither made nor changed: make it with a text `id` as its key, and fill it")


@check.register
def check_level(part: document.Level, place: str, report: Report) -> None:
    for name, each in (part.auto_context or {}).items():
        if reads_item(each):
            at = inside(inside(place, "autoContext"), name)
            report.refuse(at, f"{ITEM_METADATA} gives values to filters: write it under autoDynamicFilterValues")
    check_filters(part.filters, place, report)


@check.register
def check_engine_variation(part: document.EngineVariation, place: str, report: Report) -> None:
    check_variation(part, place, report)
    if part.model and not MODEL_NAME.fullmatch(part.model) and not MODEL_ARN.fullmatch(part.model):
        report.refuse(inside(place, "model"), f"{part.model!r} is no campaign's name: letters, digits, - and _")
    if not part.model:
        report.warn(place, "names no 'model' yet: it answers 404 RecommenderArnNotConfigured")


@check.register
def check_arn_variation(part: document.ArnVariation, place: str, report: Report) -> None:
    check_variation(part, place, report)
    if not part.arn:
        report.warn(place, "names no 'arn' yet: it answers 404 RecommenderArnNotConfigured")
    elif not MODEL_ARN.fullmatch(part.arn):
        wanted = "campaign/NAME or …:recommender/NAME"
        report.warn(inside(place, "arn"), no_arn(part.arn, "campaign's or recommender's", wanted, "model"))


def no_arn(given: str, whose: str, wanted: str, kind: str) -> str:
    """The built-in engine needs the name alone, so such an ARN loads; whether there is such a name is seen later."""
    meant = f"it is taken for the engine's {kind} {given.rpartition('/')[2]!r}"
    return f"{given!r} is no {whose} ARN, arn:aws:personalize:REGION:ACCOUNT:{wanted}: {meant}"


@check.register
def check_function(part: document.FunctionVariation, place: str, report: Report) -> None:
    check_variation(part, place, report)
    if isinstance(part, document.LambdaVariation):
        report.warn(inside(place, "type"), "old spelling 'lambda': write 'function'")
    if not part.arn:
        report.warn(place, "names no 'arn' yet: it answers 404 FunctionArnNotConfigured")
    check_function_arn(part.arn, place, report)


def check_function_arn(arn: str, place: str, report: Report) -> None:
    if ":function/" in arn:
        report.warn(inside(place, "arn"), "old spelling 'function/NAME': write 'function:NAME'")
    if arn and not FUNCTION.fullmatch(arn):
        report.refuse(inside(place, "arn"), f"{arn!r} is no function: arn:aws:lambda:REGION:ACCOUNT:function:NAME")


@check.register
def check_sagemaker(part: document.SageMakerVariation, place: str, report: Report) -> None:
    check_variation(part, place, report)
    if not part.endpoint_name:
        report.warn(place, "names no 'endpointName' yet: it answers 404 EndpointNameNotConfigured")


@check.register
def check_http(part: document.HttpVariation, place: str, report: Report) -> None:
    check_variation(part, place, report)
    for key, text in (("url", part.url), *((f"headers.{name}", text) for name, text in part.headers.items())):
        try:
            template(text)
        except ValueError as error:
            report.refuse(inside(place, key), str(error))
    if "{" in "/".join(part.url.split("/")[:3]):
        report.refuse(inside(place, "url"), "has a {name} in its host: callers would choose whom the gateway asks")
    try:
        jmespath.compile(part.items or "@")
    except jmespath.exceptions.JMESPathError as error:
        report.refuse(inside(place, "items"), f"is no JMESPath expression: {' '.join(str(error).split())}")


@check.register
def check_post_processor(part: document.PostProcessorPart, place: str, report: Report) -> None:
    check_function_arn(part.arn, place, report)
    if not part.arn:
        report.warn(place, "names no 'arn' yet: the recommender answers 404 FunctionArnNotConfigured")


def check_variation(part: document.VariationPart, place: str, report: Report) -> None:
    check_level(part, place, report)
    if part.weight is not None and not math.isfinite(part.weight):
        report.refuse(inside(place, "weight"), "must be a finite number")
    if part.filter is None:
        return
    report.warn(inside(place, "filter"), "old spelling 'filter': write it as an entry of 'filters'")
    if part.filters and (part.filter.arn or part.filter.expression):
        report.refuse(inside(place, "filter"), "names a filter beside 'filters': add it to 'filters'")


@check.register
def check_action(part: document.Namespace, place: str, report: Report) -> None:
    check_namespace(part, place, report)
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


@check.register
def check_recommender(part: document.Recommender, place: str, report: Report) -> None:
    check_level(part, place, report)
    if not part.variations:
        report.warn(place, "has no 'variations' yet: it answers 404 NoVariationsConfigured")
        return
    weights = [variation.weight for variation in part.variations.values()]
    given = [weight for weight in weights if weight is not None]
    at = inside(place, "variations")
    if not given and len(weights) > 1 and not part.experiments:
        report.warn(at, "have no 'weight': only the first one answers")
    experiments.check_experiments(part, place, report)
    if given and len(given) < len(weights):
        report.refuse(at, "some have a 'weight' and some have not: give every one a weight, 0 for none")
    elif given and not any(given):
        report.refuse(at, "all weights are 0: no variation could answer")


@check.register
def check_metric(part: document.Metric, place: str, report: Report) -> None:
    experiments.check_metric(part, place, report)


@check.register
def check_evidently_metric(part: document.EvidentlyMetric, place: str, report: Report) -> None:
    for key, path in (("entityIdKey", part.entity_id_key), ("valueKey", part.value_key)):
        if not EVENT_PATH.fullmatch(path):
            report.warn(inside(place, key), f"{path!r} is no path of names with dots between them")


@check.register
def check_tracker(part: document.EventTracker, place: str, report: Report) -> None:
    if not TRACKING_ID.fullmatch(part.tracking_id):
        report.warn(inside(place, "trackingId"), f"{part.tracking_id!r} is no tracking id: letters, digits and -")


@check.register
def check_stream(part: document.StreamPart, place: str, report: Report) -> None:
    if not STREAM_NAME.fullmatch(part.stream_name):
        rule = "letters, digits, _, . and -, at most 128 of them"
        report.warn(inside(place, "streamName"), f"{part.stream_name!r} is no stream's name: {rule}")


@check.register
def check_access_key(part: document.AccessKey, place: str, report: Report) -> None:
    check_time(part.expiration, inside(place, "expiration"), report)


def check_time(text: str | None, place: str, report: Report) -> None:
    try:
        datetime.fromisoformat(text or "2030-01-01T00:00:00Z")
    except ValueError as error:
        report.refuse(place, f"is no time: {error}")


@check.register
def check_aws(part: document.Aws, place: str, report: Report) -> None:
    at = inside(place, "accessKeys")
    if part.access_keys is not None and not part.access_keys:
        report.refuse(at, "has no key: nobody could call; without 'accessKeys' anyone can")
    for name, times in Counter(key.access_key_id for key in part.access_keys or ()).items():
        if times > 1:
            report.refuse(at, f"has the accessKeyId {name!r} {times} times")


def check_namespace(part: document.Namespace, place: str, report: Report) -> None:
    check_level(part, place, report)
    experiments.check_exclusions(part, place, report)
    experiments.check_senders(part, place, report)
    if not part.event_targets and not any(part.recommenders.values()):
        report.warn(place, "has neither 'recommenders' nor 'eventTargets': it answers nothing")
    for (tag, name), times in Counter((each.__struct_config__.tag, each.named) for each in part.event_targets).items():
        if times > 1:
            report.warn(inside(place, "eventTargets"), f"has {tag} {name!r} {times} times: events go there once")


@check.register
def check_root(part: document.Root, place: str, report: Report) -> None:
    check_level(part, place, report)
    check_auth(part, report)
    check_origins(part, report)
    check_item_rules(part, report)
    check_cohorts(part, report)
    for index, network in enumerate(part.trusted_proxies):
        try:
            Viewers([network])
        except ValueError as error:
            report.refuse(inside(inside(place, "trustedProxies"), index), str(error))


def check_item_rules(part: document.Root, report: Report) -> None:
    for place, action, levels in variations_of(part):
        filters = next((level.filters for level in reversed(levels) if level.filters is not None), ())
        fields = [each for choice in filters for each in choice.auto_dynamic_filter_values.values()]
        known = any(level.inference_item_metadata is not None for level in levels)
        if action == "related-items" and not known and any(reads_item(each) for each in fields):
            report.warn(place, f"{ITEM_METADATA} never has a value: there is no 'inferenceItemMetadata'")


def reads_item(field: document.AutoField) -> bool:
    return any(rule.__struct_config__.tag == ITEM_METADATA for rule in field.rules)


def check_origins(part: document.Root, report: Report) -> None:
    """What Amazon Personalize can't do: filters written in place, and reranking by a recommender."""
    if isinstance(part.origins.personalize, document.EngineOrigin):
        return
    for place, action, levels in variations_of(part):
        variation = levels[-1]
        if not isinstance(variation, document.ArnVariation):
            continue
        filters = next((level.filters for level in reversed(levels) if level.filters is not None), ())
        if variation.arn and not MODEL_ARN.fullmatch(variation.arn):
            report.refuse(inside(place, "arn"), f"{variation.arn!r} is no ARN that Amazon Personalize could answer for")
        if any(each.arn and not FILTER_ARN.fullmatch(each.arn) for each in filters):
            report.refuse(place, "has a filter whose 'arn' is none of Amazon Personalize")
        if any(each.expression for each in filters):
            report.refuse(place, "has a filter by 'expression': Amazon Personalize takes filters by 'arn' only")
        if action == "rerank-items" and ":recommender/" in variation.arn:
            report.refuse(inside(place, "arn"), "is a recommender's: Amazon Personalize reranks by campaigns only")


def check_cohorts(part: document.Root, report: Report) -> None:
    """Cohorts are of the built-in engine's models that personalise, and their lists are for caches downstream."""
    elsewhere: tuple[type[document.VariationPart], ...] = (document.RemoteVariation,)
    if not isinstance(part.origins.personalize, document.EngineOrigin):
        elsewhere = (document.RemoteVariation, document.ArnVariation)
    for place, action, levels in variations_of(part):
        recommender, variation = levels[-2:]
        if not isinstance(recommender, document.Recommender) or recommender.cohorts is None:
            continue
        if action != "recommend-items":
            report.refuse(place, f"has 'cohorts' above it: only recommend-items have cohorts, not {action}")
        elif isinstance(variation, elsewhere):
            report.refuse(place, "is answered elsewhere: only models of the built-in engine have 'cohorts'")
        policies = (each.cache_control.no_user_specified for each in reversed(levels) if each.cache_control is not None)
        policy = next((each for each in policies if each is not None), None)
        if policy is None or not directives(policy.directives).keys() & set(SHARED):
            report.warn(place, "its 'cohorts' are for caches downstream, and no noUserSpecified policy says 'public'")


def variations_of(root: document.Root) -> Iterator[tuple[str, Action, tuple[document.Level, ...]]]:
    """Every variation's place and action, and the levels from the root down to it."""
    for key, space in root.namespaces.items():
        for action, recommenders in space.recommenders.items():
            for name, recommender in recommenders.items():
                for label, variation in recommender.variations.items():
                    place = f"namespaces.{key}.recommenders.{action}.{name}.variations.{label}"
                    yield place, action, (root, space, recommender, variation)


def check_auth(part: document.Root, report: Report) -> None:
    """What the levels say of each other."""
    if isinstance(part.auth, document.NoAuth):
        rules = [rule for each in fields_of(part) for rule in each.rules if rule.__struct_config__.tag == "jwt-claim"]
        if rules:
            report.warn("autoContext", "jwt-claim never has a value: 'auth' is not of type oidc")
        return
    if part.aws.access_keys is None:
        report.warn("auth", "does not cover the Personalize wire API: it is open to anyone without aws.accessKeys")
    if isinstance(part.auth, document.ApiKeyAuth):
        for index, key in enumerate(part.auth.keys):
            for name in sorted(set(key.namespaces or ()) - set(part.namespaces)):
                report.warn(f"auth.keys[{index}].namespaces", f"there is no namespace {name!r}")


def fields_of(root: document.Root) -> Iterator[document.AutoField]:
    """Every automatic field of the document."""
    levels = {id(level): level for _, _, found in variations_of(root) for level in found}
    for level in (root, *root.namespaces.values(), *levels.values()):
        yield from (level.auto_context or {}).values()
        for choice in level.filters or ():
            yield from choice.auto_dynamic_filter_values.values()


@check.register
def check_api_keys(part: document.ApiKeyAuth, place: str, report: Report) -> None:
    if not part.keys:
        report.refuse(inside(place, "keys"), "has no key: nobody could call; without 'auth' anyone can")
    for name, times in Counter(key.sha256.lower() for key in part.keys).items():
        if times > 1:
            report.refuse(inside(place, "keys"), f"has the same key {times} times: {name[:8]}…")


@check.register
def check_api_key(part: document.ApiKey, place: str, report: Report) -> None:
    check_time(part.expiration, inside(place, "expiration"), report)


@check.register
def check_oidc(part: document.OidcAuth, place: str, report: Report) -> None:
    if not part.audience:
        report.warn(place, "names no 'audience': tokens that the issuer made for other applications count, too")
    if part.issuer.startswith("http:"):
        report.warn(inside(place, "issuer"), "is not https: whoever is between may make tokens of its own")


@check.register
def check_geoip(part: document.GeoIp, place: str, report: Report) -> None:
    try:
        Places(Path(part.file))
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        report.refuse(inside(place, "file"), f"can't be read as a GeoIP file: {error}")
