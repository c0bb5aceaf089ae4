"""Deleted users leave nothing behind: not in answers, not in snapshots, not in the log, not in any file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.data.vocab import Names, Vocab
from engine.jobs.kinds import deleting
from tests.engine.shop import Shop

ROLE = "arn:aws:iam::000000000000:role/r"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path).furnish()
    yield shop
    shop.close()


def delete(shop: Shop, users: Sequence[str], header: str = "USER_ID", name: str = "leave") -> dict[str, Any]:
    """From a file in a folder within the folder that the job names."""
    folder = shop.folder / name / "within"
    folder.mkdir(parents=True)
    (folder / "users.csv").write_text("\n".join([header, *users]))
    source = {"dataLocation": f"file://{shop.folder}/{name}/"}
    made = {"jobName": name, "datasetGroupArn": shop.group, "dataSource": source, "roleArn": ROLE}
    arn = shop.do("CreateDataDeletionJob", **made)["dataDeletionJobArn"]
    shop.work()
    job: dict[str, Any] = shop.do("DescribeDataDeletionJob", dataDeletionJobArn=arn)["dataDeletionJob"]
    return job


def traces(shop: Shop, *words: str) -> list[str]:
    """The files of groups and the log's records in which one of the words occurs."""
    files = (path for path in (shop.folder / "data" / "groups").rglob("*") if path.is_file())
    found = [str(path) for path in files if any(word.encode() in path.read_bytes() for word in words)]
    records = ((f"{each.seq} {each.kind}", each.key.encode() + each.body) for each in shop.engine.log.read(0))
    return found + [name for name, said in records if any(word.encode() in said for word in words)]


def fill(shop: Shop) -> None:
    """Three users, imported; of them alice and bob with sessions, streamed; and metadata of both kinds."""
    shop.load_clicks("alice a 1", "bob a 2", "carol b 3")
    shop.load("USERS", ["USER_ID,TIER", "alice,gold", "bob,tin"])
    shop.fold()
    shop.click(None, "c", 5, session="session-of-alice")
    shop.click("alice", "d", 6, session="session-of-alice")
    shop.click("bob", "e", 7, session="session-of-bob")
    shop.engine.feed.put_rows(shop.dataset("USERS"), "USERS", [("carol", {"tier": "new"})]).result(30)


def test_a_user_leaves_with_everything(shop: Shop):
    fill(shop)
    assert len(traces(shop, "alice")) > 2
    job = delete(shop, ["alice", "stranger"])
    assert (job["status"], job["numDeleted"]) == ("COMPLETED", 4)  # a, c, d and the row
    assert traces(shop, "alice", "stranger") == []
    assert shop.history("alice") == shop.history("session-of-alice") == []
    assert (shop.history("bob"), shop.history("carol")) == (["a", "e"], ["b"])
    group = shop.engine.follower.group(shop.uid)
    tiers = group.stored.snapshot.user_columns["TIER"]
    assert [tiers.get(group.users.find(user)) for user in ("bob", "carol")] == ["tin", "new"]


def test_another_process_forgets_before_the_snapshot_is_there(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    fill(shop)
    shop.engine.feed.catch_up()
    seen: list[Any] = []

    def publish_later(*_: Any) -> Any:
        shop.engine.feed.catch_up()
        seen.append(
            (shop.history("alice"), shop.history("bob"), shop.engine.follower.owner(shop.uid, "session-of-alice"))
        )
        shop.click("alice", "b", 20, session="again")
        seen.append(shop.history("alice"))
        raise RuntimeError

    monkeypatch.setattr(deleting, "compact", publish_later)
    assert delete(shop, ["alice"])["status"] == "FAILED"
    assert seen == [([], ["a", "e"], None), ["b"]]


def test_who_comes_back_starts_anew(shop: Shop):
    fill(shop)
    delete(shop, ["alice", "bob"])
    shop.click("alice", "b", 20)
    for _ in range(2):
        assert shop.history("alice") == ["b"] and shop.history("bob") == []
        shop.fold()
    assert delete(shop, ["alice"], name="again")["numDeleted"] == 1
    assert shop.history("alice") == [] and traces(shop, "alice") == []


def test_training_no_longer_counts_them(shop: Shop):
    shop.load_clicks("alice only-hers 1", "bob a 2", "carol a 3", "carol b 4")
    delete(shop, ["alice"])
    shop.deploy(shop.train())
    assert shop.ask(num_results=2) == ["a", "b"]


@pytest.mark.parametrize(("header", "users"), [("ITEM_ID", ["a"]), ("USER_ID", ["alice", "x" * 257])])
def test_a_bad_file_deletes_nothing(shop: Shop, header: str, users: list[str]):
    fill(shop)
    job = delete(shop, users, header)
    assert job["status"] == "FAILED" and job["failureReason"] and "numDeleted" not in job
    assert shop.history("alice") == ["a", "c", "d"]


def test_many_users_in_many_records(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deleting, "NAMES_A_RECORD", 3)
    shop.load_clicks(*(f"user{n} a {n}" for n in range(10)), "other a 20")
    assert delete(shop, [f"user{n}" for n in range(10)])["numDeleted"] == 10
    assert traces(shop, "user1", "user9") == [] and shop.history("other") == ["a"]


def test_a_forgotten_name_gets_another_id():
    vocab = Vocab(Names.of(["a", "b"]))
    vocab.add("c")
    for name in ("a", "c", "never there"):
        vocab.forget(name)
    assert [vocab.find(name) for name in "abc"] == [-1, 1, -1]
    assert [vocab.add("a"), vocab.add("c"), vocab.add("b")] == [3, 4, 1]
    assert list(vocab.frozen()) == ["\0", "b", "\0", "a", "c"]
    assert [vocab.frozen().find(name) for name in "abc"] == [3, 1, 4]
