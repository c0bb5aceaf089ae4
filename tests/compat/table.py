"""One documented behaviour a row: a request, and what must be true of its answer and of what an origin was asked."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from tests.apart import url_of
from tests.gateway.upstreams.origin import Asked

WAIT_S = 5.0  # for what a buffered target is told
Said = str | None | re.Pattern[str]  # a header's value, None where it must be absent
Fact = Callable[[Any], object]


@dataclass(frozen=True)
class Row:
    """`section` is of the specification. `body` is true of the answer's JSON, or of its text where that is none;
    `asked` of a request that an origin got, which comes later where the row has a `target`. `times`: how often
    it is sent, the last counts. `revalidate`: what If-None-Match says the second time, `{etag}` being the first's."""

    section: str
    path: str
    status: int = 200
    code: str = ""
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    says: Mapping[str, Said] = field(default_factory=dict)
    body: Fact | None = None
    asked: Fact | None = None
    target: str = ""
    times: int = 1
    revalidate: str = ""
    server: str = "main"

    def __str__(self) -> str:
        sent = " ".join([*(f"{name}: {value}" for name, value in self.headers.items()), (self.content or b"").decode()])
        return f"{self.section} {self.method} {self.path[:100]} {sent[:60]}".strip()


def get(section: str, path: str, status: int = 200, code: str = "", **more: Any) -> Row:
    return Row(section, path, status, code, **more)


def post(section: str, path: str, content: Any, status: int = 200, code: str = "", **more: Any) -> Row:
    """`content`: bytes as they are, anything else as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Row(section, path, status, code, method="POST", content=body, **more)


def query(**parameters: Any) -> str:
    """A query string; what is no text is JSON."""
    pairs = ((name, each if isinstance(each, str) else json.dumps(each)) for name, each in parameters.items())
    return "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)


def items(body: Any) -> list[str]:
    return [each["itemId"] for each in body.get("itemList", body.get("personalizedRanking"))]


# ---- how a row is tried


def tried(row: Row, client: httpx.Client, asked: list[Asked]) -> None:
    before = len(asked)
    answer = answered(row, client)
    assert answer.status_code == row.status, answer.text
    assert b"Traceback" not in answer.content
    for name, said in row.says.items():
        found = answer.headers.get(name)
        assert fits(said, found), f"{name}: {found!r}, not {said!r}"
    if row.code:
        triple = answer.json()
        assert (triple["code"], set(triple)) == (row.code, {"type", "code", "message"}), triple
    if row.body is not None:
        is_json = answer.content and answer.headers.get("content-type") == "application/json"
        given = answer.json() if is_json else answer.text
        assert row.body(given), given
    if row.asked is not None:
        heard(row.asked, asked, before, row.target)


def answered(row: Row, client: httpx.Client) -> httpx.Response:
    headers, url = dict(row.headers), url_of(base_of(client), row.path)
    for _ in range(row.times - 1):
        client.request(row.method, url, headers=headers, content=row.content)
    answer = client.request(row.method, url, headers=headers, content=row.content)
    if not row.revalidate:
        return answer
    tag = row.revalidate.replace("{etag}", answer.headers["etag"])
    return client.request(row.method, url, headers={**headers, "if-none-match": tag}, content=row.content)


def base_of(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/")


def fits(said: Said, found: str | None) -> bool:
    if isinstance(said, re.Pattern):
        return found is not None and said.fullmatch(found) is not None
    return said == found


def holds(fact: Fact, asked: Asked) -> bool:
    """A request of another kind has not the members that the fact looks at."""
    try:
        return bool(fact(asked))
    except (KeyError, IndexError, ValueError):
        return False


def heard(fact: Fact, asked: list[Asked], before: int, target: str) -> None:
    """That an origin was told so since then, or will be if there is a `target`, which is a buffered one's operation."""
    deadline = time.monotonic() + (WAIT_S if target else 0)
    while True:
        operations = [(each, each.headers.get("x-amz-target", "")) for each in asked[before:]]
        found = [each for each, operation in operations if (target in operation if target else not operation)]
        if any(holds(fact, each) for each in found):
            return
        assert time.monotonic() < deadline, found or "no origin was asked"
        time.sleep(0.01)
