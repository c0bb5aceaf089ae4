"""Snapshots and models copied to another storage, while servers go on. What is there already is not copied again."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from engine.backups.in_use import copy_folder, used_paths
from engine.backups.taking import Progress, working_folder
from engine.settings import Settings
from engine.storage.artifact_store import ArtifactStore, FolderStore, open_artifacts
from engine.storage.sql import Database


def relocate_folders(
    settings: Settings, url: str, progress: Progress, clock: Callable[[], float] = time.time
) -> tuple[int, int]:
    """Copies to `s3://BUCKET/PREFIX`, or to the data directory (""), what the records name: how many folders were
    copied, and how many that are.

    Raises `InvalidInput` where the URL is none of a bucket, `Unavailable` where a store can't be reached.
    """
    with working_folder(settings.data_dir) as work, closing(Database(settings.database_url)) as database:
        source = _store(settings, "" if settings.storage_url == url else settings.storage_url, clock)
        target = open_artifacts(url, work, 0, clock) if url else FolderStore(settings.data_dir)
        paths = used_paths(database)
        there = {path for kind in ("groups", "models") for path in target.paths(kind)}
        missing = [path for path in paths if path not in there]
        copied = 0
        for number, path in enumerate(missing):
            progress(number / len(missing), path)
            try:
                copy_folder(source, target, path)
            except FileNotFoundError:  # replaced by a newer one, which the next run copies
                continue
            copied += 1
        progress(1.0, "done")
    return copied, len(paths)


def _store(settings: Settings, url: str, clock: Callable[[], float]) -> ArtifactStore:
    return open_artifacts(url, settings.data_dir, settings.storage_cache_bytes, clock)
