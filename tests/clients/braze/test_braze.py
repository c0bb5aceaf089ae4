"""A workshop's e-mail template, rendered with its host changed and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, MutableMapping
from pathlib import Path

import httpx
import pytest

from tests.clients.braze.rows import ROWS
from tests.clients.world import PATIENCE_S, node_of
from tests.server.world import Server, build, running

(ROW,) = ROWS
TEMPLATE = (
    "{% connected_content http://HOST/recommendations?userID={{${user_id}}}&fullyQualifyImageUrls=1&numResults=4 "
    ":save result %}{{result[0].product.name}} for {{result[0].product.price}}; "
    "{{result[3].product.image}};{{result[4].product.name}}"
)
EMPTY = "for ; ;"
CONFIG = """
inferenceItemMetadata: {type: engine, itemColumns: [NAME, PRICE]}
namespaces:
  shop:
    cacheControl: {userSpecified: {maxAge: 300, directives: private}}
    recommenders:
      recommend-items:
        mail:
          aliases: [{path: /recommendations, query: {userId: userID}}]
          shape: "itemList[].{product: {name: metadata.name, price: metadata.price,
            image: join('', ['https://shop.example/', itemId, '.jpg'])}}"
          variations: {main: {type: engine, model: for-you}}
"""
KEYED = f"""
rateLimits: {{perKey: 1/2 seconds}}
auth: {{type: api_key, keys: [{{name: mail, sha256: "{hashlib.sha256(b"mail-key").hexdigest()}"}}]}}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """A server for anyone, and one for who has a key."""
    folder = tmp_path_factory.mktemp("braze")
    data = build(folder / "data")
    (folder / "open.yaml").write_text(CONFIG)
    (folder / "keyed.yaml").write_text(CONFIG + KEYED)
    other = Path(shutil.copytree(data, folder / "other"))
    with (
        running(Server(data, folder / "open.yaml", workers=1)) as opened,
        running(Server(other, folder / "keyed.yaml", workers=1)) as keyed,
    ):
        yield opened, keyed


def test_a_workshops_template_renders(shop: tuple[Server, Server], outcomes: MutableMapping[str, dict[str, str]]):
    opened, keyed = shop
    place = node_of(ROW.folder)
    shutil.copy(ROW.folder / ROW.script, place)
    environ = {"PATH": os.environ["PATH"], "URL": opened.url, "LIMITED_URL": keyed.url, "TEMPLATE": TEMPLATE}
    done = subprocess.run(
        ["node", ROW.script], cwd=place, env=environ, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    items = httpx.get(f"{opened.url}/recommend-items/shop/mail/u7?numResults=4").json()
    first, last = items[0]["product"], items[3]["product"]
    assert told["stored"] == f"{first['name']} for {first['price']}; {last['image']};"
    assert told["again"] == told["keyed"] == told["stored"]
    assert told["unknown"] == told["invalid"] == told["limited"] == EMPTY
    assert told["later"] == told["stored"]
    outcomes.setdefault(ROW.name, {}).update(
        success="the template renders, `200`",
        failure="`401`, `400` and `429` leave it empty; `:headers` with the key renders, and so does what is asked "
        "after `Retry-After`",
    )
