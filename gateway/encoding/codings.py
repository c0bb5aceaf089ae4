"""gzip and Zstandard, each in two parts: an opening that is made once and kept, and an ending of a few bytes.

Experiments end one body in many ways, one for each arm. An ending is stored as it is, so it costs no compression, and
an opening serves all arms.
"""

from __future__ import annotations

import logging
import struct
import sys
import zlib
from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any, NamedTuple

log = logging.getLogger(__name__)

_zstd: Any = None  # None: this Python was built or installed without it
try:
    _zstd = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
except ImportError:
    log.warning("Zstandard is not installed: answers go out by gzip alone")

GZIP_LEVEL, ZSTD_LEVEL = 6, 3
GZIP_FORMAT = 31  # zlib's number of it
LEAST_WINDOW, MOST_WINDOW = 14, 23  # powers of two; RFC 9659 allows no more than the second
LEAST_BODY = 2  # bytes: one for the opening, which is not empty, and one for the ending
LONGEST_ENDING = 1 << LEAST_WINDOW  # bytes: a block of Zstandard is no longer than the window


class Opening(NamedTuple):
    """The coded beginning of a body, and its checksum and length, which gzip writes at the end."""

    coded: bytes
    checksum: int
    length: int


class Coding(ABC):
    """A content coding by its registered name."""

    name: str

    @abstractmethod
    def opening(self, body: bytes | memoryview) -> Opening:
        """The coded form of a beginning of one byte or more."""

    @abstractmethod
    def ending(self, opening: Opening, rest: bytes) -> bytes:
        """The end of a body that goes on with `rest`, which has LONGEST_ENDING bytes at most."""


class Gzip(Coding):
    name = "gzip"

    def opening(self, body: bytes | memoryview) -> Opening:
        packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_FORMAT)
        coded = packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH)  # to a whole byte
        return Opening(coded, zlib.crc32(body), len(body))

    def ending(self, opening: Opening, rest: bytes) -> bytes:
        """One stored block, the last (RFC 1951 §3.2.4), and gzip's trailer (RFC 1952 §2.3.1)."""
        size = len(rest)
        trailer = struct.pack("<II", zlib.crc32(rest, opening.checksum), (opening.length + size) & 0xFFFFFFFF)
        return struct.pack("<BHH", 1, size, size ^ 0xFFFF) + rest + trailer


class Zstandard(Coding):
    name = "zstd"

    def opening(self, body: bytes | memoryview) -> Opening:
        window = min(max(len(body).bit_length(), LEAST_WINDOW), MOST_WINDOW)
        parameter = _zstd.CompressionParameter
        packer = _zstd.ZstdCompressor(options={parameter.compression_level: ZSTD_LEVEL, parameter.window_log: window})
        return Opening(packer.compress(body, packer.FLUSH_BLOCK), 0, len(body))

    def ending(self, opening: Opening, rest: bytes) -> bytes:
        """One raw block, the last (RFC 8878 §3.1.1.2)."""
        return (len(rest) << 3 | 1).to_bytes(3, "little") + rest


GZIP: Coding = Gzip()
CODINGS: tuple[Coding, ...] = (GZIP,) if _zstd is None else (Zstandard(), GZIP)  # what is smaller first
