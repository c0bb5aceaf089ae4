"""Merchandising rules of the configuration, over the real engine: on every list and every way to it, by the clock, and
refused where wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from hypothesis import given, settings, strategies as st
from litestar.testing import TestClient

from engine import Engine, Settings
from gateway.__main__ import main
from gateway.app import AppOptions, create_app
from gateway.body import Body, in_place
from gateway.config import parse
from tests.gateway.books import bookshop
from tests.gateway.config.documents import faults_of, warnings_of
from tests.gateway.serve.world import Clock

OWN = 'INCLUDE ItemID WHERE Items.KIND IN ("own")'
CONFIG = """
admin: {keys: [{name: op, sha256: DIGEST}]}
aws: {unsignedCallers: anyone}
namespaces:
  shop:
    cacheControl:
      userSpecified: {maxAge: 600, directives: "private,stale-while-revalidate=600,stale-if-error=600"}
      noUserSpecified: {maxAge: 600, directives: "public,s-maxage=900"}
    rules:
      - {type: pin, name: launch, place: 2, items: [b15]}
      - {type: boost, name: own-press, times: 3, expression: INCLUDE ItemID WHERE Items.KIND IN ("own")}
    recommenders:
      recommend-items:
        home: {variations: {main: {type: engine, model: popular}}}
        plain: {rules: [], variations: {main: {type: engine, model: popular}}}
        sold:
          filters: [{expression: INCLUDE ItemID WHERE Items.STOCK > 0}]
          rules:
            - {type: pin, name: out, place: 1, items: [b0]}
            - {type: pin, name: still, place: 3, items: [b16], evenIfFiltered: true}
          variations: {main: {type: engine, model: popular}}
        timed:
          rules:
            - {type: pin, name: evening, place: 1, items: [b9],
               schedule: {days: [friday], hours: ["18:00-22:00"], timeZone: Europe/Berlin}}
            - {type: pin, name: night, place: 1, items: [b8], schedule: {start: "2026-11-27T22:00",
               end: "2026-11-28T06:00", timeZone: Europe/Berlin}}
          variations: {main: {type: engine, model: popular}}
        asked:
          rules:
            - type: pin
              name: kind
              place: 1
              expression: INCLUDE ItemID WHERE Items.KIND IN ($KIND)
              autoDynamicFilterValues:
                KIND: {type: string, default: own, rules: [{type: header-value, header: x-kind}]}
          variations: {main: {type: engine, model: popular}}
        hidden:
          inferenceItemMetadata: {type: engine, itemColumns: [KIND]}
          hide: [{field: stock, operator: equals, value: 0}]
          rules: [{type: pin, name: third, place: 3, items: [b15]}, {type: pin, name: gone, place: 1, items: [b16]}]
          variations: {main: {type: engine, model: popular}}
        promoting:
          promotions: [{name: p, percentPromotedItems: 30, expression: INCLUDE ItemID WHERE Items.KIND IN ("own")}]
          rules: [{type: pin, name: launch, place: 1, items: [b3]}, {type: pin, name: fifth, place: 5, items: [b12]}]
          variations: {main: {type: engine, model: popular}}
        both:
          variations:
            one: {type: engine, model: popular}
            two: {type: engine, model: popular, rules: [{type: pin, name: launch, place: 2, items: [b15]}]}
          experiments: {e: {method: interleaving, metrics: {clicks: {eventType: click}}}}
        backed:
          fallback: [home]
          variations: {main: {type: http, url: "http://127.0.0.1:9/", retries: 0, promotions: []}}
        wrong:
          rules: [{type: bury, name: red, times: 2, expression: 'INCLUDE ItemID WHERE Items.COLOR = "red"'}]
          variations: {main: {type: engine, model: popular}}
        odd:
          rules: [{type: boost, name: like, times: 2, expression: INCLUDE ItemID WHERE Items.KIND = CurrentItem.KIND}]
          variations: {main: {type: engine, model: popular}}
      related-items:
        like:
          rules:
            - {type: bury, name: other, times: 1000, expression: INCLUDE ItemID WHERE Items.KIND != CurrentItem.KIND}
            - {type: pin, name: known, place: 1, items: [b0], condition: user-required}
          variations: {main: {type: engine, model: like}}
