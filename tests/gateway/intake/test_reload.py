"""A partner that the configuration gets while the gateway runs: its paths are there then, and no others."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from litestar.testing import TestClient

from gateway.app import AppOptions, create_app
from gateway.config import load
from tests.engine.shop import Shop
from tests.gateway.intake.world import NOW, IntakeShop

CONFIG = """
admin: {keys: [{name: ann, sha256: SHA256, role: operate}]}
namespaces:
  shop:
    recommenders: {recommend-items: {home: {variations: {a: {type: engine, model: home}}}}}
    eventTargets: [{type: personalize-event-tracker, trackingId: TRACKING}]
    intake: {INTAKE}
"""
SECRET = "secret of ann, long enough"
KEY = {"x-api-key": SECRET}
TRACK = {"userId": "u1", "event": "Product Viewed", "properties": {"product_id": "i1"}, "messageId": "m1"}
GA4 = "/mp/collect?measurement_id=G-1&api_secret=gs"
VIEW = {"client_id": "c", "events": [{"name": "view_item", "params": {"items": [{"item_id": "i2"}]}}]}
DEPLOYED = {"authorization": "Api-Key dk"}
FROM_A_PAGE = {"origin": "https://shop.example", "access-control-request-method": "POST"}


def test_a_partner_comes_and_goes_with_the_configuration(tmp_path: Path):
    shop = Shop(tmp_path / "data")
    shop.furnish("INTERACTIONS", "ITEMS")
    file = tmp_path / "shop.yaml"

    def write(intake: str) -> None:
        digest = sha256(SECRET.encode()).hexdigest()
        text = CONFIG.replace("SHA256", digest).replace("TRACKING", shop.tracking)
        file.write_text(text.replace("INTAKE", intake))

    write("segment: {keys: [wk]}")
    app = create_app(load(file), shop.engine, AppOptions(clock=lambda: NOW, watched=str(file)))
    with TestClient(app) as client:
        world = IntakeShop(shop, client)
        assert world.post("/v1/track", TRACK, auth=("wk", "")).status_code == 200
        assert world.post(GA4, VIEW).status_code == 404

        write("ga4: {keys: [gs]}")
        assert client.post("/admin/reload", headers=KEY).status_code == 200
        assert world.post(GA4, VIEW).status_code == 204
        assert client.options("/mp/collect", headers=FROM_A_PAGE).status_code == 204
        assert world.post("/v1/track", {**TRACK, "messageId": "m2"}, auth=("wk", "")).status_code == 404

        write("segment: {keys: [wk]}")  # its routes are not added again
        assert client.post("/admin/reload", headers=KEY).status_code == 200
        assert world.post("/v1/track", {**TRACK, "messageId": "m3"}, auth=("wk", "")).status_code == 200
        assert client.get("/sdk/v2/vardata", headers=DEPLOYED).status_code == 404

        write("amplitude: {keys: [dk]}")  # what its clients read comes with it
        assert client.post("/admin/reload", headers=KEY).status_code == 200
        assert client.get("/sdk/v2/vardata", headers=DEPLOYED).json() == {}
        assert [event.item for event in world.events()] == ["i1", "i2", "i1"]
