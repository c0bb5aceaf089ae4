"""Files that operators send for an import: in the store of snapshots and models, so that any worker can read them.

A file is the folder `uploads/UID/TIME-RANDOM` of its dataset group, with that one file in it. Its import names it by a
location, and removes it once it has ended well or was refused; that of one that failed stays a day, to be tried again.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterator
from typing import NamedTuple

from engine.errors import InvalidInput
from engine.storage.artifact_store import ArtifactStore

SCHEME = "recgate://"
KEPT_S = 86_400.0  # how long the file of a failed import stays
_LOCATION = re.compile(r"recgate://(uploads/[\w-]+/[0-9a-f]+-[0-9a-f]+)/(\w[\w.-]*)", re.ASCII)
_TIME = re.compile(r"uploads/[^/]+/\.?([0-9a-f]+)-")


class Upload(NamedTuple):
    path: str
    name: str

    @property
    def location(self) -> str:
        """The place as an import job names it."""
        return f"{SCHEME}{self.path}/{self.name}"


def keep_upload(store: ArtifactStore, uid: str, name: str, body: bytes, now: float) -> Upload:
    """Stores a file for a dataset group. Raises `StorageFault` where the store can't be reached."""
    plain = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII).lstrip("._-")[:60] or "upload.csv"
    upload = Upload(f"uploads/{uid}/{int(now):x}-{secrets.token_hex(8)}", plain)
    with store.whole(upload.path) as folder:
        (folder / plain).write_bytes(body)
    return upload


def upload_at(location: str) -> Upload | None:
    """The upload that a location names; None where it names none."""
    match = _LOCATION.fullmatch(location)
    return None if match is None else Upload(match[1], match[2])


def readable_location(store: ArtifactStore, upload: Upload) -> str:
    """The file:// location of the upload on this machine, brought here where it is not. Raises `InvalidInput` where it
    is gone, `StorageFault` where the store can't be reached."""
    gone = InvalidInput(f"The uploaded file {upload.name} is no longer there: send it again.")
    try:
        file = store.fetch(upload.path) / upload.name
    except FileNotFoundError as error:
        raise gone from error
    if not file.is_file():
        raise gone
    return file.resolve().as_uri()


def old_uploads(paths: Collection[str], used: Collection[str], now: float) -> Iterator[str]:
    """Of these paths those that no import needs any more, be they half written."""
    for path in paths:
        match = _TIME.match(path)
        if path not in used and (match is None or int(match[1], 16) < now - KEPT_S):
            yield path