""".replace("DIGEST", sha256(b"open").hexdigest())
FRIDAY = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()  # 13:00 in Berlin


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bn is wanted by 20 - n people; b0 and b16 are sold out."""
    return bookshop(tmp_path_factory.mktemp("rules"), CONFIG, lambda user: 20 - user, (0, 16))


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock(FRIDAY)


@pytest.fixture(scope="module")
def client(data: Path, clock: Clock) -> Iterator[TestClient[Any]]:
    engine = Engine.open(Settings.of(data, {"RECGATE_INSTANT": "1"}), clock)
    with TestClient(create_app(parse(CONFIG), engine, AppOptions(clock=clock, draw=lambda: 0.0))) as client:
        yield client


def items_of(client: TestClient[Any], path: str, **headers: str) -> list[dict[str, Any]]:
    answer = client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["itemList"])


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["itemId"] for item in items]


def places(items: list[dict[str, Any]]) -> dict[str, int]:
    """The pinned and where they stand, which must be where their rules say."""
    pinned = {item["itemId"]: place for place, item in enumerate(items, 1) if "pin" in item}
    assert pinned == {item["itemId"]: item["pin"]["place"] for item in items if "pin" in item}
    return pinned


def test_rules_are_inherited_and_an_empty_list_takes_them_away(client: TestClient[Any]):
    items = items_of(client, "/recommend-items/shop/home/u1?numResults=6")
    # b3 by 17 people and b7 by 13 count three times, b15 is pinned
    assert ids(items) == ["b3", "b15", "b7", "b11", "b0", "b1"]
    assert items[1]["pin"] == {"rule": "launch", "place": 2} and places(items) == {"b15": 2}
    again = client.get("/recommend-items/shop/home/u1?numResults=6")
    assert again.json()["itemList"] == items and again.headers["x-cache"] in ("hit", "shared")
    plain = items_of(client, "/recommend-items/shop/plain/u1?numResults=6")
    assert ids(plain) == [f"b{n}" for n in range(6)] and not places(plain)


def test_filters_win_unless_a_pin_says_otherwise(client: TestClient[Any]):
    items = items_of(client, "/recommend-items/shop/sold/u1?numResults=5")
    assert ids(items) == ["b1", "b2", "b16", "b3", "b4"]


def test_lists_change_at_the_minute_and_no_cache_keeps_them_longer(client: TestClient[Any], clock: Clock):
    path = "/recommend-items/shop/timed/u1?numResults=3"
    clock.now = FRIDAY + 5 * 3600 - 61  # 17:58:59 in Berlin
    for _ in range(2):
        answer = client.get(path)
        assert ids(answer.json()["itemList"]) == ["b0", "b1", "b2"]
        assert answer.headers["cache-control"] == "private,stale-while-revalidate=0,stale-if-error=0,max-age=61"
    clock.tick(60)
    answer = client.get(path)
    assert answer.headers["x-cache"] == "hit" and answer.headers["age"] == "60"
    assert ids(answer.json()["itemList"]) == ["b0", "b1", "b2"]
    clock.tick(1)
    answer = client.get(path)
    assert answer.headers["x-cache"] == "miss" and ids(answer.json()["itemList"]) == ["b9", "b0", "b1"]
    assert "max-age=600" in answer.headers["cache-control"]
    clock.tick(4 * 3600 - 1)
    assert ids(items_of(client, path)) == ["b9", "b0", "b1"]
    clock.tick(1)
    assert ids(items_of(client, path)) == ["b8", "b0", "b1"]
    clock.tick(8 * 3600)
    assert ids(items_of(client, path)) == ["b0", "b1", "b2"]
    clock.now = FRIDAY


def test_values_by_rules_and_no_others_cached_answer(client: TestClient[Any]):
    path = "/recommend-items/shop/asked/u1?numResults=3"
    assert ids(items_of(client, path)) == ["b3", "b0", "b1"]
    assert ids(items_of(client, path, x_kind="other")) == ["b0", "b1", "b2"]
    assert "x-kind" in client.get(path).headers["vary"].lower()
    values = quote(json.dumps({"KIND": '"other"'}))
    assert ids(items_of(client, f"{path}&filterValues={values}")) == ["b0", "b1", "b2"]


