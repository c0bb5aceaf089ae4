"""Arrays come back as they were stored, and damaged files say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.data.columns import Array, load_array
from engine.errors import Damaged

ARRAYS = {
    "numbers": np.arange(5),
    "rows": np.arange(12, dtype=np.float32).reshape(3, 4),
    "by columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "empty": np.zeros((0, 3), np.float32),
    "one": np.array(3.5),
    "words": np.array(["a", "bcd"]),
    "bits": np.zeros((2, 3, 4), bool),
    "a long head": np.zeros(2, [(f"column{number}", int) for number in range(20)]),
    "a later format": np.zeros(2, [("ø", int)]),
}


@pytest.mark.filterwarnings("ignore:Stored array in format 3.0")
@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_comes_back(tmp_path: Path, name: str) -> None:
    array: Array = ARRAYS[name]
    np.save(tmp_path / "a.npy", array)
    found = load_array(tmp_path / "a.npy")
    np.testing.assert_array_equal(found, array, strict=True)
    assert type(found) is np.ndarray and found.flags.f_contiguous == array.flags.f_contiguous
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r") if found.size and name != "a later format" else found
    assert found.flags.writeable == mapped.flags.writeable


def test_a_file_that_ends_too_soon_is_damaged(tmp_path: Path) -> None:
    np.save(tmp_path / "whole.npy", np.arange(3))
    raw, file = (tmp_path / "whole.npy").read_bytes(), tmp_path / "a.npy"
    for size in range(len(raw)):
        file.write_bytes(raw[:size])
        with pytest.raises(Damaged, match=r"a\.npy is damaged"):
            load_array(file)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("}", "{"), ("'descr'", "b'desc'"), ("(3,)", "(4,)"), ("<i8", "|O8"), ("<i8", "<x8"), ("NUMPY", "numpy")],
)
def test_a_damaged_head_is_no_array(tmp_path: Path, right: str, wrong: str) -> None:
    file = tmp_path / "a.npy"
    np.save(file, np.arange(3))
    file.write_bytes(file.read_bytes().replace(right.encode(), wrong.encode()))
    with pytest.raises(Damaged):
        load_array(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_array(tmp_path / "a.npy")
