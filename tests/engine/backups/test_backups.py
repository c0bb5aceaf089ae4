"""A backup taken under load answers elsewhere as the original did, as of its moment or one between two."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner

from engine import Damaged, Engine, InvalidInput, Settings, back_up, list_backups, restore
from engine.storage.sql import with_driver
from gateway.__main__ import main
from tests.engine.shop import T0, Shop
from tests.moto_server import moto_server, s3_environ
from tests.services import postgres_server

USERS = [f"u{n}" for n in range(40)]
CLICKS = [f"u{n} {item} {n}" for n in range(40) for item in ("a", f"i{n % 7}", f"i{n % 3}")]


def quiet(_: float, what: str) -> None:
    assert what


@pytest.fixture
def shop(open_shop: Callable[..., Shop]) -> Shop:
    shop = open_shop().furnish()
    shop.load_clicks(*CLICKS)
    shop.deploy(shop.train())
    shop.engine.feed.catch_up()
    return shop


def settings_of(shop: Shop, **changes: object) -> Settings:
    return Settings.of(shop.folder / "data", {}, pending_s=0.0, **changes)


def elsewhere(folder: Path, shop: Shop, place: str, **how: object) -> Shop:
    """A shop over what was restored from the place, in a folder of its own."""
    changes = {name: how.pop(name) for name in ("database_url", "storage_url") if name in how}
    restore(Settings.of(folder / "data", {}, **changes), place, quiet, **how)  # type: ignore[arg-type]
    there = Shop(folder, start=5000, **changes)
    there.tracking = shop.tracking
    return there


def answers(shop: Shop) -> dict[str, tuple[list[str], list[str]]]:
    return {user: (shop.ask(user, num_results=5), shop.history(user)) for user in USERS}


def test_answers_are_the_same_elsewhere(shop: Shop, tmp_path: Path) -> None:
    shop.click("u1", "i5", 900)
    backup = back_up(settings_of(shop), str(tmp_path / "to"), quiet)
    before = answers(shop)
    shop.click("u1", "i6", 901)  # later
    there = elsewhere(tmp_path / "there", shop, str(tmp_path / "to"))
    assert answers(there) == before
    assert backup.seq == there.engine.log.last()
    there.click("u1", "b", 902)
    there.fold()
    assert there.history("u1")[-1] == "b"
    there.close()
    Shop(tmp_path / "there", start=6000).close()  # its watermark is right


def test_a_backup_under_load_has_all_that_was_acknowledged_before_it(shop: Shop, tmp_path: Path) -> None:
    """Snapshots are replaced meanwhile, too."""
    acknowledged: list[str] = []
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(0.001):
            item = f"n{len(acknowledged)}"
            shop.click("u1", item, 1000 + len(acknowledged))
            acknowledged.append(item)
            if len(acknowledged) % 20 == 0:
                shop.fold()

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for number in range(3):
            while len(acknowledged) < 30 * (number + 1):
                time.sleep(0.01)
            first = list(acknowledged)
            back_up(settings_of(shop), str(tmp_path / "to"), quiet)
    finally:
        ended.set()
        sender.join()
    there = elsewhere(tmp_path / "there", shop, str(tmp_path / "to"))
    history = there.history("u1")
    begin = history.index("n0")
    assert history[begin : begin + len(first)] == first
    assert history[begin:] == acknowledged[: len(history) - begin]
    there.close()


def test_to_any_moment_between_two_backups(shop: Shop, tmp_path: Path) -> None:
    """Events after it are left out, be they in the backup's log or in a snapshot of later."""
    place, settings = str(tmp_path / "to"), settings_of(shop)
    back_up(settings, place, quiet, clock=shop.clock)
    moments, expected = [], []
    for number in range(3):
        shop.click("u2", f"m{number}", 1000 + number)
        shop.clock.now += 60
        moments.append(shop.clock())
        expected.append(answers(shop))
        shop.clock.now += 60
    shop.fold()
    back_up(settings, place, quiet, clock=shop.clock)
    for number, until in enumerate(moments):
        there = elsewhere(tmp_path / f"there{number}", shop, place, until=until)
        assert answers(there) == expected[number]
        there.close()
    with pytest.raises(InvalidInput, match="goes as far"):
        elsewhere(tmp_path / "later", shop, place, until=shop.clock() + 60)
    with pytest.raises(InvalidInput, match=r"no backup of before 2023-11-14"):
        elsewhere(tmp_path / "before", shop, place, until=T0 - 60.0)


def test_a_log_that_was_shortened_between_two_backups_is_told(shop: Shop, tmp_path: Path) -> None:
    place, settings = str(tmp_path / "to"), settings_of(shop)
    shop.click("u2", "a", 999)
    back_up(settings, place, quiet, clock=shop.clock)
    shop.click("u2", "b", 1000)
    until = shop.clock()
    with shop.engine.database.write() as within:
        shop.engine.log.remove([record.seq for record in shop.engine.log.read(0, group=shop.uid)][:-1], within)
    back_up(settings, place, quiet, clock=shop.clock)
    with pytest.raises(InvalidInput, match="no longer has what came after"):
        elsewhere(tmp_path / "there", shop, place, until=until)


