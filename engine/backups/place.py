"""A place of backups, a folder or `s3://BUCKET/PREFIX`, and what is in it.

Folders are below it as in a data directory, and each is there once, whatever number of backups name it. A database is
`databases/NAME`. A backup is `backups/NAME`, which is written last.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from engine.errors import Damaged, InvalidInput
from engine.storage.artifact_store import PARTS, ArtifactStore, FolderStore, open_artifacts
from engine.storage.manifest import ManifestFile

FORMAT = 1
DATABASE = "recgate.db"


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    taken_at: float  # epoch seconds: everything acknowledged by then is in it
    seq: int  # of the last log record in it
    database: tuple[ManifestFile, ...]
    folders: Mapping[str, tuple[ManifestFile, ...]]  # snapshots and models, by their paths
    format: int = FORMAT

    @property
    def size(self) -> int:
        return sum(each.size for files in (self.database, *self.folders.values()) for each in files)

    @property
    def time(self) -> str:
        return in_words(self.taken_at)


def in_words(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


class BackupPlace:
    def __init__(self, place: str, work: Path) -> None:
        """`work`: a folder for copies on the way. Raises `InvalidInput` where it can't be a place."""
        if "://" in place and not place.startswith("s3://"):
            raise InvalidInput(f"{place} is no place of backups; name a folder or s3://BUCKET/PREFIX")
        self._work = work
        self.name = place if "://" in place else str(Path(place).resolve())
        self.is_remote = "://" in place
        self.store: ArtifactStore = (
            open_artifacts(place, work, 0, time.time) if self.is_remote else FolderStore(Path(place).resolve())
        )

    def backups(self) -> list[Backup]:
        """All that are whole, the oldest first."""
        paths = [path for path in self.store.paths("backups") if not path.split("/")[1].startswith(".")]
        return sorted(map(self._read, paths), key=lambda backup: backup.taken_at)

    def folders(self) -> set[str]:
        return {path for kind in PARTS for path in self.store.paths(kind)}

    def add(self, backup: Backup) -> None:
        with self.store.whole(f"backups/{backup.name}") as folder:
            (folder / "backup.json").write_bytes(msgspec.json.encode(backup))

    def keep(self, most: int) -> Sequence[Backup]:
        """Removes all but the newest backups, and the folders that only they name; returns those removed."""
        everything = self.backups()
        removed, left = everything[:-most], everything[-most:]
        for backup in removed:
            self.store.remove(f"backups/{backup.name}")
            self.store.remove(f"databases/{backup.name}")
        named = {path for backup in left for path in backup.folders}
        for path in {path for backup in removed for path in backup.folders} - named:
            self.store.remove(path)
        return removed

    def release(self, path: str) -> None:
        """Lets the copy on the way go."""
        if self.is_remote:
            shutil.rmtree(self._work / path, ignore_errors=True)

    def _read(self, path: str) -> Backup:
        file = self.store.fetch(path) / "backup.json"
        try:
            backup = msgspec.json.decode(file.read_bytes(), type=Backup)
        except (OSError, msgspec.DecodeError) as error:
            raise Damaged(f"{self.name}/{path} is damaged: {error}") from error
        if backup.format != FORMAT:
            raise Damaged(f"{self.name}/{path} has the format {backup.format}: a later release wrote it, use that")
        return backup
