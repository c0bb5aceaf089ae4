from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from engine.data.vocab import EMPTY_NAMES, Names, Vocab

texts = st.lists(st.text(max_size=12), unique=True, max_size=40)


@given(texts, st.text(max_size=12))
def test_names_find_what_they_hold_and_nothing_else(names: list[str], other: str):
    frozen = Names.of(names)
    assert list(frozen) == names
    assert [frozen.find(name) for name in names] == list(range(len(names)))
    assert frozen.find(other) == (names.index(other) if other in names else -1)


@given(texts, texts)
def test_a_vocab_is_a_list_without_repetitions(base: list[str], added: list[str]):
    vocab = Vocab(Names.of(base))
    expected = list(dict.fromkeys([*base, *added]))
    assert [vocab.add(name) for name in added] == [expected.index(name) for name in added]
    assert [vocab.add(name) for name in added] == [expected.index(name) for name in added]
    assert len(vocab) == len(expected)
    assert vocab.names(np.arange(len(vocab))) == expected


@given(texts, texts, texts)
def test_many_at_once_are_as_each_alone(base: list[str], added: list[str], forgotten: list[str]):
    alone, together = Vocab(Names.of(base)), Vocab(Names.of(base))
    for vocab in (alone, together):
        for name in forgotten:
            vocab.forget(name)
        vocab.add_many(added[:5])
    assert together.add_many(added).tolist() == [alone.add(name) for name in added]
    assert together.names(np.arange(len(together))) == alone.names(np.arange(len(alone)))
    assert together.base.find_many(added).tolist() == [alone.base.find(name) for name in added]


@given(st.lists(texts, max_size=5))
def test_ids_stay_however_often_a_vocab_is_frozen(rounds: list[list[str]]):
    names, expected = EMPTY_NAMES, []
    for added in rounds:
        vocab = Vocab(names)
        for name in added:
            vocab.add(name)
        names = vocab.frozen()
        expected = list(dict.fromkeys([*expected, *added]))
        assert list(names) == expected
        assert [names.find(name) for name in expected] == list(range(len(expected)))


def test_equal_hashes_are_told_apart():
    names = Names.of(["a", "b", "c"])
    names.hashes = np.full(3, names.hashes[names.order.tolist().index(1)])  # all collide with b's
    names.order = np.array([2, 0, 1], np.int32)
    assert names.find("b") == 1
    assert names.find_many(["d", "b"]).tolist() == [-1, 1]


def test_names_on_disk_are_the_same(tmp_path: Path):
    for stem, names in (("some", ["ä", "", "b" * 300]), ("none", [])):
        Names.of(names).save(tmp_path, stem)
        loaded = Names.load(tmp_path, stem)
        assert list(loaded) == names
        assert [loaded.find(name) for name in names] == list(range(len(names)))
        assert loaded.find("missing") == -1


def test_no_name_is_at_a_place_beyond():
    with pytest.raises(IndexError):
        Names.of(["a"])[1]
    assert Names.of(["a", "b"])[0:2] == ["a", "b"]
