"""Flags that are named, and values that are no texts, as each protocol has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import growthbook
import pytest
from litestar.testing import TestClient

from tests.gateway.config.documents import faults_of
from tests.gateway.serve.world import SmallEngine, app_over

CONFIG = """
namespaces:
  shop:
    recommenders:
      recommend-items:
        home:
          flag: hero
          experiments:
            first: {flag: hero-depth, method: builtin, traffic: 0.4, metrics: {clicks: {}}, overrides: {tester: deep}}
            second: {method: builtin, seed: x, traffic: 0.5, metrics: {clicks: {}}}
          variations:
            wide: {type: engine, model: home, weight: 1, value: {layout: "${LAYOUT:-grid}", count: 12}}
            deep: {type: engine, model: home, weight: 1, value: {layout: list, count: 30}}
        site:
          experiments: {look: {flag: new-look, method: builtin, project: site, metrics: {clicks: {}}}}
          variations: {"off": {type: engine, model: home, value: false}, "on": {type: engine, model: home, value: true}}
        boost:
          experiments: {look: {flag: boost, method: builtin, metrics: {clicks: {}}}}
          variations: {a: {type: engine, model: home, value: 1}, b: {type: engine, model: home, value: 0.5}}
        places:
          experiments: {look: {flag: places, method: builtin, metrics: {clicks: {}}}}
          variations: {a: {type: engine, model: home, value: 4}, b: {type: engine, model: home, value: 8}}
        drawn:
          flag: drawn
          variations: {a: {type: engine, model: home, weight: 1}, b: {type: engine, model: home, weight: 3}}
        single: {flag: single, variations: {only: {type: engine, model: home, value: 7}}}
