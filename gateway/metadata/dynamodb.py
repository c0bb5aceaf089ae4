"""A DynamoDB table of item metadata, as upstream's loader fills it (specification §2.8): a row is
`{id, version, put_via, attributes: {…}}`. Rows are remembered for a while, so that popular items cost one read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple

import msgspec
from cachetools import LRUCache

from gateway.body import columns_of, encoded
from gateway.dependencies import Dependencies
from gateway.document.remote import CircuitBreaker, Enclosing, limits
from gateway.document.report import Report, checks
from gateway.document.values import Duration, Part, Region, Remember, Retries, Seconds, TableName, Url
from gateway.errors import UpstreamProblem
from gateway.metadata.base import Always, Columns, MetadataPart, SourceType
from gateway.outbound import OutboundRequest, Peer, broken
from gateway.plan.plan import Limits

SERVICE = "dynamodb"
HEADERS = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.BatchGetItem"}
COLUMNS = {"ProjectionExpression": "id, #a", "ExpressionAttributeNames": {"#a": "attributes"}}
MOST_KEYS = 50  # in one request
WAITS_S = (0.05, 0.1, 0.2)  # before what was left unprocessed is asked for again
REMEMBERED_BYTES = 16 * 1024 * 1024
OVERHEAD = 300  # bytes of a remembered row, beside its text


class Throughput(Part, frozen=True, forbid_unknown_fields=False):
    """Capacity of a table; accepted, and not used."""

    extra: ClassVar[bool] = True

    read_capacity_units: Seconds = 0
    write_capacity_units: Seconds = 0


class DynamoDbMetadata(MetadataPart, frozen=True, tag="dynamodb"):
    """Rows `{id, attributes}` of a DynamoDB table, by default PersonalizationApiItemMetadata_NAMESPACE, with the
    credentials of AWS's usual environment variables; each is remembered for so many seconds."""

    table: TableName | None = None
    region: Region | None = None
    endpoint_url: Url | None = None
    remember: Remember = 60
    timeout: Duration = 1
    retries: Retries = 1
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    auto_provision: bool | None = None
    billing_mode: Literal["PROVISIONED", "PAY_PER_REQUEST"] | None = None
    provisioned_throughput: Throughput | None = None


@checks
def check_dynamodb(part: DynamoDbMetadata, place: str, report: Report) -> None:
    if part.auto_provision or part.billing_mode or part.provisioned_throughput:
        report.warn(place, "the table is neither made nor changed: make it with a text `id` as its key, and fill it")


@dataclass(frozen=True)
class DynamoDb:
    """A table of rows `{id, attributes}`; each is remembered for so many seconds."""

    table: str
    region: str
    endpoint_url: str | None = None
    remember_s: int = 60
    limits: Limits = field(default_factory=Limits)


def items_of(part: DynamoDbMetadata, enclosing: Enclosing) -> DynamoDb:
    return DynamoDb(
        table=part.table or f"PersonalizationApiItemMetadata_{enclosing.namespace}",
        region=part.region or enclosing.region,
        endpoint_url=part.endpoint_url,
        remember_s=part.remember,
        limits=limits(part.timeout, part.retries, part.circuit_breaker),
    )


class Remembered(NamedTuple):
    row: bytes  # JSON; "" where the table has no such item
    until: float


class DynamoDbSource(Always):
    def __init__(self, dependencies: Dependencies) -> None:
        self._outbound, self._signer = dependencies.outbound, dependencies.signer
        self._clock = dependencies.clock
        self._rows: LRUCache[tuple[DynamoDb, str], Remembered] = LRUCache(
            REMEMBERED_BYTES, getsizeof=lambda held: len(held.row) + OVERHEAD
        )

    def version(self, of: DynamoDb) -> int:
        """The number of the period now. An answer may be twice as old as the time for which rows are remembered."""
        return int(self._clock() // of.remember_s)

    def tags(self, of: object) -> None:
        return None

    async def of(self, items: Sequence[str], columns: Sequence[str], of: DynamoDb) -> list[Columns | None]:
        now = self._clock()
        held = {item: self._rows.get((of, item)) for item in items}
        rows = {item: each.row for item, each in held.items() if each is not None and now < each.until}
        missing = [item for item in held if item not in rows]
        parts = [missing[start : start + MOST_KEYS] for start in range(0, len(missing), MOST_KEYS)]
        for part in await asyncio.gather(*(self._read(of, part) for part in parts)):
            rows |= part
            for item, row in part.items():
                self._rows[of, item] = Remembered(row, now + of.remember_s)
        return [columns_of(rows[item]) if rows[item] else None for item in items]

    async def _read(self, of: DynamoDb, items: Sequence[str]) -> dict[str, bytes]:
        """Every item's row. Raises `UpstreamProblem` where that is not to be had."""
        peer = Peer(f"dynamodb {of.table}", "DynamoDB", of.limits)
        rows: dict[str, bytes] = dict.fromkeys(items, b"")
        keys = [{"id": {"S": item}} for item in items]
        wanted: Any = {of.table: {"Keys": keys, **COLUMNS}}
        for wait_s in (*WAITS_S, None):
            answer = await self._call(peer, of, {"RequestItems": wanted})
            try:
                rows |= dict(row_of(each) for each in answer["Responses"].get(of.table, ()))
                wanted = answer.get("UnprocessedKeys")
            except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
                raise broken(peer, f"answers what is no row of item metadata: {error!r}") from error
            if not wanted:
                return rows
            if wait_s is not None:
                await asyncio.sleep(wait_s)
        raise UpstreamProblem(f"{peer.name} is asked too much", status=502, type=peer.type, code="UnprocessedKeys")

    async def _call(self, peer: Peer, of: DynamoDb, body: Mapping[str, Any]) -> Any:
        request = OutboundRequest(
            "POST", self._signer.endpoint(SERVICE, of.region, of.endpoint_url) + "/", HEADERS, encoded(body)
        )
        try:
            response = await self._outbound.ask(peer, partial(self._signer.signed, peer, request, SERVICE, of.region))
            return msgspec.json.decode(response.body)
        except UpstreamProblem as problem:
            if problem.status >= 500:
                raise
            # a table that is missing, or throttled: what the caller asked has nothing to do with that
            raise UpstreamProblem(problem.message, status=502, type=peer.type, code=problem.code) from problem
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise broken(peer, "answers what is no JSON") from error


def row_of(item: Mapping[str, Any]) -> tuple[str, bytes]:
    attributes = plain(item["attributes"]) if "attributes" in item else {}
    return str(plain(item["id"])), encoded(attributes)


def plain(value: Mapping[str, Any]) -> Any:
    """An attribute's value; numbers are exact. Raises `ValueError` for a type that there is not."""
    ((kind, held),) = value.items()
    match kind:
        case "S" | "B" | "BOOL" | "SS" | "BS":
            return held
        case "N":
            return number(held)
        case "NULL":
            return None
        case "NS":
            return [number(each) for each in held]
        case "L":
            return [plain(each) for each in held]
        case "M":
            return {name: plain(each) for name, each in held.items()}
        case _:
            raise ValueError(kind)


def number(text: str) -> int | Decimal:
    return int(text) if text.lstrip("-").isdecimal() else Decimal(text)


SOURCE = SourceType((DynamoDbMetadata,), items_of, DynamoDbSource, place=3)
