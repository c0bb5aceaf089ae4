"""Sources of imports: `s3://` and `file://` locations as files that are read as streams, never whole.

A location that ends with `/` is a folder: its first-level files are read in the order of their names, and names that
start with `.` or `_` (markers that other programs leave) are passed over. A prefix is the file of that name, or else
every file whose path begins so, at any depth. Files compressed with gzip or Zstandard are recognised by their first
bytes. Every failure becomes `InvalidInput` with the service's own text, the location and the fix.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import filterfalse, islice
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from engine.errors import InvalidInput
from engine.storage.s3 import s3_client

_BUFFER = 1 << 18
PARQUET = b"PAR1"
ZSTANDARD = b"\x28\xb5\x2f\xfd"
# A folder's first level, or with the folders below it; or the file of that name, else all whose path begins so.
Depth = Literal["flat", "deep", "prefix"]
NOWHERE = "Invalid Data location."
_REFUSED = "Insufficient privileges for accessing data in Amazon S3."
_S3_FIX = "check the bucket, the key (a folder ends with '/') and the endpoint (AWS_ENDPOINT_URL_S3)"
_GRANT = "check the credentials and what they may do with the bucket"
_NOT_THERE = ("NoSuchBucket", "NoSuchKey", "404", "InvalidBucketName", "ParamValidationError")
_NOT_ALLOWED = ("AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken")
_S3_ERRORS = {  # error codes of S3 and exceptions of its client -> what to say, and the fix
    **dict.fromkeys(_NOT_THERE, (NOWHERE, _S3_FIX)),
    **dict.fromkeys(_NOT_ALLOWED, (_REFUSED, _GRANT)),
    "NoCredentialsError": (_REFUSED, "give credentials by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or by a role"),
}


@dataclass(frozen=True)
class SourceFile:
    name: str  # the last part of its path: what reports call it
    size: int  # bytes as stored
    open_raw: Callable[[], io.RawIOBase]
    path: str = ""  # below the location, with / between its parts; for a location that is a file, its name
    stamp: str = ""  # another one wherever the content may be another
    written_at: float = 0.0  # epoch seconds of the last change; 0 where nobody ever sees a file half written


@dataclass
class ImportSource:
    """The files of one location. `bytes_read` counts, over all files, the stored bytes that were read."""

    location: str
    files: tuple[SourceFile, ...]
    nowhere: str = NOWHERE  # how errors about the location begin
    bytes_read: int = field(default=0, init=False)

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @contextmanager
    def open(self, file: SourceFile) -> Iterator[io.BufferedReader[Any]]:
        """The file's plain bytes; Parquet, which is read from its end, can be sought in. Raises `InvalidInput` where it
        can't be read or its compression is broken."""
        with (
            as_invalid_input(self.location, self.nowhere),
            _Counted(file.open_raw(), self) as raw,
            io.BufferedReader(raw, _BUFFER) as stored,
            _unpacked(stored, file.name) as plain,
        ):
            if plain.peek(4)[:4] != PARQUET or (plain is stored and raw.seekable()):
                yield plain
                return
            with tempfile.TemporaryFile(buffering=0) as copy:
                shutil.copyfileobj(plain, copy)
                copy.seek(0)
                yield io.BufferedReader(copy, _BUFFER)


def _unpacked(stored: io.BufferedReader[Any], name: str) -> io.BufferedReader[Any]:
    start = stored.peek(4)[:4]
    if start[:2] == b"\x1f\x8b":
        return io.BufferedReader(gzip.GzipFile(fileobj=stored), _BUFFER)
    return io.BufferedReader(_Zstandard(stored, name), _BUFFER) if start == ZSTANDARD else stored


@dataclass(frozen=True)
class SourceLimits:
    """The most files, and stored bytes, that a source may have; None: no limit."""

    max_files: int | None = None
    max_bytes: int | None = None

    def check(self, source: ImportSource) -> None:
        holds, files, size = f"{source.nowhere} {source.location} holds", self.max_files, self.max_bytes
        if files is not None and len(source.files) > files:
            raise InvalidInput(f"{holds} more than {files:,} files; at most {files:,} are allowed.")
        if size is not None and source.size > size:
            raise InvalidInput(f"{holds} {source.size:,} bytes; at most {size:,} are allowed.")


