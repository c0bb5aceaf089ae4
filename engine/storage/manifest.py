"""The manifest of a stored folder: its files with their sizes and hashes. A folder is there once its manifest is."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

import msgspec

from engine.errors import Damaged

MANIFEST = "manifest.json"
FORMAT = 1


class ManifestFile(msgspec.Struct, frozen=True):
    name: str  # with / between its parts
    size: int
    sha256: str
    at: str  # the path of the folder that it was uploaded with: this one, or the one that this was made from

    @property
    def key(self) -> str:
        """The object's key below the storage's prefix: other content has another, so none is ever overwritten."""
        return f"{self.at}/{self.sha256}/{self.name}"

    def check(self, folder: Path, source: str) -> None:
        """Raises `Damaged` where the file in a folder is not this one; `source` names where it comes from."""
        path = folder / self.name
        size = path.stat().st_size if path.is_file() else -1
        if size != self.size:
            found = "it is missing" if size < 0 else f"it has {size:,} bytes"
            raise Damaged(f"{source} is damaged: {found}, where {self.size:,} were written")
        sha256 = sha256_of(path)
        if sha256 != self.sha256:
            raise Damaged(f"{source} is damaged: its SHA-256 is {sha256}, where {self.sha256} was written")


class Manifest(msgspec.Struct, frozen=True):
    files: tuple[ManifestFile, ...]
    format: int = FORMAT

    def encoded(self) -> bytes:
        return msgspec.json.encode(self)


def decoded(data: bytes, source: str) -> Manifest:
    """Raises `Damaged` where it is no manifest, or one of a later format."""
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise Damaged(f"{source} is damaged: {error}") from error
    if manifest.format != FORMAT:
        raise Damaged(f"{source} has the format {manifest.format}, which a later release wrote: upgrade this one")
    for each in manifest.files:
        parts = PurePosixPath(each.name).parts
        if not parts or ".." in parts or parts[0] == "/":
            raise Damaged(f"{source} is damaged: no file is called {each.name!r}")
    return manifest


def described(file: Path, folder: Path, path: str, base: Manifest | None) -> ManifestFile:
    """A file of a folder of that path. One that the folder's base has is that of the base."""
    name, sha256 = file.relative_to(folder).as_posix(), sha256_of(file)
    for each in () if base is None else base.files:
        if (each.name, each.sha256) == (name, sha256):
            return each
    return ManifestFile(name, file.stat().st_size, sha256, path)


def sha256_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