def test_what_is_hidden_or_excluded_leaves_pins_at_their_places(client: TestClient[Any]):
    items = items_of(client, "/recommend-items/shop/hidden/u1?numResults=5")
    assert ids(items) == ["b1", "b2", "b15", "b3", "b4"]  # b0 and the pinned b16 are sold out
    assert items[2]["metadata"] == {"kind": "other"} or items[2]["metadata"] == {"kind": "own"}
    items = items_of(client, "/recommend-items/shop/home/u1?numResults=5&exclude=b3,b7")
    assert ids(items) == ["b11", "b15", "b0", "b1", "b2"]
    items = items_of(client, "/recommend-items/shop/home/u1?numResults=4&exclude=b15")
    assert ids(items) == ["b3", "b7", "b11", "b0"] and not places(items)


def test_pages_are_of_one_list(client: TestClient[Any]):
    pages = "/recommend-items/shop/promoting/u1?numResults=10&pageSize=3"
    whole = ids(items_of(client, "/recommend-items/shop/promoting/u1?numResults=10"))
    shown: list[str] = []
    token = ""
    while True:
        body = client.get(pages + (f"&next={quote(token)}" if token else "")).json()
        shown += ids(body["itemList"])
        if "next" not in body:
            break
        token = body["next"]
    assert shown == whole and shown.index("b12") == 4


def test_promotions_keep_their_share(client: TestClient[Any]):
    for more in ("", "&exclude=b0,b1", "&exclude=b7"):
        items = items_of(client, f"/recommend-items/shop/promoting/u1?numResults=10{more}")
        assert places(items) == {"b3": 1, "b12": 5} and len(items) == 10
        promoted = [item["itemId"] for item in items if "promotionName" in item]
        assert promoted == (["b11", "b15", "b19"] if "b7" in more else ["b7", "b11", "b15"])


def test_every_way_to_a_list(client: TestClient[Any]):
    body = {"userId": "u1", "requests": [{"recommender": "home", "numResults": 6}] * 2, "distinct": True}
    first, second = client.post("/recommend-many/shop", json=body).json()["responses"]
    assert ids(first["itemList"]) == ["b3", "b15", "b7", "b11", "b0", "b1"]
    assert len(second["itemList"]) == 6 and not set(ids(first["itemList"])) & set(ids(second["itemList"]))
    body = {"userId": "u1", "requests": [{"recommender": name, "numResults": 3} for name in ("plain", "home")]}
    first, second = client.post("/recommend-many/shop", json={**body, "distinct": True}).json()["responses"]
    assert ids(second["itemList"])[1] == "b15"  # where the first list took what stood before it
    drafted = items_of(client, "/recommend-items/shop/both/u1?numResults=6")
    assert places(drafted) == {"b15": 2} and {item["team"] for item in drafted} == {"one", "two"}
    fallen = client.get("/recommend-items/shop/backed/u1?numResults=6")
    assert fallen.headers["x-cache"] == "fallback" and places(fallen.json()["itemList"]) == {"b15": 2}


def test_rules_by_the_item_that_is_looked_at(client: TestClient[Any]):
    for item, kind in (("b3", 3), ("b2", 2)):
        found = ids(items_of(client, f"/related-items/shop/like/{item}?numResults=3"))
        assert len(found) == 3 and item not in found
        assert all((int(each[1:]) % 4 == 3) == (kind == 3) for each in found)
        mine = ids(items_of(client, f"/related-items/shop/like/{item}?numResults=3&userId=u7"))
        assert mine == ["b0", *(each for each in found if each != "b0")][:3]  # and nobody else has it


def explained(client: TestClient[Any], item: str, recommender: str = "home", count: int = 5) -> dict[str, Any]:
    told: dict[str, Any] = client.get(f"/explain-items/shop/{recommender}/u1/{item}?numResults={count}").json()
    return told


def test_an_explanation_names_the_rules(client: TestClient[Any]):
    pinned = explained(client, "b15")
    assert (pinned["cause"], pinned["place"]) == ("pin", 2)
    assert pinned["rules"] == [
        {"name": "launch", "type": "pin", "place": 2},
        {"name": "own-press", "type": "boost", "times": 3.0},
    ]
    boosted = explained(client, "b11")
    assert (boosted["cause"], boosted["rank"], boosted["rankAfterRules"]) == ("boost", 12, 3)
    assert explained(client, "b3")["cause"] == "relevance"
    assert explained(client, "b1")["rules"] == [
        {"name": "launch", "type": "pin"},
        {"name": "own-press", "type": "boost"},
    ]
    assert explained(client, "b2")["cause"] == "outranked"
    assert explained(client, "b15", count=1)["cause"] == "pinnedBelow"
    assert explained(client, "b0", "sold")["cause"] == "filtered"


