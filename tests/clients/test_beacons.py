"""Beacons of a page of another origin, which bring no header: a publishable key in the body or the URL lets them in."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from playwright.sync_api import Browser

from tests.clients.rows import ClientRow
from tests.clients.world import Store, page_origin, server_of, until
from tests.server.world import running

PAGE = ClientRow("beacons", "", "browser", "", "", "", "", {})
SCRIPT = """async ({url, events}) => {
  const body = (number, more) => JSON.stringify({sessionId: 's1', eventList: [events[number]], ...more});
  const path = `${url}/events/beacons`, key = {apiKey: 'page-key'};
  const sent = [
    navigator.sendBeacon(path, body(0, key)),
    navigator.sendBeacon(path, new Blob([body(1, key)], {type: 'application/json'})),
    navigator.sendBeacon(`${path}?apiKey=page-key`, body(2)),
    navigator.sendBeacon(path, body(3, {apiKey: 'guessed'})),
  ];
  const squeezed = new Blob([body(4)]).stream().pipeThrough(new CompressionStream('gzip'));
  const headers = {'Content-Encoding': 'gzip', 'X-Api-Key': 'page-key'};
  const answer = await fetch(path, {method: 'POST', headers, body: await new Response(squeezed).blob()});
  const list = await fetch(`${url}/recommend-items/beacons/home/u1?apiKey=page-key`);
  return [...sent, answer.status, list.status];
}"""


def test_beacons_of_any_form_are_stored(browser: Browser, tmp_path: Path):
    events = [{"eventType": "View", "itemId": f"i{number}"} for number in range(5)]
    key = {"name": "page", "sha256": sha256(b"page-key").hexdigest(), "namespaces": ["beacons"], "publishable": True}
    with running(server_of(tmp_path / "server", [PAGE], auth={"type": "api_key", "keys": [key]})) as server:
        (tmp_path / "index.html").write_text("<!doctype html><title>shop</title>")
        with page_origin(tmp_path) as origin:
            page = browser.new_page()
            page.goto(f"{origin}/index.html")
            told = page.evaluate(SCRIPT, {"url": server.url, "events": events})
            store = Store(server)
            until(lambda: page.wait_for_timeout(20) or len(store.events(PAGE)) >= 4, "four events")
            page.close()
    assert told == [True, True, True, True, 200, 404]  # let in, where no such list is configured
    assert sorted(each.item or "" for each in store.events(PAGE)) == ["i0", "i1", "i2", "i4"]
