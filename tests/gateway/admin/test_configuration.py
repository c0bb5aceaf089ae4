"""The configuration as operators see and write it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.engine.shop import Shop
from tests.gateway.admin.world import CONFIG, KEYS, AdminWorld, admin_of

SECRET = """
aws: {accessKeys: [{accessKeyId: AKIDEXAMPLE, secretAccessKey: very-secret, accountId: "000000000000"}]}
"""
PATH = "/admin/configuration"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AdminWorld]:
    with closing(Shop(tmp_path)) as shop:
        yield AdminWorld(tmp_path, CONFIG + admin_of() + SECRET, shop)


def text_of(world: AdminWorld) -> tuple[str, str]:
    body = world.get(f"{PATH}/text", "operate").json()
    return body["text"], body["etag"]


def put(world: AdminWorld, text: str, etag: str, **more: Any) -> Any:
    headers = {"X-Api-Key": KEYS["operate"], **({"If-Match": etag} if etag else {})}
    return world.ask("PUT", PATH, {"text": text, **more}, headers)


def test_what_is_in_use(world: AdminWorld) -> None:
    body = world.get(PATH, "read").json()
    assert (body["version"], body["writable"], body["faults"]) == ("7", True, [])
    assert body["document"]["aws"]["accessKeys"][0]["secretAccessKey"] == "***"
    tenant = world.get(PATH, "tenant").json()
    assert list(tenant["document"]) == ["namespaces"] and list(tenant["document"]["namespaces"]) == ["other"]


def test_what_is_inherited(world: AdminWorld) -> None:
    rows = world.get(f"{PATH}/effective", "read").json()["recommenders"]
    assert [(row["namespace"], row["recommender"], row["variation"], row["model"]) for row in rows] == [
        ("shop", "home", "a", "popular"),
        ("shop", "home", "b", "popular"),
        ("shop", "plain", "only", "popular"),
        ("other", "home", "only", "elsewhere"),
    ]
    assert rows[0]["experiments"] == ["layout"]


def test_a_text_is_written_and_in_use(world: AdminWorld) -> None:
    text, etag = text_of(world)
    assert "very-secret" not in text and "# what everybody sees first" in text
    answer = put(world, text.replace('"7"', '"8"'), etag, comment="a new release")
    assert answer.status_code == 200, answer.text
    assert [(each["place"], each["before"], each["after"]) for each in answer.json()["changes"]] == [
        ("version", "7", "8")
    ]
    assert world.get(PATH, "read").json()["version"] == "8"
    written = world.file.read_text()
    assert "very-secret" in written and "# what everybody sees first" in written
    entry = world.get(f"{PATH}/history", "read").json()["entries"][0]
    assert (entry["by"], entry["how"], entry["comment"], entry["version"]) == ("operate", "page", "a new release", "8")
    assert "very-secret" not in world.get(f"{PATH}/history/{entry['id']}", "read").text


REFUSED = [
    ("", "{text}", 428, "IfMatchMissing"),
    ('"0123456789abcdef"', "{text}", 412, "ConfigurationChanged"),
    ("{etag}", "namespaces: 7", 422, "ConfigurationFaulty"),
    (
        "{etag}",
        "namespaces: {{}}\naws: {{accessKeys: [{{secretAccessKey: '***00000000***'}}]}}",
        422,
        "ConfigurationFaulty",
    ),
    ("{etag}", " ", 400, "ValidationError"),
]


@pytest.mark.parametrize(("match", "text", "status", "code"), REFUSED)
def test_what_is_refused_is_not_written(world: AdminWorld, match: str, text: str, status: int, code: str) -> None:
    shown, etag = text_of(world)
    before = world.file.read_bytes()
    answer = put(world, text.format(text=shown), match.format(etag=etag))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert world.file.read_bytes() == before
    if status == 422:
        (fault, *_) = answer.json()["faults"]
        assert fault["line"] and fault["message"]


def test_a_file_that_may_not_be_written(world: AdminWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    text, etag = text_of(world)
    monkeypatch.setattr("gateway.config.place.os.access", lambda *_: False)
    answer = put(world, text.replace('"7"', '"8"'), etag)
    assert (answer.status_code, answer.json()["code"]) == (409, "ConfigurationNotWritable")
    body = world.get(PATH, "read").json()
    assert body["writable"] is False and "may not be written" in body["why"]


def test_a_text_is_checked_and_nothing_written(world: AdminWorld) -> None:
    text, etag = text_of(world)
    body = world.post(f"{PATH}/validate", {"text": text.replace("type: engine", "type: engin", 1)}, "read").json()
    assert (body["valid"], body["faults"][0]["line"]) == (False, 9)
    assert "engine" in body["faults"][0]["message"]
    body = world.post(f"{PATH}/validate", {"text": text + "cache: {megabytes: 7}\n"}, "read").json()
    assert (body["valid"], body["needRestart"]) == (True, ["cache.megabytes"])
    assert "+cache: {megabytes: 7}" in body["diff"]["unified"]
    assert text_of(world) == (text, etag)


def test_texts_are_compared(world: AdminWorld) -> None:
    text, etag = text_of(world)
    assert put(world, text.replace('"7"', '"8"'), etag).status_code == 200
    world.file.write_text(world.file.read_text().replace("model: elsewhere", "model: other"))
    body = world.get(f"{PATH}/diff", "read").json()
    place = "namespaces.other.recommenders.recommend-items.home.variations.only.model"
    assert body["changes"] == [{"place": place, "kind": "changed", "before": "elsewhere", "after": "other"}]
    assert world.get(f"{PATH}/diff?from=nowhere", "read").json()["code"] == "EntryNotFound"
    assert world.get(f"{PATH}/diff?fromm=file", "read").status_code == 400
    world.post("/admin/reload", {}, "operate")
    entries = world.get(f"{PATH}/history", "read").json()["entries"]
    assert [(each["how"], each["by"], each["version"]) for each in entries[:2]] == [
        ("file", "", "8"),
        ("page", "operate", "8"),
    ]
    between = world.get(f"{PATH}/diff?from={entries[1]['id']}&to={entries[0]['id']}", "read").json()
    assert between["changes"] == body["changes"]


def test_a_fault_in_the_file_is_shown(world: AdminWorld) -> None:
    world.file.write_text(world.file.read_text().replace("model: elsewhere", "modle: elsewhere"))
    assert world.post("/admin/reload", {}, "operate").status_code == 422
    body = world.get(PATH, "read").json()
    assert "modle" in body["faults"][0]["message"] and body["version"] == "7"
    wrong = world.get("/admin/overview", "read").json()["wrong"]
    assert "ConfigurationFaulty" in [each["code"] for each in wrong]


def test_without_a_file_there_is_nothing_to_write(tmp_path: Path) -> None:
    with closing(Shop(tmp_path)) as shop:
        world = AdminWorld(tmp_path, CONFIG, shop, watched=None)
        assert world.get(f"{PATH}/text").json()["code"] == "ConfigurationNotWatched"
        assert world.get(PATH).json()["writable"] is False
