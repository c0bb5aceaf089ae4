"""Firehose streams: PutRecordBatch, a line of JSON a record."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

import msgspec

from gateway.targets.aws import AwsTarget, StreamPart, stream
from gateway.targets.base import Call, Failed, Message, TargetType, check_size
from gateway.targets.entry import Entry, envelope
from gateway.targets.kinesis import results

LARGEST = 1000 * 1024  # of one record
HEADERS = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "Firehose_20150804.PutRecordBatch"}


class KinesisFirehose(StreamPart, frozen=True, tag="kinesis-firehose"):
    """A Firehose stream: a line of JSON a request."""


class FirehoseTarget(AwsTarget):
    service = "firehose"
    call = Call(messages=500, bytes=4 * 1024 * 1024)

    def check(self, entry: Entry, size: int) -> None:
        if size > LARGEST:
            check_size(len(envelope(entry)) + 1, LARGEST, "Firehose")

    def messages(self, entry: Entry) -> list[Message]:
        return [Message(entry.id, entry.session or entry.user or entry.id, envelope(entry) + b"\n", entry)]

    async def send(self, call: Sequence[Message]) -> Sequence[Failed | None]:
        records = [{"Data": b64encode(each.data).decode()} for each in call]
        body = msgspec.json.encode({"DeliveryStreamName": self._place.name, "Records": records})
        answer = await self._call("/", HEADERS, body)
        return results(answer, "FailedPutCount", "RequestResponses", call)


TARGET = TargetType(KinesisFirehose, FirehoseTarget, stream, place=3)
