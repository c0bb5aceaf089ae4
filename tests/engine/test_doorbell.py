from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from engine.data.doorbell import BUCKETS, Doorbell


def test_a_ring_is_seen_by_all_who_hold_the_page(tmp_path: Path):
    one, other = Doorbell(tmp_path / "bell"), Doorbell(tmp_path / "bell")
    assert (other.last(), other.last_of(b"a")) == (0, 0)
    one.ring([b"a", b"b"], 7)
    assert (other.last(), other.last_of(b"a"), other.last_of(b"b"), other.last_of(b"c")) == (7, 7, 7, 0)


def test_another_process_sees_it_and_opening_clears_nothing(tmp_path: Path):
    bell = Doorbell(tmp_path / "bell")
    bell.ring([b"a"], 7)
    code = (
        "from pathlib import Path; from engine.data.doorbell import Doorbell;"
        f"bell = Doorbell(Path({str(tmp_path / 'bell')!r})); print(bell.last_of(b'a')); bell.ring([b'b'], 9)"
    )
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
