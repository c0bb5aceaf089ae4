"""Locates a command's files: paths, folders, globs, `s3://` and `file://` locations, and `-`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

import click

from engine import open_source

STDIN = "-"
GLOB = frozenset("*?[")
LONGEST = 256  # characters of a location that a job may name


@contextmanager
def located(files: Sequence[str], data: Path) -> Iterator[str]:
    """One location that has all the files, read in this order: that of the file or folder itself where it is one, else
    a folder in the data directory that is there for as long.

    Raises `ClickException` for what is nowhere, `InvalidInput` for an `s3://` location that can't be read.
    """
    locations = [location for file in files for location in _expanded(file)]
    if len(locations) == 1 and locations[0] != STDIN and len(locations[0]) <= LONGEST:
        yield locations[0]
        return
    data.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="import-", dir=data.resolve()))
    try:
        _gather(locations, folder)
        yield f"file://{quote(str(folder))}/"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_text(file: str) -> str:
    """A small file's text. Raises `ClickException` or `InvalidInput` where it can't be read."""
    (location, *others) = _expanded(file)
    if others or location.endswith("/"):
        raise click.ClickException(f"{file} is not one file")
    if location == STDIN:
        return sys.stdin.read()
    source = open_source(location, allow_file_urls=True)
    with source.open(source.files[0]) as stream:
        try:
            return stream.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise click.ClickException(f"{file} is not UTF-8 text: {error}") from error


def _expanded(file: str) -> list[str]:
    """The locations that an argument names."""
    if file == STDIN:
        return [STDIN]
    if "://" in file:
        return _matching(file) if file.startswith("s3://") and GLOB & set(file) else [file]
    path = Path(file)
    paths = [path] if path.exists() else sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    if not paths:
        what = "no file matches" if GLOB & set(file) else "there is no file or folder"
        raise click.ClickException(f"{what} {file}")
    return [f"file://{quote(str(path.resolve()))}{'/' if path.is_dir() else ''}" for path in paths]


def _matching(pattern: str) -> list[str]:
    """The objects of a bucket whose key matches; only the part behind the last / may have wildcards."""
    folder, _, name = pattern.rpartition("/")
    if GLOB & set(folder):
        raise click.ClickException(f"{pattern}: only the last part of an s3:// location may have wildcards")
    source = open_source(f"{folder}/", allow_file_urls=False)
    names = [file.name for file in source.files if fnmatchcase(file.name, name)]
    if not names:
        raise click.ClickException(f"no object matches {pattern}")
    return [f"{folder}/{each}" for each in names]


@dataclass(frozen=True)
class _Part:
    name: str
    put: Callable[[Path], object]  # makes the file of that path


def _gather(locations: Sequence[str], folder: Path) -> None:
    """Put the files into the folder, under their own names where these sort them as they are given."""
    parts = [part for location in locations for part in _parts(location)]
    names = [part.name for part in parts]
    plain = names == sorted(set(names)) and not any(name.startswith((".", "_")) for name in names)
    for number, part in enumerate(parts, 1):
        part.put(folder / (part.name if plain else f"{number:04}-{part.name}"))


def _parts(location: str) -> Iterator[_Part]:
    if location == STDIN:
        yield _Part("stdin", partial(_copy, nullcontext(sys.stdin.buffer)))
        return
    source = open_source(location, allow_file_urls=True)
    for file in source.files:
        if location.startswith("file://"):
            path = Path(unquote(location.removeprefix("file://")))
            yield _Part(file.name, partial(_link, path / file.path if location.endswith("/") else path))
        else:
            yield _Part(file.name, partial(_copy, source.open(file)))


def _link(target: Path, to: Path) -> None:
    to.symlink_to(target)


def _copy(opened: AbstractContextManager[BinaryIO], to: Path) -> None:
    with opened as stream, to.open("wb") as copy:
        shutil.copyfileobj(stream, copy)
