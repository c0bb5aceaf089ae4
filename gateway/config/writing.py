"""Writing a configuration: checked first, against the text that the writer has seen, and whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from gateway.config.history import Author, ConfigurationHistory, etag_of
from gateway.config.loaded import Config, parse
from gateway.config.masking import masked, unmasked
from gateway.config.place import FilePlace, Place
from gateway.document.report import ConfigError
from gateway.errors import Conflict, Faulty, Outdated


class WrittenText(NamedTuple):
    """A text that was written, and what it means; `before` is the one that it replaced."""

    before: str
    text: str
    config: Config

    @property
    def etag(self) -> str:
        return etag_of(self.text)


class ConfigurationWriter:
    """Writes the file of a server's configuration, and its history."""

    def __init__(self, place: Place, history: ConfigurationHistory, environ: Mapping[str, str]) -> None:
        self._place, self._history, self._environ = place, history, environ

    def current(self) -> str:
        """The text that lies there now. Raises `ConfigError`."""
        return self._place.read().text

    def checked(self, text: str, current: str) -> tuple[str, Config]:
        """The text with its secrets, and what it means. Raises `ConfigError`."""
        whole = unmasked(text, current, self._place.name)
        return whole, parse(whole, self._place.name, self._environ)

    def write(self, text: str, seen: str, author: Author) -> WrittenText:
        """Replace the text whose etag is `seen`. Raises `Conflict`, `Outdated` and `Faulty`."""

        def replaced(current: str) -> str:
            if etag_of(current) != seen:
                message = "the configuration has changed meanwhile: read it again, and make the change in that"
                raise Outdated("ConfigurationChanged", message)
            return text

        return self.change(replaced, author)

    def change(self, edit: Callable[[str], str], author: Author) -> WrittenText:
        """Replace the text by what the edit makes of it. Raises what the edit does, `Conflict` and `Faulty`."""
        place, reason = self._place, self._place.why_not_writable()
        if reason is not None or not isinstance(place, FilePlace):
            raise Conflict("Configuration", "ConfigurationNotWritable", reason or "the configuration is no file")
        try:
            with self._history.locked():
                current = self.current()
                whole, config = self.checked(edit(current), current)
                replace_file(place.target, whole)
                self._history.put(whole, config, author)
        except ConfigError as error:
            raise faulty(error) from error
        except OSError as error:
            message = f"{place.name} can't be written: {error.strerror}"
            raise Conflict("Configuration", "ConfigurationNotWritable", message) from error
        return WrittenText(masked(current), whole, config)


def faulty(error: ConfigError) -> Faulty:
    faults = [{"place": each.place, "message": each.message, "line": each.line} for each in error.faults]
    return Faulty("ConfigurationFaulty", str(error), faults)


def replace_file(path: Path, text: str) -> None:
    """Replaces a file, so that whoever reads it has the old or the new one, whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        status = path.stat()
        Path(name).chmod(status.st_mode & 0o7777)
        with contextlib.suppress(PermissionError):  # another's file becomes this process's
            os.chown(name, status.st_uid, status.st_gid)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
