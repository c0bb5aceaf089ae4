"""Inflates bodies that their senders have compressed (RFC 9110 §8.4)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from gateway.errors import Invalid, TooLarge, UnknownEncoding

# zlib's word for the frame around the compressed data: a gzip file, or zlib's own, which HTTP calls deflate
FRAMES = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def inflated(body: bytes, headers: Mapping[str, str], most: int) -> bytes:
    """The body as its sender had it; `headers` are lower-cased, `most` is in bytes. Raises `UnknownEncoding` (415),
    `TooLarge` (413) and `Invalid` (400)."""
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in FRAMES:
        raise UnknownEncoding(f"Content-Encoding is gzip, deflate or identity, not {encoding[:40]!r}")
    try:
        return _inflated(body, FRAMES[encoding], most)
    except (zlib.error, EOFError) as error:
        raise Invalid(
            "InvalidContentEncoding", f"the body is not {encoding}, as Content-Encoding says: {error}"
        ) from error


def _inflated(body: bytes, frame: int, most: int) -> bytes:
    """Inflate one member or more, each after the other."""
    parts: list[bytes] = []
    left = most
    while body:
        member = zlib.decompressobj(frame)
        part = member.decompress(body, left + 1)
        left -= len(part)
        if left < 0:
            raise TooLarge(f"the body is over {most} bytes once it is inflated")
        if not member.eof:
            raise EOFError("it ends too early")
        parts.append(part)
        body = member.unused_data
    return b"".join(parts)
