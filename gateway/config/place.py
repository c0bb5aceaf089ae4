"""The place of a configuration: a file, an http(s) URL, or a key in Redis, such as `redis://host:6379/0#key`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import urldefrag

import httpx

from gateway.document.redis_url import SCHEME, connected_in_thread
from gateway.document.report import ConfigError, Fault

TIMEOUT_S = 5.0
SETTLED_S = 1.0  # after a file's last change it counts, in every process of the machine at the same moment
KEY = "recgate:config"


class Text(NamedTuple):
    """`since` is the epoch second from which it counts; 0: at once."""

    text: str
    since: float = 0.0


class Place(Protocol):
    name: str
    every_s: float  # how often it is worth a look

    def read(self) -> Text:
        """Raises `ConfigError` where it can't be read."""
        ...

    def why_not_writable(self) -> str | None:
        """The reason why this process can't write there; None where it can."""
        ...


def place_of(where: str) -> Place:
    if where.startswith(("http://", "https://")):
        return HttpPlace(where)
    if SCHEME.fullmatch(where.partition("://")[0]):
        return RedisPlace(where)
    return FilePlace(Path(where))


class FilePlace:
    every_s = 0.25

    def __init__(self, path: Path) -> None:
        self.name, self._path = str(path), path
        self._last: tuple[tuple[float, int, int], Text] | None = None

    @property
    def target(self) -> Path:
        """The file itself, behind symbolic links."""
        return self._path.resolve()

    def why_not_writable(self) -> str | None:
        target = self.target
        if not os.access(target, os.W_OK):
            return f"{self.name} may not be written by this process"
        if not os.access(target.parent, os.W_OK):  # a file is replaced, so that nobody reads half of it
            return f"the folder of {self.name} may not be written by this process"
        return None

    def read(self) -> Text:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime, status.st_size, status.st_ino)
            if self._last is None or self._last[0] != stamp:
                text = self._path.read_text("utf-8-sig")
                self._last = (stamp, Text(text, status.st_mtime + SETTLED_S))
        except (OSError, UnicodeDecodeError) as error:
            raise unreadable(self.name, error) from error
        return self._last[1]


@dataclass
class HttpPlace:
    """Read again only when the server says that it is another one (If-None-Match)."""

    name: str
    every_s: float = 5.0
    _etag: str = ""
    _last: Text | None = None

    def read(self) -> Text:
        asked = {"if-none-match": self._etag} if self._etag and self._last else {}
        try:
            answer = httpx.get(self.name, headers=asked, timeout=TIMEOUT_S, follow_redirects=True)
            if answer.status_code == 304 and self._last is not None:
                return self._last
            answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreadable(self.name, error) from error
        self._etag, self._last = answer.headers.get("etag", ""), Text(answer.text)
        return self._last

    def why_not_writable(self) -> str | None:
        return "the configuration is read from a URL: change it where that comes from"


class RedisPlace:
    every_s = 1.0

    def __init__(self, where: str) -> None:
        url, key = urldefrag(where)
        self.name = f"redis key {key or KEY}"  # the URL may hold a password
        self._key, self._last = key or KEY, ""
        self._connect = partial(connected_in_thread, url, TIMEOUT_S)

    def read(self) -> Text:
        """Another text than before counts once a second connection has brought the same: a reply may be damaged."""
        text = self._text()
        if text != self._last and text != self._text():
            raise unreadable(self.name, LookupError("two readings of it differ"))
        self._last = text
        return Text(text)

    def why_not_writable(self) -> str | None:
        return "the configuration is a key in Redis: change it there"

    def _text(self) -> str:
        from redis.exceptions import RedisClusterException, RedisError  # a start without Redis does not pay for it

        try:
            with self._connect() as client:
                text = client.get(self._key)
        except (RedisError, RedisClusterException, OSError) as error:
            raise unreadable(self.name, error) from error
        except Exception as error:  # over replies that are none to its question redis-py trips in many ways
            reason = ValueError("Redis answered with something else than was asked for, or with no UTF-8")
            raise unreadable(self.name, reason) from error
        if text is None:
            raise unreadable(self.name, LookupError("there is no such key"))
        if not isinstance(text, str):
            raise unreadable(self.name, LookupError("it is no text"))
        return text


def unreadable(name: str, error: Exception) -> ConfigError:
    return ConfigError(name, (Fault("", f"cannot be read: {error}"),))
