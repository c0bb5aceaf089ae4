"""How calls go out and answers come back: one HTTP client, one error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from urllib.parse import quote

import httpx
import msgspec

Result = TypeVar("Result")
Scalar = str | int | float | bool | None


class RecgateError(Exception):
    """A refusal of the server. `retry_after` is seconds, where the server says when to ask again."""

    def __init__(self, status: int, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


@dataclass(frozen=True)
class Call:
    """A request. A body of bytes is sent as it is, any other as JSON."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Scalar] = field(default_factory=dict)
    body: object = None

    def request(self, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        content, headers = None, dict(self.headers)
        if isinstance(self.body, bytes):
            content, headers["content-type"] = self.body, "text/csv"
        elif self.body is not None:
            content, headers["content-type"] = msgspec.json.encode(self.body), "application/json"
        query = {name: _text(value) for name, value in self.query.items() if value is not None}
        return client.build_request(self.method, self.path, params=query, content=content, headers=headers)


class Transport:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def send(self, call: Call, result: type[Result]) -> Result:
        return _result(self._client.send(call.request(self._client)), result)

    def close(self) -> None:
        self._client.close()


class AsyncTransport:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(self, call: Call, result: type[Result]) -> Result:
        return _result(await self._client.send(call.request(self._client)), result)

    async def aclose(self) -> None:
        await self._client.aclose()


def path_of(template: str, *values: str | Sequence[str]) -> str:
    """The path with its values escaped; of several ids, each."""
    return template.format(*(_escaped(value) for value in values))


def headers_of(api_key: str | None, token: str | None) -> dict[str, str]:
    headers = {"accept": "application/json, text/plain"}
    headers |= {"x-api-key": api_key} if api_key is not None else {}
    return headers | ({"authorization": f"Bearer {token}"} if token is not None else {})


def _escaped(value: str | Sequence[str]) -> str:
    return quote(value, safe="") if isinstance(value, str) else ",".join(quote(each, safe="") for each in value)


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _result(response: httpx.Response, result: type[Result]) -> Result:
    """The answer's body as a `result`. Raises `RecgateError`."""
    if response.is_error:
        raise _error(response)
    if result is type(None):
        return None
    if result is str:
        return cast(Result, response.text)
    return msgspec.json.decode(response.content, type=result)


def _error(response: httpx.Response) -> RecgateError:
    try:
        body: dict[str, Any] = msgspec.json.decode(response.content, type=dict[str, Any])
    except msgspec.DecodeError:  # of something between this client and the server
        body = {"code": response.reason_phrase, "message": response.text[:500]}
    after = response.headers.get("retry-after", "")
    code, message = body.get("code", body.get("errorCode", "")), body.get("message", body.get("errorDetails", ""))
    return RecgateError(response.status_code, str(code), str(message), float(after) if after.isdecimal() else None)
