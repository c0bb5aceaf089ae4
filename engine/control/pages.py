"""Lists, a page at a time (specification §1.6). A token holds the last key shown and what list it belongs to."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import msgspec

from engine.control.control import Control
from engine.control.fields import ListRequest
from engine.errors import InvalidNextToken
from engine.records import START, JsonMap, Key, R, Record

PAGE = 100
END: Key = (float("inf"), "")
Pages = Callable[[Control, ListRequest, type[R], str | None], tuple[list[R], str | None]]


def page(control: Control, request: ListRequest, kind: type[R], parent: str | None) -> tuple[list[R], str | None]:
    """The page's records and the token of the next page, None on the last one."""
    scope = _scope(control, kind, parent)
    every = control.every(kind, parent=parent, after=opened(request.next_token, scope))
    return _first(every, request, scope)


def newest_page(
    control: Control, request: ListRequest, kind: type[R], parent: str | None
) -> tuple[list[R], str | None]:
    """The same as `page`, the newest first. For kinds that there are few of: each page reads all."""
    scope = _scope(control, kind, parent)
    before = END if request.next_token is None else opened(request.next_token, scope)
    every = reversed(list(control.every(kind, parent=parent)))
    return _first((record for record in every if _key(record) < before), request, scope)


def listed(key: str, shown: Sequence[object], token: str | None) -> JsonMap:
    """The answer of a List operation."""
    return {key: shown} if token is None else {key: shown, "nextToken": token}


def _scope(control: Control, kind: type[Record], parent: str | None) -> str:
    return "|".join((kind.kind, parent or "", control.account, control.region))


def _first(every: Iterable[R], request: ListRequest, scope: str) -> tuple[list[R], str | None]:
    size = request.max_results or PAGE
    records = list(islice(every, size + 1))
    if len(records) <= size:
        return records, None
    return records[:size], sealed(_key(records[size - 1]), scope)


def _key(record: Record) -> Key:
    return record.creation_date_time, record.arn


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