def test_what_earlier_backups_have_is_not_copied_again_and_goes_with_the_last_of_them(
    shop: Shop, tmp_path: Path
) -> None:
    place, settings = tmp_path / "to", settings_of(shop)
    first = back_up(settings, str(place), quiet)
    model = next(path for path in first.folders if path.startswith("models/"))
    made = (place / model).stat().st_mtime_ns
    shop.click("u1", "b", 999)
    shop.fold()
    second = back_up(settings, str(place), quiet)
    assert (place / model).stat().st_mtime_ns == made
    assert [each.name for each in list_backups(str(place))] == [first.name, second.name]
    third = back_up(settings, str(place), quiet, keep=1)
    assert [each.name for each in list_backups(str(place))] == [third.name]
    assert {str(path.relative_to(place)) for path in place.glob("groups/*/*")} < {*third.folders}
    assert not (place / "databases" / first.name).exists()
    elsewhere(tmp_path / "there", shop, str(place)).close()


@pytest.mark.parametrize("what", ["databases/*/recgate.db", "models/*/*/*/*.npy"])
def test_a_damaged_backup_is_refused(what: str, shop: Shop, tmp_path: Path) -> None:
    back_up(settings_of(shop), str(tmp_path / "to"), quiet)
    file = next((tmp_path / "to").glob(what))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(Damaged, match=rf"{file.name} is damaged: its SHA-256"):
        elsewhere(tmp_path / "there", shop, str(tmp_path / "to"))
    assert not (tmp_path / "there" / "data" / "recgate.db").exists()


def test_a_directory_in_use_is_put_aside_only_if_told_so(shop: Shop, tmp_path: Path) -> None:
    place, settings = str(tmp_path / "to"), settings_of(shop)
    back_up(settings, place, quiet)
    before = answers(shop)
    shop.click("u1", "i6", 901)
    shop.close()
    with pytest.raises(InvalidInput, match="is there already"):
        restore(settings, place, quiet)
    restore(settings, place, quiet, replace=True)  # over a watermark of later
    again = Shop(shop.folder, start=5000)
    assert answers(again) == before
    again.close()
    assert len(list(settings.data_dir.glob("recgate.db.replaced-*"))) == 1


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with moto_server() as url, pytest.MonkeyPatch.context() as patched:
        for name, value in s3_environ(url).items():
            patched.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="backups")
        yield "s3://backups/shop"


def test_from_a_folder_by_s3_to_postgres_and_a_bucket_and_back(shop: Shop, bucket: str, tmp_path: Path) -> None:
    """Each has its own database and storage; only the backups are in common."""
    before = answers(shop)
    back_up(settings_of(shop), bucket, quiet)
    assert not list((shop.folder / "data" / "run").glob("backup-*"))
    with postgres_server() as server:
        url = with_driver(server.url)
        there = elsewhere(tmp_path / "there", shop, bucket, database_url=url, storage_url="s3://backups/of-the-other")
        assert answers(there) == before
        there.click("u1", "z", 999)
        back_up(there.engine.settings, bucket, quiet, keep=1)
        before = answers(there)
        there.close()
        with pytest.raises(InvalidInput, match="is in use"):
            elsewhere(tmp_path / "again", shop, bucket, database_url=url)
    back = elsewhere(tmp_path / "back", shop, bucket)
    assert answers(back) == before
    back.close()


def test_models_move_to_a_bucket_and_back(
    shop: Shop, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command; another machine, which shares the database only, answers from the bucket."""
    before, data, storage = answers(shop), str(shop.folder / "data"), "s3://backups/storage"
    moved = CliRunner().invoke(main, ["migrate", "--to", storage, "--data", data])
    assert moved.exit_code == 0 and "2 of 2 snapshots" in moved.output, moved.output
    assert f"set RECGATE_STORAGE_URL to {storage}" in moved.output
    shop.click("u1", "b", 999)
    shop.fold()  # meanwhile
    monkeypatch.setenv("RECGATE_STORAGE_URL", storage)
    moved = CliRunner().invoke(main, ["migrate", "--to", storage, "--data", data])
    assert moved.exit_code == 0 and "1 of 2 snapshots" in moved.output, moved.output
    url = f"sqlite:///{shop.folder / 'data' / 'recgate.db'}"
    there = Shop(tmp_path / "there", start=5000, database_url=url, storage_url=storage)
    assert answers(there) == {**before, "u1": (shop.ask("u1", num_results=5), shop.history("u1"))}
    there.close()
    for path in (shop.folder / "data" / "models").glob("*/*"):
        shutil.rmtree(path)
    back = CliRunner().invoke(main, ["migrate", "--to", data, "--data", data])
    assert back.exit_code == 0 and "unset RECGATE_STORAGE_URL" in back.output, back.output
    assert list((shop.folder / "data" / "models").glob("*/*/*"))


def test_the_commands(shop: Shop, tmp_path: Path) -> None:
    place, data = str(tmp_path / "to"), str(shop.folder / "data")
    refused = CliRunner().invoke(main, ["restore", place, "--data", str(tmp_path / "there")])
    assert refused.exit_code == 1 and "there is no backup in" in refused.output
    done = CliRunner().invoke(main, ["backup", place, "--data", data])
    assert done.exit_code == 0 and "2 snapshots and models" in done.output, done.output
    listed = CliRunner().invoke(main, ["restore", place, "--list"])
    assert listed.exit_code == 0 and "UTC" in listed.output
    refused = CliRunner().invoke(main, ["restore", place, "--until", "soon", "--data", data])
    assert refused.exit_code == 2 and "2026-12-31T23:59:59Z" in refused.output
    restored = CliRunner().invoke(main, ["restore", place, "--data", str(tmp_path / "there")])
    assert restored.exit_code == 0 and "start a server there" in restored.output, restored.output
    refused = CliRunner().invoke(main, ["backup", "ftp://h/d", "--data", data])
    assert refused.exit_code == 1 and "name a folder or s3://BUCKET/PREFIX" in refused.output
    Engine.open(Settings.of(tmp_path / "there", {})).close()