NO_LIMITS = SourceLimits()


class _Counted(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, source: ImportSource) -> None:
        self._raw = raw
        self._source = source

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._raw.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._raw.seek(offset, whence)

    def readinto(self, buffer: Any) -> int | None:
        count = self._raw.readinto(buffer)
        self._source.bytes_read += count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Zstandard(io.RawIOBase):
    """The bytes of a file that is compressed with Zstandard. Raises `InvalidInput` where pyarrow is not installed."""

    def __init__(self, stored: io.BufferedReader[Any], name: str) -> None:
        try:
            from pyarrow import input_stream
        except ImportError as error:
            fix = "install pyarrow where imports run (pip install 'recgate[feeds]'), or compress it with gzip"
            raise InvalidInput(f"{name} is compressed with Zstandard: {fix}.") from error
        self._stream, self._name = input_stream(stored, compression="zstd"), name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return int(self._stream.readinto(buffer))
        except OSError as error:
            raise InvalidInput(f"{self._name}: the Zstandard data is broken ({error}); compress it again.") from error


def open_source(
    location: str,
    *,
    allow_file_urls: bool,
    limits: SourceLimits = NO_LIMITS,
    depth: Depth = "flat",
    left_out: Callable[[SourceFile], bool] | None = None,
    nowhere: str = NOWHERE,
) -> ImportSource:
    """The files at a location, listed but not yet read. `left_out` is asked of each, in the order of their paths.

    Raises `InvalidInput`, whose text begins with `nowhere` where the location is wrong.
    """
    scheme, separator, rest = location.partition("://")
    if not separator or scheme not in ("s3", "file"):
        raise InvalidInput(f"{nowhere} {location} is neither s3://bucket/key nor file:///path.")
    if scheme == "file" and not allow_file_urls:
        raise InvalidInput(
            f"{nowhere} {location}: file:// locations are switched off; set RECGATE_ALLOW_FILE_URLS=1 to allow them."
        )
    with as_invalid_input(location, nowhere):
        listed = _on_disk(unquote(rest), depth, nowhere) if scheme == "file" else _in_s3(rest, depth, nowhere)
        wanted = listed if left_out is None else filterfalse(left_out, listed)
        some = islice(wanted, None if limits.max_files is None else limits.max_files + 1)
        source = ImportSource(location, tuple(sorted(some, key=lambda file: (file.name, file.path))), nowhere)
    if not source.files:
        begins = (
            ": there is nothing of that name, and nothing that begins so" if depth == "prefix" else " holds no files"
        )
        raise InvalidInput(f"{nowhere} {location}{begins}.")
    limits.check(source)
    return source


def _hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def _is_hidden_below(path: str, stem: str) -> bool:
    """The file that a prefix leads to, or a folder on the way, is hidden. A first part that a `stem` names is not."""
    parts = path.split("/")
    return any(map(_hidden, parts[1:] if stem else parts))


# ---- disk


def _on_disk(path: str, depth: Depth, nowhere: str) -> Iterable[SourceFile]:
    if not path.startswith("/"):
        raise InvalidInput(f"{nowhere} file://{path}: write file:///path, with three slashes.")
    place = Path(path)
    if place.is_file() and not path.endswith("/"):
        return [_disk_file(place, place.name)]
    if depth == "prefix":
        return _beginning_on_disk(path)
    if place.is_dir() != path.endswith("/"):
        fix = "end a folder with '/'" if place.is_dir() else "there is no such folder"
        raise InvalidInput(f"{nowhere} file://{path}: {fix}.")
    if not place.is_dir():
        raise InvalidInput(f"{nowhere} file://{path}: there is no such file.")
    return (
        _disk_file(file, file.relative_to(place).as_posix())
        for file in place.glob("**/*" if depth == "deep" else "*")
        if file.is_file() and not _hidden(file.name)
    )


