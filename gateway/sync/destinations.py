"""Partners that take recommendations or items: how their requests look, and how many records one may have."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from gateway.sync.records import SyncRecord
from gateway.sync.sending import SyncRequest
from gateway.sync.state import digest_of

Records = Sequence[SyncRecord]
BRAZE_ID = re.compile(r"[A-Za-z0-9_-]{1,250}")


@dataclass(frozen=True)
class Destination:
    """`most` is the number of records of a request; `part` is what the address needs to know, such as a catalogue."""

    name: str
    of: Literal["users", "items"]
    most: int
    headers: Callable[[str], dict[str, str]]  # by the key
    upsert: Callable[[Records, str], SyncRequest]
    remove: Callable[[Sequence[str], str], SyncRequest] | None = None
    takes: Callable[[str], bool] = lambda id_: True


class _TrackError(msgspec.Struct):
    index: int = -1
    input_array: str = "attributes"


class _TrackAnswer(msgspec.Struct):
    errors: list[_TrackError] | str = []


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def bulk_bearer(key: str) -> dict[str, str]:
    return {**bearer(key), "x-braze-bulk": "true"}


def basic(key: str) -> dict[str, str]:
    """`key` is a user and a password with a colon between them, or a user alone."""
    pair = key if ":" in key else f"{key}:"
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


# ---- Braze


def tracked(records: Records, part: str) -> SyncRequest:
    attributes = [{"external_id": record.id, **_numbered(record)} for record in records]
    return SyncRequest("POST", "/users/track", {"attributes": attributes}, _ids(records), _not_tracked)


def _numbered(record: SyncRecord) -> dict[str, Any]:
    return {
        f"recs_{place}_{field}": value for place, item in enumerate(record.items, 1) for field, value in item.items()
    }


def _not_tracked(body: bytes) -> set[int]:
    """Places of attributes that Braze names among the errors of an answer of success."""
    try:
        errors = msgspec.json.decode(body, type=_TrackAnswer).errors
    except msgspec.DecodeError:
        return set()
    return set() if isinstance(errors, str) else {each.index for each in errors if each.input_array == "attributes"}


def catalogued(records: Records, part: str) -> SyncRequest:
    items = [{"id": record.id, **record.columns} for record in records]
    return SyncRequest("PUT", f"/catalogs/{part}/items", {"items": items}, _ids(records))


def uncatalogued(ids: Sequence[str], part: str) -> SyncRequest:
    return SyncRequest("DELETE", f"/catalogs/{part}/items", {"items": [{"id": each} for each in ids]}, ids)


# ---- Segment, mParticle


def identified(records: Records, part: str) -> SyncRequest:
    calls = [
        {
            "type": "identify",
            "userId": record.id,
            "messageId": f"recgate-{digest_of(record).hex()}",  # what is sent again is one
            "traits": {"personalized_recommendations": recommended(record)},
        }
        for record in records
    ]
    return SyncRequest("POST", "/v1/batch", {"batch": calls}, _ids(records))


def batched(records: Records, part: str) -> SyncRequest:
    batches = [
        {
            "environment": part or "production",
            "user_identities": {"customerid": record.id},
            "user_attributes": {"product_recs": [str(item["id"]) for item in record.items]},
            "events": [],
        }
        for record in records
    ]
    return SyncRequest("POST", "/v2/bulkevents", batches, _ids(records))


def recommended(record: SyncRecord) -> list[Any]:
    """Ids, or objects where items have columns."""
    return [item if len(item) > 1 else item["id"] for item in record.items]


def _ids(records: Records) -> list[str]:
    return [record.id for record in records]


DESTINATIONS = {
    each.name: each
    for each in (
        Destination("braze-users", "users", 75, bulk_bearer, tracked),
        Destination(
            "braze-catalog",
            "items",
            50,
            bearer,
            catalogued,
            uncatalogued,
            lambda id_: BRAZE_ID.fullmatch(id_) is not None,
        ),
        Destination("segment", "users", 100, basic, identified),
        Destination("mparticle", "users", 100, basic, batched),
    )
}
