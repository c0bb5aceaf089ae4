"""The store of snapshots and models: folders of arrays, each written whole, memory-mapped by every process.

A path is `groups/UID/SNAPSHOT`, `models/UID/SOLUTION/VERSION` or, of a file that waits to be imported,
`uploads/UID/UPLOAD`. Whatever keeps the folders, processes map them below the data directory.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from engine.storage.folders import whole

PARTS = {"groups": 3, "models": 4, "uploads": 3}  # of a path, by its first
DEPTHS = {**PARTS, "backups": 2, "databases": 2}  # with those that only places of backups have


class ArtifactStore(Protocol):
    def local(self, path: str) -> Path | None:
        """The folder to map; None where it must be fetched first."""

    def fetch(self, path: str) -> Path:
        """The folder to map, brought here where it is not. Raises `FileNotFoundError`, `Damaged` or `StorageFault`."""

    def whole(self, path: str, base: str = "") -> AbstractContextManager[Path]:
        """A folder to write into, which is there whole when the block ends well. `base` is a path whose files it may
        share."""

    def remove(self, path: str) -> None:
        """Removes a folder, or all folders below a path; a process that maps one keeps its pages."""

    def paths(self, below: str) -> list[str]:
        """The paths below "groups", "models", "uploads" or a longer path, also of what is half written."""

    def trim(self, used: Collection[str]) -> None:
        """Forgets local copies that nothing uses."""

    def examined(self) -> AbstractContextManager[ArtifactStore]:
        """The same, which reads and checks everything anew, and leaves what is here as it is."""


class FolderStore:
    """The data directory itself: nothing is ever copied."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def local(self, path: str) -> Path:
        return self._data_dir / path

    fetch = local

    def whole(self, path: str, base: str = "") -> AbstractContextManager[Path]:
        return whole(self._data_dir / path)

    def remove(self, path: str) -> None:
        shutil.rmtree(self._data_dir / path, ignore_errors=True)

    def paths(self, below: str) -> list[str]:
        return local_paths(self._data_dir, below)

    def trim(self, used: Collection[str]) -> None:
        """Nothing: there are no copies."""

    def examined(self) -> AbstractContextManager[ArtifactStore]:
        return nullcontext(self)


def open_artifacts(url: str, data_dir: Path, cache_bytes: int, clock: Callable[[], float]) -> ArtifactStore:
    """The store of a URL; of none, the data directory. Raises `InvalidInput` for a URL that is none of a bucket."""
    if not url:
        return FolderStore(data_dir)
    from engine.storage.s3_store import S3Store  # where no bucket is named nothing of it is loaded

    return S3Store(url, data_dir, cache_bytes, clock)


def local_paths(data_dir: Path, below: str) -> list[str]:
    """The paths of folders of a data directory."""
    kind, *given = below.split("/")
    deeper = "/".join("*" * (DEPTHS[kind] - len(given) - 1))
    return [folder.relative_to(data_dir).as_posix() for folder in (data_dir / below).glob(deeper)]
