"""The datafile of Optimizely's SDKs; the SDKs themselves try it in tests/clients/flags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from gateway.plan.draw import BUCKETS, buckets_below, murmur3, optimizely_share
from tests.gateway.config.documents import faults_of
from tests.gateway.serve.world import Clock, SmallEngine, app_over

CONFIG = """
namespaces:
  shop:
    recommenders:
      recommend-items:
        home:
          flag: hero
          experiments:
            first:
              flag: hero-depth
              method: builtin
              bucketing: optimizely
              holdout: 0.1
              traffic: 0.4
              ramp: [{at: "2023-11-14T22:13:30Z", traffic: 0.8}]
              metrics: {clicks: {}, bought: {eventType: Purchase}}
              overrides: {tester: deep}
              audience: [{field: age, operator: greater-than, value: 17}, {field: plan, operator: equals, value: "7"}]
            second:
              {method: builtin, bucketing: optimizely, exclusion: {group: g, range: [0.2, 1]}, metrics: {clicks: {}}}
          variations:
            wide: {type: engine, model: home, weight: 1, value: {layout: grid, count: 12, ratio: 1.5, tags: [a]}}
            deep: {type: engine, model: home, weight: 2, value: {layout: list, count: 30, ratio: 2, new: true}}
        third:
          experiments:
            look:
              {method: builtin, bucketing: optimizely, exclusion: {group: g, range: [0, 0.2]}, metrics: {clicks: {}}}
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
        hashed:
          experiments: {look: {flag: hashed, method: builtin, metrics: {clicks: {}}}}
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
        drawn:
          flag: drawn
          variations: {a: {type: engine, model: home, weight: 1}, b: {type: engine, model: home, weight: 1}}
        single: {flag: single, variations: {only: {type: engine, model: home}}}
    eventTargets: [{type: personalize-event-tracker, trackingId: tracker-1}]
    intake: {optimizely: {keys: [sdk], mapping: {events: {Purchase: Purchase}}}}
  other:
    recommenders:
      recommend-items:
        home:
          experiments: {look: {method: builtin, bucketing: optimizely, metrics: {clicks: {}}}}
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
"""
DATAFILE = "/datafiles/sdk.json"
USERS = [f"u{number}" for number in range(300)]


@pytest.fixture
def client(engine: SmallEngine, clock: Clock) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, clock, CONFIG)) as client:
        yield client


def experiments_of(datafile: dict[str, Any]) -> dict[str, tuple[dict[str, Any], dict[str, Any] | None]]:
    """Each experiment, by its id, with its group."""
    grouped = [(each, group) for group in datafile["groups"] for each in group["experiments"]]
    return {
        each["id"]: (each, group) for each, group in [*((each, None) for each in datafile["experiments"]), *grouped]
    }


def found(unit: str, parent: str, allocation: list[dict[str, Any]]) -> str:
    bucket = (murmur3(f"{unit}{parent}".encode()) * BUCKETS) >> 32
    return next((each["entityId"] for each in allocation if bucket < each["endOfRange"]), "")


def decided(datafile: dict[str, Any], key: str, unit: str) -> str:
    """The variation that an SDK decides for a unit whom every audience has."""
    (feature,) = [each for each in datafile["featureFlags"] if each["key"] == key]
    for place in feature["experimentIds"]:
        experiment, group = experiments_of(datafile)[place]
        if unit in experiment["forcedVariations"]:
            return str(experiment["forcedVariations"][unit])
        if group is not None and found(unit, group["id"], group["trafficAllocation"]) != place:
            continue
        variation = found(unit, place, experiment["trafficAllocation"])
        return str(next(each["key"] for each in experiment["variations"] if each["id"] == variation))
    (rollout,) = [each for each in datafile["rollouts"] if each["id"] == feature["rolloutId"]]
    return str(rollout["experiments"][0]["variations"][0]["key"])


@pytest.mark.parametrize(
    ("parent", "unit", "bucket"),
    [  # of Optimizely's own tests
        ("1886780721", "ppid1", 5254),
        ("1886780721", "ppid2", 4299),
        ("1886780722", "ppid2", 2434),
        ("1886780721", "ppid3", 5439),
    ],
)
def test_buckets_are_optimizelys(parent: str, unit: str, bucket: int) -> None:
    assert optimizely_share(parent, unit) == bucket / BUCKETS


def test_ends_of_ranges_are_where_places_end() -> None:
    for end in (0.0, 1e-9, 0.1, 1 / 3, 0.3, 0.7, 0.1 + 0.2, 1.0):
        assert buckets_below(end) == sum(bucket / BUCKETS < end for bucket in range(BUCKETS))


def flags_of(client: TestClient[Any], unit: str, plan: str) -> dict[str, Any]:
    context = {"targetingKey": unit, "age": 20, "plan": plan}
    flags = client.post("/ofrep/v1/evaluate/flags", json={"context": context}).json()["flags"]
    return {flag["key"]: flag for flag in flags}


def test_what_the_datafile_decides_is_what_answers(client: TestClient[Any], clock: Clock) -> None:
    taken: Counter[str] = Counter()
    for seconds in (0, 10):  # before the ramp's step, and after it
        clock.tick(seconds)
        datafile = client.get(DATAFILE).json()
        for unit in [*USERS, "tester"]:
            flags = flags_of(client, unit, "7")
            for key in ("hero", "hero-depth", "shop.home.second", "shop.third.look", "single"):
                assert decided(datafile, key, unit) == flags[key]["variant"], (key, unit)
                taken[f"{key} {flags[key]['metadata'].get('feature')} {flags[key]['reason']}"] += 1
            answer = flags_of(client, unit, "other")["hero"]
            assert answer["metadata"].get("feature") != "first" or unit == "tester"
    assert 2 * 300 * 0.45 < taken["hero first TARGETING_MATCH"] < 2 * 300 * 0.65  # (0.4 + 0.8) / 2 × 0.9 = 0.54
    assert 2 * 300 * 0.7 < taken["shop.home.second second SPLIT"] < 2 * 300 * 0.9
    assert 2 * 300 * 0.1 < taken["shop.third.look look SPLIT"] < 2 * 300 * 0.3


def test_the_ramp_moves_nobody_out(client: TestClient[Any], clock: Clock) -> None:
    def enrolled() -> set[str]:
        asked = {unit: {"targetingKey": unit, "age": 20, "plan": "7", "exposure": False} for unit in USERS}
        path = "/ofrep/v1/evaluate/flags/hero-depth"
        answers = {unit: client.post(path, json={"context": context}).json() for unit, context in asked.items()}
        return {f"{unit} {each['variant']}" for unit, each in answers.items() if each["reason"] == "TARGETING_MATCH"}

    before = enrolled()
    clock.tick(10)
    assert before < enrolled()


def test_the_datafile_has_the_namespaces_flags(client: TestClient[Any]) -> None:
    datafile = client.get(DATAFILE).json()
    keys = [each["key"] for each in datafile["featureFlags"]]
    assert keys == ["hero-depth", "shop.home.second", "shop.third.look", "hero", "single"]
    assert [each["key"] for each in datafile["events"]] == ["clicks", "bought", "Purchase"]
    assert datafile["accountId"] == "sdk" and datafile["version"] == "4"
    (hero,) = [each for each in datafile["featureFlags"] if each["key"] == "hero"]
    variables = {each["key"]: (each["type"], each.get("subType"), each["defaultValue"]) for each in hero["variables"]}
    assert variables == {
        "layout": ("string", None, "grid"),
        "count": ("integer", None, "12"),
        "ratio": ("double", None, "1.5"),
        "tags": ("string", "json", '["a"]'),
        "new": ("boolean", None, "false"),
    }
    ids = [each["id"] for each, _ in experiments_of(datafile).values()]
    assert all(each.isdigit() and int(each) < 2**53 for each in [*ids, datafile["revision"]])
    audience = {each["id"]: each["conditions"] for each in datafile["typedAudiences"]}
    first = next(each for each, _ in experiments_of(datafile).values() if each["key"] == "hero-depth")
    age, plan, real = audience[first["audienceIds"][0]][1:]
    assert age == {"type": "custom_attribute", "name": "age", "match": "gt", "value": 17}
    assert [each["value"] for each in plan[1:]] == ["7", 7] and real[0] == "not"
    features = client.get("/api/features/any").json()["features"]
    assert "hashed" in features and not {"hero", "hero-depth", "shop.third.look"} & features.keys()
    assert "hero-depth" in client.post("/api/eval/any", json={}).json()["features"]


def test_it_is_sent_again_only_when_it_is_another(client: TestClient[Any], clock: Clock) -> None:
    origin = {"origin": "https://shop.example"}
    first = client.get(DATAFILE, headers=origin)
    assert "Last-Modified" in first.headers["access-control-expose-headers"]
    same = {"if-modified-since": first.headers["last-modified"], **origin}
    clock.tick(5)
    again = client.get(DATAFILE, headers=same)
    assert (again.status_code, again.content, again.headers["last-modified"]) == (304, b"", same["if-modified-since"])
    asked = {"access-control-request-method": "GET", "access-control-request-headers": "if-modified-since"}
    preflight = client.options(DATAFILE, headers={**asked, **origin})
    assert "If-Modified-Since" in preflight.headers["access-control-allow-headers"]
    clock.tick(5)  # the ramp's step
    assert client.get(DATAFILE, headers=same).status_code == 200


def test_a_key_is_needed(client: TestClient[Any], engine: SmallEngine) -> None:
    assert client.get("/datafiles/wrong.json").status_code == 401
    assert client.get("/datafiles/sdk").status_code == client.get("/datafiles/").status_code == 404
    without = CONFIG.replace("    intake: {optimizely: {keys: [sdk], mapping: {events: {Purchase: Purchase}}}}\n", "")
    with TestClient(app_over(engine, config=without)) as other:
        assert other.get(DATAFILE).status_code == 404


@pytest.mark.parametrize(
    ("more", "experiment", "fault"),
    [
        ("holdout: 0.1, ", "method: builtin", "x.bucketing: Optimizely's SDKs know no holdout of a namespace"),
        ("", "method: interleaving", "x.bucketing: no client finds the lists of interleaved variations"),
        (
            "",
            "method: builtin, audience: [{field: plan, operator: starts-with, value: p}]",
            "x.audience[0].operator: Optimizely's SDKs know no 'starts-with'; one of: equals, contains",
        ),
        (
            "",
            "method: builtin, exclusion: {group: g, range: [0.5, 1]}",
            "x.bucketing: is not that of namespaces.shop.recommenders.recommend-items.home.experiments.y, of the same",
        ),
    ],
)
def test_what_the_sdks_cannot_find_is_refused(more: str, experiment: str, fault: str) -> None:
    other = "y: {method: builtin, exclusion: {group: g, range: [0, 0.5]}, metrics: {c: {}}}"
    tested = f"x: {{{experiment}, bucketing: optimizely, metrics: {{c: {{}}}}}}"
    variations = "variations: {a: {type: engine, model: m}, b: {type: engine, model: m}}"
    recommender = f"{{experiments: {{{other}, {tested}}}, {variations}}}"
    faults = faults_of(f"namespaces: {{shop: {{{more}recommenders: {{recommend-items: {{home: {recommender}}}}}}}}}")
    assert any(fault in each for each in faults), faults
