from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.data import stored
from engine.data.columns import Labels, Numbers, Tags, Texts, column_of
from engine.data.snapshot import snapshot_of
from engine.data.stored import EMPTY, Stored
from engine.storage.artifact_store import FolderStore
from engine.storage.folders import whole


@pytest.fixture
def sample() -> Stored:
    snapshot = snapshot_of(
        np.array([1, 0, 1], np.int32),
        np.array([0, 1, 1], np.int32),
        np.array([30, 20, 10], np.int64),
        item_names=["a", "ä b"],
        user_names=["u", "v", "quiet"],
        types=np.array([0, 1, 0], np.int32),
        values=np.array([1.5, np.nan, 2.0], np.float32),
        event_types=("click", "buy"),
        item_columns={
            "YEAR": column_of(Numbers, [1999, None]),
            "OWNER": column_of(Labels, ["x", None]),
            "GENRES": column_of(Tags, ["war|drama", None]),
            "TEXT": column_of(Texts, [None, "long ä"]),
        },
        user_columns={"TIER": column_of(Labels, [None, "gold", None])},
        interaction_columns={
            "DEVICE": column_of(Tags, ["tv|phone", None, "tv"]),
            "RECOMMENDATION_ID": column_of(Texts, ["r1", None, None]),
            "DEPTH": column_of(Numbers, [1, 2, 3]),
        },
    )
    return Stored(
        snapshot,
        arrived=np.array([7, 0, 9], np.int64),
        item_put=np.array([True, False]),
        user_put=np.array([False, True, False]),
        links={"s": "v"},
        seq=12,
    )


def told(one: Stored) -> dict[str, object]:
    s = one.snapshot
    rows = {name: getattr(s, name).tolist() for name in ("indptr", "items", "times", "types")}
    columns = {
        name: [column.get(row) for row in range(len(column))]
        for columns in (s.item_columns, s.user_columns, s.interaction_columns)
        for name, column in columns.items()
    }
    flags = {name: getattr(one, name).tolist() for name in ("arrived", "item_put", "user_put")}
    names = {"items named": list(s.item_names), "users named": list(s.user_names), "types": list(s.event_types)}
    return {**rows, **columns, **flags, **names, "values": repr(s.values.tolist()), "rest": (one.links, one.seq)}


def test_a_stored_snapshot_is_the_same(sample: Stored, tmp_path: Path):
    stored.save(sample, FolderStore(tmp_path), "groups/one")
    assert told(stored.load(tmp_path / "groups" / "one")) == told(sample)


def test_an_empty_one_too(tmp_path: Path):
    stored.save(EMPTY, FolderStore(tmp_path), "none")
    assert told(stored.load(tmp_path / "none")) == told(EMPTY)


def test_rows_are_by_user_and_time(sample: Stored):
    items, times = sample.snapshot.history(1)
    assert (items.tolist(), times.tolist()) == ([1, 0], [10, 30])
    assert sample.snapshot.users.tolist() == [0, 1, 1]
    columns = sample.snapshot.interaction_columns
    assert [columns["DEPTH"].get(row) for row in range(3)] == [2, 3, 1]
    assert [columns["DEVICE"].get(row) for row in range(3)] == [None, "tv", "tv|phone"]


def test_columns_go_with_their_rows(sample: Stored):
    for rows in (np.array([True, False, True]), np.array([0, 2])):
        kept = sample.snapshot.take(rows)
        assert (kept.indptr.tolist(), kept.times.tolist(), kept.types.tolist()) == ([0, 1, 2, 2], [20, 30], [1, 0])
        assert [kept.interaction_columns["DEPTH"].get(row) for row in range(2)] == [2, 1]
        assert [kept.interaction_columns["RECOMMENDATION_ID"].get(row) for row in range(2)] == [None, "r1"]
        assert kept.item_columns is sample.snapshot.item_columns
    less = stored.without_users(sample, np.array([0])).snapshot
    assert [less.interaction_columns["DEVICE"].get(row) for row in range(2)] == ["tv", "tv|phone"]


@pytest.mark.parametrize("kind", ["INTERACTIONS", "ITEMS", "USERS", "ACTIONS"])
def test_without_one_dataset_the_rest_stays(sample: Stored, kind: str):
    bare = stored.without(sample, kind)
    s = bare.snapshot
    assert (len(s.items) == 0) == (kind == "INTERACTIONS") == (bare.links == {}) == (len(bare.arrived) == 0)
    assert (not s.item_columns) == (kind == "ITEMS") == (not bare.item_put.any())
    assert (not s.user_columns) == (kind == "USERS") == (not bare.user_put.any())
    assert (s.item_names, s.user_names, bare.seq) == (sample.snapshot.item_names, sample.snapshot.user_names, 12)
    assert len(s.users) == len(s.items)
    assert all(len(column) == len(s.items) for column in s.interaction_columns.values())


# ---- folders that are there whole or not at all


def test_a_folder_that_fails_leaves_the_earlier_one(sample: Stored, tmp_path: Path):
    stored.save(sample, FolderStore(tmp_path), "one")
    broken = replace(sample, links={"s": object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        stored.save(broken, FolderStore(tmp_path), "one")
    assert told(stored.load(tmp_path / "one")) == told(sample)
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_nobody_sees_a_folder_before_it_is_whole(tmp_path: Path):
    with whole(tmp_path / "deep" / "one") as partial:
        (partial / "file").write_text("x")
        assert not (tmp_path / "deep" / "one").exists()
    assert (tmp_path / "deep" / "one" / "file").read_text() == "x"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["one"]


def test_what_a_killed_process_left_is_no_obstacle(tmp_path: Path):
    with whole(tmp_path / "one") as partial:
        name = partial.name
        (partial / "file").write_text("new")
    (tmp_path / name).mkdir()
    (tmp_path / name / "half").write_text("")
    with whole(tmp_path / "one") as partial:
        (partial / "file").write_text("newer")
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["file"]
