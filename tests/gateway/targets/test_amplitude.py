"""Units' first exposures to experiments, as Amplitude gets them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.config import ConfigError, parse
from gateway.targets import amplitude
from tests.gateway.targets.world import World, until
from tests.gateway.upstreams.origin import Asked, Origin, Reply, small_origin

CONFIG = """
outbox: {maxBytes: MOST}
namespaces:
  shop:
    recommenders:
      recommend-items:
        home:
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
          experiments:
            row: {flag: home-row, method: builtin, metrics: {sales: {}}}
        visit:
          variations: {a: {type: engine, model: home}, b: {type: engine, model: home}}
          experiments: {look: {method: builtin, unit: session, metrics: {sales: {}}}}
    eventTargets: [{type: amplitude, apiKey: s3cret-key, url: 'URL/2/httpapi', timeout: 1}]
"""
TAKEN = Reply({"code": 200, "events_ingested": 1})


@pytest.fixture
def origin() -> Iterator[Origin]:
    with small_origin() as origin:
        origin.replies = [TAKEN]
        yield origin


def world(folder: Path, origin: Origin, most: int = 1 << 20) -> World:
    return World(folder, CONFIG.replace("URL", origin.url).replace("MOST", str(most)))


def ask(shop: World, *users: str) -> None:
    for user in users:
        assert shop.client.get(f"/recommend-items/shop/home/{user}").status_code == 200


def events(*asked: Asked) -> list[dict[str, Any]]:
    return [event for each in asked for event in each.json["events"]]


def units(*asked: Asked) -> list[str]:
    return sorted(each["user_id"] for each in events(*asked) if "user_id" in each)


def test_each_unit_is_sent_once(origin: Origin, tmp_path: Path) -> None:
    with world(tmp_path, origin) as shop:
        ask(shop, "u1", "u1", "u2")
        shop.client.get("/recommend-items/shop/visit/u1", headers={"x-session-id": "s1"}, params={"sessionId": "s1"})
        until(lambda: len(events(*origin.asked)) == 3)
    sent = events(*origin.asked)
    at_home = next(each for each in sent if "user_id" in each)
    assert at_home["event_type"] == "$exposure" and isinstance(at_home["time"], int)
    assert at_home["event_properties"]["flag_key"] == "home-row"
    assert at_home["event_properties"]["variant"] in ("a", "b")
    (visit,) = (each for each in sent if "device_id" in each)
    assert (visit["device_id"], visit["event_properties"]["flag_key"]) == ("s1", "shop.visit.look")
    assert {(each.path, each.json["api_key"]) for each in origin.asked} == {("/2/httpapi", "s3cret-key")}
    assert origin.asked[0].json["options"] == {"min_id_length": 1}
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"s3cret-key" in path.read_bytes() or "s3cret-key" in path.name]
    with world(tmp_path, origin) as shop:  # which knows nobody
        ask(shop, "u1", "u3")
        until(lambda: "u3" in units(*origin.asked))
    assert units(*origin.asked) == ["u1", "u2", "u3"]


def test_what_is_refused_by_name_is_dropped_and_the_rest_sent_again(origin: Origin, tmp_path: Path) -> None:
    def reply(asked: Asked) -> Reply:
        if len(origin.asked) == 1:
            return Reply({"code": 400, "error": "Invalid API key: s"}, 400)
        faulty = [index for index, each in enumerate(asked.json["events"]) if each["user_id"] == "u2"]
        return (
            Reply({"error": "Invalid event", "events_with_invalid_fields": {"time": faulty}}, 400) if faulty else TAKEN
        )

    origin.by = reply
    with world(tmp_path, origin) as shop:
        ask(shop, "u1", "u2", "u3")
        until(lambda: shop.metric("recgate_outbox_dead_total{") == 1)
        until(lambda: shop.metric("recgate_outbox_delivered_total{") == 2)
    sent = events(*origin.asked)
    assert len({each["insert_id"] for each in sent}) == 3 and len(sent) > 3
    (letter,) = shop.dead_letters()
    assert letter["message"] in sent and letter["message"]["user_id"] == "u2" and "Invalid event" in letter["why"]


def test_what_is_throttled_waits_and_what_is_over_its_quota_is_dropped(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(amplitude, "THROTTLED_S", 0.01)
    over = {"exceeded_daily_quota_users": {"u2": 500_001}, "throttled_users": {"u1": 11}, "throttled_events": [0]}
    origin.by = lambda asked: Reply(over, 429) if "u2" in units(asked) else TAKEN
    with world(tmp_path, origin) as shop:
        ask(shop, "u1", "u2")
        until(lambda: shop.metric("recgate_outbox_dead_total{") == 1)
        until(lambda: shop.metric("recgate_outbox_delivered_total{") == 1)
    assert units(origin.asked[-1]) == ["u1"] or units(origin.asked[0]) == ["u1"]
    assert [each["message"]["user_id"] for each in shop.dead_letters()] == ["u2"]


def test_it_takes_no_events(origin: Origin, tmp_path: Path) -> None:
    with world(tmp_path, origin) as shop:
        assert shop.post().json()["code"] == "NamespaceEventTargetsNotFound"
    config = CONFIG.replace("URL", origin.url).replace("MOST", "100000")
    with pytest.raises(ConfigError, match="needs 'eventTargets'"):
        parse(f"{config}    intake: {{amplitude: {{keys: [k]}}}}\n", "shop.yaml", {})


def test_a_full_outbox_loses_exposures_and_counts_them(origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "outbox" / "w9").mkdir(parents=True)
    (tmp_path / "outbox" / "w9" / "000000000001.log").write_bytes(bytes(1 << 17))
    with world(tmp_path, origin, most=1 << 16) as shop:
        ask(shop, "u1", "u2")
        until(lambda: shop.metric("recgate_exposures_lost_total{") == 2)
    assert origin.asked == []
