"""Files that no reader understands: recognising them, and telling what to do with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.data.schema import plain

START = 4096  # bytes of the first line that are looked at

_EXPORT = "export it as CSV"
_UTF8 = "save it as UTF-8 (in a spreadsheet: CSV UTF-8)"
_UNPACK = "unpack it; of compressed files gzip and Zstandard are read"
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (  # first bytes, what it is, what to do
    (b"ORC", "an ORC file", _EXPORT),
    (b"Obj\x01", "an Avro file", _EXPORT),
    (b"ARROW1", "an Arrow (Feather) file", _EXPORT),
    (b"SQLite format 3\0", "an SQLite database", "export the table as CSV"),
    (b"\x89HDF", "an HDF5 file", _EXPORT),
    (b"%PDF", "a PDF", _EXPORT),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (xls)", "save it as CSV UTF-8"),
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet (xlsx)", "unpack it, or save the sheet as CSV UTF-8"),
    (b"BZh", "compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ\0", "compressed with xz", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"\xff\xfe\0\0", "UTF-32", _UTF8),
    (b"\0\0\xfe\xff", "UTF-32", _UTF8),
    (b"\xff\xfe", "UTF-16", _UTF8),
    (b"\xfe\xff", "UTF-16", _UTF8),
)
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def foreign_format(start: bytes) -> str | None:
    """Words that follow a file's name: its format by its first bytes, and what to do with it. None: it may be CSV."""
    for signature, name, fix in _SIGNATURES:
        if start.startswith(signature) and not (signature.isalpha() and is_word(start, len(signature))):
            return f"is {name}: {fix}"
    if b"\0" in start[:200]:
        wide = start[:200].count(b"\0") >= len(start[:200]) // 3
        return f"is UTF-16 without a byte order mark: {_UTF8}" if wide else f"is binary, no text: {_EXPORT}"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"[":
        return "is JSON: write it as JSON Lines, each record as one object on a line of its own"
    if text[:1] == b"<":
        return f"is HTML or XML: {_EXPORT}"
    return None


def is_word(start: bytes, length: int) -> bool:
    """The signature is the beginning of a header's name, as ORC is of ORCHARD."""
    return start[length : length + 1].isalpha() or start[length : length + 1] in b",_\r\n"


def separator_problem(names: Sequence[str]) -> str | None:
    """The separator, other than a comma, that makes several names of a header of one; None where there is none."""
    if len(names) != 1:
        return None
    name = names[0]
    mark = max(_SEPARATORS, key=name.count)
    if not name.count(mark):
        return None
    return f"is separated by {_SEPARATORS[mark]} ({mark!r}): separate it by commas, and quote texts that hold one"


def header_hint(names: Sequence[str], file: str, wanted: Iterable[str]) -> str:
    """A guess at what a header that lacks columns is: nothing at all, or the first row of data. It ends with a stop."""
    columns = list(wanted)
    if not any(names):
        return f"{file} is empty, or its first line is."
    row = ",".join(names)
    shown = row[:100] + ("…" if len(row) > 100 else "")
    if {plain(name) for name in names} & {plain(name) for name in columns}:
        return f"The header of {file} is {shown!r}."
    return (
        f"The first line of {file}, {shown!r}, names none of the columns: if it is data, write a header line above it,"
        f" such as {','.join(columns)}; if it is a header, rename its columns."
    )
