"""Snapshots and models in a bucket: uploaded file by file, there once their manifest is; each machine maps a copy.

- The manifest is put last and never replaced: of two that write the same folder, the first one counts. So a copy never
  has to be compared with the bucket again, and what is here can be mapped while the bucket is out of reach.
- A copy is fetched by its manifest, checked file by file by its hash, and renamed into place.
- A file that the folder's base has is not uploaded again; the manifest names the base's.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.errors import Damaged, InvalidInput, StorageFault
from engine.storage.artifact_store import DEPTHS, PARTS, ArtifactStore, local_paths
from engine.storage.folders import whole
from engine.storage.manifest import MANIFEST, Manifest, ManifestFile, decoded, described
from engine.storage.s3 import s3_client

log = logging.getLogger(__name__)

PATIENCE_S, RETRY_S = 300.0, 2.0  # of what was made and is to be published
KEEP_S = 1800.0  # since a copy was last used; whoever answers from one says so more often, see `trim`
AT_ONCE = 1000  # objects that one request deletes
# a dead endpoint is given up after about ten seconds: jobs and the fetcher try again by themselves
OPTIONS = {
    "connect_timeout": 3,
    "read_timeout": 15,
    "retries": {"mode": "standard", "total_max_attempts": 3},
    "max_pool_connections": 16,
    "response_checksum_validation": "when_required",  # hashes of our own are checked
}
FIXES = {
    "NoSuchBucket": "make the bucket, or name another",
    "AccessDenied": "let these credentials get, put, delete and list objects there",
    "NoCredentialsError": "give credentials by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or by a role",
}
USUAL_FIX = "check RECGATE_STORAGE_URL and the endpoint (AWS_ENDPOINT_URL_S3)"
CLIENTS = ("botocore", "boto3", "s3transfer", "urllib3")  # whose errors are S3's


class _Overtaken(Exception):
    """Another has published the folder meanwhile."""


def bucket_and_prefix(url: str) -> tuple[str, str]:
    """The parts of `s3://BUCKET/PREFIX`. Raises `InvalidInput` for any other URL."""
    scheme, _, rest = url.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket or not bucket.replace("-", "").replace(".", "").isalnum() or "?" in prefix:
        raise InvalidInput(
            f"RECGATE_STORAGE_URL is {url!r}; write s3://BUCKET/PREFIX, or leave it out for the data directory."
        )
    return bucket, prefix.strip("/")


class S3Store:
    def __init__(self, url: str, data_dir: Path, cache_bytes: int, clock: Callable[[], float]) -> None:
        self.url = url
        self._bucket, prefix = bucket_and_prefix(url)
        self._prefix = f"{prefix}/" if prefix else ""
        self._data_dir, self._cache_bytes, self._clock = data_dir, cache_bytes, clock
        self._made_client: Any = None
        self._making = threading.Lock()

    # ---- what others call

    def local(self, path: str) -> Path | None:
        folder = self._data_dir / path
        return folder if (folder / MANIFEST).is_file() else None

    def fetch(self, path: str) -> Path:
        folder = self.local(path)
        if folder is None:
            return self._download(path)
        with suppress(FileNotFoundError):
            os.utime(folder / MANIFEST)
        return folder

    @contextmanager
    def whole(self, path: str, base: str = "") -> Iterator[Path]:
        try:
            with whole(self._data_dir / path) as partial:
                yield partial
                self._publish_patiently(partial, path, base)
        except _Overtaken:
            self.fetch(path)

    def remove(self, path: str) -> None:
        """The manifest goes first, so nobody sees half a folder. Files that another folder's manifest names stay."""
        with self._as_faults():
            shared, keys = self._shared(path), list(self._keys(path))
            self._delete(key for key in keys if key.endswith(f"/{MANIFEST}"))
            self._delete(key for key in keys if not key.endswith(f"/{MANIFEST}") and key not in shared)
        shutil.rmtree(self._data_dir / path, ignore_errors=True)

    def paths(self, below: str) -> list[str]:
        parts = DEPTHS[below.partition("/")[0]]
        with self._as_faults():
            return sorted({"/".join(key.split("/")[:parts]) for key in self._keys(below)})

    def trim(self, used: Collection[str]) -> None:
        """Copies that are gone from the bucket go, and the least recently used ones beyond the cache's size. Those that
        are `used`, by whichever process of this machine said so last, stay."""
        stored = {path for kind in PARTS for path in self.paths(kind)}
        copies = {path: _Copy.of(self._data_dir / path) for kind in PARTS for path in local_paths(self._data_dir, kind)}
        for path in used:
            with suppress(FileNotFoundError):
                os.utime(self._data_dir / path / MANIFEST)
        total = sum(copy.size for copy in copies.values())
        idle = {path: copy for path, copy in copies.items() if path not in used and self._is_idle(copy)}
        for path, copy in sorted(idle.items(), key=lambda each: each[1].used_at):
            if path not in stored or total > self._cache_bytes:
                shutil.rmtree(self._data_dir / path, ignore_errors=True)
                total -= copy.size

    def check_copy(self, path: str) -> None:
        """Raises `Damaged` where a file of this machine's copy is not what was written."""
        folder = self.local(path)
        for each in () if folder is None else decoded((folder / MANIFEST).read_bytes(), f"{folder}/{MANIFEST}").files:
            try:
                each.check(self._data_dir / path, f"{folder}/{each.name}")
            except Damaged as error:
                raise Damaged(f"{error}; delete {folder}, and it is fetched again") from error

    @contextmanager
    def examined(self) -> Iterator[ArtifactStore]:
        with tempfile.TemporaryDirectory() as folder:
            yield _Examined(self, Path(folder))

    # ---- up

    def _publish_patiently(self, partial: Path, path: str, base: str) -> None:
        """Wait for a storage that is away: what is to be published may have been hours in the making."""
        began = time.monotonic()
        while True:
            try:
                return self._publish(partial, path, base)
            except StorageFault as fault:
                if fault.lasting or time.monotonic() - began > PATIENCE_S:
                    raise
                log.warning("%s is not published yet, it is tried again: %s", path, fault)
            time.sleep(RETRY_S)

    def _publish(self, partial: Path, path: str, base: str) -> None:
        earlier = self._copied(base) if base else None
        files = [file for file in sorted(partial.rglob("*")) if file.is_file()]
        manifest = Manifest(tuple(described(file, partial, path, earlier) for file in files))
        with self._as_faults():
            there = set(self._keys(path))  # what an interrupted upload has left
            missing = [each for each in manifest.files if each.at == path and each.key not in there]
            with self._transfers() as transfers:
                sent = [
                    transfers.upload(str(partial / each.name), self._bucket, self._prefix + each.key)
                    for each in missing
                ]
                for each in sent:
                    each.result()
            self._put_manifest(path, manifest)
        (partial / MANIFEST).write_bytes(manifest.encoded())

    def _put_manifest(self, path: str, manifest: Manifest) -> None:
        """Raises `_Overtaken` where there is another one."""
        key = f"{self._prefix}{path}/{MANIFEST}"
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=manifest.encoded(), IfNoneMatch="*")
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "412"):
                raise
            if self._manifest(path) != manifest:  # else it was ours, of which we did not hear
                raise _Overtaken from error

    # ---- down

    def _download(self, path: str) -> Path:
        with self._turn():
            folder = self.local(path)
            if folder is not None:  # another process was first
                return folder
            with whole(self._data_dir / path) as partial, self._as_faults():
                manifest = self._manifest(path)
                wanted = [each for each in manifest.files if not self._is_linked(each, partial)]
                with self._transfers() as transfers:
                    coming = [(each, self._download_file(transfers, each, partial)) for each in wanted]
                    for each, future in coming:
                        self._received(path, each, future)
                for each in manifest.files:
                    each.check(partial, self._name(each.key))
                (partial / MANIFEST).write_bytes(manifest.encoded())
        return self._data_dir / path

    def _is_linked(self, file: ManifestFile, partial: Path) -> bool:
        """A file that lies here with another copy becomes one of this copy, too."""
        target, copied = partial / file.name, self._copied(file.at)
        target.parent.mkdir(parents=True, exist_ok=True)
        if copied is None or file not in copied.files:
            return False
        with suppress(OSError):
            target.hardlink_to(self._data_dir / file.at / file.name)
        return target.exists()

    def _download_file(self, transfers: Any, file: ManifestFile, partial: Path) -> Any:
        return transfers.download(self._bucket, self._prefix + file.key, str(partial / file.name))

    def _received(self, path: str, file: ManifestFile, future: Any) -> None:
        try:
            future.result()
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
                raise
            self._manifest(path)  # which is gone where the folder was removed meanwhile
            raise Damaged(f"{self._name(file.key)} is damaged: it is missing, and its manifest is there") from error

    def _manifest(self, path: str) -> Manifest:
        """Raises `FileNotFoundError` where there is none."""
        key = f"{path}/{MANIFEST}"
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()
        except self._client.exceptions.NoSuchKey as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._name(key)) from error
        return decoded(body, self._name(key))

    def _copied(self, path: str) -> Manifest | None:
        """The manifest of this machine's copy; None where it has none."""
        with suppress(OSError, Damaged):
            return decoded((self._data_dir / path / MANIFEST).read_bytes(), path)
        return None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One process of the machine fetches at a time; the others find what it has fetched."""
        folder = self._data_dir / "run"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "fetch.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # ---- objects

    def _keys(self, below: str) -> Iterator[str]:
        """The keys of all objects below a path, without the prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}{below}/"
        )
        for page in pages:
            for entry in page.get("Contents", ()):
                yield entry["Key"].removeprefix(self._prefix)

    def _shared(self, path: str) -> set[str]:
        """The keys of a model's files that models beside it name as theirs."""
        if len(path.split("/")) < PARTS["models"]:
            return set()
        others = {key.rpartition("/")[0] for key in self._keys(path.rpartition("/")[0]) if key.endswith(f"/{MANIFEST}")}
        return {file.key for other in others - {path} for file in self._files(other) if file.at == path}

    def _files(self, path: str) -> tuple[ManifestFile, ...]:
        """The files of a folder; none where it is gone meanwhile, or nobody can read it."""
        with suppress(FileNotFoundError, Damaged):
            return self._manifest(path).files
        return ()

    def _delete(self, keys: Iterable[str]) -> None:
        objects = [{"Key": self._prefix + key} for key in keys]
        for start in range(0, len(objects), AT_ONCE):
            part = {"Objects": objects[start : start + AT_ONCE], "Quiet": True}
            for refused in self._client.delete_objects(Bucket=self._bucket, Delete=part).get("Errors", ()):
                name = self._name(refused["Key"].removeprefix(self._prefix))
                raise StorageFault(f"{name} can't be deleted: {refused['Code']} {refused.get('Message', '')}")

    def _name(self, key: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{key}"

    @property
    def _client(self) -> Any:
        with self._making:
            if self._made_client is None:
                self._made_client = s3_client(**OPTIONS)
            return self._made_client

    def _transfers(self) -> Any:
        """Transfers of many files, and of the parts of large ones, side by side."""
        from s3transfer.manager import TransferConfig, TransferManager

        return TransferManager(self._client, TransferConfig(max_request_concurrency=OPTIONS["max_pool_connections"]))

    @contextmanager
    def _as_faults(self) -> Iterator[None]:
        """Every failure of S3 becomes a `StorageFault`."""
        try:
            yield
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in CLIENTS:
                raise
            response = getattr(error, "response", None) or {}
            code = response.get("Error", {}).get("Code", type(error).__name__)
            message = f"the storage {self._name('')} can't be used: {error}; {FIXES.get(code, USUAL_FIX)}"
            raise StorageFault(message, lasting=code in FIXES) from error

    def _is_idle(self, copy: _Copy) -> bool:
        return self._clock() - copy.used_at > KEEP_S


class _Examined(S3Store):
    """Fetches everything anew, after a look at the copy that is here."""

    def __init__(self, store: S3Store, folder: Path) -> None:
        super().__init__(store.url, folder, 0, time.time)
        self._store = store

    def fetch(self, path: str) -> Path:
        self._store.check_copy(path)
        return super().fetch(path)


class _Copy:
    """A folder of the data directory: its bytes, and when it was last written or used."""

    def __init__(self, size: int, used_at: float) -> None:
        self.size, self.used_at = size, used_at

    @classmethod
    def of(cls, folder: Path) -> _Copy:
        size, used_at = 0, 0.0
        for each in (folder, *folder.rglob("*")):
            with suppress(FileNotFoundError):  # a process is writing it
                status = each.stat()
                size, used_at = size + status.st_size, max(used_at, status.st_mtime)
        return cls(size, used_at)
