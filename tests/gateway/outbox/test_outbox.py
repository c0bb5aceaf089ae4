"""The buffer: what it keeps over restarts, crashes and reloads, and what it does when it is full."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from gateway.config import parse
from gateway.errors import Busy
from gateway.outbound import Outbound, Transport
from gateway.outbound.signing import Signer
from gateway.outbox import Outbox, dead_letters
from gateway.outbox.dead_letters import add_dead_letter
from gateway.outbox.delivery import first_of_each, split, wait_s
from gateway.outbox.folder import bytes_under, claim
from gateway.outbox.segments import START, Position, frame, path_of, read
from gateway.outbox.writer import Writer
from gateway.plan.plan import EventTarget
from gateway.targets.base import Call, Message, TargetDependencies
from gateway.targets.entry import Entry
from tests.gateway.targets.world import World, config, until
from tests.gateway.upstreams.origin import Origin, Reply, small_origin

ROOM = 1024 * 1024


@pytest.fixture
def origin() -> Iterator[Origin]:
    with small_origin() as origin:
        origin.replies = [Reply({})]
        yield origin


def http(origin: Origin, path: str = "/hook") -> str:
    return f"{{type: http, url: '{origin.url}{path}', timeout: 1}}"


def targets(*said: str) -> list[EventTarget]:
    return parse(config(*said)).targets


def entry(name: str, to: list[EventTarget], session: str = "s1", **more: Any) -> Entry:
    body = msgspec.Raw(json.dumps({"sessionId": session, "n": name}).encode())
    keys = tuple(each.key for each in to)
    made = {"id": name, "at": time.time(), "targets": keys, "namespace": "shop", "session": session, "body": body}
    return Entry(**{**made, "path": "/events/shop", **more})


@asynccontextmanager
async def opened(
    base: Path, to: list[EventTarget], name: str = "worker-1", adopt_after_s: float = 10.0, room: int = ROOM
) -> AsyncIterator[Outbox]:
    async with aclosing(Transport()) as transport:
        dependencies = TargetDependencies(Outbound(transport), Signer({}, None))  # type: ignore[arg-type]
        outbox = Outbox(base, name, dependencies, time.time, adopt_after_s=adopt_after_s)
        await outbox.open(to, room)
        try:
            yield outbox
        finally:
            await outbox.close()


async def put(outbox: Outbox, *entries: Entry) -> None:
    await asyncio.gather(*(outbox.append(outbox.ready(each)) for each in entries))


async def empty(outbox: Outbox) -> None:
    async with asyncio.timeout(10):
        while sum(values[0] for _, values in outbox.records()):
            await asyncio.sleep(0.01)


def ids(origin: Origin, path: str = "/hook") -> list[str]:
    return [asked.json["id"] for asked in origin.asked if asked.path == path]


# ---- over restarts


async def crash(base: Path, to: list[EventTarget], *entries: Entry) -> None:
    """What a worker leaves that was killed before it delivered anything."""
    folder = claim(base, "worker-1")
    assert folder is not None
    writer = Writer(folder.path, folder.end(), ROOM, lambda: None)
    for each in entries:
        writer.append(msgspec.json.encode(each)).result()
    writer.close()
    folder.close()


def test_a_restarted_worker_delivers_what_was_left(origin: Origin, tmp_path: Path) -> None:
    async def story() -> None:
        to = targets(http(origin))
        await crash(tmp_path, to, *(entry(f"e{n}", to) for n in range(20)))
        async with opened(tmp_path, to) as outbox:
            await put(outbox, entry("new", to))
            await empty(outbox)
        assert ids(origin) == [*(f"e{n}" for n in range(20)), "new"]
        origin.asked.clear()
        async with opened(tmp_path, to) as outbox:  # nothing twice, nothing skipped
            await put(outbox, entry("newer", to))
            await empty(outbox)
        assert ids(origin) == ["newer"]

    asyncio.run(story())


def test_segments_go_when_all_targets_have_passed_them(origin: Origin, tmp_path: Path) -> None:
    async def story() -> None:
        to = targets(http(origin), http(origin, "/slow"))
        async with opened(tmp_path, to, room=ROOM) as outbox:
            for n in range(20):
                await put(outbox, *(entry(f"e{n}-{k}", to, f"s{k}", headers={"x": "y" * 2000}) for k in range(8)))
            await empty(outbox)
            assert len(list((tmp_path / "worker-1").glob("*.log"))) <= 2  # of about 20
        for _ in range(3):  # numbering goes on, though no file says so
            origin.asked.clear()
            async with opened(tmp_path, to) as outbox:
                assert not list((tmp_path / "worker-1").glob("*.log"))
            async with opened(tmp_path, to) as outbox:
                await put(outbox, entry("after", to))
                await empty(outbox)
            assert ids(origin) == ids(origin, "/slow") == ["after"]

    asyncio.run(story())


def test_a_torn_record_ends_its_segment_and_no_more(origin: Origin, tmp_path: Path) -> None:
    async def story() -> None:
        to = targets(http(origin))
        await crash(tmp_path, to, entry("e1", to))
        path = path_of(tmp_path / "worker-1", 1)
        path.write_bytes(path.read_bytes() + frame(b"never acknowledged")[:-3])
        async with opened(tmp_path, to) as outbox:
            await put(outbox, entry("e2", to))
            await empty(outbox)
        assert ids(origin) == ["e1", "e2"]

    asyncio.run(story())


def test_a_cursor_that_can_t_be_read_means_from_the_start(origin: Origin, tmp_path: Path) -> None:
    async def story() -> None:
        to = targets(http(origin))
        await crash(tmp_path, to, entry("e1", to))
        (tmp_path / "worker-1" / "cursors" / "x.json").write_bytes(b"")
        async with opened(tmp_path, to) as outbox:
            await empty(outbox)
        assert ids(origin) == ["e1"]

    asyncio.run(story())


def test_folders_of_workers_that_are_no_more_are_adopted(origin: Origin, tmp_path: Path) -> None:
    async def story() -> None:
        to = targets(http(origin))
        await crash(tmp_path, to, entry("e1", to), entry("e2", to))
        async with opened(tmp_path, to, "worker-9", adopt_after_s=0.01) as outbox:
            async with asyncio.timeout(10):
                while ids(origin) != ["e1", "e2"] or (tmp_path / "worker-1").exists():
                    await asyncio.sleep(0.01)
            await put(outbox, entry("own", to))
            await empty(outbox)
        assert ids(origin) == ["e1", "e2", "own"]

    asyncio.run(story())


def test_no_two_deliver_from_one_folder(origin: Origin, tmp_path: Path) -> None:
    async def story() -> None:
        to = targets(http(origin))
        async with opened(tmp_path, to) as one, opened(tmp_path, to, adopt_after_s=0.01) as other:
            await put(one, entry("e1", to))
            await put(other, entry("e2", to))
            await asyncio.sleep(0.1)
            await empty(one)
            await empty(other)
        assert sorted(ids(origin)) == ["e1", "e2"]
        assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["worker-1", "worker-1.1"]

    asyncio.run(story())


def test_what_is_left_for_targets_that_are_no_more_is_kept(origin: Origin, tmp_path: Path) -> None:
    async def story() -> None:
        old, new = targets(http(origin, "/old")), targets(http(origin))
        await crash(tmp_path, old, entry("e1", old), entry("e2", [*old, *new]))
        async with opened(tmp_path, new) as outbox:
            await empty(outbox)
        assert ids(origin) == ["e2"]
        (file,) = (tmp_path / "dead-letters").iterdir()
        letters = [json.loads(line) for line in file.read_text().splitlines()]
        assert [letter["id"] for letter in letters] == ["e1", "e2"]
        assert letters[0]["why"] == "the configuration has no such target any more"

    asyncio.run(story())


def test_dead_letters_are_kept_up_to_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = Message("e1", "s1", b'{"a": 1}', entry("e1", []))
    line = len(add_dead_letter(tmp_path, "t", message, "no such stream", 1.0).read_bytes())
    monkeypatch.setattr(dead_letters, "MOST_BYTES", 3 * line)
    for number in range(2, 9):
        path = add_dead_letter(tmp_path, "t", message, "no such stream", float(number))
    (earlier,) = set((tmp_path / "dead-letters").iterdir()) - {path}
    died = [[json.loads(line)["deadAt"] for line in file.read_text().splitlines()] for file in (earlier, path)]
    assert died == [[4.0, 5.0, 6.0], [7.0, 8.0]]
    assert bytes_under(tmp_path) == 0  # they take no room from what waits for targets


def test_a_dead_letter_that_the_disk_takes_in_part_is_not_done(tmp_path: Path) -> None:
    message = Message("e1", "s1", b'{"a": 1}', entry("e1", []))
    path = add_dead_letter(tmp_path, "t", message, "no such stream", 1.0)
    whole, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 10, limits[1]))
    try:
        with pytest.raises(OSError, match="No space left"):
            add_dead_letter(tmp_path, "t", message, "no such stream", 2.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == whole


# ---- a configuration that changes


def test_new_targets_begin_and_old_ones_finish(origin: Origin, tmp_path: Path) -> None:
    async def story() -> None:
        old, new = targets(http(origin, "/old")), targets(http(origin))
        origin.replies = [Reply(status=503), Reply(status=503), Reply({})]
        async with opened(tmp_path, old) as outbox:
            await put(outbox, entry("e1", old), entry("e2", old))
            outbox.use(new, ROOM)
            await put(outbox, entry("e3", new), entry("late", old))  # a request that began before the change
            await empty(outbox)
            async with asyncio.timeout(10):
                while len(outbox.records()) > 1:  # the old one's delivery ends
                    await asyncio.sleep(0.01)
            outbox.use(old, ROOM)
            await put(outbox, entry("e4", old))
            await empty(outbox)
        assert list(dict.fromkeys(ids(origin, "/old"))) == ["e1", "e2", "late", "e4"]
        assert list(dict.fromkeys(ids(origin))) == ["e3"]

    asyncio.run(story())


def test_a_target_that_changes_gets_the_rest_by_its_new_settings(origin: Origin, tmp_path: Path) -> None:
    async def story() -> None:
        said = http(origin)
        before = targets(said.replace("timeout: 1", "headers: {x-key: a}"))
        after = targets(said.replace("timeout: 1", "headers: {x-key: b}"))
        origin.replies = [Reply(status=401)]
        async with opened(tmp_path, before) as outbox:
            await put(outbox, entry("e1", before))
            async with asyncio.timeout(10):
                while not origin.asked:
                    await asyncio.sleep(0.01)
            outbox.use(after, ROOM)
            origin.replies = [Reply({})]
            await empty(outbox)
        assert [asked.headers["x-key"] for asked in (origin.asked[0], origin.asked[-1])] == ["a", "b"]

    asyncio.run(story())


# ---- a full disk


def test_a_full_outbox_says_so_and_loses_nothing(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply(status=503)]
    tracker = "{type: personalize-event-tracker, trackingId: tracker-1}"
    with World(tmp_path, config(http(origin), tracker, root="outbox: {maxBytes: 65536}")) as world:
        sent = 0
        while (answer := world.post(f"s{sent}", 30)).status_code == 200 and sent < 1000:
            sent += 1
        assert (answer.status_code, answer.json()["code"]) == (503, "OutboxFull")
        assert answer.headers["retry-after"] == "5"
        assert len(world.engine.put) == sent > 5  # nor has the engine got what was refused
        assert sum(path.stat().st_size for path in world.outbox.rglob("*.log")) < 65536
        assert world.metric("recgate_outbox_records{") == sent
        assert world.metric("recgate_outbox_oldest_seconds{") >= 0
        origin.replies = [Reply({})]
        until(lambda: world.post("late").status_code == 200)
        world.settled()
    names = [asked.json["body"]["sessionId"] for asked in origin.asked]
    assert set(names) == {*(f"s{n}" for n in range(sent)), "late"}


def test_a_disk_that_fails_is_told(origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        to = targets(http(origin))
        async with opened(tmp_path, to) as outbox:
            await put(outbox, entry("e1", to))

            def full(_: int) -> None:
                raise OSError(28, "No space left on device")

            with monkeypatch.context() as patched:
                patched.setattr(os, "fdatasync", full)
                with pytest.raises(Busy, match="No space left"):
                    await put(outbox, entry("e2", to))
            await put(outbox, entry("e3", to))
            await empty(outbox)
        assert ids(origin) == ["e1", "e3"]

    asyncio.run(story())


# ---- its parts


def test_nothing_is_acknowledged_before_it_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, allowed = threading.Event(), threading.Event()

    def held(_: int) -> None:
        begun.set()
        assert allowed.wait(10)

    monkeypatch.setattr(os, "fdatasync", held)
    writer = Writer(tmp_path, Position(1, 0), ROOM, lambda: None)
    future = writer.append(b"e1")
    assert begun.wait(10)
    assert not future.done()
    assert writer.end == Position(1, 0)  # nor would anybody deliver it
    allowed.set()
    future.result(10)
    writer.close()


def test_a_segment_that_may_vanish_with_a_power_cut_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    writer = Writer(tmp_path, Position(1, 0), ROOM, lambda: None)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)  # of the folder
        assert isinstance(writer.append(b"e1").exception(10), OSError)
    writer.append(b"e2").result(10)
    writer.close()
    assert writer.end.segment == 2
    assert [data for _, data in read(tmp_path, START, writer.end)] == [b"e2"]


def test_requests_share_an_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = os.fdatasync
    calls: list[float] = []

    def counted(descriptor: int) -> None:
        calls.append(time.monotonic())
        time.sleep(0.02)
        slow(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)
    writer = Writer(tmp_path, Position(1, 0), ROOM, lambda: None)
    futures = [writer.append(b"%d" % n) for n in range(500)]
    for future in futures:
        future.result(10)
    writer.close()
    assert len(calls) < 10
    assert [data for _, data in read(tmp_path, START, writer.end)] == [b"%d" % n for n in range(500)]


@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(0, 200), st.data())
def test_what_is_whole_is_read_whatever_is_torn(records: list[bytes], cut: int, data: Any) -> None:
    text = b"".join(map(frame, records))
    with tempfile.TemporaryDirectory() as folder:
        path_of(Path(folder), 1).write_bytes(text[: len(text) - cut] if cut <= len(text) else b"")
        found = [each for _, each in read(Path(folder), START, Position(2, 0))]
    assert found == records[: len(found)]
    kept = len(text) - cut
    whole = sum(kept >= sum(len(frame(each)) for each in records[: place + 1]) for place in range(len(records)))
    assert len(found) == whole


def message(name: str, session: str = "s", size: int = 10) -> Message:
    return Message(name, session, b"x" * (size - len(session)), entry(name, [], session))


SPLITS = [
    ([10] * 1001, Call(500, 10_000_000), [500, 500, 1]),
    ([1_000_000] * 11, Call(500, 5 * 1024 * 1024), [5, 5, 1]),
    ([10, 10_000], Call(500, 5_000), [1, 1]),
    ([], Call(10, 10), []),
]


@pytest.mark.parametrize(("sizes", "call", "found"), SPLITS)
def test_calls_keep_to_the_limits(sizes: list[int], call: Call, found: list[int]) -> None:
    messages = [message(str(n), size=size) for n, size in enumerate(sizes)]
    calls = list(split(messages, call))
    assert [len(each) for each in calls] == found
    assert [each for call in calls for each in call] == messages


def test_no_message_overtakes_another_of_its_session() -> None:
    messages = [message("a1", "a"), message("a2", "a"), message("b1", "b")]
    assert [each.id for each in first_of_each(messages)] == ["a1", "b1"]


def test_waits_grow_to_a_minute_with_jitter() -> None:
    assert [wait_s(tries, 1.0) for tries in (0, 1, 2, 3)] == [0.1, 0.2, 0.4, 0.8]
    assert wait_s(2, 0.0) == 0.2
    assert wait_s(500, 1.0) == 60.0
