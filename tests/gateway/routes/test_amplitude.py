"""What Amplitude's clients read: a user's variants, from the arms of our own experiments, and its recommendations."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.gateway.intake.world import IntakeShop, intake_shop
from tests.gateway.serve.world import Clock, SmallEngine, app_over
from tests.gateway.targets.world import until

CONFIG = """
namespaces:
  shop:
    recommenders:
      recommend-items:
        home:
          variations:
            a: {type: engine, model: home, value: {rows: 1}}
            b: {type: engine, model: home, value: {rows: 2}}
          experiments:
            row:
              flag: home-row
              method: builtin
              holdout: 0.5
              metrics: {sales: {eventType: Purchase}}
        visit:
          variations: {a: {type: engine, model: home, value: plain}, b: {type: engine, model: home, value: rich}}
          experiments: {look: {flag: look, method: builtin, unit: session, metrics: {sales: {eventType: Purchase}}}}
    eventTargets: [{type: personalize-event-tracker, trackingId: TRACKING}]
    intake: {INTAKE}
  other:
    recommenders:
      recommend-items:
        home:
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
          experiments: {row: {flag: other-row, method: builtin, metrics: {sales: {}}}}
    eventTargets: [{type: personalize-event-tracker, trackingId: TRACKING}]
"""
AMPLITUDE = "amplitude: {keys: [deployed], secretKeys: [s3cret]}"
KEYED = {"Authorization": "Api-Key deployed"}
SECRET = {"Authorization": "Api-Key s3cret"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IntakeShop]:
    with intake_shop(tmp_path_factory.mktemp("shop"), AMPLITUDE, CONFIG) as shop:
        yield shop


def fetched(shop: IntakeShop, user: dict[str, Any], **headers: str) -> dict[str, Any]:
    """The variants as clients for Python ask for them."""
    answer = shop.post("/sdk/v2/vardata?v=0", user, headers={**KEYED, **headers})
    assert answer.status_code == 200
    variants: dict[str, Any] = answer.json()
    return variants


def packed(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def arm(shop: IntakeShop, flag: str, unit: str) -> tuple[str, bool]:
    """The variation by OFREP, and whether the unit takes part."""
    context = {"context": {"targetingKey": unit, "exposure": False}}
    answer = shop.post(f"/ofrep/v1/evaluate/flags/{flag}", context).json()
    return answer["variant"], answer["reason"] == "SPLIT"


def test_variants_are_the_arms_that_the_gateway_has(shop: IntakeShop):
    for number in range(40):
        user = {"user_id": f"u{number}", "device_id": f"d{number}"}
        variants = fetched(shop, user)
        assert set(variants) == {"home-row", "look"}
        row, look = variants["home-row"], variants["look"]
        assert (row["key"], not row["metadata"]["default"]) == arm(shop, "home-row", user["user_id"])
        assert (look["key"], True) == arm(shop, "look", user["device_id"])
        assert (row["value"], row["payload"]) == (row["key"], {"rows": {"a": 1, "b": 2}[row["key"]]})
        assert look["value"] == {"a": "plain", "b": "rich"}[look["key"]]
        assert look["metadata"]["experimentKey"] == "look"
        by_get = shop.client.get("/sdk/v2/vardata?v=0", headers={**KEYED, "X-Amp-Exp-User": packed(user)})
        assert by_get.json() == variants


def test_a_client_may_name_flags_and_have_no_unit(shop: IntakeShop):
    named = fetched(shop, {"user_id": "u1"}, **{"X-Amp-Exp-Flag-Keys": packed(["look", "other-row"])})
    assert named == {"look": {"key": "a", "value": "plain", "metadata": {"deployed": True, "default": True}}}
    assert fetched(shop, {})["home-row"]["metadata"]["default"] is True


def test_an_exposure_is_counted_where_the_client_asks_for_it(tmp_path: Path):
    config = CONFIG.replace("              holdout: 0.5\n", "")
    with intake_shop(tmp_path, AMPLITUDE, config) as shop:
        for number, header in enumerate(("no-track", "track", "")):
            fetched(shop, {"user_id": f"u{number}"}, **{"X-Amp-Exp-Exposure-Track": header})

        def counted() -> int:
            return sum(shop.client.get("/experiments/shop/home/row").json()["units"].values())

        assert until(counted) == 1


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/sdk/v2/vardata", {}, 401),
        ("/sdk/v2/vardata", {"Authorization": "Api-Key nobody"}, 401),
        ("/sdk/v2/vardata", {"Authorization": "Bearer deployed"}, 401),
        ("/sdk/v2/vardata", {**KEYED, "X-Amp-Exp-User": "%%%"}, 400),
        ("/sdk/v2/vardata", {**KEYED, "X-Amp-Exp-User": packed([1])}, 400),
        ("/sdk/v2/vardata", {**KEYED, "X-Amp-Exp-Flag-Keys": packed({"a": 1})}, 400),
        ("/v1/userprofile?user_id=u1", KEYED, 401),
        ("/v1/userprofile?user_id=u1", SECRET, 200),
        ("/v1/userprofile", SECRET, 400),
        ("/v1/userprofile?user_id=u1&rec_type=random", SECRET, 400),
        ("/v1/userprofile?user_id=u1&get_recs=true&rec_id=nothing", SECRET, 404),
        (f"/v1/userprofile?user_id=u1&get_recs=true&rec_id={','.join(['home'] * 21)}", SECRET, 400),
    ],
)
def test_requests_that_are_refused(shop: IntakeShop, path: str, headers: dict[str, str], status: int):
    assert shop.client.get(path, headers=headers).status_code == status


def test_without_the_partner_there_is_no_such_path(tmp_path: Path):
    with intake_shop(tmp_path, "") as shop:
        assert shop.client.get("/sdk/v2/vardata", headers=KEYED).status_code == 404
        assert shop.client.get("/v1/userprofile?user_id=u1", headers=SECRET).status_code == 404


SMALL = """
namespaces:
  shop:
    recommenders:
      recommend-items:
        home:
          shape: "itemList[].itemId"
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
          experiments: {row: {method: builtin, holdout: 0.5, metrics: {sales: {}}}}
        more: {variations: {main: {type: engine, model: home}}}
    eventTargets: [{type: personalize-event-tracker, trackingId: t1}]
    intake: {amplitude: {secretKeys: [s3cret]}}
