"""The columns of a dataset: arrays of one row each, and how they lie on disk.

Every column knows its length, can give one row back as plain Python (`get`), can take rows (`take`) and is stored
as `.npy` files plus one entry of `columns.json`, so that worker processes share its pages by memory map.

| column     | arrays                                         | a row                                  |
| ---------- | ---------------------------------------------- | -------------------------------------- |
| `Numbers`  | values (n,) float64 (NaN missing) or int64     | float, int or None                     |
| `Labels`   | codes (n,) int32 (-1 missing), names           | str or None: one of few strings        |
| `Tags`     | indptr (n+1,) int64, codes (m,) int32, names   | "a|b" or None: several of few strings  |
| `Texts`    | offsets (n+1,) int64, blob (bytes,) uint8      | str or None (empty is missing)         |

Names lie in `columns.json`. Where a column has many, they lie as arrays of `Texts` as well, and `mapped.json` is the
index without them: a worker reads that, and no names but those that it is asked for.
"""

from __future__ import annotations

import io
import json
import math
import mmap
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from tokenize import TokenError
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from engine.errors import Damaged
from engine.storage.folders import read_json

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Array = NDArray[Any]

NO_IDS: Ints = np.zeros(0, np.int32)
MANY = 100_000  # names, which no process holds as strings of its own


@dataclass(frozen=True)
class Numbers:
    values: Array  # (n,) int64, or float64 with NaN for missing

    def __len__(self) -> int:
        return len(self.values)

    def get(self, row: int) -> float | int | None:
        value = self.values[row].item()
        return None if value != value else value

    def take(self, rows: Array) -> Numbers:
        return Numbers(self.values[rows])


@dataclass(frozen=True)
class Labels:
    codes: Ints  # (n,) index into names, -1 for missing
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.codes)

    def get(self, row: int) -> str | None:
        code = self.codes[row]
        return None if code < 0 else self.names[code]

    def take(self, rows: Array) -> Labels:
        return Labels(self.codes[rows], self.names)


@dataclass(frozen=True)
class Tags:
    indptr: Longs  # (n+1,) row i owns codes[indptr[i]:indptr[i+1]]
    codes: Ints  # (m,) index into names
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def get(self, row: int) -> str | None:
        codes = self.codes[self.indptr[row] : self.indptr[row + 1]]
        return "|".join(self.names[code] for code in codes) if len(codes) else None

    def take(self, rows: Array) -> Tags:
        indptr, places = _ragged(self.indptr, rows)
        return Tags(indptr, self.codes[places], self.names)


@dataclass(frozen=True)
class Texts:
    offsets: Longs  # (n+1,) byte offsets into blob
    blob: NDArray[np.uint8]  # UTF-8

    @classmethod
    def of(cls, texts: Iterable[str | None]) -> Texts:
        return cls.joined([(text or "").encode() for text in texts])

    @classmethod
    def joined(cls, raw: Sequence[bytes]) -> Texts:
        return cls(offsets_of([len(piece) for piece in raw]), np.frombuffer(b"".join(raw), np.uint8))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def raw(self, row: int) -> bytes:
        return bytes(self.blob[self.offsets[row] : self.offsets[row + 1]])

    def get(self, row: int) -> str | None:
        return self.raw(row).decode() or None

    def take(self, rows: Array) -> Texts:
        offsets, places = _ragged(self.offsets, rows)
        return Texts(offsets, self.blob[places])


class MappedNames(Sequence[str]):
    """Names that lie in a file, of which a process has only those in memory that it reads."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.texts.raw(index).decode()

    def __iter__(self) -> Iterator[str]:
        blob, offsets = bytes(self.texts.blob), self.texts.offsets.tolist()
        return (blob[start:end].decode() for start, end in pairwise(offsets))


def offsets_of(lengths: Sequence[int] | Array) -> Longs:
    """(n + 1,) where each of n parts of these lengths begins, and the last one ends."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _ragged(indptr: Longs, rows: Array) -> tuple[Longs, Longs]:
    """The `rows`' own indptr and the places of what they own, where row i owns indptr[i]:indptr[i+1] of something."""
    lengths = np.diff(indptr)[rows]
    taken = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return taken, np.repeat(indptr[:-1][rows] - taken[:-1], lengths) + np.arange(taken[-1])


Column = Numbers | Labels | Tags | Texts
_KINDS: dict[str, type[Column]] = {kind.__name__: kind for kind in (Numbers, Labels, Tags, Texts)}


def save_columns(folder: Path, columns: Mapping[str, Column]) -> None:
    """Write every column below `folder` (made if missing)."""
    folder.mkdir(parents=True, exist_ok=True)
    index: dict[str, dict[str, Any]] = {}
    mapped: dict[str, dict[str, Any]] = {}
    for name, column in columns.items():
        parts = [part for part in vars(column) if part != "names"]
        _save_parts(folder, name, column, parts)
        index[name] = mapped[name] = {"kind": type(column).__name__, "parts": parts}
        if isinstance(column, Labels | Tags):
            index[name] = {**index[name], "names": list(column.names)}
            if len(column.names) < MANY:
                mapped[name] = index[name]
            else:
                texts = column.names.texts if isinstance(column.names, MappedNames) else Texts.of(column.names)
                _save_parts(folder, f"{name}.names", texts, _TEXT_PARTS)
    if any("names" in entry and "names" not in mapped[name] for name, entry in index.items()):
        (folder / "mapped.json").write_text(json.dumps(mapped))
    (folder / "columns.json").write_text(json.dumps(index))  # whole, as 0.1.0 reads it


_TEXT_PARTS = ("offsets", "blob")


