"""`python -m tests.added_kinds FOLDER`: a gateway and an engine with the kinds that are below FOLDER.

It uses each kind of CONTRIBUTING.md once, and prints what came of it as JSON."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any

PACKAGES = ("engine.recipes", "engine.jobs.kinds", "gateway.metadata", "gateway.targets", "gateway.upstreams")
CONFIG = """
namespaces:
  shop:
    inferenceItemMetadata: {type: csv, file: FOLDER/items.csv}
    recommenders: {recommend-items: {home: {variations: {main: {type: fixed, items: [i1, i2]}}}}}
    eventTargets: [{type: file, path: FOLDER/events.jsonl}]
"""


def extend(package: str, folder: Path) -> None:
    """Load a package that has this folder's modules, too."""
    spec = find_spec(package)
    assert spec is not None and spec.loader is not None and spec.submodule_search_locations is not None
    spec.submodule_search_locations.append(str(folder))
    sys.modules[package] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[package])
    parent, _, name = package.rpartition(".")
    setattr(import_module(parent), name, sys.modules[package])


def main(folder: Path) -> None:
    for package in PACKAGES:
        extend(package, folder / package.replace(".", "/"))
    (folder / "items.csv").write_text("id,title\ni1,One\n")
    print(json.dumps({**engine_kinds(folder), **gateway_kinds(folder)}))


def engine_kinds(folder: Path) -> dict[str, Any]:
    from engine import Runner
    from tests.engine.shop import Shop

    with closing(Shop(folder / "shop")) as shop:
        shop.furnish()
        shop.load_clicks("u1 i1 1", "u2 i2 2", "u3 i1 3")
        job = shop.engine.jobs.enqueue("counting", shop.group)
        assert Runner(shop.engine).run_one()
        version = shop.train("latest", "arn:aws:personalize:::recipe/shop-latest")
        shop.deploy(version)
        return {
            "job": next(each.message for each in shop.engine.jobs.newest(10) if each.id == job),
            "recipes": [each["name"] for each in shop.do("ListRecipes", maxResults=100)["recipes"]],
            "latest": shop.ask("u9"),
        }


def gateway_kinds(folder: Path) -> dict[str, Any]:
    from litestar.testing import TestClient

    from engine import Engine, Settings
    from gateway.app import create_app
    from gateway.config import ConfigError, parse
    from tests.gateway.targets.world import body, until

    text = CONFIG.replace("FOLDER", str(folder))
    engine = Engine.open(Settings.of(folder / "data", {}))
    with TestClient(create_app(parse(text, "added.yaml"), engine)) as client:
        answer = client.get("/recommend-items/shop/home/u1").json()
        posted = client.post("/events/shop", json=body("s1", 1)).status_code
        events = folder / "events.jsonl"
        until(lambda: events.exists() and events.read_text())
    try:
        parse(text.replace("items.csv", "gone.csv").replace("type: file", "type: fiel"), "added.yaml")
    except ConfigError as error:
        faults = [fault.message for fault in error.faults]
    return {"answer": answer["itemList"], "posted": posted, "event": json.loads(events.read_text()), "faults": faults}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
