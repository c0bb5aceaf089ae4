"""Event targets of the document as plans."""

from __future__ import annotations

from gateway.config import document
from gateway.config.origins import limits
from gateway.plan import plan
from gateway.plan.template import template


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
