"""A database that ends before what was acknowledged is found out when it is opened, and a whole one is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import Damaged, Engine, Settings, Unavailable
from engine.data.log import LogEntry
from engine.storage.watermark import Watermark
from tests.server.preloaded import running_code

WRITER = """
import os, sys
from pathlib import Path
from engine import Engine, Settings
from engine.data.log import LogEntry

engine = Engine.open(Settings.of(Path(sys.argv[1]), {}), follow=False)
for number in range(200):
    engine.log.append([LogEntry("g", "event", f"u{number}", b"x" * 100)]).result(30)
os.kill(os.getpid(), 9)
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory whose process was killed when 200 records were acknowledged: all of them in the write-ahead log."""
    data = tmp_path_factory.mktemp("killed") / "data"
    assert running_code(WRITER, data).wait(120) == -9
    return data


@pytest.fixture
def data(killed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(killed, tmp_path / "data"))


def opened(data: Path) -> int:
    """How many records are there. Raises what opening raises."""
    engine = Engine.open(Settings.of(data, {}), follow=False)
    try:
        return len(engine.log.read(0, group="g"))
    finally:
        engine.close()


def wal(data: Path) -> Path:
    return data / "recgate.db-wal"


def cut(data: Path) -> None:
    path = wal(data)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def filled_with_garbage(data: Path) -> None:
    content = bytearray(wal(data).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 5000] = bytes(range(250)) * 20
    wal(data).write_bytes(content)


def without_wal(data: Path) -> None:
    wal(data).unlink()


def without_header(data: Path) -> None:
    content = wal(data).read_bytes()
    wal(data).write_bytes(bytes(4096) + content[4096:])


@pytest.mark.parametrize("harm", [cut, filled_with_garbage, without_wal, without_header])
def test_a_log_that_ends_too_soon_is_told_until_it_is_accepted(data: Path, harm: Callable[[Path], None]) -> None:
    harm(data)
    for _ in range(2):  # to be told is no acceptance
        with pytest.raises(
            Damaged, match=r"recgate\.db (ends too soon|is empty).*acknowledged.*recgate check"
        ) as raised:
            opened(data)
    if harm is cut or harm is filled_with_garbage:
        lost = int(raised.value.message.partition(" acknowledged records")[0].rpartition(" ")[2])
        assert 50 < lost < 150
        assert "all since record" in raised.value.message
    Watermark.of(data / "recgate.db").clear()
    assert opened(data) < 200
    assert opened(data) < 200  # and has its own watermark again


def test_a_killed_process_leaves_a_whole_database(data: Path) -> None:
    assert opened(data) == 200
    assert opened(data) == 200


def test_what_several_processes_wrote_is_counted_once(data: Path) -> None:
    writers = [running_code(WRITER, data) for _ in range(2)]
    assert [writer.wait(120) for writer in writers] == [-9, -9]
    assert opened(data) == 600


def test_an_older_watermark_is_no_alarm(data: Path, killed: Path) -> None:
    """As after a power cut, of which it was not synced before."""
    assert running_code(WRITER, data).wait(120) == -9
    shutil.copy(killed / "recgate.db-watermark", data)
    assert opened(data) == 400


@pytest.mark.parametrize("content", [b"", b"recgate1", bytes(44)])
def test_half_a_watermark_is_none(data: Path, content: bytes) -> None:
    (data / "recgate.db-watermark").write_bytes(content)
    assert opened(data) == 200
    assert (data / "recgate.db-watermark").stat().st_size in (len(content), 44)


def test_a_copy_without_a_watermark_is_whole(data: Path) -> None:
    (data / "recgate.db-watermark").unlink()
    assert opened(data) == 200


def test_another_database_in_its_place_is_told_and_used(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened(tmp_path / "other")
    for name in ("recgate.db", "recgate.db-wal"):
        (data / name).unlink()
    shutil.copy(tmp_path / "other" / "recgate.db", data)
    assert opened(data) == 0
    assert "another database than the one that was here before" in caplog.text


def test_an_older_copy_of_the_database_is_told(data: Path) -> None:
    opened(data)  # closed in order: all is in one file
    shutil.copy(data / "recgate.db", data.parent)
    assert running_code(WRITER, data).wait(120) == -9
    wal(data).unlink()
    shutil.copy(data.parent / "recgate.db", data)
    with pytest.raises(Damaged, match="200 acknowledged records"):
        opened(data)


def test_a_deleted_database_is_told(data: Path) -> None:
    (data / "recgate.db").unlink()
    with pytest.raises(Damaged, match=r"recgate\.db is missing: 200 records"):
        opened(data)
    assert wal(data).exists()


def test_what_was_undone_is_not_counted(data: Path) -> None:
    engine = Engine.open(Settings.of(data, {}), follow=False)
    before = (data / "recgate.db-watermark").read_bytes()
    with pytest.raises(ZeroDivisionError), engine.database.write() as connection:
        engine.log.append_within(connection, [LogEntry("g", "event", "u", b"")])
        raise ZeroDivisionError
    with engine.database.write():
        pass  # nothing is written
    assert (data / "recgate.db-watermark").read_bytes() == before
    engine.close()


# ---- the database file itself


def zeroed(data: Path) -> None:
    content = (data / "recgate.db").read_bytes()
    (data / "recgate.db").write_bytes(bytes(100) + content[100:])


def foreign(data: Path) -> None:
    (data / "recgate.db").write_bytes(b"GIF89a, and so on" * 500)


def halved(data: Path) -> None:
    content = (data / "recgate.db").read_bytes()
    (data / "recgate.db").write_bytes(content[: len(content) // 2 + 7])


def folder(data: Path) -> None:
    (data / "recgate.db").unlink()
    (data / "recgate.db").mkdir()


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("harm", [zeroed, foreign, halved, folder])
def test_a_damaged_database_is_named(data: Path, harm: Callable[[Path], None], marked: bool) -> None:
    opened(data)
    if not marked:
        (data / "recgate.db-watermark").unlink()
    harm(data)
    with pytest.raises(Unavailable, match=r"recgate\.db") as raised:
        opened(data)
    assert "sqlalche.me" not in raised.value.message
    assert "recgate check" in raised.value.message or harm is folder


def test_a_garbled_index_of_the_log_is_made_anew(data: Path) -> None:
    shutil.copy(wal(data), data / "kept")
    (data / "recgate.db-shm").write_bytes(bytes(range(256)) * 128)
    assert opened(data) == 200
