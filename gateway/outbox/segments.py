"""Segment files: records in frames of length, checksum and bytes, which end where a crash has torn one."""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

log = logging.getLogger(__name__)

HEAD = struct.Struct(">II")  # length and CRC-32 of what follows
SUFFIX = ".log"


class Position(NamedTuple):
    """A place between two records: a segment's number, and an offset in bytes there."""

    segment: int
    offset: int


START = Position(0, 0)


def frame(data: bytes) -> bytes:
    return HEAD.pack(len(data), zlib.crc32(data)) + data


def path_of(folder: Path, number: int) -> Path:
    return folder / f"{number:012d}{SUFFIX}"


def numbers(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.glob(f"*{SUFFIX}"))


def read(folder: Path, start: Position, end: Position) -> Iterator[tuple[Position, bytes]]:
    """Records from `start` to `end`, each with the position after it."""
    for number in numbers(folder):
        if not start.segment <= number <= end.segment:
            continue
        offset = start.offset if number == start.segment else 0
        limit = end.offset if number == end.segment else None
        with path_of(folder, number).open("rb") as file:
            file.seek(offset)
            yield from _frames(file, number, offset, limit)


def _frames(file: BinaryIO, number: int, offset: int, limit: int | None) -> Iterator[tuple[Position, bytes]]:
    while limit is None or offset < limit:
        head = file.read(HEAD.size)
        if not head:
            return
        length, checksum = HEAD.unpack(head) if len(head) == HEAD.size else (0, 1)
        data = file.read(length)
        if len(data) != length or zlib.crc32(data) != checksum:
            log.warning("%s is torn at byte %d: what follows was never acknowledged", file.name, offset)
            return
        offset += HEAD.size + length
        yield Position(number, offset), data
