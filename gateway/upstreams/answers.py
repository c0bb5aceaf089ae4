"""Origins' JSON, read: a list of items, at the place that specification §1.5 gives it or that a path names."""

from __future__ import annotations

from typing import Any

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError

from engine import in_words
from gateway.ask import Answer, Item
from gateway.outbound import Peer, broken

LISTS = ("itemList", "personalizedRanking", "predictedItemList")
_items = msgspec.json.Decoder()


class Usual(msgspec.Struct, rename="camel"):
    """The answer of most origins, read in one go."""

    item_list: list[Item]
    recommendation_id: Any = None


_usual_answer = msgspec.json.Decoder(Usual)


def decoded(peer: Peer, body: bytes) -> Any:
    """Raises `UpstreamProblem` (502) for what is no JSON."""
    try:
        return _items.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise broken(peer, f"does not answer with JSON: {error}") from error


def answer_of(peer: Peer, body: bytes, items: str | None = None) -> Answer:
    """`items` is a JMESPath expression for the list. Raises `UpstreamProblem` (502) where there is no list of items.

    An item is an object with an itemId, or its id alone; further members that we do not know are dropped.
    """
    if items is None:
        try:
            usual = _usual_answer.decode(body)
            return Answer(items=usual.item_list, recommendation_id=_text(usual.recommendation_id))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # something else, if it is an answer at all
    data = decoded(peer, body)
    listed = _searched(peer, data, items) if items is not None else _usual(data)
    if not isinstance(listed, list):
        reason = _error_in(data)
        raise broken(peer, f"reports an error: {reason}" if reason else "does not answer with a list of items")
    name = data.get("recommendationId") if isinstance(data, dict) else None
    return Answer(items=[_item(peer, each) for each in listed], recommendation_id=_text(name))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _usual(data: Any) -> Any:
    if isinstance(data, dict):
        return next((data[name] for name in LISTS if name in data), None)
    return data


def _searched(peer: Peer, data: Any, path: str) -> Any:
    try:
        return jmespath.search(path, data)
    except JMESPathError as error:
        raise broken(peer, f"answers with what {path!r} can't be searched in: {error}") from error


def _item(peer: Peer, item: Any) -> Item:
    if isinstance(item, str | int) and not isinstance(item, bool):
        return Item(item_id=str(item))
    if isinstance(item, dict) and isinstance(item.get("itemId"), int):
        item = {**item, "itemId": str(item["itemId"])}
    try:
        present = {key: value for key, value in item.items() if value is not None}
        return msgspec.convert(present, Item)
    except (msgspec.ValidationError, AttributeError) as error:
        raise broken(peer, f"answers with an item that is none: {in_words(error)}") from error


def _error_in(data: Any) -> str:
    """An answer of status 200 may be an error all the same."""
    if not isinstance(data, dict):
        return ""
    text = next((data[name] for name in ("errorMessage", "error", "message", "Message") if name in data), "")
    return text[:200] if isinstance(text, str) else ""
