"""JSON Lines become a table: `python -m gateway.localdb.build PLACE NAMESPACE FOLDER`, for whoever finds them changed.

A process of its own and of low priority, so that a million lines hold up no request; a lock, so that of all workers who
notice, one builds. A table is renamed into place whole, and the tables before it are removed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import msgspec

import engine

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.gzip")
NOWHERE = "No item metadata:"
LONGEST_LINE = 1024 * 1024
LONGEST_ID = 256
REFUSED = 3  # the exit status where the reason is on stderr
SETTINGS = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;"
TABLE = "CREATE TABLE items (id TEXT PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID"

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])  # numbers stay as they are written
_whole = msgspec.json.Decoder()
_id = msgspec.json.Decoder(str | int)


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


def table_at(folder: Path, fingerprint: str) -> Path:
    return folder / f"{fingerprint}.db"


def build(place: str, namespace: str, folder: Path) -> None:
    """The table of what lies there now, unless there is one. Raises `engine.InvalidInput`, naming file and line."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        files = table_files(place, namespace)
        target = table_at(folder, files.fingerprint)
        if target.exists():
            return
        for old in folder.glob("*.partial"):
            old.unlink()
        whole = write(files, folder)
        if table_files(place, namespace).fingerprint != files.fingerprint:
            raise engine.InvalidInput(f"{files.source.location} changed while it was read.")
        whole.replace(target)
        for old in folder.glob("*.db"):
            if old != target:
                old.unlink()


def write(files: TableFiles, folder: Path) -> Path:
    """Write a table of all lines. The last line of an item counts."""
    loose, whole = folder / "loose.partial", folder / "whole.partial"
    with closing(sqlite3.connect(loose, isolation_level=None)) as table:
        table.executescript(f"{SETTINGS} {TABLE}; BEGIN")
        table.executemany("INSERT OR REPLACE INTO items VALUES (?, ?)", rows(files))
        table.execute("COMMIT")
        table.execute("VACUUM INTO ?", (str(whole),))  # its pages are full, a seventh fewer
    loose.unlink()
    return whole


def rows(files: TableFiles) -> Iterator[tuple[str, bytes]]:
    for file in files.files:
        with files.source.open(file) as lines:
            for number, line in enumerate(iter(lambda: lines.readline(LONGEST_LINE + 1), b""), 1):
                row = row_of(line.removeprefix(b"\xef\xbb\xbf"), f"{file.path} line {number}")
                if row is not None:
                    yield row


def row_of(line: bytes, where: str) -> tuple[str, bytes] | None:
    """The id, and the other fields as JSON; None for a blank line and an empty object."""
    if len(line) > LONGEST_LINE:
        raise engine.InvalidInput(f"{where}: is over {LONGEST_LINE} bytes")
    if not line.strip():
        return None
    try:
        _whole.decode(line)  # in full once, so that no reader ever meets a row that can't be decoded
        fields = _fields.decode(line)
        if not fields:
            return None
        item = str(_id.decode(fields.pop("id")))
    except KeyError as error:
        raise engine.InvalidInput(f"{where}: has no 'id'") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise engine.InvalidInput(
            f"{where}: is no JSON object with an 'id' that is a text: {engine.in_words(error)}"
        ) from error
    if not 1 <= len(item) <= LONGEST_ID:
        raise engine.InvalidInput(f"{where}: 'id' has 1 to {LONGEST_ID} characters, not {len(item)}")
    return item, msgspec.json.encode(fields)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gateway.localdb.build", description=__doc__)
    parser.add_argument("place")
    parser.add_argument("namespace")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    os.nice(10)
    try:
        build(options.place, options.namespace, options.folder)
    except engine.InvalidInput as error:
        print(error, file=sys.stderr)
        raise SystemExit(REFUSED) from error


if __name__ == "__main__":
    main()