def _save_parts(folder: Path, stem: str, column: Column, parts: Sequence[str]) -> None:
    for part in parts:
        np.save(folder / f"{stem}.{part}.npy", np.ascontiguousarray(getattr(column, part)), allow_pickle=False)


def load_columns(folder: Path) -> dict[str, Column]:
    """Memory-map what `save_columns` wrote; pages are shared between processes."""
    mapped = folder / "mapped.json"
    index = read_json(mapped if mapped.exists() else folder / "columns.json")
    return {name: _load_column(folder, name, entry) for name, entry in index.items()}


def _load_column(folder: Path, name: str, entry: Mapping[str, Any]) -> Column:
    parts: dict[str, Any] = {part: load_array(folder / f"{name}.{part}.npy") for part in entry["parts"]}
    kind = _KINDS[entry["kind"]]
    if "names" in entry:
        parts["names"] = entry["names"]
    elif kind in (Labels, Tags):
        parts["names"] = MappedNames(Texts(*(load_array(folder / f"{name}.names.{part}.npy") for part in _TEXT_PARTS)))
    return kind(**parts)


_DAMAGES = (OSError, ValueError, EOFError, MemoryError, SyntaxError, TypeError, TokenError)  # numpy's, of odd heads
PLAIN, HEAD = b"\x93NUMPY\x01\x00", 128  # how all but odd arrays begin, and the usual bytes of a head
_one_at_a_time = threading.Lock()  # numpy parses heads by `ast`, which fails at times in two threads (CPython #106905)


def load_array(path: Path) -> Array:
    """A memory-mapped array; an empty file's array (which can't be mapped) is read. Raises `FileNotFoundError`, and
    `Damaged` where the file is no array, or not all of one."""
    try:
        with _one_at_a_time:
            array = _loaded(path)
    except FileNotFoundError:
        raise
    except _DAMAGES as error:
        raise Damaged(f"{path} is damaged: {error}") from error
    return array


def _loaded(path: Path) -> Array:
    """As `np.load` maps it, in a third of the time: few arrays differ in their heads."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        start = 10 + int.from_bytes(head[8:10], "little")
        if head[:8] != PLAIN:
            return np.asarray(np.load(path, allow_pickle=False))
        head += file.read(max(start - HEAD, 0))
        if len(head) < start:
            raise EOFError("it ends in its head")
        shape, by_columns, kind = _described(head[10:start])
        if 0 in shape:
            return np.empty(shape, kind)
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    flat = np.frombuffer(mapped, kind, math.prod(shape), start)
    return flat.reshape(shape, order="F" if by_columns else "C")


@lru_cache(1_000)
def _described(head: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """An array's shape, whether it lies by columns, and of what it is."""
    described: tuple[tuple[int, ...], bool, np.dtype[Any]] = np.lib.format.read_array_header_1_0(
        io.BytesIO(len(head).to_bytes(2, "little") + head)
    )
    return described


def column_of(kind: type[Column], values: Sequence[Any]) -> Column:
    """A column of that kind from one plain value a row, None where there is none."""
    if kind is Numbers:
        return Numbers(np.array([_number(value) for value in values], np.float64))
    if kind is Texts:
        return Texts.of(None if value is None else str(value) for value in values)
    split = [[] if value is None else str(value).split("|") if kind is Tags else [str(value)] for value in values]
    names = list(dict.fromkeys(name for row in split for name in row))
    ids = {name: index for index, name in enumerate(names)}
    if kind is Labels:
        return Labels(np.array([ids[row[0]] if row else -1 for row in split], np.int32), names)
    indptr = offsets_of([len(row) for row in split])
    return Tags(indptr, np.array([ids[name] for row in split for name in row], np.int32), names)


def _number(value: Any) -> float:
    """NaN where there is none, or what another schema's column held is none."""
    try:
        return np.nan if value is None else float(value)
    except ValueError:
        return np.nan


def missing(kind: type[Column], rows: int) -> Column:
    """A column of nothing but missing values."""
    if kind is Numbers:
        return Numbers(np.full(rows, np.nan))
    if kind is Labels:
        return Labels(np.full(rows, -1, np.int32), [])
    nothing = np.zeros(rows + 1, np.int64)
    return Tags(nothing, NO_IDS, []) if kind is Tags else Texts(nothing, np.zeros(0, np.uint8))


def stack(first: Column, second: Column) -> Column:
    """The rows of `first`, then those of `second`, as a column of `second`'s kind (the newer schema's)."""
    if type(first) is not type(second):
        first = column_of(type(second), [first.get(row) for row in range(len(first))])
    if isinstance(first, Numbers) and isinstance(second, Numbers):
        return Numbers(np.concatenate((first.values, second.values)))
    if isinstance(first, Texts) and isinstance(second, Texts):
        offsets = np.concatenate((first.offsets, second.offsets[1:] + first.offsets[-1]))
        return Texts(offsets, np.concatenate((first.blob, second.blob)))
    assert isinstance(first, Labels | Tags) and isinstance(second, Labels | Tags)
    names, codes = _union(first.names, second.names, second.codes)
    codes = np.concatenate((first.codes, codes))
    if isinstance(first, Tags) and isinstance(second, Tags):
        return Tags(np.concatenate((first.indptr, second.indptr[1:] + first.indptr[-1])), codes, names)
    return Labels(codes, names)


def _union(first: Sequence[str], second: Sequence[str], codes: Ints) -> tuple[Sequence[str], Ints]:
    """The names of both, and the codes of the second among them."""
    if not second or not first:
        return first or second, codes  # millions of names may be in one
    ids = {name: index for index, name in enumerate(first)}
    moved = np.array([ids.setdefault(name, len(ids)) for name in second] or [0], np.int32)
    return list(ids), np.where(codes < 0, -1, moved[codes]).astype(np.int32)
