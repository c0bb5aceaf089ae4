"""Entries of the outbox, a `POST /events` or some exposures each: all that targets may be told, and no credential.

Request headers and query parameters are copied by name: a header that is not among the harmless ones never gets in, nor
does a parameter whose name, or whose value, looks like a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from gateway.caller import Caller
from gateway.context.viewer import PLACE_HEADERS

HEADERS = (
    *("accept", "accept-language", "content-type", "user-agent", "x-request-id"),
    *("sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform"),
    *(f"cloudfront-is-{kind}-viewer" for kind in ("desktop", "mobile", "tablet", "smarttv", "android", "ios")),
    *PLACE_HEADERS,
)
SECRET_NAME = re.compile(
    "auth(?!ors?$)|token|secret|passw|pwd|signature|credential|cookie|jwt|api.?key|access.?key|x-amz-|^(key|sig|code|sid|session)$",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(r"^(bearer|basic|aws4-hmac)\b|^eyJ[\w-]+\.", re.IGNORECASE)  # the latter begins a JWT


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """`at` is epoch seconds; `targets` are the keys of those that it is for; `body` is what the client sent, with a
    `sentAt` for every event; `automatic` are the properties that the gateway adds for event trackers."""

    id: str
    at: float
    targets: tuple[str, ...]
    namespace: str
    session: str
    user: str | None = None
    path: str
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    body: msgspec.Raw
    automatic: dict[str, Any] = {}


class Head(msgspec.Struct, frozen=True):
    """The part of an entry that says whom it is for."""

    at: float
    targets: tuple[str, ...]


class OutgoingExposure(msgspec.Struct, frozen=True):
    """A unit's first exposure to an experiment. `id` is the same when it is sent again; `at` is epoch seconds."""

    id: str
    flag: str
    variation: str
    unit: str
    unit_is: Literal["user", "session"]
    at: float


encoded = msgspec.json.Encoder().encode
entry_of = msgspec.json.Decoder(Entry).decode
head_of = msgspec.json.Decoder(Head).decode
_exposures = msgspec.json.Decoder(list[OutgoingExposure]).decode


def exposures_of(entry: Entry) -> list[OutgoingExposure]:
    """The exposures of an entry that is of nothing else."""
    return _exposures(entry.body)


def envelope(entry: Entry) -> bytes:
    """The record as upstream has it (specification §2.7), with an `id` to know it by when it comes twice."""
    return encoded(
        {
            "id": entry.id,
            "namespace": entry.namespace,
            "path": entry.path,
            "headers": entry.headers,
            "queryStringParameters": entry.query,
            "body": entry.body,
        }
    )


def harmless_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name in HEADERS if (value := headers.get(name)) is not None}


def harmless_query(caller: Caller) -> dict[str, str]:
    return {
        name: value
        for name, value in caller.query.items()
        if not SECRET_NAME.search(name) and not SECRET_VALUE.search(value)
    }
