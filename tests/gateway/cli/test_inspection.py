"""Commands that look: users, items, models, filters and data, as people read them and as JSON; and what they change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.__main__ import main
from tests.engine.shop import Shop

KINDS = ("Drama", "War", "Comedy")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a shop with two versions of a model."""
    folder = tmp_path_factory.mktemp("inspection")
    shop = Shop(folder)
    clicks = [f"u{user} i{(user + step) % 9} {user * 60 + step}" for user in range(30) for step in range(6)]
    shop.furnish().load_clicks(*clicks)
    for item in range(9):
        shop.put(f"i{item}", genres=KINDS[item % 3], year=2000 + item, price=1.5 * item)
    shop.deploy(shop.train(), "popular")
    shop.do(
        "UpdateCampaign",
        campaignArn=f"{shop.group.rpartition(':')[0]}:campaign/popular",
        solutionVersionArn=shop.train(),
    )
    shop.close()
    return folder / "data"


@pytest.fixture
def data(built: Path) -> str:
    return str(built)


def printed(*arguments: str, code: int = 0) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.output)


def test_a_user_with_history_and_lists(data: str):
    shown = printed("user", "u3", "--group", "shop", "--data", data, "-n", "4")
    (profile,) = shown["groups"]
    assert shown["known"] and profile["events"] == 6
    assert profile["history"][0]["item"] == {
        "itemId": "i8",
        "columns": {"GENRES": "Comedy", "YEAR": 2008, "PRICE": 12.0},
    }
    (popular,) = shown["lists"]
    assert popular["model"] == "popular" and [each["place"] for each in popular["items"]] == [1, 2, 3, 4]
    told = run("user", "u3", "--group", "shop", "--data", data).output
    assert "6 events" in told and "history, newest first" in told
    nobody = printed("user", "nobody", "--group", "shop", "--data", data)
    assert not nobody["known"] and len(nobody["lists"][0]["items"]) == 9
    refused = run("user", "u3", "--group", "nowhere", "--data", data)
    assert refused.exit_code == 1 and "There is no dataset group nowhere; there are: shop" in refused.output


def test_an_item_is_seen_edited_hidden_and_shown(data: str):
    place = ("--group", "shop", "--data", data)
    (profile,) = printed("item", "i4", *place)["groups"]
    assert (profile["interactions"], profile["users"], profile["hidden"]) == (21, 21, False)
    assert {each["item"]["itemId"] for each in profile["neighbours"]} >= {"i3", "i5"}
    (edited,) = printed("item", "i4", "--set", "YEAR=1999", "--set", "GENRES=Noir|Drama", "--set", "PRICE=", *place)[
        "groups"
    ]
    assert edited["item"]["columns"] == {"GENRES": "Noir|Drama", "YEAR": 1999}
    (hidden,) = printed("item", "i4", "--hide", *place)["groups"]
    listed = printed("recommend", "popular", "--user", "u1", "--data", data)
    assert hidden["hidden"] and "i4" not in {each["item"]["itemId"] for each in listed["items"]}
    told = run("item", "i4", *place).output
    assert "hidden" in told and "Noir|Drama" in told
    (shown,) = printed("item", "i4", "--show", *place)["groups"]
    listed = printed("recommend", "popular", "--user", "u1", "--data", data)
    assert not shown["hidden"] and "i4" in {each["item"]["itemId"] for each in listed["items"]}
    wrong = run("item", "i4", "--set", "COLOUR=red", *place)
    assert wrong.exit_code == 1 and "COLOUR" in wrong.output and "YEAR" in " ".join(wrong.output.split()).upper()


def test_models_are_listed_compared_and_rolled_back(data: str):
    (model,) = printed("models", "--data", data)["models"]
    newest, older = (each["version"] for each in model["versions"])
    assert (model["version"], model["previous"], model["kind"]) == (newest, older, "campaign")
    assert model["versions"][0]["metrics"]["coverage"] > 0
    alike = printed("models", "popular", "--compare", newest, older, "--data", data)
    assert (alike["overlap"], alike["users"]) == (1.0, 30) and alike["first"]["coverage"] == 1.0
    back = printed("rollback", "popular", "--data", data)
    assert (back["version"], back["previous"]) == (older, None)
    again = run("rollback", "popular", "--data", data)
    assert again.exit_code == 1 and f"popular has no version before {older}" in again.output
    assert run("rollback", "popular", "--version", newest, "--data", data).output == f"popular answers with {newest}\n"
    assert "answers" in run("models", "popular", "--data", data).output
    assert "there are: popular" in run("models", "nothing", "--data", data).output


