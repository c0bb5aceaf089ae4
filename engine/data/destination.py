"""Destinations of exports: a file in an `s3://` or `file://` folder, there whole or not at all."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TextIO
from urllib.parse import unquote

from engine.data.source import as_invalid_input
from engine.errors import InvalidInput
from engine.storage.s3 import s3_client

NOWHERE = "Invalid S3 output path"


def check_destination(location: str, *, allow_file_urls: bool) -> None:
    """Raises `InvalidInput` for a location that is no folder that may be written to."""
    scheme, separator, rest = location.partition("://")
    schemes = ("s3", "file") if allow_file_urls else ("s3",)
    if not separator or scheme not in schemes:
        raise InvalidInput(f"{NOWHERE} {location}: it starts with {' or '.join(f'{each}://' for each in schemes)}.")
    if scheme == "s3" and not rest.partition("/")[0]:
        raise InvalidInput(f"{NOWHERE} {location}: write s3://bucket/folder/.")
    if scheme == "file" and not rest.startswith("/"):
        raise InvalidInput(f"{NOWHERE} {location}: write file:///path, with three slashes.")


@contextmanager
def open_destination(location: str, name: str, *, allow_file_urls: bool) -> Iterator[TextIO]:
    """A new text file of that name, or path, in the folder; it replaces an earlier one when the block ends well."""
    check_destination(location, allow_file_urls=allow_file_urls)
    scheme, _, rest = location.partition("://")
    put = _onto_disk if scheme == "file" else _into_s3
    # a nameless file first: no reader sees half of it, and memory holds little of it
    with as_invalid_input(location, NOWHERE), tempfile.TemporaryFile() as file:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        yield text
        text.detach()  # flushed; closing it would close the file
        file.seek(0)
        put(file, rest, name)


def _onto_disk(file: IO[bytes], folder: str, name: str) -> None:
    target = Path(unquote(folder)) / name
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")  # two jobs may write the same file
    if ".." in Path(name).parts:
        raise InvalidInput(f"{NOWHERE} file://{folder}: no file is called {name}.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as written:
            shutil.copyfileobj(file, written, 1 << 20)
            written.flush()
            os.fsync(written.fileno())
        partial.replace(target)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise InvalidInput(f"{NOWHERE} file://{folder}: it can't be written to ({error.strerror}).") from error


def _into_s3(file: IO[bytes], rest: str, name: str) -> None:
    """Upload the file, in parts where it is large."""
    bucket, _, prefix = rest.partition("/")
    folder = f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""
    s3_client().upload_fileobj(file, bucket, folder + name)
