"""A shop with lists beside an item, which events of a tracker reach."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from gateway.cli.import_data import import_file
from gateway.cli.local import opened
from gateway.cli.train import deploy, train
from tests.server.world import EVENT_SCHEMA, TRACKING_ID, write_csvs

CONFIG = f"""
namespaces:
  shop:
    cacheControl: {{noUserSpecified: {{maxAge: 300}}}}
    recommenders:
      related-items:
        near: {{variations: {{main: {{type: engine, model: near}}}}}}
    eventTargets: [{{type: personalize-event-tracker, trackingId: {TRACKING_ID}}}]
"""


def build_near(folder: Path) -> None:
    """Its data and model, in the folder's `data` and whatever the environment names."""
    interactions, _ = write_csvs(folder / "csv")
    with opened(folder / "data", Console(quiet=True), allow_file_urls=True) as local:
        import_file(local, "shop", "INTERACTIONS", interactions, EVENT_SCHEMA)
        local.track("shop", TRACKING_ID)
        deploy(local, "near", train(local, "shop", "near", "aws-sims", {}))
