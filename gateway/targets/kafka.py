"""Kafka topics, by librdkafka's idempotent producer: acknowledged by all replicas, in order for a session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

from gateway.document.report import Report, checks, inside
from gateway.document.values import Duration, Text, Topic
from gateway.targets.base import (
    Call,
    Down,
    EventTargetPart,
    Failed,
    Message,
    RecordTarget,
    TargetDependencies,
    TargetType,
    check_size,
)
from gateway.targets.entry import Entry, envelope

log = logging.getLogger(__name__)

FOR_GOOD = frozenset({"MSG_SIZE_TOO_LARGE", "INVALID_MSG", "INVALID_RECORD"})
FLUSH_S = 2.0  # beyond a message's own time, for the producer to say what became of it
LARGEST = 1_000_000  # bytes of a message, as librdkafka has it unless properties say otherwise
OVERHEAD = 512  # bytes of a message beside the record

OURS = frozenset({"bootstrap.servers", "enable.idempotence", "acks", "message.timeout.ms"})  # of the properties


class Kafka(EventTargetPart, frozen=True, tag="kafka", kw_only=True):
    """A Kafka topic, the session's id as the key. `properties` are librdkafka's, such as security.protocol."""

    name_field: ClassVar[str] = "topic"

    bootstrap_servers: Text
    topic: Topic
    properties: dict[Text, str] = {}
    timeout: Duration = 30


@checks
def check_kafka(part: Kafka, place: str, report: Report) -> None:
    if find_spec("confluent_kafka") is None:
        report.refuse(place, "needs a package that is not there: pip install 'recgate[kafka]'")
    largest = part.properties.get("message.max.bytes", "1000000")
    if not largest.isdecimal():
        report.refuse(inside(place, "properties", "message.max.bytes"), f"must be a number, not {largest!r}")
    for name in sorted(OURS & set(part.properties)):
        report.refuse(inside(place, "properties", name), "is set by recgate")


class KafkaTarget(RecordTarget):
    call = Call(messages=500, bytes=4 * 1024 * 1024)

    def __init__(self, dependencies: TargetDependencies, key: str, part: Kafka) -> None:
        self._key, self._part = key, part
        self._producer: Any = None

    def check(self, entry: Entry, size: int) -> None:
        largest = int(self._part.properties.get("message.max.bytes", LARGEST))
        if size + OVERHEAD > largest:
            check_size(len(envelope(entry)) + OVERHEAD, largest, "Kafka")

    async def send(self, call: Sequence[Message]) -> Sequence[Failed | None]:
        return await asyncio.to_thread(self._send, call)

    async def close(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await asyncio.to_thread(producer.flush, 0)

    def _send(self, call: Sequence[Message]) -> Sequence[Failed | None]:
        kafka = import_module("confluent_kafka")
        results: list[Failed | None] = [Failed(f"{self._key} did not say that it has it")] * len(call)
        try:
            producer = self._producer = self._producer or self._open(kafka)
            for place, message in enumerate(call):
                headers, delivered = {"id": message.id}, _reporter(results, place)
                try:
                    producer.produce(
                        self._part.topic, message.data, message.session, headers=headers, on_delivery=delivered
                    )
                except kafka.KafkaException as error:
                    delivered(error.args[0], None)
            if producer.flush(self._part.timeout + FLUSH_S):
                self._producer = None  # whatever it still holds, another one will send
                producer.purge()
        except (kafka.KafkaException, BufferError, ValueError) as error:
            self._producer = None
            raise Down(f"{self._key}: {error}") from error
        return results

    def _open(self, kafka: Any) -> Any:
        settings = {
            **self._part.properties,
            "bootstrap.servers": self._part.bootstrap_servers,
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": int(self._part.timeout * 1000),
            "error_cb": lambda error: self._note(kafka, error),
        }
        return kafka.Producer(settings, logger=log)

    def _note(self, kafka: Any, error: Any) -> None:
        """A producer that lost its place in the order can't go on: the next call makes another."""
        if error.code() == kafka.KafkaError._FATAL:
            self._producer = None


def _reporter(results: list[Failed | None], place: int) -> Callable[[Any, Any], None]:
    def delivered(error: Any, _: Any) -> None:
        results[place] = None if error is None else Failed(error.str(), for_good=error.name() in FOR_GOOD)

    return delivered


TARGET = TargetType(Kafka, KafkaTarget, place=6)
