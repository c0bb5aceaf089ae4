"""Kafka topics, by a consumer group of librdkafka. The group shares out partitions; it keeps no offset that counts."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import msgspec

from engine import PartitionBounds
from gateway.document.report import Report, checks, inside
from gateway.document.values import Duration, Text, Topic
from gateway.sources.base import Begin, EventSourcePart, EventSourceType, SourceDown, SourceMessage

log = logging.getLogger(__name__)

MESSAGES = 500  # of one read
NEW_TOPICS_MS = "10000"  # from one look for new partitions, and for a topic that is yet to come, to the next
OURS = frozenset(
    {
        "bootstrap.servers",
        "group.id",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "auto.offset.reset",
        "enable.partition.eof",
    }
)  # of the properties


class KafkaSource(EventSourcePart, frozen=True, tag="kafka", kw_only=True):
    """A Kafka topic. All servers of one database read it by one consumer group, `groupId`, which nobody else may use.
    `from` says where to begin a partition that was never read. `properties` are librdkafka's, such as
    security.protocol."""

    bootstrap_servers: Text
    topic: Topic
    group_id: Text
    from_: Literal["earliest", "latest"] = msgspec.field(default="earliest", name="from")
    properties: dict[Text, str] = {}
    timeout: Duration = 5

    @property
    def place(self) -> str:
        return self.topic

    @property
    def named(self) -> str:
        return f"{self.topic}/{self.group_id}"


@checks
def check_kafka_source(part: KafkaSource, place: str, report: Report) -> None:
    if find_spec("confluent_kafka") is None:
        report.refuse(place, "needs a package that is not there: pip install 'recgate[kafka]'")
    for name in sorted(OURS & set(part.properties)):
        report.refuse(inside(place, "properties", name), "is set by recgate")


class KafkaReader:
    def __init__(self, key: str, part: KafkaSource, begin: Begin) -> None:
        self._key, self._part, self._begin = key, part, begin
        self._kafka: Any = import_module("confluent_kafka")
        self._consumer: Any = None
        self._assigned: list[int] = []
        self._is_placed = True  # the assigned partitions are read from where they are to begin
        self._shares = 0  # how often partitions were shared out
        self._fault = ""  # of the brokers, since the last message
        self._is_broken = False

    def read(self, wait_s: float) -> list[SourceMessage]:
        try:
            if self._is_broken:
                self.close()
            self._consumer = self._consumer or self._opened()
            messages = self._read(wait_s)
        except (self._kafka.KafkaException, RuntimeError, ValueError) as error:
            raise SourceDown(f"{self._key}: {error}") from error
        faults = [message.error().str() for message in messages if message.error() is not None]
        fault, self._fault = next(iter(faults), self._fault), ""
        if fault and len(faults) == len(messages):
            raise SourceDown(f"{self._key}: {fault}")
        return [_message(self._kafka, message) for message in messages if message.error() is None]

    def partitions(self) -> Mapping[int, int]:
        if self._consumer is None or not self._is_placed:
            return {}
        ends = {part: self._consumer.get_watermark_offsets(self._at(part), cached=True) for part in self._assigned}
        return {part: end[1] for part, end in ends.items() if end is not None and end[1] >= 0}

    def rewind(self) -> None:
        self._is_placed = False

    def taken(self, offsets: Mapping[int, int]) -> None:
        """Tells the brokers as well, for who looks there how far the group has come. Nothing reads it back."""
        try:
            self._consumer.commit(offsets=[self._at(*each) for each in offsets.items()], asynchronous=True)
        except (self._kafka.KafkaException, RuntimeError) as error:
            log.debug("%s: the brokers do not hear how far it has come: %s", self._key, error)

    def close(self) -> None:
        self._is_broken = False
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            consumer.close()  # so that others get its partitions at once

    # ---- inside

    def _read(self, wait_s: float) -> list[Any]:
        """Messages that came before partitions were shared out anew, or before `rewind`, are left for the next reader:
        from where that one begins, they would leave a gap."""
        shares = self._shares
        first = self._consumer.poll(wait_s)
        if not self._is_placed:
            self._place()
            return []
        messages = [] if first is None else [first, *self._consumer.consume(MESSAGES - 1, 0)]
        return messages if self._shares == shares else []

    def _opened(self) -> Any:
        settings = {
            "topic.metadata.refresh.interval.ms": NEW_TOPICS_MS,
            **self._part.properties,
            "bootstrap.servers": self._part.bootstrap_servers,
            "group.id": self._part.group_id,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",  # where messages were deleted while they were read
            "error_cb": self._note,
        }
        consumer = self._kafka.Consumer(settings, logger=log)
        consumer.subscribe([self._part.topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke)
        return consumer

    def _assign(self, consumer: Any, partitions: Sequence[Any]) -> None:
        """Nothing is read before `_place`, which may fail; an error in here would be nobody's."""
        self._assigned, self._is_placed = [each.partition for each in partitions], False
        self._shares += 1
        consumer.unassign()

    def _revoke(self, consumer: Any, partitions: Sequence[Any]) -> None:
        self._assigned, self._is_placed = [], True
        self._shares += 1
        consumer.unassign()

    def _place(self) -> None:
        offsets = self._begin({part: self._bounds(part) for part in self._assigned})
        self._consumer.assign([self._at(part, offsets[part]) for part in self._assigned])
        self._is_placed = True
        places = [f"{part} from offset {offset}" for part, offset in offsets.items()]
        log.info("%s: its partitions here: %s", self._key, ", ".join(places) or "none")

    def _bounds(self, part: int) -> PartitionBounds:
        low, high = self._consumer.get_watermark_offsets(self._at(part), timeout=self._part.timeout)
        return PartitionBounds(low if self._part.from_ == "earliest" else high, low, high)

    def _at(self, part: int, *offset: int) -> Any:
        return self._kafka.TopicPartition(self._part.topic, part, *offset)

    def _note(self, error: Any) -> None:
        """Brokers that are away are found again by librdkafka; a consumer that can't go on is replaced."""
        if error.code() == self._kafka.KafkaError._ALL_BROKERS_DOWN or error.fatal():
            self._fault = error.str()
        self._is_broken = self._is_broken or error.fatal()


def _message(kafka: Any, message: Any) -> SourceMessage:
    kind, at = message.timestamp()
    seconds = None if kind == kafka.TIMESTAMP_NOT_AVAILABLE else at / 1000
    return SourceMessage(message.partition(), message.offset(), seconds, message.value() or b"")


EVENT_SOURCE = EventSourceType(KafkaSource, KafkaReader)