def test_operators_see_which_rules_are_in_force(client: TestClient[Any], clock: Clock):
    shown = client.get("/admin/configuration", headers={"x-api-key": "open"}).json()
    assert shown["document"]["namespaces"]["shop"]["rules"][0]["name"] == "launch"
    by_list = {row["list"]: row for row in shown["rules"]}
    home = by_list["/recommend-items/shop/home"]
    assert home == {"list": "/recommend-items/shop/home", "variation": "main", "inForce": ["launch", "own-press"]}
    timed = by_list["/recommend-items/shop/timed"]
    assert (timed["inForce"], timed["until"]) == ([], FRIDAY + 5 * 3600)
    assert "/recommend-items/shop/plain" not in by_list


def test_a_rule_that_can_not_be_is_seen_before_visitors_are_refused(client: TestClient[Any], data: Path):
    ready = client.get("/ready")
    odd, wrong = sorted(name for name in ready.json()["degraded"] if name.startswith("rule"))
    assert ready.status_code == 200 and wrong.startswith("rule red of /recommend-items/shop/wrong main: INCLUDE")
    assert "COLOR" in ready.json()["checks"][wrong] and "CurrentItem" in ready.json()["checks"][odd]
    assert client.get("/recommend-items/shop/wrong/u1").status_code == 400
    assert client.get("/recommend-items/shop/odd/u1").status_code == 400
    checked = CliRunner().invoke(main, ["check-config", str(data.parent / "config.yaml"), "--data", str(data)])
    assert checked.exit_code == 1 and wrong in checked.output and odd in checked.output


# ---- what is refused

ONE = "namespaces: {shop: {recommenders: {recommend-items: {home: {rules: [RULES], variations: {main: VARIATION}}}}}}"
PIN = "{type: pin, name: p, place: 1, items: [a]}"
FAULTS = [
    ("{name: p}", "[0]: 'type' is required; one of: boost, bury, pin"),
    ("{type: pim, name: p}", "[0].type: unknown type 'pim'; one of: boost, bury, pin; did you mean 'pin'?"),
    ("{type: pin, name: p, items: [a]}", "[0]: 'place' is required"),
    ("{type: pin, name: p, place: 0, items: [a]}", "[0].place: must be a place in a list, from 1 to 500, not 0"),
    ("{type: pin, name: p, place: 1}", "[0]: needs 'items', 'filterArn' or 'expression'"),
    ("{type: pin, name: p, place: 1, items: [a], times: 2}", "[0]: unknown key 'times'"),
    ("{type: boost, name: p, expression: EXPR}", "[0]: 'times' is required"),
    ("{type: boost, name: p, times: 1, expression: EXPR}", "[0].times: must be a number above 1, such as 3 for three"),
    (
        "{type: boost, name: p, times: .nan, expression: EXPR}",
        "[0].times: must be a number above 1, such as 3 for three times, not nan",
    ),
    ("{type: bury, name: p, times: 2}", "[0]: needs 'filterArn' or 'expression'"),
    ("{type: bury, name: p, times: 2, expression: INCLUDE}", "[0].expression: Invalid Expression at line 1"),
    (f"{PIN}, {{type: pin, name: q, place: 1, items: [b]}}", "[1].place: wants place 1, where the rule p pins another"),
    (f"{PIN}, {PIN.replace('1', '2').replace('[a]', '[b]')}", "[1].name: has the name of rule 0: give each its own"),
    (PIN.replace("]}", '], schedule: {hours: ["9-17"]}}'), "[0].schedule.hours[0]: must be hours such as 09:00-17:30"),
    (PIN.replace("]}", '], schedule: {hours: ["19:00-29:00"]}}'), "[0].schedule.hours: '19:00-29:00' are no hours"),
    (PIN.replace("]}", "], schedule: {days: [fri]}}"), "[0].schedule.days[0]: cannot be 'fri'; one of: friday, monday"),
    (
        PIN.replace("]}", "], schedule: {timeZone: Berlin, days: [friday]}}"),
        "[0].schedule.timeZone: 'Berlin' is no time zone; write it such as Europe/Berlin or UTC",
    ),
    (
        PIN.replace("]}", '], schedule: {start: "2026-11-27"}}'),
        "[0].schedule.start: must be a time such as 2026-11-27T0",
    ),
    (
        PIN.replace("]}", '], schedule: {start: "2026-11-27T10:00", end: "2026-11-27T09:00"}}'),
        "[0].schedule.end: is 2026-11-27T09:00, not after the start 2026-11-27T10:00",
    ),
    (
        "{type: boost, name: p, times: 2, expression: EXPR, filterValues: {KIND: a}, autoDynamicFilterValues: AUTO}",
        "[0].filterValues.KIND: is under autoDynamicFilterValues, too",
    ),
]


