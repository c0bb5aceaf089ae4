"""Event targets of the document: what is wrong with them, and what they are as plans."""

from __future__ import annotations

from importlib.util import find_spec

from gateway import plan
from gateway.config import document
from gateway.config.checks import check
from gateway.config.origins import limits
from gateway.config.report import Report, choices, inside
from gateway.template import template

OF_ONE = ("id", "sessionId", "userId")  # what templates may name besides the namespace, where a POST has one record
OURS = frozenset({"bootstrap.servers", "enable.idempotence", "acks", "message.timeout.ms"})  # of Kafka's properties


def target(namespace: str, part: document.AnyEventTarget, root: document.Root) -> plan.EventTarget:
    key, kind = key_of(namespace, part), str(part.__struct_config__.tag)
    match part:
        case document.EventTracker():
            return plan.Tracker(key, kind, part.tracking_id, personalize(root))
        case document.KinesisStream() | document.KinesisFirehose():
            region = part.region or root.aws.region
            return plan.Stream(key, kind, part.stream_name, region, part.endpoint_url, part.timeout)
        case document.HttpTarget():
            headers = tuple((name, template(text)) for name, text in part.headers.items())
            return plan.Hook(key, kind, template(part.url), headers, part.batch_size, part.timeout)
        case document.RedisStream():
            return plan.RedisStream(key, kind, part.stream, part.url, part.max_length, part.timeout)
        case document.Kafka():
            return plan.Topic(key, kind, part.bootstrap_servers, part.topic, part.properties, part.timeout)


def key_of(namespace: str, part: document.AnyEventTarget) -> str:
    return f"{namespace}/{part.__struct_config__.tag}/{part.named}"


def personalize(root: document.Root) -> plan.Personalize | None:
    origin = root.origins.personalize
    if isinstance(origin, document.EngineOrigin):
        return None
    return plan.Personalize(origin.region or root.aws.region, "", origin.endpoint_url, limits(origin))


@check.register
def check_hook(part: document.HttpTarget, place: str, report: Report) -> None:
    allowed = ("namespace",) if part.batch_size > 1 else ("namespace", *OF_ONE)
    for key, text in (("url", part.url), *((f"headers.{name}", text) for name, text in part.headers.items())):
        try:
            names = template(text).names
        except ValueError as error:
            report.refuse(inside(place, key), str(error))
            continue
        for name in sorted(set(names) - set(allowed)):
            report.refuse(inside(place, key), f"{{{name}}} has no value here; {choices(name, allowed)}")
    if "{" in "/".join(part.url.split("/")[:3]):
        report.refuse(inside(place, "url"), "has a {name} in its host: callers would choose whom the gateway tells")


@check.register
def check_redis_stream(part: document.RedisStream, place: str, report: Report) -> None:
    if part.url is None and not report.environ.get("RECGATE_REDIS_URL"):
        report.refuse(place, "needs a 'url': RECGATE_REDIS_URL is not set")


@check.register
def check_kafka(part: document.Kafka, place: str, report: Report) -> None:
    if find_spec("confluent_kafka") is None:
        report.refuse(place, "needs a package that is not there: pip install 'recgate[kafka]'")
    largest = part.properties.get("message.max.bytes", "1000000")
    if not largest.isdecimal():
        report.refuse(inside(inside(place, "properties"), "message.max.bytes"), f"must be a number, not {largest!r}")
    for name in sorted(OURS & set(part.properties)):
        report.refuse(inside(inside(place, "properties"), name), "is set by recgate")
