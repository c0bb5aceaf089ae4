"""A snapshot as it lies on disk: written once into a folder, renamed into place, memory-mapped by every process.

Beside the snapshot it keeps what the next one needs: which rows were streamed, and when (a FULL import replaces only
the others, specification §2.4), and which sessions belong to which users.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import NO_IDS, Longs, load_array, load_columns, missing, save_columns, stack
from engine.data.snapshot import Snapshot, snapshot_of
from engine.data.vocab import EMPTY_NAMES, Names
from engine.storage.artifact_store import ArtifactStore
from engine.storage.folders import read_json

Flags = NDArray[np.bool_]
_ROWS = ("indptr", "items", "times", "types", "values")
_OURS = ("arrived", "item_put", "user_put", "impressions")
NO_IMPRESSIONS: Longs = np.zeros((0, 2), np.int64)


@dataclass(frozen=True)
class Stored:
    snapshot: Snapshot
    arrived: Longs  # (n,) the log's sequence number of an interaction that came by PutEvents, 0 of an imported one
    item_put: Flags  # (items,) rows that came by PutItems
    user_put: Flags  # (users,)
    impressions: Longs = field(default_factory=lambda: NO_IMPRESSIONS)  # (items or fewer, 2) imported, and streamed
    links: dict[str, str] = field(default_factory=dict)  # session -> user
    link_seqs: dict[str, int] = field(default_factory=dict)  # session -> the last log record with both
    seq: int = 0  # the last log record in it
    actions: Stored | None = None  # the same of actions, which are its items; its users are those of the whole


_NO_TIMES, _NO_FLAGS = np.zeros(0, np.int64), np.zeros(0, np.bool_)
_NOTHING = snapshot_of(NO_IDS, NO_IDS, _NO_TIMES, item_names=EMPTY_NAMES, user_names=EMPTY_NAMES, event_types=())
EMPTY = Stored(_NOTHING, _NO_TIMES, _NO_FLAGS, _NO_FLAGS)


def save(stored: Stored, store: ArtifactStore, path: str) -> None:
    with store.whole(path) as partial:
        _write(stored, partial)
        _save_names(stored.snapshot.user_names, partial, "user_names")
        if stored.actions is not None:
            (partial / "actions").mkdir()
            _write(stored.actions, partial / "actions")


def _write(stored: Stored, folder: Path) -> None:
    snapshot = stored.snapshot
    for source, parts in ((snapshot, _ROWS), (stored, _OURS)):
        for part in parts:
            np.save(folder / f"{part}.npy", getattr(source, part), allow_pickle=False)
    _save_names(snapshot.item_names, folder, "item_names")
    save_columns(folder / "items", snapshot.item_columns)
    save_columns(folder / "users", snapshot.user_columns)
    save_columns(folder / "interactions", snapshot.interaction_columns)
    about: dict[str, object] = {"event_types": list(snapshot.event_types), "links": stored.links, "seq": stored.seq}
    about["link_seqs"] = [stored.link_seqs.get(session, stored.seq) for session in stored.links]
    (folder / "about.json").write_text(json.dumps(about))


def _save_names(names: Sequence[str], folder: Path, stem: str) -> None:
    (names if isinstance(names, Names) else Names.of(names)).save(folder, stem)


def load(folder: Path) -> Stored:
    users, actions = Names.load(folder, "user_names"), folder / "actions"
    return replace(_read(folder, users), actions=_read(actions, users) if actions.exists() else None)


def _read(folder: Path, users: Names) -> Stored:
    about = read_json(folder / "about.json")
    rows: dict[str, Any] = {part: load_array(folder / f"{part}.npy") for part in _ROWS}
    snapshot = Snapshot(
        **rows,
        event_types=tuple(about["event_types"]),
        item_names=Names.load(folder, "item_names"),
        user_names=users,
        item_columns=load_columns(folder / "items"),
        user_columns=load_columns(folder / "users"),
        interaction_columns=load_columns(folder / "interactions"),
    )
    ours: dict[str, Any] = {part: load_array(folder / f"{part}.npy") for part in _OURS}
    links, seqs = about["links"], about.get("link_seqs", ())  # 0.1.0 writes none
    return Stored(snapshot, **ours, links=links, link_seqs=dict(zip(links, seqs, strict=False)), seq=about["seq"])


def without_users(stored: Stored, users: Longs) -> Stored:
    """The snapshot less everything of some users, whose ids stay."""
    snapshot = stored.snapshot
    users = users[users < snapshot.user_count]
    remaining = np.flatnonzero(~np.isin(snapshot.users, users))
    source = np.arange(snapshot.user_count)
    source[users] = snapshot.user_count  # a row of nothing
    columns = {
        name: stack(column, missing(type(column), 1)).take(source) for name, column in snapshot.user_columns.items()
    }
    put = np.array(stored.user_put)
    put[users] = False
    bare = replace(snapshot.take(remaining), user_columns=columns)
    return replace(stored, snapshot=bare, arrived=stored.arrived[remaining], user_put=put)


def without(stored: Stored, dataset_type: str) -> Stored:
    """The snapshot less the data of one dataset; names keep their ids."""
    snapshot = stored.snapshot
    if dataset_type == "ITEMS":
        bare = replace(snapshot, item_columns={})
        return replace(stored, snapshot=bare, item_put=np.zeros_like(stored.item_put))
    if dataset_type == "USERS":
        bare = replace(snapshot, user_columns={})
        return replace(stored, snapshot=bare, user_put=np.zeros_like(stored.user_put))
    if dataset_type == "INTERACTIONS":
        bare = snapshot.take(np.zeros(0, np.int64))
        return replace(stored, snapshot=bare, arrived=stored.arrived[:0], links={}, impressions=NO_IMPRESSIONS)
    return stored
