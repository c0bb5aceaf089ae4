"""Writers of several processes take turns, and one that dies does not keep its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.storage.watermark import Mark, Watermark
from engine.storage.write_lock import WriteLock

HOLDER = """
import sys, time
from pathlib import Path
from engine.storage.write_lock import WriteLock

with WriteLock(Path(sys.argv[1])).held():
    print("taken", flush=True)
    time.sleep(60)
"""


def test_who_waits_goes_on_when_the_holder_dies(tmp_path: Path):
    lock = WriteLock(tmp_path / "turn")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "turn")], stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"taken\n"
    got: list[float] = []

    def take() -> None:
        with lock.held():
            got.append(time.monotonic())

    waiting = threading.Thread(target=take)
    waiting.start()
    waiting.join(0.1)
    assert not got
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(10)
    waiting.join(10)
    holder.stdout.close()
    assert got
    lock.close()


def test_threads_take_turns(tmp_path: Path):
    lock, inside, most = WriteLock(tmp_path / "turn"), 0, 0

    def take() -> None:
        nonlocal inside, most
        for _ in range(50):
            with lock.held():
                inside += 1
                most = max(most, inside)
                time.sleep(0)
                inside -= 1

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == 1
    lock.close()


def test_what_is_closed_does_nothing_to_the_file_that_has_its_number_now(tmp_path: Path):
    lock, watermark = WriteLock(tmp_path / "turn"), Watermark(tmp_path / "mark")
    for each in (lock, watermark):
        each.close()
    with (tmp_path / "one").open("wb") as one, (tmp_path / "other").open("wb") as other:
        one.write(b"of one")
        other.write(b"of the other")
        for file in (one, other):
            file.flush()
        with pytest.raises(OSError, match="closed"), lock.held():
            pytest.fail("there is nothing to hold")
        watermark.store(Mark("0" * 32, 1, 1))
    assert ((tmp_path / "one").read_bytes(), (tmp_path / "other").read_bytes()) == (b"of one", b"of the other")
