from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from engine.data.doorbell import BUCKETS, Doorbell, SharedDoorbell, buckets_of


def code_with_the_bell(folder: Path) -> str:
    bell = folder / "bell"
    return f"from pathlib import Path; from engine.data.doorbell import Doorbell; bell = Doorbell(Path({str(bell)!r}));"


def test_a_ring_is_seen_by_all_who_hold_the_page(tmp_path: Path):
    one, other = Doorbell(tmp_path / "bell"), Doorbell(tmp_path / "bell")
    assert (other.last(), other.last_of(b"a")) == (0, 0)
    one.ring([b"a", b"b"], 7)
    assert (other.last(), other.last_of(b"a"), other.last_of(b"b"), other.last_of(b"c")) == (7, 7, 7, 0)


def test_another_process_sees_it_and_opening_clears_nothing(tmp_path: Path):
    bell = Doorbell(tmp_path / "bell")
    bell.ring([b"a"], 7)
    code = code_with_the_bell(tmp_path) + "print(bell.last_of(b'a')); bell.ring([b'b'], 9)"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert said.stdout.strip() == "7"
    assert (bell.last(), bell.last_of(b"b")) == (9, 9)
    assert (tmp_path / "bell").stat().st_size == (BUCKETS + 1) * 8


def test_rings_of_what_was_never_committed_are_taken_back(tmp_path: Path):
    bell = Doorbell(tmp_path / "bell")
    bell.ring([b"a"], 5)
    bell.ring([b"b"], 9)
    bell.take_back(6)
    assert (bell.last(), bell.last_of(b"a"), bell.last_of(b"b")) == (6, 5, 6)


def test_the_state_tells_of_each_ring_even_of_one_that_comes_late(tmp_path: Path):
    now = [0.0]
    bell = SharedDoorbell(tmp_path / "bell", lambda: now[0])
    assert bell.state() == -1
    bell.trust(10.0)
    states = [bell.state()]
    for ring in (
        lambda: bell.ring([b"a"], 5),
        lambda: bell.hear(buckets_of([b"b"]), 9),
        lambda: bell.hear(buckets_of([b"c"]), 8),  # another machine's, which was overtaken
        lambda: bell.hear_all(9),
        lambda: bell.ring([b"a"], 10),
    ):
        ring()
        states.append(bell.state())
    assert states == sorted(set(states)) and bell.state() == states[-1]
    now[0] = 10.0
    assert bell.state() == -1


def test_who_waits_is_woken_by_another_process(tmp_path: Path):
    bell = Doorbell(tmp_path / "bell")
    bell.ring([b"a"], 7)
    waits = "print('waits', flush=True)\nwhile bell.last() == 7: bell.wait(7, 3600.0)\nprint(bell.last())"
    code = code_with_the_bell(tmp_path) + waits
    waiting = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert waiting.stdout is not None and waiting.stdout.readline() == "waits\n"
    bell.ring([b"b"], 9)  # before it sleeps or while it does
    assert waiting.communicate(timeout=60)[0] == "9\n"


def test_nobody_waits_for_what_has_rung_already(tmp_path: Path):
    bell = Doorbell(tmp_path / "bell")
    bell.ring([b"a"], 2**32 + 7)
    bell.wait(7, 3600.0)
    bell.wait(2**32 + 6, 3600.0)
    shared = SharedDoorbell(tmp_path / "bell")
    shared.hear([3], 2**32 + 9)
    shared.wait(2**32 + 7, 3600.0)