def _beginning_on_disk(path: str) -> Iterator[SourceFile]:
    folder, _, stem = path.rpartition("/")
    base = Path(folder or "/")
    for entry in sorted(base.iterdir()) if base.is_dir() else ():
        if not entry.name.startswith(stem):
            continue
        for file in (entry,) if entry.is_file() else sorted(entry.glob("**/*")):
            below = file.relative_to(base).as_posix()
            if file.is_file() and not _is_hidden_below(below, stem):
                yield _disk_file(file, below)


def _disk_file(path: Path, below: str) -> SourceFile:
    status = path.stat()
    stamp = f"{status.st_mtime_ns}-{status.st_ino}"
    return SourceFile(path.name, status.st_size, lambda: io.FileIO(path), below, stamp, status.st_mtime)


# ---- S3


def _in_s3(rest: str, depth: Depth, nowhere: str) -> Iterable[SourceFile]:
    bucket, separator, key = rest.partition("/")
    if not bucket or not separator:
        raise InvalidInput(f"{nowhere} s3://{rest} has no key; write s3://bucket/key, or s3://bucket/folder/.")
    client = s3_client()
    if key and not key.endswith("/"):
        try:
            head = client.head_object(Bucket=bucket, Key=key)
            return [_s3_file(client, bucket, key, head["ContentLength"], head["ETag"], key.rpartition("/")[2])]
        except client.exceptions.ClientError as error:
            if depth != "prefix" or error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise
    return _listed_in_s3(client, bucket, key, depth)


def _listed_in_s3(client: Any, bucket: str, key: str, depth: Depth) -> Iterator[SourceFile]:
    level = {"Delimiter": "/"} if depth == "flat" else {}
    base, stem = (key[: key.rfind("/") + 1], key.rpartition("/")[2]) if depth == "prefix" else (key, "")
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, **level):
        for entry in page.get("Contents", ()):
            name, below = entry["Key"].rpartition("/")[2], entry["Key"].removeprefix(base)
            hidden = _is_hidden_below(below, stem) if depth == "prefix" else _hidden(name)
            if name and not hidden:
                yield _s3_file(client, bucket, entry["Key"], entry["Size"], entry["ETag"], below)


def _s3_file(client: Any, bucket: str, key: str, size: int, etag: str, below: str) -> SourceFile:
    def open_at(offset: int) -> Any:
        wanted = {"Range": f"bytes={offset}-"} if offset else {}
        return client.get_object(Bucket=bucket, Key=key, IfMatch=etag, **wanted)["Body"]

    return SourceFile(key.rpartition("/")[2], size, lambda: _Resumed(open_at), below, etag)


class _Resumed(io.RawIOBase):
    """An object's bytes; where the connection breaks, reading goes on from there, as long as each try gets further."""

    def __init__(self, open_at: Callable[[int], Any]) -> None:
        self._open_at = open_at
        self._offset = 0
        self._body = open_at(0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        try:
            data = self._body.read(len(buffer))
        except (HTTPClientError, IncompleteReadError):
            self._body.close()
            self._body = self._open_at(self._offset)
            data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        self._offset += len(data)
        return len(data)

    def close(self) -> None:
        self._body.close()
        super().close()


# ---- errors


@contextmanager
def as_invalid_input(location: str, nowhere: str = NOWHERE) -> Iterator[None]:
    """Every failure of a disk or of S3 becomes `InvalidInput`; `nowhere` says what is wrong with most locations."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InvalidInput(f"{nowhere} {location}: the gzip data is broken ({error}); compress it again.") from error
    except PermissionError as error:
        raise InvalidInput(f"{nowhere} {location}: not open to this server ({error.strerror}).") from error
    except Exception as error:
        if not type(error).__module__.startswith("botocore."):  # asking the module, not the class, imports nothing
            raise
        response = getattr(error, "response", None) or {}
        code = response.get("Error", {}).get("Code", type(error).__name__)
        text, fix = _S3_ERRORS.get(code, (NOWHERE, f"{error}; {_S3_FIX}"))
        raise InvalidInput(f"{nowhere if text == NOWHERE else text} {location}: {fix}.") from error