def one(rules: str, variation: str = "{type: engine, model: m}") -> str:
    text = ONE.replace("RULES", rules).replace("EXPR", "INCLUDE ItemID WHERE Items.KIND IN ($KIND)")
    text = text.replace("AUTO", "{KIND: {type: string, default: a, rules: []}}")
    return text.replace("VARIATION", variation)


@pytest.mark.parametrize(("rules", "says"), FAULTS)
def test_a_wrong_rule_is_refused_with_its_place(rules: str, says: str):
    (fault,) = faults_of(one(rules))
    assert fault.startswith("namespaces.shop.recommenders.recommend-items.home.rules") and says in fault


def test_who_answers_elsewhere_says_so():
    remote = "{type: http, url: http://o, rules: [" + PIN + "]}"
    (fault,) = faults_of(one("", remote))
    assert "'rules' are for models of the built-in engine" in fault
    above = f"rules: [{PIN}]\n" + one("", "{type: http, url: http://o}").replace("rules: [], ", "")
    assert any("'rules' are for models" in each for each in warnings_of(parse(above)))
    aws = "origins: {personalize: {type: aws}}\n"
    arn = "arn:aws:personalize:eu-west-1:111122223333:campaign/m"
    (fault,) = faults_of(aws + one("", f'{{type: personalize-campaign, arn: "{arn}", rules: [{PIN}]}}'))
    assert "'rules' are for models of the built-in engine" in fault
    assert not faults_of(one("", f'{{type: personalize-campaign, arn: "{arn}", rules: [{PIN}]}}'))


# ---- lists on their way out, whatever is left out of them


@given(
    st.lists(st.booleans(), max_size=20),
    st.dictionaries(st.integers(1, 20), st.just(None), max_size=5),
    st.none() | st.integers(1, 20),
    st.integers(0, 5),
)
@settings(deadline=None)
def test_pins_stand_at_their_places_in_what_is_left(
    others: list[bool], wanted: dict[int, None], most: int | None, before: int
):
    items: list[dict[str, Any]] = [{"itemId": f"i{n}"} for n, _ in enumerate(others)]
    pins = [{"itemId": f"p{place}", "pin": {"rule": "r", "place": place}} for place in wanted]
    body = Body("itemList", {}, [*pins, *items], [item["itemId"] for item in (*pins, *items)])
    shown = body.at(body.shortened(most, None, before))
    here = sorted(place - before for place in wanted if most is None or place - before <= most)[:most]
    assert len(shown.names) == (len(here) + len(items) if most is None else min(most, len(here) + len(items)))
    assert [name for name in shown.names if name[0] == "i"] == [item["itemId"] for item in items][
        : len(shown.names) - len(here)
    ]
    slow, rest = list[str](), [name for name in shown.names if name[0] == "i"]
    while here or rest:
        if here and (here[0] <= len(slow) + 1 or not rest):
            slow.append(f"p{here.pop(0) + before}")
        else:
            slow.append(rest.pop(0))
    assert list(shown.names) == slow


def test_what_a_post_processor_makes_of_a_pin_is_its_own():
    items = [{"itemId": "a", "pin": "x"}, {"itemId": "b", "pin": {"place": "1"}}, {"itemId": "c"}]
    assert Body("itemList", {}, items, ["a", "b", "c"]).shortened(2, None) == [0, 1]
    assert in_place([0, 1], {}) == [0, 1]
