"""The TypeScript client, built and installed as its page says: in Node, and in a page of another origin."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser

from tests.clients.rows import ClientRow
from tests.clients.world import PATIENCE_S, ROOT, Store, page_origin
from tests.docs.walkthrough import HERE as ADDRESS, blocks
from tests.server.world import GROUP, TRACKING_ID, Server, build, running

FOLDER = Path(__file__).parent
SOURCES = ROOT / "clients" / "typescript"
OF_SHOP = ClientRow(GROUP, "", "Node", "", "", "", "", {})
LIMIT = 30  # an hour, of each key: enough for a journey
OPTIONS = {"strict": True, "module": "NodeNext", "target": "ES2022", "lib": ["ES2022", "DOM"], "types": []}
IMPORTS = {"imports": {"recgate-client": "./node_modules/recgate-client/dist/index.js"}}
PAGE = f'<!doctype html><title>shop</title><script type="importmap">{json.dumps(IMPORTS)}</script>'
IN_NODE = """
import * as journeys from './journey.js';
const [name, ...told] = process.argv.slice(1);
console.log(JSON.stringify(await journeys[name](...told)));
"""
IN_PAGE = "async (told) => (await import('./journey.js')).journey(...told)"
SHOP = {
    "cacheControl": {"userSpecified": {"maxAge": 300, "directives": "private"}},
    "eventTargets": [{"type": "personalize-event-tracker", "trackingId": TRACKING_ID}],
    "recommenders": {
        "recommend-items": {
            "home": {
                "experiments": {"new-ranker": {"method": "builtin", "metrics": {"clicks": {}}}},
                "variations": {
                    "old": {"type": "engine", "model": "popular", "weight": 1},
                    "new": {"type": "engine", "model": "for-you", "weight": 1},
                },
            }
        },
        "rerank-items": {"search": {"variations": {"main": {"type": "engine", "model": "search"}}}},
    },
}


def run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=PATIENCE_S)


def output(command: Sequence[str], folder: Path) -> str:
    done = run(command, folder)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def in_node(project: Path, function: str, *arguments: str) -> Any:
    """The result of a function of `journey.ts`."""
    return json.loads(output(["node", "--input-type=module", "--eval", IN_NODE, function, *arguments], project))


def compiled(project: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """These files, by the compiler that the client itself is built with."""
    (project / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "files": names}))
    return run([str(project / "clients/typescript/node_modules/.bin/tsc"), "--pretty", "false"], project)


@pytest.fixture(scope="module")
def page() -> dict[str, str]:
    """The commands and the example of the docs."""
    return {block.kind: block.text for block in blocks("docs/clients.md")}


@pytest.fixture(scope="module")
def project(page: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app beside a copy of the client, which it has installed."""
    folder = tmp_path_factory.mktemp("app")
    built = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(SOURCES, folder / "clients" / "typescript", ignore=built)
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    output(["bash", "-euc", page["sh"]], folder)
    for name in ("journey.ts", "wrong.ts"):
        shutil.copy(FOLDER / name, folder)
    (folder / "index.html").write_text(PAGE)
    done = compiled(folder, "journey.ts")
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="module")
def origin(project: Path) -> Iterator[str]:
    with page_origin(project) as address:
        yield address


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """The address of a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture(scope="module")
def shop(origin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that lets that origin in, with a secret key, a publishable one, and one that is used up."""
    folder = tmp_path_factory.mktemp("typescript")
    keys = [{"name": name, "sha256": sha256(f"{name}-key".encode()).hexdigest()} for name in ("my", "node", "hasty")]
    keys.append({**keys[0], "name": "page", "sha256": sha256(b"page-key").hexdigest()})
    keys[-1] |= {"namespaces": [GROUP], "publishable": True}
    config = {
        "cors": {"origins": [origin]},
        "rateLimits": {"perKey": f"{LIMIT}/hour"},
        "auth": {"type": "api_key", "keys": keys},
        "namespaces": {GROUP: SHOP},
    }
    (folder / "shop.json").write_text(json.dumps(config))
    with running(Server(build(folder / "data"), folder / "shop.json", workers=1)) as started:
        yield started


