"""Folders written atomically: they are there whole or not at all, whenever the process or the machine stops."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.errors import Damaged


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """Yields a folder to write into; when the block ends it is on disk and takes the place of `folder`."""
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        _sync(*partial.rglob("*"), partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _sync(folder.parent)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file. Raises `FileNotFoundError`, and `Damaged` where it holds anything else."""
    try:
        content = json.loads(path.read_text())
    except ValueError as error:  # which bytes that are no text raise, too
        raise Damaged(f"{path} is damaged: {error}") from error
    if not isinstance(content, dict):
        raise Damaged(f"{path} is damaged: it holds no JSON object")
    return content


def _sync(*paths: Path) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
