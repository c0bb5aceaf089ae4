"""Of event targets."""

from __future__ import annotations

import re
from importlib.util import find_spec

from gateway.config import document
from gateway.config.checks.part import check
from gateway.config.redis_url import fault_of
from gateway.config.report import Report, choices, inside
from gateway.plan.template import template

TRACKING_ID = re.compile(r"[A-Za-z0-9-]+")
OF_ONE = ("id", "sessionId", "userId")  # what templates may name besides the namespace, where a POST has one record
OURS = frozenset({"bootstrap.servers", "enable.idempotence", "acks", "message.timeout.ms"})  # of Kafka's properties
STREAM_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


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
    if part.url is not None and (fault := fault_of(part.url)):
        report.refuse(inside(place, "url"), fault)


@check.register
def check_kafka(part: document.Kafka, place: str, report: Report) -> None:
    if find_spec("confluent_kafka") is None:
        report.refuse(place, "needs a package that is not there: pip install 'recgate[kafka]'")
    largest = part.properties.get("message.max.bytes", "1000000")
    if not largest.isdecimal():
        report.refuse(inside(inside(place, "properties"), "message.max.bytes"), f"must be a number, not {largest!r}")
    for name in sorted(OURS & set(part.properties)):
        report.refuse(inside(inside(place, "properties"), name), "is set by recgate")
