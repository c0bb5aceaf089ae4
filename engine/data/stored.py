"""A snapshot as it lies on disk: written once into a folder, renamed into place, memory-mapped by every process.

Beside the snapshot it keeps what the next one needs: which rows were streamed (a FULL import replaces only the
others, specification §2.4) and which sessions belong to which users.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import load_array, load_columns, save_columns
from engine.data.snapshot import Snapshot
from engine.data.vocab import EMPTY_NAMES, Names

Flags = NDArray[np.bool_]
_ROWS = ("indptr", "items", "times", "types", "values")


@dataclass(frozen=True)
class Stored:
    snapshot: Snapshot
    streamed: Flags  # (n,) interactions that came by PutEvents
    item_put: Flags  # (items,) rows that came by PutItems
    user_put: Flags  # (users,)
    links: dict[str, str] = field(default_factory=dict)  # session -> user
    seq: int = 0  # the last log record in it


def _empty() -> Stored:
    none = np.zeros(0, np.int32)
    snapshot = Snapshot(
        indptr=np.zeros(1, np.int64),
        items=none,
        times=np.zeros(0, np.int64),
        types=none,
        values=np.zeros(0, np.float32),
        event_types=(),
        item_names=EMPTY_NAMES,
        user_names=EMPTY_NAMES,
    )
    flags = np.zeros(0, np.bool_)
    return Stored(snapshot, flags, flags, flags)


EMPTY = _empty()


def save(stored: Stored, folder: Path) -> None:
    """Write `folder` whole or not at all; it must not exist yet."""
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    snapshot = stored.snapshot
    for part in _ROWS:
        np.save(partial / f"{part}.npy", getattr(snapshot, part), allow_pickle=False)
    for part in ("streamed", "item_put", "user_put"):
        np.save(partial / f"{part}.npy", getattr(stored, part), allow_pickle=False)
    for stem, names in (("item_names", snapshot.item_names), ("user_names", snapshot.user_names)):
        (names if isinstance(names, Names) else Names.of(names)).save(partial, stem)
    save_columns(partial / "items", snapshot.item_columns)
    save_columns(partial / "users", snapshot.user_columns)
    about = {"event_types": list(snapshot.event_types), "links": stored.links, "seq": stored.seq}
    (partial / "about.json").write_text(json.dumps(about))
    _sync(partial)
    partial.rename(folder)


def load(folder: Path) -> Stored:
    about = json.loads((folder / "about.json").read_text())
    snapshot = Snapshot(
        **{part: load_array(folder / f"{part}.npy") for part in _ROWS},
        event_types=tuple(about["event_types"]),
        item_names=Names.load(folder, "item_names"),
        user_names=Names.load(folder, "user_names"),
        item_columns=load_columns(folder / "items"),
        user_columns=load_columns(folder / "users"),
    )
    streamed, item_put, user_put = (load_array(folder / f"{part}.npy") for part in ("streamed", "item_put", "user_put"))
    return Stored(snapshot, streamed, item_put, user_put, links=about["links"], seq=about["seq"])


def _sync(folder: Path) -> None:
    """A crash after the database names this folder must find it whole."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
