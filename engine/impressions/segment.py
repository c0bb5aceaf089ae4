"""One file of shown answers: frames one after another, appended by one process, and once it is full an index beside it.

A frame is the length of its body, the key of its name (both little-endian, 4 and 8 bytes), and the body. What a killed
process left of its last frame is passed over. The index is (n, 2) uint64: keys ascending, and where their frames are.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

HEAD = struct.Struct("<IQ")
Index = NDArray[np.uint64]


class ShownAnswer(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One answer. `propensities` are as long as `items`, or empty where every item was certain to be shown."""

    name: str  # the recommendationId
    at: float  # epoch seconds
    group: str  # the dataset group's uid
    source: str  # ARN of the campaign or recommender
    model: str
    user: str | None
    items: tuple[str, ...]
    propensities: tuple[float, ...] = ()
    filter: str | None = None  # as it was asked for
    expression: str | None = None
    filter_values: dict[str, str] = {}


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(ShownAnswer).decode


def key_of(name: str) -> int:
    """The last 62 bits of the UUID, which are random or a hash."""
    return int(name[23:27] + name[28:], 16)


class SegmentWriter:
    """A segment that this process appends to. The lock on it says that its writer lives."""

    def __init__(self, path: Path, began: float) -> None:
        self.path, self.began, self.size = path, began, 0
        self._file = path.open("ab", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def append(self, answers: list[ShownAnswer]) -> None:
        parts: list[bytes] = []
        for shown in answers:
            body = encode(shown)
            parts += (HEAD.pack(len(body), key_of(shown.name)), body)
        data = b"".join(parts)
        self._file.write(data)
        self.size += len(data)

    def close(self) -> None:
        """Closes the segment and writes its index: nothing more is appended."""
        with closing(self._file), suppress(FileNotFoundError):  # another process found it too old
            write_index(self.path)

    def abandon(self) -> None:
        """Closes the segment: a failed write may have left half a frame, after which nothing would be found."""
        self._file.close()


class SegmentReader:
    """A segment as any process finds it; one that is still appended to is scanned from where the last scan ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._index: Index | None = None
        self._places: dict[int, int] = {}
        self._scanned = 0

    def find(self, name: str) -> ShownAnswer | None:
        key = key_of(name)
        for place in self._candidates(key):
            shown = self._at(place)
            if shown.name == name:
                return shown
        return None

    def all(self) -> Iterator[ShownAnswer]:
        with self.path.open("rb") as file:
            data = file.read()
        for _, place, length in frames(data):
            yield decode(data[place + HEAD.size : place + HEAD.size + length])

    def _candidates(self, key: int) -> list[int]:
        if self._index is None:
            self._index = _index_of(self.path)
        if self._index is None:
            self._scan()
            return [self._places[key]] if key in self._places else []
        self._places = {}
        first, last = (int(self._index[:, 0].searchsorted(np.uint64(key), side)) for side in ("left", "right"))
        return [int(place) for place in self._index[first:last, 1]]

    def _scan(self) -> None:
        with self.path.open("rb") as file:
            file.seek(self._scanned)
            data = file.read()
        end = 0
        for key, place, length in frames(data):
            self._places[key] = self._scanned + place
            end = place + HEAD.size + length
        self._scanned += end

    def _at(self, place: int) -> ShownAnswer:
        with self.path.open("rb") as file:
            file.seek(place)
            length, _ = HEAD.unpack(file.read(HEAD.size))
            return decode(file.read(length))


def frames(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Key, place and length of body of every whole frame."""
    place = 0
    while place + HEAD.size <= len(data):
        length, key = HEAD.unpack_from(data, place)
        if place + HEAD.size + length > len(data):
            return
        yield key, place, length
        place += HEAD.size + length


def index_path(segment: Path) -> Path:
    return segment.with_suffix(".npy")


def write_index(segment: Path) -> None:
    data = segment.read_bytes()
    rows = np.array([(key, place) for key, place, _ in frames(data)], np.uint64).reshape(-1, 2)
    partial = segment.with_suffix(f".{os.getpid()}")
    with partial.open("wb") as file:
        np.save(file, rows[np.argsort(rows[:, 0], kind="stable")], allow_pickle=False)
    partial.rename(index_path(segment))


def index_left_open(segment: Path) -> None:
    """Close what a process that is no more left open."""
    with segment.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        write_index(segment)


def _index_of(segment: Path) -> Index | None:
    path = index_path(segment)
    if not path.exists():
        return None
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)) if path.stat().st_size > 128 else None
