"""A shop that takes partners' events: the gateway over a real engine, and what the log has afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from litestar.testing import TestClient

from engine.data.entries import Interaction, read_interaction, read_row
from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.engine.shop import T0, Shop

CONFIG = """
namespaces:
  shop:
    recommenders: {recommend-items: {home: {variations: {a: {type: engine, model: home}}}}}
    eventTargets: [{type: personalize-event-tracker, trackingId: TRACKING}]
    intake: {INTAKE}
  other:
    eventTargets: [{type: personalize-event-tracker, trackingId: TRACKING}]
"""
NOW = float(T0 + 86_400)  # by the server's clock


class IntakeShop:
    """A shop, its gateway's client, and its log."""

    def __init__(self, shop: Shop, client: TestClient[Any]) -> None:
        self.shop, self.client = shop, client

    def post(self, path: str, body: Any, **more: Any) -> Any:
        """A body of bytes as it is, or else JSON."""
        return self.client.post(path, **({"content": body} if isinstance(body, bytes) else {"json": body}), **more)

    def events(self) -> list[Interaction]:
        """The events of the log, in its order."""
        return [read_interaction(each.body) for each in self.shop.engine.log.read(0) if each.kind == "event"]

    def rows(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """The rows of the log of a kind, `user` or `item`."""
        found = [read_row(each.body) for each in self.shop.engine.log.read(0) if each.kind == kind]
        return [(each.name, each.values) for each in found]

    def dropped(self, partner: str = "segment") -> dict[tuple[str, str], int]:
        """How often which name was not stored, and why, by the page of metrics."""
        return {
            (labels["reason"], labels["name"]): int(value)
            for labels, value in self.metrics("recgate_intake_dropped_total")
            if labels["partner"] == partner
        }

    def metrics(self, name: str) -> Iterator[tuple[Mapping[str, str], float]]:
        from prometheus_client.parser import text_string_to_metric_families

        for family in text_string_to_metric_families(self.client.get("/metrics").text):
            for sample in family.samples:
                if sample.name == name:
                    yield sample.labels, sample.value


@contextmanager
def intake_shop(
    folder: Path, intake: str, config: str = CONFIG, users: Sequence[dict[str, Any]] | None = None
) -> Iterator[IntakeShop]:
    """`intake` is the inside of a namespace's `intake`, as YAML in flow style; `users` are the fields of Users."""
    tracking, start = folder / "tracking", 0
    if tracking.exists():
        start = 10_000
    shop = Shop(folder, start=start)
    if not start:
        shop.furnish("INTERACTIONS", "ITEMS")
        shop.add_dataset("USERS", users)
        tracking.write_text(shop.tracking)
    shop.tracking = tracking.read_text()
    text = config.replace("TRACKING", shop.tracking).replace("INTAKE", intake)
    app = create_app(parse(text), shop.engine, AppOptions(clock=lambda: NOW))
    with TestClient(app) as client:  # which closes the engine
        yield IntakeShop(shop, client)
