"""Kinesis data streams: PutRecords, and only what failed again."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

import msgspec

from gateway.targets.aws import AwsTarget, StreamPart, stream
from gateway.targets.base import Call, Down, Failed, Message, TargetType, check_size
from gateway.targets.entry import Entry, envelope

LARGEST = 1024 * 1024  # of one record, with its key
HEADERS = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "Kinesis_20131202.PutRecords"}


class KinesisStream(StreamPart, frozen=True, tag="kinesis-stream"):
    """A Kinesis data stream: a record a request, the session's id as its partition key."""


class KinesisTarget(AwsTarget):
    service = "kinesis"
    call = Call(messages=500, bytes=5 * 1024 * 1024)

    def check(self, entry: Entry, size: int) -> None:
        if size > LARGEST:
            check_size(len(envelope(entry)) + 4 * 256, LARGEST, "Kinesis")

    async def send(self, call: Sequence[Message]) -> Sequence[Failed | None]:
        records = [{"Data": b64encode(each.data).decode(), "PartitionKey": each.session} for each in call]
        body = msgspec.json.encode({"StreamName": self._place.name, "Records": records})
        answer = await self._call("/", HEADERS, body)
        return results(answer, "FailedRecordCount", "Records", call)


def results(answer: object, count: str, each: str, call: Sequence[Message]) -> Sequence[Failed | None]:
    """The outcome of every record. An answer that does not tell counts as none."""
    members = answer if isinstance(answer, dict) else {}
    records = members.get(each)
    if members.get(count) == 0:
        return [None] * len(call)
    if not isinstance(records, list) or len(records) != len(call):
        raise Down(f"the answer has not one of {each} a record")
    return [
        Failed(f"{one['ErrorCode']}: {one.get('ErrorMessage', '')}"[:300]) if one.get("ErrorCode") else None
        for one in records
    ]


TARGET = TargetType(KinesisStream, KinesisTarget, stream, place=2)
