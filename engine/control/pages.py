"""Lists, a page at a time (specification §1.6). A token holds the last key shown and what list it belongs to."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from itertools import islice

import msgspec

from engine.control.control import Control
from engine.control.fields import ListRequest, S, view
from engine.errors import InvalidNextToken
from engine.records import R, Record

PAGE = 100
Key = tuple[float, str]  # (creation time, ARN)
START: Key = (0.0, "")
END: Key = (float("inf"), "")


def page(
    control: Control, request: ListRequest, kind: type[R], shape: type[S], parent: str | None = None
) -> tuple[list[S], str | None]:
    """The page's views and the token of the next page, None on the last one."""
    scope = "|".join((kind.kind, parent or "", control.account, control.region))
    after = opened(request.next_token, scope)
    size = request.max_results or PAGE
    found: Sequence[Record] = list(islice(control.every(kind, parent=parent, after=after), size + 1))
    views = [view(record, shape) for record in found[:size]]
    if len(found) <= size:
        return views, None
    last = found[size - 1]
    return views, sealed((last.creation_date_time, last.arn), scope)


def newest_page(
    control: Control, request: ListRequest, kind: type[R], shape: type[S], parent: str | None = None
) -> tuple[list[S], str | None]:
    """As `page`, the newest first. For kinds that there are few of: each page reads all."""
    scope = "|".join((kind.kind, parent or "", control.account, control.region))
    before = END if request.next_token is None else opened(request.next_token, scope)
    size = request.max_results or PAGE
    every = reversed(list(control.every(kind, parent=parent)))
    found = [record for record in every if (record.creation_date_time, record.arn) < before]
    views = [view(record, shape) for record in found[:size]]
    last = found[size - 1] if len(found) > size else None
    return views, None if last is None else sealed((last.creation_date_time, last.arn), scope)


def sealed(key: Key, scope: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((*key, _mark(scope)))).decode()


def opened(token: str | None, scope: str) -> Key:
    """Raises `InvalidNextToken` for a token that this list never gave out."""
    if token is None:
        return START
    try:
        created, arn, mark = msgspec.json.decode(base64.urlsafe_b64decode(token), type=tuple[float, str, str])
    except (binascii.Error, msgspec.DecodeError, UnicodeError, ValueError) as error:
        raise InvalidNextToken("The next token is not valid.") from error
    if mark != _mark(scope):
        raise InvalidNextToken("The next token belongs to another list.")
    return created, arn


def _mark(scope: str) -> str:
    return hashlib.sha256(scope.encode()).hexdigest()[:12]
