"""A writer killed at any moment: every acknowledged event is there, none twice; sending all again changes nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine import Event
from tests.engine.shop import T0, Shop

THREADS = 8

WRITER = """
import os, sys, threading
from pathlib import Path
from engine import Engine, Event, Settings

engine = Engine.open(Settings.of(Path(sys.argv[1]), {}))

def write(thread):
    for number in range(int(sys.argv[5])):
        event = Event(event_type="click", sent_at=float(sys.argv[3]) + number, item_id=f"i{number}")
        engine.feed.put_events(sys.argv[2], f"s{thread}", f"u{thread}", [event]).result(60)
        os.write(1, f"{thread} {number}\\n".encode())  # acknowledged: the client has heard

threads = [threading.Thread(target=write, args=(thread,)) for thread in range(int(sys.argv[4]))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
os._exit(0)
"""


def writer(shop: Shop, each: int) -> list[str]:
    """The command of a process whose threads write so many events each."""
    arguments = [str(shop.folder / "data"), shop.tracking, str(T0), str(THREADS), str(each)]
    return [sys.executable, "-c", WRITER, *arguments]


def killed_writer(shop: Shop, acknowledged: int) -> dict[int, int]:
    """How many events each thread was told of, by a writer killed when it had told of so many.

    It may leave false rings: of a transaction that it began and did not commit.
    """
    told = dict.fromkeys(range(THREADS), 0)
    with subprocess.Popen(writer(shop, 100_000), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for heard, line in enumerate(process.stdout, 1):
            told[int(line.split()[0])] += 1
            if heard == acknowledged:
                process.kill()
    return told


def test_an_event_of_another_process_is_behind_until_it_is_followed(shop: Shop):
    shop.load_clicks("u0 a 1")
    shop.deploy(shop.train())
    shop.engine.feed.catch_up()
    shop.engine.follower.close()  # from here on only the test follows
    assert not any(shop.engine.answers.behind("home", f"u{thread}") for thread in range(THREADS))
    subprocess.run(writer(shop, 5), stdout=subprocess.DEVNULL, check=True)
    users = [f"u{thread}" for thread in range(THREADS)]
    assert all(shop.engine.answers.behind("home", user) for user in users)
    assert not any("i0" in shop.history(user) for user in users)
    shop.engine.feed.catch_up()
    assert not any(shop.engine.answers.behind("home", user) for user in users)
    assert all("i4" in shop.history(user) for user in users)


@pytest.mark.parametrize("acknowledged", [1, 300])
def test_a_killed_writer_loses_nothing_it_acknowledged(shop: Shop, acknowledged: int):
    told = killed_writer(shop, acknowledged)
    assert sum(told.values()) >= acknowledged
    shop.engine.feed.catch_up()
    for thread, count in told.items():
        found = shop.history(f"u{thread}")
        assert found == [f"i{number}" for number in range(len(found))]
        assert count <= len(found) <= count + 1  # one may have been written and not been heard of


def test_a_kill_while_snapshots_are_made_and_retries(shop: Shop, tmp_path: Path):
    shop.load_clicks("bulk a 1")
    told = killed_writer(shop, 100)
    shop.fold()
    again = killed_writer(shop, 200)  # sends the same from the start, as a client that heard nothing would
    shop.load_clicks("bulk b 1")
    assert shop.history("bulk") == ["b"]
    for thread in range(THREADS):
        found = shop.history(f"u{thread}")
        assert found == [f"i{number}" for number in range(len(found))]
        assert len(found) >= max(told[thread], again[thread])
        events = [Event(event_type="click", sent_at=T0 + n, item_id=f"i{n}") for n in range(len(found))]
        shop.engine.feed.put_events(shop.tracking, f"s{thread}", f"u{thread}", events).result(30)
        shop.engine.feed.catch_up()
        assert shop.history(f"u{thread}") == found