def listed(server: Server, user: str, key: str) -> list[str]:
    """The user's list as the server has it; their next event makes it another."""
    path = f"{server.url}/recommend-items/shop/home/{quote(user, safe='')}"
    answer = httpx.get(path, params={"numResults": 3, "decorateItems": True}, headers={"x-api-key": key})
    return [item["itemId"] for item in answer.json()["itemList"]]


def assert_journey(result: dict[str, Any], expected: list[str], server: Server, user: str) -> None:
    assert result["list"] == expected and len(expected) == 3
    assert re.fullmatch(r'"[\w-]+"', result["etag"]) and result["again"].get("body") is None
    assert result["again"]["etag"] == result["etag"]
    flag = result["flag"]
    assert flag["variant"] == flag["value"] == result["variation"]
    assert sorted(result["reranked"]) == ["i,3", "i/2", "i1"]
    (stored,) = [each for each in Store(server).events(OF_SHOP) if each.session == f"visit of {user}" and each.item]
    assert (stored.event_type, stored.user, stored.item) == ("view", user, expected[0])


def assert_refusals(result: dict[str, Any]) -> None:
    for name, status in {"keyless": 401, "invalid": 400, "missing": 404, "limited": 429}.items():
        assert result[name]["status"] == status, result[name]
        assert result[name]["code"] and result[name]["message"]
        assert (result[name]["retryAfter"] is not None) == (name == "limited")
    assert "numResults" in result["invalid"]["message"] and result["missing"]["code"] == "FLAG_NOT_FOUND"
    assert 0 < result["limited"]["retryAfter"] <= 3600
    assert result["elsewhere"].startswith("TypeError: ..")
    assert result["aborted"].startswith("AbortError") and result["late"].startswith("TimeoutError")


def test_it_works_in_node(project: Path, shop: Server, silent: str) -> None:
    user = "user/in node"
    expected = listed(shop, user, "node-key")
    result = in_node(project, "journey", shop.url, silent, "node-key", user)
    assert_journey(result, expected, shop, user)
    assert_refusals(result)


def test_it_works_in_a_page_of_another_origin(browser: Browser, origin: str, shop: Server, silent: str) -> None:
    user = "user/in a page"
    expected = listed(shop, user, "page-key")
    tab = browser.new_page()
    tab.goto(f"{origin}/index.html")
    result = tab.evaluate(IN_PAGE, [shop.url, silent, "page-key", user])
    tab.close()
    assert_journey(result, expected, shop, user)
    assert_refusals(result)


def test_an_operator_writes_the_configuration_that_they_have_seen(project: Path, shop: Server) -> None:
    assert shop.config is not None
    before = shop.config.read_text()
    result = in_node(project, "editing", shop.url)
    assert result["late"]["status"] == 412 and result["late"]["code"]
    assert shop.config.read_text() == f"{before}\n"


def test_the_example_of_its_page(page: dict[str, str], project: Path, shop: Server) -> None:
    (project / "example.ts").write_text(page["typescript"].replace(f"http://{ADDRESS}", shop.url))
    done = compiled(project, "example.ts")
    assert done.returncode == 0, done.stdout
    assert output(["node", "example.js"], project).startswith("404 ")
    (stored,) = [each for each in Store(shop).events(OF_SHOP) if each.session == "session-1" and each.item]
    assert stored.user == "user-1"


def test_what_the_types_refuse(project: Path) -> None:
    done = compiled(project, "wrong.ts")
    assert done.returncode != 0
    errors = re.findall(r"^wrong\.ts\((\d+),\d+\): error TS\d+: (.*)$", done.stdout, re.MULTILINE)
    words = {5: "'numResults'", 6: "'eventType'", 7: "'ifNoneMatch'", 9: "'body' is possibly 'undefined'"}
    assert {int(line) for line, _ in errors} == words.keys(), done.stdout
    assert all(words[int(line)] in text for line, text in errors), done.stdout
