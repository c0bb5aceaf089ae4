"""The files of one snapshot of item metadata: a file, folder or `s3://` prefix of JSON Lines (specification §2.8)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import engine

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.gzip")
NOWHERE = "No item metadata:"


class TableFiles(NamedTuple):
    """`fingerprint` is another one wherever the content may be; `written_at`: epoch seconds of a file's last change."""

    source: engine.ImportSource
    files: tuple[engine.SourceFile, ...]
    fingerprint: str
    written_at: float


def table_files(place: str, namespace: str) -> TableFiles:
    """A namespace's files: those in `import/{namespace}/` below a folder, where there are any, else those in it.
    Raises `engine.InvalidInput` where there are none."""
    source = engine.open_source(url_of(place), allow_file_urls=True, depth="deep", nowhere=NOWHERE)
    lines = [file for file in source.files if file.name.endswith(SUFFIXES)]
    own = f"import/{namespace}/"
    chosen = [file for file in lines if file.path.startswith(own)] or [file for file in lines if "/" not in file.path]
    if not chosen:
        raise engine.InvalidInput(
            f"{NOWHERE} {source.location} holds no file named *.jsonl, *.jsonl.gz or *.jsonl.gzip."
        )
    files = tuple(sorted(chosen, key=lambda file: file.path))
    stamps = "\n".join(f"{file.path}\t{file.size}\t{file.stamp}" for file in files)
    fingerprint = hashlib.blake2b(stamps.encode(), digest_size=12).hexdigest()
    return TableFiles(source, files, fingerprint, max(file.written_at for file in files))


def url_of(place: str) -> str:
    if place.startswith("s3://"):
        return place if place.endswith(("/", *SUFFIXES)) else f"{place}/"
    path = Path(place).resolve()
    return f"file://{quote(str(path))}{'/' if path.is_dir() else ''}"
