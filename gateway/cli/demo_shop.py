"""recgate demo --shop: a small shop in the browser, on generated goods, with an experiment running."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import click
import httpx
from rich.console import Console

from engine import check_installed
from gateway.cli import demo, shop_goods
from gateway.cli.import_data import import_file
from gateway.cli.interrupts import Interrupted
from gateway.cli.local import Local, opened
from gateway.cli.options import plain_errors
from gateway.cli.train import deploy, train

GROUP, NAMESPACE = "demo-shop", "shop"
TRACKING_ID = "00000000-0000-4000-8000-000000000002"  # as its configuration names it
PAGES = Path(__file__).parents[1] / "demo" / "shop"
CONFIG = PAGES / "shop.yaml"
WITHOUT_SEQUENCES = {"sequence_epochs": "0"}  # the demo is to be short
MODELS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("shop-for-you", "aws-user-personalization-v2", WITHOUT_SEQUENCES),
    ("shop-popular", "aws-popularity-count", {}),
    ("shop-goes-with", "aws-similar-items", {}),
)
INTERACTIONS = (
    '{"type":"record","name":"Interactions","namespace":"shop","version":"1.0","fields":['
    '{"name":"USER_ID","type":"string"},{"name":"ITEM_ID","type":"string"},{"name":"TIMESTAMP","type":"long"},'
    '{"name":"EVENT_TYPE","type":"string"}]}'
)
WORDS = '"type":["null","string"],"categorical":true'
ITEMS = (
    '{"type":"record","name":"Items","namespace":"shop","version":"1.0","fields":['
    '{"name":"ITEM_ID","type":"string"},{"name":"NAME","type":["null","string"]},'
    f'{{"name":"KIND",{WORDS}}},{{"name":"COLOUR",{WORDS}}},{{"name":"MATERIAL",{WORDS}}},'
    '{"name":"PRICE","type":["null","float"]},{"name":"PICTURE","type":["null","string"]}]}'
)
VISITORS = 300  # who come before you, so that the experiment has begun


def run(options: demo.DemoOptions) -> None:
    """Data, models, a gateway, visitors, and the shop's pages until Ctrl-C."""
    console, started = Console(soft_wrap=True), time.monotonic()
    with plain_errors():
        check_installed(["torch"], "the demo trains with")
        prepare(console, options.data)
        with (
            demo.serving(options, CONFIG) as (process, url),
            pages(options.host, options.shop_port, url) as shop,
        ):
            outcome = visit(url, VISITORS)
            console.print(f"{VISITORS} visitors have come before you; {outcome} looked at what was shown first")
            console.print(f"[green]done in {time.monotonic() - started:.0f} s[/green]")
            console.print(f"\n  the shop    {shop}\n  behind it   {url}/ui/\n  its routes  {url}/docs\n")
            if not options.once:
                console.print("open until Ctrl-C")
                with contextlib.suppress(Interrupted):
                    process.wait()


# ---- data and models


def prepare(console: Console, data: Path) -> None:
    """Everything up to deployed models; what an earlier run has done is kept."""
    with opened(data, console, allow_file_urls=True) as local:
        ready = {campaign["name"] for campaign in local.call("ListCampaigns")["campaigns"]}
        if not is_imported(local):
            folder = data / GROUP
            folder.mkdir(parents=True, exist_ok=True)
            shop_goods.write_interactions(folder / "interactions.csv", int(time.time()))
            shop_goods.write_goods(folder / "items.csv")
            import_file(local, GROUP, "INTERACTIONS", folder / "interactions.csv", INTERACTIONS)
            import_file(local, GROUP, "ITEMS", folder / "items.csv", ITEMS)
        local.track(GROUP, TRACKING_ID)
        for name, recipe, hyperparameters in MODELS:
            if name not in ready:
                deploy(local, name, train(local, GROUP, name, recipe, hyperparameters))


def is_imported(local: Local) -> bool:
    jobs = local.call("ListDatasetImportJobs")["datasetImportJobs"]
    done = {job["jobName"].rpartition("-")[0] for job in jobs if job["status"] == "ACTIVE"}
    return {f"{GROUP}-interactions", f"{GROUP}-items"} <= done


# ---- visitors


def visit(url: str, count: int) -> int:
    """Visitors who are shown the first shelf, and look at a good of it if they like it. Returns how many did."""
    draw, looked = random.Random(3), 0
    with httpx.Client(base_url=url, timeout=30) as client:
        for shopper in shop_goods.shoppers(count):
            # who comes back is known to the shop; of the others it knows two looks
            user = shopper.user if draw.random() < 0.5 else f"guest-{shopper.user}"
            if user != shopper.user:
                send(client, user, [good.item for good in shopper.choices()[:2]])
            answer = client.get(f"/recommend-items/{NAMESPACE}/home/{user}", params={"numResults": 5})
            answer.raise_for_status()
            liked = [each["itemId"] for each in answer.json()["itemList"] if shopper.likes(each["itemId"])]
            if liked:
                looked += 1
                send(client, user, liked[:1])
    return looked


def send(client: httpx.Client, user: str, items: list[str]) -> None:
    events = [{"eventType": "view", "itemId": item} for item in items]
    sent = {"sessionId": f"session-{user}", "userId": user, "eventList": events}
    client.post(f"/events/{NAMESPACE}", json=sent).raise_for_status()


# ---- the shop's own pages


class ShopPages(SimpleHTTPRequestHandler):
    """The files of gateway/demo/shop, and /shop.json: where the gateway is, and the goods."""

    def __init__(self, *arguments: object, about: bytes) -> None:
        self.about = about
        super().__init__(*arguments, directory=str(PAGES))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if urlsplit(self.path).path != "/shop.json":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.about)))
        self.end_headers()
        self.wfile.write(self.about)

    def list_directory(self, path: object) -> None:
        self.send_error(404)

    def log_message(self, *arguments: object) -> None:
        return


def described(gateway: str) -> bytes:
    """What the pages have to know: the gateway's address, and the goods as answers show them."""
    columns = ("name", "price", "kind", "colour", "picture")
    goods = shop_goods.goods()
    rows = [{"itemId": good.item, "metadata": {name: getattr(good, name) for name in columns}} for good in goods]
    return json.dumps({"gateway": gateway, "goods": rows}).encode()


@contextlib.contextmanager
def pages(host: str, port: int, gateway: str) -> Iterator[str]:
    """The address of the shop. Raises `ClickException` if the port can't be had."""
    try:
        server = ThreadingHTTPServer((host, port), partial(ShopPages, about=described(gateway)))
    except OSError as error:
        reason = f"{host}:{port} can't be listened on: {error.strerror}; choose another port by --shop-port"
        raise click.ClickException(reason) from error
    thread = threading.Thread(target=server.serve_forever, name="shop", daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