def test_a_filter_is_tried_before_it_is_used(data: str):
    place = ("--group", "shop", "--data", data)
    broken = printed("filter", "try", 'EXCLUDE ItemID WHERE Items.GENRE IN ("War")', *place, code=1)
    fault = broken["fault"]
    assert (fault["line"], fault["column"], fault["offset"]) == (1, 22, 21) and "did you mean GENRES?" in fault[
        "message"
    ]
    war = printed("filter", "try", 'EXCLUDE ItemID WHERE Items.GENRES IN ("War")', *place, "-n", "5")
    assert war["items"]["of"] == 9 and 6 <= war["items"]["kept"] <= 7 and war["users"]["empty"] == 0
    assert war["items"]["droppedExamples"][0]["columns"]["GENRES"] == "War"
    seen = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
    short = printed("filter", "try", seen, *place, "-n", "5")
    assert short["needsUser"] and short["items"]["kept"] == 3.0
    assert (short["users"]["of"], short["users"]["empty"], short["users"]["short"]) == (30, 0, 30)
    waiting = printed("filter", "try", "INCLUDE ItemID WHERE Items.GENRES IN ($KIND)", *place)
    assert waiting["missing"] == ["KIND"] and waiting["items"] is None
    given = printed("filter", "try", "INCLUDE ItemID WHERE Items.GENRES IN ($KIND)", "--value", 'KIND="Comedy"', *place)
    assert given["items"]["kept"] == 3.0
    told = run("filter", "try", "EXCLUDE ItemID WHERE", *place)
    assert told.exit_code == 1 and "^" in told.output
    none = run("filter", "try", 'INCLUDE ItemID WHERE Items.GENRES IN ("Nothing")', *place).output
    assert "1 would be empty" in none


SHOP = (
    "namespaces: {shop: {recommenders: {recommend-items: {home: {variations: {a: {type: engine, model: popular}}}}}}}\n"
)


def test_a_filter_is_used_by_the_configuration_and_removed_from_it(data: str, tmp_path: Path):
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP)
    place = ("shop/recommend-items/home/a", "--config", str(file), "--data", data)
    war = 'EXCLUDE ItemID WHERE Items.GENRES IN ("War")'
    (change,) = printed("filter", "use", *place, "--expression", war, "--comment", "peace")["changes"]
    assert change["after"] == [{"expression": war}]
    broken = run("filter", "use", *place, "--expression", war.replace("GENRES", "GENRE"))
    assert broken.exit_code == 1 and "did you mean GENRES?" in broken.output
    assert "no filter unnamed" in run("filter", "use", *place, "--filter", "unnamed").output
    assert "give one of" in run("filter", "use", *place).output
    away = run("filter", "use", "shop/recommend-items/away", *place[1:], "--expression", war)
    assert away.exit_code == 1 and "no recommender" in away.output
    assert "→ nothing" in run("filter", "use", *place, "--remove").output
    assert "no filter of its own" in run("filter", "use", *place, "--remove").output
    assert file.read_text() == SHOP


def test_the_doctor_examines_a_group_and_files(data: str, tmp_path: Path):
    shown = printed("doctor", "--group", "shop", "--data", data)
    assert shown["group"] == "shop" and shown["statistics"]["interactions"] == 180
    assert "few-interactions" in {each["id"] for each in shown["insights"]}
    file = tmp_path / "events.csv"
    file.write_text("USER_ID,ITEM_ID,TIMESTAMP\nu1,i1,1700000000000\nu1,i2,1700000000\n")
    told = run("doctor", "--interactions", str(file), "--data", str(tmp_path / "none"))
    assert told.exit_code == 1 and "milliseconds" in told.output and "events.csv:2" in told.output
    assert "there is no file" in run("doctor", "--items", "nowhere.csv", "--data", data).output


def test_a_user_and_a_group_are_deleted(tmp_path: Path):
    shop = Shop(tmp_path)
    shop.furnish().load_clicks("u1 i1 1", "u1 i2 2", "u2 i1 3")
    shop.deploy(shop.train(), "popular")
    shop.do(
        "CreateFilter",
        name="f",
        datasetGroupArn=shop.group,
        filterExpression='EXCLUDE ItemID WHERE Items.GENRES IN ("a")',
    )
    shop.close()
    data = str(tmp_path / "data")
    assert "deleted: user u1 of shop" in run("user", "u1", "--delete", "--group", "shop", "--data", data).output
    (profile,) = printed("user", "u1", "--group", "shop", "--data", data)["groups"]
    assert not profile["known"] and profile["events"] == 0
    kept = run("delete", "group", "shop", "--data", data)
    assert kept.exit_code == 1 and printed("models", "--data", data)["models"]  # nobody has said yes
    deleted = printed("delete", "group", "shop", "--yes", "--data", data)["deleted"]
    assert {each.partition("/")[0] for each in deleted} == {
        *("campaign", "event-tracker", "filter", "solution", "dataset", "dataset-group", "schema")
    }
    assert printed("models", "--data", data)["models"] == []
    assert "there are: none" in run("doctor", "--group", "shop", "--data", data).output


def test_json_of_other_commands(data: str) -> None:
    jobs = printed("jobs", "--data", data)["jobs"]
    assert {"training", "importing"} <= {each["kind"] for each in jobs}
    assert printed("status", "--data", data)["models"][0]["model"] == "popular"
