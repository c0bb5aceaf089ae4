"""The files of the page: what they may load, how long they are kept, and its switch."""

from __future__ import annotations

import gzip
from contextlib import closing
from pathlib import Path

import pytest

from gateway.routes import ui
from tests.engine.shop import Shop
from tests.gateway.admin.world import CONFIG, AdminWorld

BUILT = {
    "index.html": b"<!doctype html><title>page</title>" * 20,
    "assets/index-0a1b2c3d.js": b"console.log('page')" * 50,
    "assets/logo-0a1b2c3d.png": b"\x89PNG",
}


@pytest.fixture
def world(keyless: AdminWorld, monkeypatch: pytest.MonkeyPatch) -> AdminWorld:
    files = {name: ui.page_file(name, body) for name, body in BUILT.items()}
    monkeypatch.setattr(ui, "built_files", lambda: files)
    return keyless


@pytest.mark.parametrize("path", ["/ui", "/ui/", "/ui/index.html", "/ui/experiments/shop/home"])
def test_the_page_is_at_all_of_its_own_paths(path: str, world: AdminWorld) -> None:
    answer = world.get(path)
    assert (answer.status_code, answer.content) == (200, BUILT["index.html"])
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    same = world.ask("GET", path, headers={"If-None-Match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_a_file_with_a_hash_is_kept_for_ever(world: AdminWorld) -> None:
    answer = world.get("/ui/assets/index-0a1b2c3d.js")
    assert answer.headers["cache-control"] == "public,max-age=31536000,immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


def test_what_gains_by_it_goes_out_compressed(world: AdminWorld) -> None:
    for name, body in BUILT.items():
        answer = world.ask("GET", f"/ui/{name}", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["vary"].startswith("Accept-Encoding")
        if name.endswith(".png"):
            assert "content-encoding" not in answer.headers
        else:
            assert gzip.decompress(ui.page_file(name, body).compressed) == answer.content == body


def test_nothing_runs_in_the_page_that_is_not_a_file_of_it(world: AdminWorld) -> None:
    for path in ("/ui", "/ui/assets/index-0a1b2c3d.js"):
        headers = world.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")


@pytest.mark.parametrize("path", ["/ui/none.js", "/ui/assets/none.css", "/ui/../pyproject.toml", "/ui/%2e%2e/app.py"])
def test_what_is_no_file_of_the_page(path: str, world: AdminWorld) -> None:
    assert world.get(path).status_code == 404


def test_an_installation_without_a_page_says_so(world: AdminWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui, "built_files", dict)
    answer = world.get("/ui")
    assert (answer.status_code, answer.json()["code"]) == (404, "PageNotBuilt")


def test_the_switch_takes_the_page_away_and_leaves_the_routes(tmp_path: Path) -> None:
    with closing(Shop(tmp_path)) as shop:
        world = AdminWorld(tmp_path, CONFIG + "ui: {enabled: false}\n", shop)
        assert world.get("/ui").status_code == 404
        assert world.get("/admin/session").status_code == 200


def test_the_committed_page_is_found() -> None:
    assert "index.html" in ui.built_files()
