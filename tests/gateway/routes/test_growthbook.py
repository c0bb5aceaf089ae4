"""GrowthBook's endpoints over a small engine; its SDK tries them in tests/server/test_protocols.py."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from typing import Any

import growthbook
import pytest
from litestar.testing import TestClient

from gateway.experiments.wires.growthbook import ranges
from gateway.plan.draw import ends_of
from gateway.routes.growthbook import pushed
from tests.gateway.routes.experiments import CONFIG, keyed
from tests.gateway.serve.world import Clock, SmallEngine, app_over

FEATURES = "/api/features/any"
SESSIONS = [f"s{number}" for number in range(400)]


def test_features_follow_the_clock(engine: SmallEngine, clock: Clock) -> None:
    """The ramp's first step is ten seconds after the world's beginning."""
    with TestClient(app_over(engine, clock, CONFIG)) as client:
        before = client.get(FEATURES)
        assert before.json()["features"]["shop.ramped.look"] == {"defaultValue": "a", "rules": []}
        assert before.headers["x-sse-support"] == "enabled"
        same = {"if-none-match": before.headers["etag"]}
        unchanged = client.get(FEATURES, headers=same)
        assert unchanged.status_code == 304
        assert {each.headers["vary"] for each in (before, unchanged)} == {"Origin, Accept-Encoding"}
        assert {each.headers["etag"] for each in (before, unchanged)} == {same["if-none-match"]}
        clock.tick(10)
        after = client.get(FEATURES, headers=same)
        (rule,) = after.json()["features"]["shop.ramped.look"]["rules"]
        assert after.status_code == 200
        assert rule["ranges"] == [[0.0, 1 / 3], [1 / 3, 1.0], [1.0, 1.0]] and rule["hashVersion"] == 2
        assert rule["filters"][0]["ranges"] == [[0.0, 0.25]] and rule["hashAttribute"] == "sessionId"


def test_the_sdk_agrees_where_there_is_a_ramp_a_session_and_an_audience(engine: SmallEngine, clock: Clock) -> None:
    clock.tick(10)
    with TestClient(app_over(engine, clock, CONFIG)) as client:
        sdk = growthbook.GrowthBook(features=client.get(FEATURES).json()["features"])
        who = {"age": 20, "plan": "pro.max"}
        found = {}
        for session in SESSIONS:
            sdk.set_attributes({"sessionId": session, **who})
            asked = {"context": {"targetingKey": session, **who}}
            told = client.post("/ofrep/v1/evaluate/flags/shop.ramped.look", json=asked).json()
            found[session] = sdk.eval_feature("shop.ramped.look")
            assert (found[session].value, found[session].source == "experiment") == (
                told["value"],
                told["reason"] == "TARGETING_MATCH",
            )
        taken = [each for each in found.values() if each.source == "experiment"]
        assert 70 < len(taken) < 130 and {each.value for each in taken} == {"a", "b"}
        for other in ({**who, "age": 40}, {**who, "plan": "professional"}, {**who, "syntheticUser": True}, {"age": 20}):
            sdk.set_attributes({"sessionId": next(s for s in found if found[s].source == "experiment"), **other})
            assert sdk.eval_feature("shop.ramped.look").source == "defaultValue"


@pytest.mark.parametrize("weights", [[1, 1, 1], [0.1] * 10, [0, 3, 0, 4, 0], [1], [0.7, 0.2, 0.1]])
def test_ranges_are_where_arms_are_drawn(weights: list[float]) -> None:
    bounds = ranges([weight / sum(weights) for weight in weights])
    for bucket in range(10_000):
        at = bucket / 10_000
        chosen = next(index for index, (start, end) in enumerate(bounds) if start <= at < end)
        assert chosen == bisect_right(ends_of([weight / sum(weights) for weight in weights]), at)


def test_a_client_key_is_an_api_key_where_there_are_any(engine: SmallEngine) -> None:
    with TestClient(app_over(engine, config=keyed(one="shop", two="quiet"))) as client:
        assert client.get("/api/features/wrong").status_code == 401
        assert client.get("/sub/wrong").status_code == 401
        assert list(client.get("/api/features/two").json()["features"]) == ["quiet.home.look"]
        by_header = client.get("/api/features/sdk-1", headers={"x-api-key": "two"})
        assert list(by_header.json()["features"]) == ["quiet.home.look"]
        assert client.get("/api/features").status_code == 404


def test_tracked_events_count_where_their_sender_may_send_any(engine: SmallEngine) -> None:
    viewed = {"experiment_id": "quiet.home.look", "variation_key": "a", "in_experiment": True, "hash_value": "u1"}
    events = [
        {"event_name": "$$experiment_viewed", "properties_json": viewed, "device_id": "u1"},
        {
            "event_name": "$$experiment_viewed",
            "properties_json": {**viewed, "in_experiment": False, "hash_value": "u2"},
        },
        {"event_name": "clicks", "properties_json": {"value": 2.0}, "device_id": "u1"},
        {"event_name": "of no metric", "properties_json": {}, "device_id": "u1"},
    ]
    with TestClient(app_over(engine, config=keyed(two="quiet"))) as client:
        assert client.post("/track?client_key=wrong", json=events).status_code == 401
        assert client.post("/track?client_key=two", content="{}").status_code == 400
        assert client.post("/track?client_key=two", json=events).status_code == 200
        told = client.get("/metrics").text
        assert 'namespace="quiet"' in told and 'namespace="shop",recommender="recommend-items/home"' not in told
        verdict = client.get("/experiments/quiet/home/look", headers={"x-api-key": "two"}).json()
        assert verdict["units"] == {"a": 1, "b": 0} and verdict["rows"][0]["mean"] == 2.0


def test_features_are_evaluated_here_for_one_user(engine: SmallEngine, clock: Clock) -> None:
    clock.tick(10)
    seen: list[tuple[str, str]] = []
    with TestClient(app_over(engine, clock, CONFIG)) as client:
        for number in range(100):
            who = {"id": f"u{number}", "sessionId": f"s{number}", "age": 20, "plan": "pro.max"}
            features = client.post("/api/eval/any", json={"attributes": who}).json()["features"]
            sdk = growthbook.GrowthBook(
                features=features,
                attributes=who,
                on_experiment_viewed=lambda experiment, result, **_: seen.append((experiment.key, result.key)),
            )
            for key, unit in (("shop.home.look", who["id"]), ("shop.ramped.look", who["sessionId"])):
                asked = {"context": {"targetingKey": unit, **who}}
                flag = client.post(f"/ofrep/v1/evaluate/flags/{key}", json=asked).json()
                seen.clear()
                assert sdk.eval_feature(key).value == flag["value"]
                assert seen == ([] if flag["reason"] == "DEFAULT" else [(key, flag["variant"])])
            sdk.destroy()


def test_what_is_forced_is_no_exposure(engine: SmallEngine) -> None:
    def features_of(client: TestClient[Any], **question: Any) -> dict[str, Any]:
        features: dict[str, Any] = client.post("/api/eval/any", json=question).json()["features"]
        return features

    with TestClient(app_over(engine, config=CONFIG)) as client:
        user, overridden = {"id": "u1"}, {"id": "tester"}
        forced = features_of(client, attributes=user, forcedVariations={"shop.home.look": 1})
        assert forced["shop.home.look"] == {"defaultValue": "a", "rules": [{"force": "b"}]}
        assert features_of(client, attributes=overridden)["shop.home.look"] == forced["shop.home.look"]
        assert features_of(client, forcedFeatures=[["shop.home.look", "c"]])["shop.home.look"] == {"defaultValue": "c"}
        assert features_of(client)["shop.home.look"] == {"defaultValue": "a"}
        out_of_range = features_of(client, attributes=user, forcedVariations={"shop.home.look": 9})
        assert "tracks" in out_of_range["shop.home.look"]["rules"][0]
        refused = client.post("/api/eval/any", json={"attributes": []})
        assert refused.status_code == 400 and "attributes" in refused.json()["message"]
    with TestClient(app_over(SmallEngine(engine.settings.data_dir), config=keyed(one="shop", two="quiet"))) as client:
        assert client.post("/api/eval/wrong", json={}).status_code == 401
        assert list(client.post("/api/eval/two", json={}).json()["features"]) == ["quiet.home.look"]


def test_a_stream_says_what_is_new_and_ends_when_it_must() -> None:
    said = [b'{"features": {}}']

    async def listen() -> None:
        parts = pushed(lambda: said[0], lambda: said[0] != b"")
        assert await anext(parts) == b'event: features\ndata: {\ndata:  "features": {}\ndata: }\n\n'
        said[0] = b"{}"
        assert await anext(parts) == b"event: features\ndata: {}\n\n"
        said[0] = b""
        assert await anext(parts, None) is None

    asyncio.run(asyncio.wait_for(listen(), 10))
