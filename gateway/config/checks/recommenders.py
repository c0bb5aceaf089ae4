"""Of levels, metadata, recommenders and what answers for them."""

from __future__ import annotations

import math
import re

import jmespath
import jmespath.exceptions

from gateway.config import document, experiments
from gateway.config.checks.context import ARN, check_filters, no_arn, reads_item
from gateway.config.checks.part import check
from gateway.config.report import Report, inside
from gateway.context.rules import ITEM_METADATA
from gateway.plan.template import template

MODEL_ARN = re.compile(ARN + r"(campaign|recommender)/[A-Za-z0-9_-]+")
EVENT_PATH = re.compile(r"[^.\s]+(\.[^.\s]+)*")
MODEL_NAME = re.compile(r"[A-Za-z0-9_-]+")
FUNCTION = re.compile(
    r"arn:[a-z0-9-]+:lambda:[a-z0-9-]+:[0-9]{12}:function[:/][A-Za-z0-9_-]+(:[A-Za-z0-9$_-]+)?|[\w-]+"
)


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
    if len(part.promotions or ()) > 1:
        report.refuse(inside(place, "promotions"), f"has {len(part.promotions or ())}: a list has one at most")


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
