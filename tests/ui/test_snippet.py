"""/recgate.js in a page of another origin, against a whole server: lists are filled, and events stored once."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from engine import Engine, Settings
from engine.data.entries import Interaction, read_interaction
from gateway.routes.snippet import snippet
from tests.clients.world import page_origin, until
from tests.server.world import CONFIG, Server, build, running

SOURCES = Path("gateway/snippet")
KEY = hashlib.sha256(b"page-key").hexdigest()
AUTH = f'auth: {{type: api_key, keys: [{{name: page, sha256: "{KEY}", namespaces: [shop], publishable: true}}]}}\n'
PAGE = """<!doctype html><title>shop</title>
<section data-recgate="recommend-items/popular" data-count="4">
  <template><a data-attr="href:metadata.name;onclick:itemId" data-field="metadata.name"></a></template>
</section>
<script>
  const calls = window.calls = [];
  if (location.search === "?magento") window.magentoStorefrontEvents = {
    context: {setRecommendations: (all) => calls.push(all)}, publish: {recsUnitRender: (unit) => calls.push(unit)}};
  addEventListener("click", (event) => event.preventDefault());
</script>
<script src="URL/recgate.js" data-namespace="shop" data-key="page-key" data-user="u1" async></script>
"""


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("snippet")
    data = build(folder / "data")
    (folder / "config.yaml").write_text(AUTH + CONFIG)
    with running(Server(data, folder / "config.yaml", workers=1)) as server:
        yield server


@pytest.fixture
def shop_page(browser: Browser, keyed: Server, tmp_path: Path) -> Iterator[tuple[Page, str]]:
    (tmp_path / "index.html").write_text(PAGE.replace("URL", keyed.url))
    with page_origin(tmp_path) as origin:
        page = browser.new_page()
        yield page, f"{origin}/index.html"
        page.close()


def new_events(server: Server, session: str) -> list[Interaction]:
    with closing(Engine.open(Settings.of(server.data, {}), follow=False)) as engine:
        read = [read_interaction(each.body) for each in engine.log.read(0) if each.kind == "event"]
    return [each for each in read if each.session == session]


def test_a_page_of_another_origin_shows_a_list_and_tells_what_happens(shop_page: tuple[Page, str], keyed: Server):
    page, url = shop_page
    page.goto(url)
    items = page.locator("[data-recgate-item]")
    expect(items).to_have_count(4)
    expect(items.first).to_have_text(str(items.first.get_attribute("href")))
    assert items.first.get_attribute("onclick") is None
    chosen = str(items.first.get_attribute("data-recgate-item"))
    shown = page.locator("[data-recgate]").get_attribute("data-recgate-list")
    items.first.click()
    page.evaluate("item => recgate.view(item)", chosen)
    session = str(page.evaluate("sessionStorage.getItem('recgate.session')"))
    page.goto("about:blank")  # what waits goes out as the page is left
    until(lambda: len(new_events(keyed, session)) >= 3, "three events")
    stored = {each.event_type: each for each in new_events(keyed, session)}
    assert sorted(stored) == ["Click", "Impression", "View"] and len(new_events(keyed, session)) == 3
    assert {each.user for each in stored.values()} == {"u1"}
    assert shown and {each.recommendation_id for each in stored.values()} == {shown}
    assert stored["Click"].item == stored["View"].item == chosen
    assert len(stored["Impression"].impression) == 4 and not page.context.cookies()


def test_magentos_collector_gets_units(shop_page: tuple[Page, str]):
    page, url = shop_page
    page.goto(f"{url}?magento")
    expect(page.locator("[data-recgate-item]")).to_have_count(4)
    page.wait_for_function("calls.length === 2")
    calls: list[Any] = page.evaluate("calls")
    (unit,) = calls[0]["units"]
    assert unit["unitId"] == calls[1] and [each["rank"] for each in unit["products"]] == [1, 2, 3, 4]
    assert json.dumps(unit["products"][0]["sku"])


def test_the_script_is_small_and_can_be_kept(keyed: Server):
    answer = httpx.get(f"{keyed.url}/recgate.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["content-encoding"] == "gzip" and int(answer.headers["content-length"]) <= 4096
    assert answer.content == snippet()[0] and gzip.decompress(snippet()[1]) == answer.content
    again = httpx.get(f"{keyed.url}/recgate.js", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_what_is_packed_was_built_from_this_source() -> None:
    """`npm run build` in gateway/snippet writes both."""
    digest = hashlib.sha256()
    for name in ("build.mjs", "package-lock.json", "src/recgate.ts"):
        digest.update((SOURCES / name).read_bytes())
    assert (SOURCES / "dist" / "sources.sha256").read_text().strip() == digest.hexdigest()
