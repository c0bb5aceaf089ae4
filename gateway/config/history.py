"""The history of a server's configuration: every text that was in use, without its secrets, by whom and when.

A text is an entry once, whichever of the server's processes comes upon it first.
"""

from __future__ import annotations

import difflib
import fcntl
import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from gateway.config.masking import masked

log = logging.getLogger(__name__)

How = Literal["start", "file", "page", "experiment", "filter"]
MOST = 200  # entries that are kept


class ConfigurationEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A text that was in use from `at` on. `how` it came: found at the start, changed in its place, or by an operator.
    `added` and `removed` count lines against the entry before."""

    id: str
    at: float
    by: str
    how: How
    comment: str
    etag: str
    fingerprint: str
    version: str
    added: int
    removed: int


class StoredEntry(ConfigurationEntry, frozen=True, kw_only=True, rename="camel"):
    """An entry with its text, in which secrets are marks."""

    text: str


class NamedConfiguration(Protocol):
    """A configuration, as far as an entry names it."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def version(self) -> str: ...


class Author(msgspec.Struct, frozen=True):
    """The name of who changed a configuration, how, and why."""

    by: str
    how: How
    comment: str = ""


class ConfigurationHistory:
    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._folder, self._clock = folder, clock

    def add(self, text: str, config: NamedConfiguration, author: Author) -> None:
        """Add a text, unless it is that of the newest entry. A folder that can't be written has no history."""
        try:
            with self.locked():
                self.put(text, config, author)
        except OSError as error:
            log.warning("the history of the configuration can't be written: %s", error)

    def put(self, text: str, config: NamedConfiguration, author: Author) -> None:
        """The same, for a caller that has locked the history. Raises `OSError`."""
        newest = next(iter(self.entries()), None)
        if newest is not None and newest.etag == etag_of(text):
            return
        before = None if newest is None else self.find(newest.id)
        now = self._clock() if newest is None else max(self._clock(), newest.at + 0.001)
        hidden, etag = masked(text), etag_of(text)
        added, removed = changed_lines("" if before is None else before.text, hidden)
        self._write(
            StoredEntry(
                id=f"{round(now * 1000):013d}-{etag}",
                at=now,
                by=author.by,
                how=author.how,
                comment=author.comment,
                etag=etag,
                fingerprint=config.fingerprint,
                version=config.version,
                added=added,
                removed=removed,
                text=hidden,
            )
        )

    def entries(self) -> list[ConfigurationEntry]:
        """The newest first."""
        return [msgspec.json.decode(path.read_bytes(), type=ConfigurationEntry) for path in self._paths()]

    def find(self, entry: str) -> StoredEntry | None:
        path = next((each for each in self._paths() if each.stem == entry), None)
        return None if path is None else msgspec.json.decode(path.read_bytes(), type=StoredEntry)

    def of_fingerprint(self, fingerprint: str) -> StoredEntry | None:
        """The newest entry of that configuration."""
        entry = next((each for each in self.entries() if each.fingerprint == fingerprint), None)
        return None if entry is None else self.find(entry.id)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Whoever changes the configuration, or the history, of all processes of the server is alone within it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, entry: StoredEntry) -> None:
        partial = self._folder / f"{entry.id}.partial"
        partial.touch(mode=0o600)
        partial.write_bytes(msgspec.json.encode(entry))
        partial.replace(self._folder / f"{entry.id}.json")
        for old in self._paths()[MOST:]:
            old.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.json"), reverse=True)


def etag_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def changed_lines(before: str, after: str) -> tuple[int, int]:
    """The number of lines that are added and removed."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]
    return sum(line.startswith("+") for line in lines), sum(line.startswith("-") for line in lines)
