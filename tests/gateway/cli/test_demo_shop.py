"""The demo shop: its goods are drawn, its data is what it says, and all of it runs from one command."""

from __future__ import annotations

import base64
import csv
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from gateway.cli import demo_shop, shop_goods
from gateway.config import load

NOW = 1_800_000_000


def test_every_good_has_a_picture_of_its_own_kind_and_colour():
    stock = shop_goods.goods()
    assert len({good.item for good in stock}) == len(stock) == 240
    pictures = {(good.kind, good.colour): good.picture for good in stock}
    assert len(set(pictures.values())) == 48 and max(map(len, pictures.values())) <= 1000  # as long as a column takes
    for uri in pictures.values():
        kind, data = uri.split(",")
        assert kind == "data:image/svg+xml;base64"
        drawn = base64.b64decode(data)
        assert ElementTree.fromstring(drawn).tag.endswith("svg") and not re.search(rb'"[BD]"', drawn)


def test_shoppers_look_at_what_they_like(tmp_path: Path):
    shop_goods.write_interactions(tmp_path / "interactions.csv", NOW)
    rows = list(csv.DictReader((tmp_path / "interactions.csv").read_text().splitlines()))
    assert len(rows) > 4000
    assert all(NOW - 61 * 86_400 < int(row["TIMESTAMP"]) < NOW for row in rows)
    likes = {shopper.user: shopper.likes for shopper in shop_goods.shoppers()}
    share = Counter(likes[row["USER_ID"]](row["ITEM_ID"]) for row in rows)
    assert 0.5 < share[True] / len(rows) < 0.8
    assert {row["EVENT_TYPE"] for row in rows} == {"view", "cart", "purchase"}


def test_its_configuration_has_what_its_pages_ask_for():
    config = load(str(demo_shop.CONFIG), {})
    shop = config.namespace("shop")
    asked = set(
        re.findall(r"(recommend-items|related-items)/shop/([\w-]+)/", (demo_shop.PAGES / "shop.js").read_text())
    )
    assert asked and asked <= set(shop.plans) and not config.warnings
    assert shop.trackers == [demo_shop.TRACKING_ID] and len(config.experiments) == 1


def test_pages_are_served_with_the_gateway_s_address():
    with demo_shop.pages("127.0.0.1", 0, "http://gateway.test") as url, httpx.Client(base_url=url) as client:
        assert "<title>Corner shop</title>" in client.get("/").text
        assert client.get("/shop.css").headers["content-type"].startswith("text/css")
        about = client.get("/shop.json").json()
        assert about["gateway"] == "http://gateway.test" and len(about["goods"]) == 240
        assert [client.get(path).status_code for path in ("/../films.yaml", "/nothing")] == [404, 404]


@pytest.mark.parametrize("name", ["index.html", "shop.css", "shop.js"])
def test_its_files_load_nothing_from_elsewhere(name: str):
    text = (demo_shop.PAGES / name).read_text()
    assert not re.findall(r"""(?:src|href|url|from|import)\s*[=(]?\s*["'(]\s*(?:https?:)?//""", text)
