from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.recipe import Model
from engine.serving import artifacts
from engine.storage.artifact_store import FolderStore


def test_a_model_on_disk_is_the_same_and_mapped(tmp_path: Path):
    arrays = {
        "weights": np.arange(6, dtype=np.float32).reshape(2, 3).T,  # not contiguous
        "ids": np.array([], np.int32),
        "scalar": np.array(3.5),
    }
    artifacts.save(Model(arrays, {"chosen": {"depth": 2}, "seq": 7}), FolderStore(tmp_path), "deep/model")
    loaded = artifacts.load(tmp_path / "deep" / "model")
    assert loaded.about == {"chosen": {"depth": 2}, "seq": 7}
    assert list(loaded.arrays) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded.arrays[name], array)
        assert loaded.arrays[name].dtype == array.dtype
    with pytest.raises(ValueError, match="read-only"):
        loaded.arrays["weights"][0] = 0


def test_training_again_replaces_and_a_reader_keeps_what_it_has(tmp_path: Path):
    artifacts.save(Model({"a": np.zeros(3), "old": np.zeros(1)}), FolderStore(tmp_path), "model")
    reader = artifacts.load(tmp_path / "model")
    artifacts.save(Model({"a": np.ones(3)}), FolderStore(tmp_path), "model")
    assert reader.arrays["a"].tolist() == [0, 0, 0]
    assert artifacts.load(tmp_path / "model").arrays["a"].tolist() == [1, 1, 1]
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["a.npy", "about.json"]


def test_a_model_that_can_not_be_written_leaves_the_earlier_one(tmp_path: Path):
    artifacts.save(Model({"a": np.ones(3)}), FolderStore(tmp_path), "model")
    with pytest.raises(ValueError, match="allow_pickle"):
        artifacts.save(Model({"a": np.array([object()])}), FolderStore(tmp_path), "model")
    with pytest.raises(TypeError):
        artifacts.save(Model({}, {"what": object()}), FolderStore(tmp_path), "model")
    assert artifacts.load(tmp_path / "model").arrays["a"].tolist() == [1, 1, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_missing_model_is_not_found(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        artifacts.load(tmp_path / "nothing")