"""
USERS = [f"u{number}" for number in range(200)]


@pytest.fixture
def client(engine: SmallEngine) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, config=CONFIG)) as client:
        yield client


def evaluated(client: TestClient[Any], key: str, unit: str) -> dict[str, Any]:
    answer = client.post(f"/ofrep/v1/evaluate/flags/{key}", json={"context": {"targetingKey": unit}})
    assert answer.status_code == 200
    flag: dict[str, Any] = answer.json()
    return flag


def test_openfeature_gets_values_of_their_type(client: TestClient[Any]) -> None:
    flag = evaluated(client, "hero-depth", "tester")
    assert (flag["value"], flag["variant"]) == ({"layout": "list", "count": 30}, "deep")
    assert {evaluated(client, "new-look", user)["value"] for user in USERS[:20]} == {True, False}
    bodies = {
        client.post("/ofrep/v1/evaluate/flags/boost", json={"context": {"targetingKey": user}}).text
        for user in USERS[:20]
    }
    assert all('"value":1.0,' in body or '"value":0.5,' in body for body in bodies) and len(bodies) == 2
    assert {evaluated(client, "places", user)["value"] for user in USERS[:20]} == {4, 8}
    assert evaluated(client, "single", "u1") == {
        "key": "single",
        "value": 7,
        "variant": "only",
        "reason": "STATIC",
        "metadata": {"namespace": "shop", "recommender": "single"},
    }


def test_a_recommenders_flag_is_the_variation_that_answers(client: TestClient[Any]) -> None:
    by_feature: dict[str | None, int] = {}
    for user in USERS:
        answer = client.get(f"/recommend-items/shop/home/{user}").json()
        flag = evaluated(client, "hero", user)
        assert flag["variant"] == answer["variation"]
        matched = answer.get("matchedExperiment", {}).get("feature")
        assert flag["reason"] == ("SPLIT" if matched else "DEFAULT")
        assert flag["metadata"].get("feature") == matched
        by_feature[matched] = by_feature.get(matched, 0) + 1
        drawn = evaluated(client, "drawn", user)
        assert drawn["variant"] == client.get(f"/recommend-items/shop/drawn/{user}").json()["variation"]
        assert drawn["reason"] == "SPLIT"
    assert min(by_feature["first"], by_feature["second"], by_feature[None]) > 20


def test_growthbook_decides_the_same_values(client: TestClient[Any]) -> None:
    features = client.get("/api/features/any").json()["features"]
    sdk = growthbook.GrowthBook(features=features)
    keys = ("hero", "hero-depth", "shop.home.second", "new-look", "boost", "places", "drawn", "single")
    for user in [*USERS, "tester"]:
        sdk.set_attributes({"id": user})
        for flag in client.post("/ofrep/v1/evaluate/flags", json={"context": {"targetingKey": user}}).json()["flags"]:
            assert sdk.eval_feature(flag["key"]).value == flag["value"], (user, flag)
    assert set(features) == set(keys)
    sdk.destroy()


def test_evidently_has_values_of_its_types(client: TestClient[Any]) -> None:
    def of(project: str, feature: str, unit: str = "tester") -> dict[str, Any]:
        answer = client.post(f"/projects/{project}/evaluations/{feature}", json={"entityId": unit})
        assert answer.status_code == 200, answer.text
        evaluation: dict[str, Any] = answer.json()
        return evaluation

    assert of("shop", "hero-depth")["value"] == {"stringValue": '{"layout":"list","count":30}'}
    assert of("site", "new-look")["value"] in ({"boolValue": True}, {"boolValue": False})
    assert of("shop", "boost")["value"] in ({"doubleValue": 1.0}, {"doubleValue": 0.5})
    assert of("shop", "places")["value"] in ({"longValue": 4}, {"longValue": 8})
    enrolled = next(user for user in USERS if of("shop", "hero", user)["reason"] != "DEFAULT")
    assert of("shop", "hero", enrolled)["details"] in ('{"experiment":"hero-depth"}', '{"experiment":"second"}')
    assert of("shop", "drawn")["reason"] == of("shop", "single")["reason"] == "DEFAULT"
    kinds = {
        name: client.get(f"/projects/shop/features/{name}").json()["feature"]["valueType"]
        for name in ("hero", "hero-depth", "second", "boost", "places", "drawn")
    }
    assert kinds == {
        "hero": "STRING",
        "hero-depth": "STRING",
        "second": "STRING",
        "boost": "DOUBLE",
        "places": "LONG",
        "drawn": "STRING",
    }
    about = client.get("/projects/shop").json()["project"]
    assert (about["featureCount"], about["experimentCount"]) == (7, 4)
    assert client.get("/projects/shop/experiments/hero").status_code == 404
    assert client.get("/projects/shop/features/hero").json()["feature"]["entityOverrides"] == {"tester": "deep"}


def test_an_exposure_of_a_recommenders_flag_counts_for_the_experiment_that_takes_the_unit(
    client: TestClient[Any],
) -> None:
    for user in USERS:
        data = f'{{"feature":"hero","entityId":"{user}","variation":"wide"}}'
        event = {"type": "aws.evidently.evaluation", "timestamp": 1_700_000_000, "data": data}
        assert client.post("/events/projects/shop", json={"events": [event]}).json()["failedEventCount"] == 0
    counts = {
        feature: client.get(f"/experiments/shop/home/{feature}").json()["units"]["wide"]
        for feature in ("first", "second")
    }
    assert 55 < counts["first"] < 105 and 35 < counts["second"] < 85


def variations(*values: str) -> str:
    arms = ", ".join(f"v{place}: {{type: engine, model: m{value}}}" for place, value in enumerate(values))
    return f"{{experiments: {{look: {{method: builtin, metrics: {{c: {{}}}}}}}}, variations: {{{arms}}}}}"


@pytest.mark.parametrize(
    ("recommender", "fault"),
    [
        (variations(", value: 1", ""), "variations.v1: has no 'value', and 'v0' has: give one to each, or to none"),
        (variations(", value: 1", ", value: x"), "v1.value: is a text, and that of 'v0' is a number"),
        (variations(", value: 1", ", value: true"), "v1.value: is true or false, and that of 'v0' is a number"),
        (variations(", value: 1", ", value: .inf"), "v1.value: must be a finite number"),
        (variations(", value: {a: ['${NOWHERE}']}", ", value: {}"), "v0.value: the environment has no NOWHERE"),
        (variations(", value: [1]", ", value: [2]"), "v0.value: must be "),
        (
            "{flag: a b, variations: {a: {type: engine, model: m}}}",
            ".flag: must be a flag's key as its clients know it",
        ),
        (
            (
                "{flag: f, variations: {a: {type: engine, model: m}, b: {type: engine, model: m}},"
                " experiments: {x: {flag: f, method: builtin, metrics: {c: {}}}}}"
            ),
            "x.flag: 'f' is the flag of namespaces.shop.recommenders.recommend-items.home, too",
        ),
        (
            (
                "{flag: shop.home.x, variations: {a: {type: engine, model: m}, b: {type: engine, model: m}},"
                " experiments: {x: {method: builtin, metrics: {c: {}}}}}"
            ),
            "x.flag: 'shop.home.x' is the flag of namespaces.shop.recommenders.recommend-items.home, too",
        ),
        (
            (
                "{flag: f, variations: {a: {type: engine, model: m}, b: {type: engine, model: m}},"
                " experiments: {x: {method: interleaving, flag: g, metrics: {c: {}}}}}"
            ),
            "x.flag: names no variation: all variations' lists are in each answer",
        ),
        (
            (
                "{flag: f, variations: {a: {type: engine, model: m}, b: {type: engine, model: m}}, experiments:"
                " {x: {method: builtin, metrics: {c: {}}}, y: {method: builtin, unit: session, metrics: {c: {}}}}}"
            ),
            "home.flag: some experiments' unit is the user, others' the session",
        ),
    ],
)
def test_flags_that_are_wrong_are_refused(recommender: str, fault: str) -> None:
    faults = faults_of(f"namespaces: {{shop: {{recommenders: {{recommend-items: {{home: {recommender}}}}}}}}}")
    assert any(fault in each for each in faults), faults