"""


def test_a_profile_has_recommendations_of_each_recommender(engine: SmallEngine, clock: Clock):
    with TestClient(app_over(engine, clock, SMALL)) as client:

        def profile(query: str) -> dict[str, Any]:
            answer = client.get(f"/v1/userprofile?{query}", headers=SECRET)
            assert answer.status_code == 200
            data: dict[str, Any] = answer.json()["userData"]
            return data

        whole = profile("user_id=u1&device_id=d1&get_recs=true&rec_id=home,more")
        assert {name: value for name, value in whole.items() if name != "recommendations"} == {
            "user_id": "u1",
            "device_id": "d1",
            "amp_props": None,
            "cohort_ids": None,
        }
        home, more = whole["recommendations"]
        listed = client.get("/recommend-items/shop/more/u1").json()["itemList"]
        assert more == {
            "rec_id": "more",
            "child_rec_id": "main",
            "items": [each["itemId"] for each in listed],
            "is_control": False,
            "recommendation_source": "model",
            "last_updated": int(clock()),
        }
        assert home["items"] == more["items"] and home["child_rec_id"] in ("a", "b")
        controls = [
            profile(f"user_id=u{number}&get_recs=true&rec_id=home")["recommendations"][0] for number in range(20)
        ]
        assert 3 < sum(each["is_control"] for each in controls) < 17
        assert {each["child_rec_id"] for each in controls if each["is_control"]} == {"a"}
        assert profile("device_id=d1")["recommendations"] is None
