"""Names and their integer ids: append-only, so that an id once given never means another name.

`Names` is the frozen part, memory-mapped, found by a sorted table of 64-bit hashes (no dictionary of a million
strings in every worker); `Vocab` is one `Names` and what has been added since.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Array, Ints, Longs, MappedNames, Texts, load_array, offsets_of

NOBODY = "\0"  # the name of an id whose name was forgotten
REMEMBERED = 8_192  # names found lately, about 1 MB
STRINGS = 100_000  # names of the frozen part kept as strings: about 10 MB
_PARTS = ("offsets", "blob", "hashes", "order")


class Names(MappedNames):
    """Frozen: id -> name by offsets (n+1,) into a UTF-8 blob, name -> id by sorted hashes (n,) and their order (n,)."""

    def __init__(self, offsets: Longs, blob: NDArray[np.uint8], hashes: NDArray[np.uint64], order: Ints) -> None:
        super().__init__(Texts(offsets, blob))
        self.offsets, self.blob, self.hashes, self.order = offsets, blob, hashes, order
        self._lately: dict[str, int] = {}  # most events are of few items, and a user's come in runs

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        raw = [name.encode() for name in names]
        offsets = offsets_of([len(piece) for piece in raw])
        hashes = np.fromiter((_hash(piece) for piece in raw), np.uint64, len(raw))
        return cls(offsets, np.frombuffer(b"".join(raw), np.uint8), *_sorted(hashes, np.arange(len(raw))))

    def followed_by(self, names: Iterable[str]) -> Names:
        """These names with more at the end, which must be new."""
        more = Names.of(names)
        return Names(
            np.concatenate((self.offsets, self.offsets[-1] + more.offsets[1:])),
            np.concatenate((self.blob, more.blob)),
            *_sorted(np.concatenate((self.hashes, more.hashes)), np.concatenate((self.order, more.order + len(self)))),
        )

    def find(self, name: str) -> int:
        """The id of a name, -1 where there is none."""
        index = self._lately.get(name)
        if index is None:
            if len(self._lately) >= REMEMBERED:
                self._lately = {}
            self._lately[name] = index = self._look_up(name)
        return index

    def _look_up(self, name: str) -> int:
        raw = name.encode()
        wanted = np.uint64(_hash(raw))
        place = int(self.hashes.searchsorted(wanted))
        while place < len(self.hashes) and self.hashes[place] == wanted:
            index = int(self.order[place])
            if self.texts.raw(index) == raw:
                return index
            place += 1
        return -1

    def find_many(self, names: Sequence[str]) -> Longs:
        """(n,) the id of each name, -1 where there is none; in a fraction of the time of each alone."""
        ids = np.full(len(names), -1, np.int64)
        if not len(self):
            return ids
        raw = [name.encode() for name in names]
        wanted = np.fromiter(map(_hash, raw), np.uint64, len(raw))
        places = self.hashes.searchsorted(wanted).clip(max=len(self) - 1)
        found = np.flatnonzero(self.hashes[places] == wanted)
        ids[found] = self.order[places[found]]
        own, asked = self.texts.take(ids[found]), Texts.joined([raw[at] for at in found.tolist()])
        if not (np.array_equal(own.offsets, asked.offsets) and np.array_equal(own.blob, asked.blob)):
            ids[found] = [self._look_up(names[at]) for at in found.tolist()]  # two names have one hash
        return ids

    def save(self, folder: Path, stem: str) -> None:
        for part in _PARTS:
            np.save(folder / f"{stem}.{part}.npy", getattr(self, part), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, stem: str) -> Names:
        return cls(*(load_array(folder / f"{stem}.{part}.npy") for part in _PARTS))


class Vocab:
    """A `Names` that grows. Adding is for one thread; finding is for all."""

    def __init__(self, base: Names) -> None:
        self.base = base
        self._added: list[str] = []
        self._ids: dict[str, int] = {}
        self._forgotten: set[int] = set()  # ids in the base that mean nobody any more
        self._strings: dict[int, str] = {}  # names of the base that were asked for

    def __len__(self) -> int:
        return len(self.base) + len(self._added)

    def find(self, name: str) -> int:
        """The id of a name, -1 where there is none."""
        index = self._ids.get(name, -1)
        if index < 0:
            index = self.base.find(name)
        return -1 if index in self._forgotten else index

    def add(self, name: str) -> int:
        """The id of a name, a new one at the end where there was none."""
        index = self._ids.get(name)
        return self._added_id(name, self.base.find(name)) if index is None else index

    def add_many(self, names: Sequence[str]) -> Ints:
        """(n,) the id of each name, new ones in this order; in a fraction of the time of each alone."""
        pairs, known = zip(names, self.base.find_many(names).tolist(), strict=True), self._ids
        ids = (known[name] if name in known else self._added_id(name, index) for name, index in pairs)
        return np.fromiter(ids, np.int32, len(names))

    def _added_id(self, name: str, index: int) -> int:
        """The id of a name that was not added yet, and has this id in the base."""
        if index >= 0 and index not in self._forgotten:
            return index
        self._added.append(name)
        self._ids[name] = index = len(self) - 1
        return index

    def forget(self, name: str) -> None:
        """Forget a name; its id stays without one, and the name gets another id should it come again."""
        index = self.find(name)
        if self._ids.pop(name, None) is not None:
            self._added[index - len(self.base)] = NOBODY
        elif index >= 0:
            self._forgotten.add(index)

    def name(self, index: int) -> str:
        if index in self._forgotten:
            return NOBODY
        name = self._strings.get(index)
        if name is not None:
            return name
        if index >= len(self.base):
            return self._added[index - len(self.base)]
        if len(self._strings) >= STRINGS:
            self._strings = {}
        name = self._strings[index] = self.base[index]
        return name

    def names(self, ids: Array) -> list[str]:
        if self._forgotten:
            return [self.name(index) for index in ids.tolist()]
        string_of = self._strings.get
        return [string_of(index) or self.name(index) for index in ids.tolist()]

    def frozen(self) -> Names:
        base = Names.of(map(self.name, range(len(self.base)))) if self._forgotten else self.base
        return base.followed_by(self._added) if self._added else base


def _sorted(hashes: NDArray[np.uint64], ids: Array) -> tuple[NDArray[np.uint64], Ints]:
    order = np.argsort(hashes, kind="stable")
    return hashes[order], ids[order].astype(np.int32)


def _hash(raw: bytes) -> int:
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "little")


EMPTY_NAMES = Names.of(())
