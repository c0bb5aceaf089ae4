"""The shown log: what is added can be found by every process, for as long as is said and no longer."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from engine import Question
from engine.impressions import shown_log
from engine.impressions.ids import named
from engine.impressions.segment import ShownAnswer, index_path
from engine.impressions.shown_log import ShownLog
from tests.engine.shop import Clock, Shop

Open = Callable[..., ShownLog]


def answer(number: int, items: tuple[str, ...] = ("i1", "i2"), at: float = 1.0) -> ShownAnswer:
    name = named("arn:campaign/home", str(uuid.UUID(int=number * 7919, version=4)))
    return ShownAnswer(name, at, "g", "arn:campaign/home", "m/1", "u", items, (1.0, 0.25)[: len(items)])


def find(log: ShownLog, name: str) -> ShownAnswer | None:
    return log.find([name]).get(name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_log(tmp_path: Path, clock: Clock) -> Iterator[Open]:
    opened: list[ShownLog] = []
    numbers = count()

    def open_one(keep_s: float = 3600.0, most_bytes: int = 10**9) -> ShownLog:
        made = ShownLog(tmp_path, clock, lambda: f"{next(numbers):04}", keep_s=keep_s, most_bytes=most_bytes)
        opened.append(made)
        return made

    yield open_one
    for each in opened:
        each.close()


def test_what_one_process_shows_another_finds_and_so_does_one_after_a_restart(open_log: Open):
    one, other = open_log(), open_log()
    for number in range(3):
        one.add(answer(number))
    other.add(answer(3))
    assert find(one, answer(2).name) == answer(2)
    one.flush()
    assert find(other, answer(0).name) == answer(0)
    one.add(answer(4))
    one.flush()
    assert find(other, answer(4).name) == answer(4)  # of a segment that has grown meanwhile
    other.flush()
    assert find(one, answer(3).name) == answer(3)
    one.close()
    assert [find(open_log(), answer(number).name) for number in range(5)] == [answer(n) for n in range(5)]
    assert {shown.name for shown in other.all()} == {answer(n).name for n in range(5)}


def test_what_was_never_shown_is_not_found(open_log: Open):
    log = open_log()
    log.add(answer(1))
    assert find(log, answer(2).name) is None and find(log, "RID-1") is None


def test_a_killed_process_leaves_all_but_its_last_words(open_log: Open, tmp_path: Path):
    (torn,) = _segment_of(open_log(), 2, tmp_path)
    torn.write_bytes(torn.read_bytes()[:-3])
    other = open_log()
    assert find(other, answer(0).name) == answer(0) and find(other, answer(1).name) is None
    other.add(answer(7))
    other.flush()
    assert find(other, answer(0).name) == answer(0)


def _segment_of(log: ShownLog, answers: int, folder: Path) -> list[Path]:
    for number in range(answers):
        log.add(answer(number))
    log.close()
    for index in folder.glob("*.npy"):
        index.unlink()
    return list(folder.glob("*.log"))


def test_what_was_left_open_is_indexed_by_the_next_who_writes(open_log: Open, tmp_path: Path):
    (left,) = _segment_of(open_log(), 3, tmp_path)
    alive, other = open_log(), open_log()
    for number, log in enumerate((alive, other), 10):
        log.add(answer(number))
        log.flush()
    assert index_path(left).exists()
    assert sum(1 for path in tmp_path.glob("*.log") if not index_path(path).exists()) == 2  # theirs: they live


def test_old_segments_leave(open_log: Open, clock: Clock, tmp_path: Path):
    log = open_log(keep_s=2400.0)
    for number in range(40):  # a segment lives for 100 s
        log.add(answer(number))
        log.flush()
        clock.now += 101
    kept = [number for number in range(40) if find(log, answer(number).name) is not None]
    assert kept == list(range(kept[0], 40)) and 24 <= len(kept) <= 27
    assert len(list(tmp_path.glob("*.npy"))) == len(kept) - 1


def test_a_segment_that_another_process_found_too_old_does_not_stop_its_writer(open_log: Open, clock: Clock):
    idle, busy = open_log(keep_s=2400.0), open_log(keep_s=2400.0)
    idle.add(answer(0))
    idle.flush()
    clock.now += 5000
    busy.add(answer(1))
    busy.flush()
    idle.add(answer(2))
    idle.flush()
    assert [find(busy, answer(number).name) is not None for number in range(3)] == [False, True, True]


def test_after_a_write_that_failed_others_are_found(open_log: Open, monkeypatch: pytest.MonkeyPatch):
    log = open_log()
    log.add(answer(0))
    log.flush()
    assert log._segment is not None
    file = log._segment._file

    class Full:
        def write(self, data: bytes) -> None:
            file.write(data[:-5])
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            file.close()

    monkeypatch.setattr(log._segment, "_file", Full())
    log.add(answer(1))
    with pytest.raises(OSError, match="No space"):
        log.flush()
    log.add(answer(2))
    assert log.lost == 1
    assert [find(log, answer(number).name) is not None for number in range(3)] == [True, False, True]


def test_no_more_disk_than_allowed(open_log: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shown_log, "SEGMENT_BYTES", 1000)
    log = open_log(most_bytes=5000)
    for number in range(200):
        log.add(answer(number))
        log.flush()
    assert sum(path.stat().st_size for path in tmp_path.glob("*.log")) < 7000
    assert find(log, answer(199).name) and find(log, answer(0).name) is None


def test_no_more_memory_than_allowed(open_log: Open, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shown_log, "MOST_WAITING", 10)
    log = open_log()
    for number in range(15):
        log.add(answer(number))
    assert log.lost == 5 and find(log, answer(9).name) is not None and find(log, answer(10).name) is None


def test_adding_costs_microseconds(open_log: Open):
    log = open_log()
    log.start()
    items, rounds = tuple(f"item-{n}" for n in range(25)), 5000
    answers = [answer(number, items) for number in range(rounds)]
    began = time.perf_counter()
    for each in answers:
        log.add(each)
    assert (time.perf_counter() - began) / rounds < 20e-6


def test_every_answer_of_the_engine_is_remembered(open_shop: Callable[..., Shop]):
    shop = open_shop().furnish()
    shop.load_clicks("u i1 1", "v i1 2", "u i2 2")
    campaign = shop.deploy(shop.train())
    ranked = shop.engine.answers.recommend(Question(campaign="home", user="u"))
    other = open_shop().engine
    shop.engine.shown.flush()
    found = find(other.shown, ranked.recommendation_id)
    assert found is not None
    assert (found.source, found.items, found.user, found.group) == (campaign, ("i1", "i2"), "u", shop.uid)
