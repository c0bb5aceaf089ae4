"""Where events go."""

from __future__ import annotations

import hashlib
from typing import Literal
from urllib.parse import urlsplit

from gateway.config.document.values import (
    BatchSize,
    Count,
    Duration,
    Part,
    RedisUrl,
    Region,
    StreamName,
    Text,
    Topic,
    TrackingId,
    Url,
)
from gateway.context.rules import HeaderName


class EventTargetPart(Part, frozen=True, tag_field="type"):
    """Where a namespace's events go; all but the engine's trackers get them from a buffer on disk."""

    @property
    def named(self) -> str:
        """What names the target in its namespace, over restarts and in metrics: never a secret."""
        return ""


class EventTracker(EventTargetPart, frozen=True, tag="personalize-event-tracker"):
    """An event tracker: the built-in engine's, or Amazon Personalize's where `origins.personalize` is of type aws."""

    tracking_id: TrackingId

    @property
    def named(self) -> str:
        return self.tracking_id


class StreamPart(EventTargetPart, frozen=True, kw_only=True):
    stream_name: StreamName
    region: Region | None = None
    endpoint_url: Url | None = None
    timeout: Duration = 10

    @property
    def named(self) -> str:
        return self.stream_name


class KinesisStream(StreamPart, frozen=True, tag="kinesis-stream"):
    """A Kinesis data stream: a record a request, the session's id as its partition key."""


class KinesisFirehose(StreamPart, frozen=True, tag="kinesis-firehose"):
    """A Firehose stream: a line of JSON a request."""


class HttpTarget(EventTargetPart, frozen=True, tag="http", kw_only=True):
    """Any service over HTTP: a POST of a record as JSON, or of a list of up to `batchSize`; one that is sent again has
    the same `Idempotency-Key`. In the URL after its host, and in headers, may stand `{namespace}` and, without a
    `batchSize`, `{id}`, `{sessionId}` and `{userId}`."""

    url: Url
    method: Literal["POST"] = "POST"
    headers: dict[HeaderName, str] = {}
    batch_size: BatchSize = 1
    timeout: Duration = 10

    @property
    def named(self) -> str:
        url = urlsplit(self.url)
        digest = f"#{hashlib.sha256(url.query.encode()).hexdigest()[:8]}" if url.query else ""
        return f"{url.netloc.rpartition('@')[2]}{url.path}{digest}"


class RedisStream(EventTargetPart, frozen=True, tag="redis-stream", kw_only=True):
    """A stream of Redis or Valkey, at RECGATE_REDIS_URL where no `url` is given; about `maxLength` entries are kept."""

    stream: Text
    url: RedisUrl | None = None
    max_length: Count | None = None
    timeout: Duration = 10

    @property
    def named(self) -> str:
        return self.stream


class Kafka(EventTargetPart, frozen=True, tag="kafka", kw_only=True):
    """A Kafka topic, the session's id as the key. `properties` are librdkafka's, such as security.protocol."""

    bootstrap_servers: Text
    topic: Topic
    properties: dict[Text, str] = {}
    timeout: Duration = 30

    @property
    def named(self) -> str:
        return self.topic


AnyEventTarget = EventTracker | KinesisStream | KinesisFirehose | HttpTarget | RedisStream | Kafka
