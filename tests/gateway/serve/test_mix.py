"""Interleaving over the gateway: one list of two variations, each item with its team, from cached lists as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from engine import Question, Ranked, Unavailable
from gateway.answer.mix import most_careful
from gateway.config import parse
from gateway.experiments.ledger import Ledger
from gateway.plan.experiment import Experiment
from tests.gateway.serve.world import CONFIG, Clock, SmallEngine, app_over

PATH = "/recommend-items/shop/page/"
METRICS = "metrics: {ctr: {eventType: click}, spent: {eventType: buy, valueKey: eventValue}}"
TEST = f"{{method: interleaving, {METRICS}}}"


class TwoModels(SmallEngine):
    """`other` ranks as `home` does, from the other end."""

    unwell: set[str]

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.unwell = set()

    def deployed(self, campaign: str, account: str = "000000000000") -> Any:
        return super().deployed("home" if campaign == "other" else campaign, account)

    def recommend(self, question: Question) -> Ranked:
        if question.campaign in self.unwell:
            raise Unavailable("no answer")
        if question.campaign != "other":
            return super().recommend(question)
        everything = super().recommend(msgspec.structs.replace(question, num_results=len(self.items)))
        most = question.num_results
        return msgspec.structs.replace(everything, items=everything.items[::-1][:most], scores=everything.scores[:most])


def config(experiment: str = TEST) -> str:
    both = "variations: {near: {type: engine, model: home}, far: {type: engine, model: other}}"
    page = f"\n        page: {{experiments: {{row: {experiment}}}, {both}}}\n        split:"
    order = f"\n        order: {{experiments: {{row: {experiment}}}, {both}}}\n    eventTargets"
    old = "\n        order: {variations: {only: {type: engine, model: home}}}\n    eventTargets"
    assert old in CONFIG
    return CONFIG.replace("\n        split:", page).replace(old, order)


def experiment(told: str = TEST) -> Experiment:
    return next(each for each in parse(config(told), environ={}).experiments if "recommend-items" in each.id)


@pytest.fixture
def engine(tmp_path: Path) -> TwoModels:
    return TwoModels(tmp_path)


@pytest.fixture
def client(engine: TwoModels) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, config=config())) as client:
        yield client


def teams(body: dict[str, Any]) -> dict[str, str]:
    return {item["itemId"]: item["team"] for item in body["itemList"]}


def test_one_list_of_both_from_the_cache_as_well(client: TestClient[Any], engine: TwoModels) -> None:
    made = client.get(f"{PATH}u1?numResults=6")
    body = made.json()
    assert list(body) == ["itemList", "recommendationId", "variation", "matchedExperiment"]
    assert sorted(teams(body)) == sorted({"i0", "i1", "i2", "i19", "i18", "i17"})
    assert {item: team for item, team in teams(body).items() if item in ("i0", "i1", "i2")} == {
        "i0": "near",
        "i1": "near",
        "i2": "near",
    }
    details = {"experiment": "row", "launch": None, "variation": "near+far"}
    assert body["matchedExperiment"] == {"type": "interleaving", "feature": "row", "details": details}
    assert body["itemList"][0]["metadata"] == {"price": 9.5}
    headers = ("x-recgate-variation", "x-cache", "cache-control", "x-recgate-model", "x-recgate-seed")
    assert [made.headers[name] for name in headers[:2]] == ["near+far", "miss"]
    assert made.headers["cache-control"].startswith("private") or "private" in made.headers["cache-control"]
    asked = len(engine.asked)
    for _ in range(3):
        again = client.get(f"{PATH}u1?numResults=6")
        assert (again.headers["x-cache"], again.content) == ("hit", made.content)
        assert again.headers["etag"] == made.headers["etag"]
    assert len(engine.asked) == asked
    tag = {"if-none-match": made.headers["etag"]}
    assert client.get(f"{PATH}u1?numResults=6", headers=tag).status_code == 304
    head = client.head(f"{PATH}u1?numResults=6")
    assert (head.content, head.headers["etag"]) == (b"", made.headers["etag"])


def test_the_same_lists_are_drafted_alike_in_every_process(client: TestClient[Any], tmp_path: Path) -> None:
    before = {user: client.get(f"{PATH}{user}").content for user in ("u1", "u2", "u3")}
    with TestClient(app_over(TwoModels(tmp_path / "other"), config=config())) as other:
        assert {user: other.get(f"{PATH}{user}").content for user in before} == before
    names = [msgspec.json.decode(body)["recommendationId"] for body in before.values()]
    assert len(set(names)) == 3 and all(len(name) == 40 and name.startswith("RID-") for name in names)


def test_a_click_changes_the_lists_and_the_draft(client: TestClient[Any]) -> None:
    before = client.get(f"{PATH}u1?numResults=4").json()
    click = {"sessionId": "s", "userId": "u1", "eventList": [{"eventType": "click", "itemId": "i9"}]}
    assert client.post("/events/shop", json=click).status_code == 200
    after = client.get(f"{PATH}u1?numResults=4").json()
    assert teams(after)["i9"] == "near" and after["recommendationId"] != before["recommendationId"]


@pytest.mark.parametrize("query", ["exclude=i0,i19,i5", "fields=price", "decorateItems=0", "locale=de", "numResults=1"])
def test_what_else_is_asked_holds_for_the_one_list(client: TestClient[Any], query: str) -> None:
    body = client.get(f"{PATH}u1?numResults=8&{query}").json()
    shown = teams(body)
    assert len(shown) == (1 if query == "numResults=1" else 8)
    if query.startswith("exclude"):
        assert not {"i0", "i19", "i5"} & set(shown)
    assert all(
        ("metadata" in item) == (query != "decorateItems=0") for item in body["itemList"] if item["itemId"] != "i1"
    )


def test_pages_show_everything_once(client: TestClient[Any]) -> None:
    shown: list[str] = []
    query, pages = "numResults=18&pageSize=5", []
    while True:
        body = client.get(f"{PATH}u1?{query}").json()
        shown += teams(body)
        pages.append(body["recommendationId"])
        if "next" not in body:
            break
        query = f"numResults=18&pageSize=5&next={body['next']}"
    assert len(shown) == len(set(shown)) == 18 and len(set(pages)) == 4


def test_a_ranking_of_given_items_is_drafted_whole(client: TestClient[Any]) -> None:
    body = client.get("/rerank-items/shop/order/u1/i3,i1,i2").json()
    assert sorted(item["itemId"] for item in body["personalizedRanking"]) == ["i1", "i2", "i3"]
    assert {item["team"] for item in body["personalizedRanking"]} <= {"near", "far"}
    posted = client.post("/rerank-items/shop/order/u1", json=["i3", "i1", "i2"]).json()
    assert posted["recommendationId"] == body["recommendationId"]


def test_many_lists_at_once(client: TestClient[Any]) -> None:
    asked = [{"action": "recommend-items", "recommender": name, "numResults": 5} for name in ("home", "page")]
    told = {"userId": "u1", "distinct": True, "requests": asked}
    home, page = client.post("/recommend-many/shop", json=told).json()["responses"]
    assert len(teams(page)) == 5 and not {item["itemId"] for item in home["itemList"]} & set(teams(page))


def test_whoever_takes_no_part_gets_one_list(engine: TwoModels) -> None:
    told = TEST.replace("ing,", "ing, overrides: {boss: far},")
    with TestClient(app_over(engine, config=config(told))) as client:
        for user, query, variation in (("boss", "", "far"), ("u1", "?syntheticUser=1", "near")):
            answer = client.get(f"{PATH}{user}{query}")
            assert answer.headers["x-recgate-variation"] == variation
            assert "matchedExperiment" not in answer.json() and "team" not in answer.text
    assert not Ledger(engine.experiments).units(experiment(told))


@pytest.mark.parametrize("unwell", ["home", "other"])
def test_where_one_fails_the_other_answers_and_nobody_is_counted(engine: TwoModels, unwell: str) -> None:
    clock = Clock()
    with TestClient(app_over(engine, clock, config=config())) as client:
        engine.unwell = {unwell}
        answer = client.get(f"{PATH}u1")
        assert answer.status_code == 200 and "matchedExperiment" not in answer.json() and "team" not in answer.text
        assert answer.headers["x-recgate-variation"] == ("far" if unwell == "home" else "near")
        assert (answer.headers["x-cache"], answer.headers["cache-control"]) == ("fallback", "no-store")
        assert "etag" not in answer.headers
        engine.unwell = {"home", "other"}
        clock.tick(3600)
        assert client.get(f"{PATH}u1").status_code == 503
    engine = TwoModels(engine.settings.data_dir)  # an app closes its engine
    assert not Ledger(engine.experiments).units(experiment())
    with TestClient(app_over(engine, clock, config=config())) as client:
        assert client.get(f"{PATH}u1").json()["matchedExperiment"]
    assert len(Ledger(engine.experiments).units(experiment())) == 1


def test_a_refusal_is_one(client: TestClient[Any]) -> None:
    refused = client.get(f"{PATH}u1?filter=unknown")
    assert refused.status_code == 404
    assert client.get(f"{PATH}u1?next=x").status_code == 400


def test_other_protocols_know_no_such_flag(client: TestClient[Any]) -> None:
    body = {"context": {"targetingKey": "u1"}}
    assert client.post("/ofrep/v1/evaluate/flags/shop.page.row", json=body).status_code == 404
    assert client.post("/ofrep/v1/evaluate/flags", json=body).json()["flags"] == []


def event(name: str, body: dict[str, Any], item: str, **more: Any) -> dict[str, Any]:
    return {"eventType": name, "itemId": item, "recommendationId": body["recommendationId"], **more}


def test_who_placed_an_item_has_the_credit(client: TestClient[Any], engine: TwoModels) -> None:
    body = client.get(f"{PATH}u1?numResults=4").json()
    other = client.get(f"{PATH}u2?numResults=4").json()
    events = [
        event("click", body, "i0"),
        event("click", body, "i19", eventId="once"),
        event("click", body, "i19", eventId="once"),
        event("buy", body, "i19", eventValue=12.5),
        event("click", body, "i7"),  # not in the list
        event("click", other, "i0"),  # another user's list
        {"eventType": "click", "itemId": "i0"},  # of no list
    ]
    told = [{"recommender": "recommend-items/page", "metric": "ctr"}]
    sent = {"sessionId": "s", "userId": "u1", "eventList": events, "experimentConversions": told}
    assert client.post("/events/shop", json=sent).status_code == 200
    rows = {row.unit: row.metrics for row in Ledger(engine.experiments).units(experiment())}
    assert rows["u2"] == {}
    value = rows["u1"].pop("ctr")
    assert value[0] == 6.0
    assert rows["u1"] == {
        "ctr near": (1.0, 1.0),
        "ctr far": (1.0, 1.0),
        "spent": (1.0, 12.5),
        "spent far": (1.0, 12.5),
    }


def test_from_lists_to_the_better_ranker(engine: TwoModels) -> None:
    """Sixty users click what `far` shows, ten what `near` does; on a restart nothing of it is lost."""
    with TestClient(app_over(engine, config=config())) as client:
        for number in range(70):
            body = client.get(f"{PATH}u{number}?numResults=4").json()
            item = next(item for item, team in teams(body).items() if team == ("near" if number < 10 else "far"))
            sent = {"sessionId": "s", "userId": f"u{number}", "eventList": [event("click", body, item)]}
            assert client.post("/events/shop", json=sent).status_code == 200
    with TestClient(app_over(TwoModels(engine.settings.data_dir), config=config())) as client:
        told = client.get("/experiments/shop/page/row").json()
    assert (told["control"], told["trusted"], sum(told["units"].values())) == ("near", True, 70)
    near, far, spent, _ = told["rows"]
    assert (near["events"], far["events"], near["preference"], spent["events"]) == (10, 60, None, 0)
    assert (far["said"], far["preference"]["wins"], far["preference"]["losses"]) == ("better", 60, 10)
    assert far["preference"]["low"] > 0 and told["unattributed"] == {"ctr": 0, "spent": 0}


@pytest.mark.parametrize(
    ("headers", "header"),
    [
        (["private,max-age=60", "public,max-age=30"], "private,max-age=30"),
        (["public,max-age=60,s-maxage=60", "public,max-age=30"], "public,max-age=30,s-maxage=30"),
        (["private,max-age=60", "no-store"], "no-store"),
        (["", "private,max-age=60"], ""),
    ],
)
def test_one_answer_is_kept_no_longer_than_each_of_its_lists(headers: list[str], header: str) -> None:
    assert most_careful(headers) == header


def test_a_drafted_list_keeps_the_caps_of_its_variations(tmp_path: Path):
    capped = config().replace("\n        page: {", "\n        page: {diversity: {caps: [{column: KIND, most: 2}]}, ")
    engine = TwoModels(tmp_path)
    engine.kinds = dict.fromkeys(engine.items[:10], "same")
    with TestClient(app_over(engine, config=capped)) as client:
        answer = client.get(f"{PATH}u1?numResults=8&feature=row").json()
    items = [item["itemId"] for item in answer["itemList"]]
    assert len(items) == len(set(items)) == 8 and sum(item in engine.kinds for item in items) <= 2
