"""The 45 weaknesses of specification §6, a test each, that fails on what upstream does."""

from __future__ import annotations

import ast
import asyncio
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from litestar.testing import TestClient

from gateway.cli import check_config
from gateway.cli.import_config import configuration
from gateway.config import parse
from gateway.errors import Invalid
from gateway.experiments.outcomes import Conversion, resolved
from gateway.localdb.build import build
from gateway.localdb.synced import LocalDb, SyncedTable, Table
from gateway.metadata.dynamodb import plain
from tests.apart import asked_through_gateway, url_of
from tests.compat.fields import context
from tests.compat.table import base_of, heard, items, query
from tests.compat.test_documents import FOLDER
from tests.compat.world import World, records
from tests.gateway.cli.test_import_config import Account
from tests.gateway.config.documents import faults_of
from tests.gateway.serve.world import Clock, SmallEngine, app_over
from tests.server.world import Server, running
from tests.shared_state import copied_state

ROOT = Path(__file__).parents[2]
POPULAR = "/recommend-items/shop/popular"
EVENT = {"eventType": "view", "itemId": "i3"}
SUNDAY = datetime(2024, 3, 3, 23, 30, tzinfo=UTC)


@pytest.fixture
def main(world: World) -> httpx.Client:
    return world.client("main")


@pytest.fixture
def tokens(world: World) -> httpx.Client:
    client = world.client("tokens")
    client.headers["authorization"] = f"Bearer {world.tokens['u1']}"
    return client


CLOCK = "{h: {type: integer, rules: [{type: hour-of-day}]}, d: {type: integer, rules: [{type: day-of-week}]}}"


# ---- correctness


def test_01_a_list_can_be_reranked_by_post(main: httpx.Client) -> None:
    answer = main.post("/rerank-items/shop/search/u1", json=["i1", "i2"])
    assert (answer.status_code, sorted(items(answer.json()))) == (200, ["i1", "i2"])


def test_02_dynamic_filter_values_apply_where_they_are_documented(world: World, main: httpx.Client) -> None:
    before = len(world.origin.asked)
    main.get("/related-items/outside/filtered/w2", headers={"cloudfront-viewer-country": "DE"})
    heard(lambda asked: asked.json["filterValues"]["COUNTRY"] == '"DE"', world.origin.asked, before, "")


def test_03_the_viewer_s_time_zone_counts() -> None:
    found = context(CLOCK, SUNDAY, cloudfront_viewer_time_zone="Asia/Tokyo")
    assert found == {"h": "8", "d": "0"}


def test_04_a_season_has_a_latitude(main: httpx.Client) -> None:
    season = "{s: {type: integer, rules: [{type: season-of-year}]}}"
    latitudes = {"51.5": "0", "-33.9": "2", "nowhere": "0"}
    found = {latitude: context(season, cloudfront_viewer_latitude=latitude)["s"] for latitude in latitudes}
    assert found == latitudes
    answer = main.get("/recommend-items/rules/context/u1", headers={"cloudfront-viewer-latitude": "51.5"})
    assert answer.status_code == 200


@pytest.mark.parametrize("operator", ["starts-with", "start-with"])
def test_05_starts_with_holds(operator: str) -> None:
    mapping = f"[{{operator: {operator}, value: ab, mapTo: found}}]"
    field = f"{{a: {{type: string, rules: [{{type: header-value, header: x-a, valueMappings: {mapping}}}]}}}}"
    assert context(field, x_a="abc") == {"a": "found"}


@pytest.mark.parametrize("path", ["/recommend-items/outside/function/u1", "/related-items/outside/function/i1"])
def test_06_functions_answer_by_either_name(path: str, main: httpx.Client) -> None:
    assert main.get(path).status_code == 200  # the one is of type lambda, the other of type function


def test_07_a_filter_may_be_named_by_its_arn(main: httpx.Client) -> None:
    arn = "arn:aws:personalize:eu-west-1:999999999999:filter/even"
    found = items(main.get(f"{POPULAR}/u1{query(filter=arn)}").json())
    assert found and all(int(item[1:]) % 2 == 0 for item in found)


def test_08_zero_is_a_value() -> None:
    season = "s: {type: integer, rules: [{type: season-of-year}]}"
    default = "z: {type: integer, default: 0, rules: []}"
    assert context(f"{CLOCK[:-1]}, {season}, {default}}}") == {"h": "0", "d": "0", "s": "0", "z": "0"}


SEVERAL = """
from tests.compat.fields import context
rules = ", ".join("{type: header-value, header: x-%s}" % name for name in "abcdefgh")
print(context("{k: {type: string, evaluateAll: true, rules: [%s]}}" % rules, **{"x_" + c: c for c in "hgfedcba"}))
"""


def test_09_the_first_of_several_values_is_the_same_in_every_process() -> None:
    said = set()
    for seed in "12":
        environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        said.add(subprocess.check_output([sys.executable, "-c", SEVERAL], env=environ, cwd=ROOT, text=True))
    assert said == {"{'k': 'a'}\n"}


def test_10_headers_have_any_case(world: World, main: httpx.Client) -> None:
    before = len(world.origin.asked)
    main.get("/recommend-items/rules/context/w10", headers={"CLOUDFRONT-Viewer-CITY": "Bonn"})
    heard(lambda asked: asked.json["context"]["city"] == "Bonn", world.origin.asked, before, "")


def test_11_every_variation_of_an_experiment_answers_the_first_among_them(main: httpx.Client) -> None:
    answers = [main.get(f"/recommend-items/tests/one/w11-{number}") for number in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["x-recgate-variation"] for answer in answers} == {"first", "second"}


@pytest.mark.parametrize("number", ["-1.5", "-0.25", "-7"])
def test_12_numbers_below_zero_stay_what_they_are(number: str) -> None:
    assert str(plain({"N": number})) == number


def test_13_the_look_ahead_may_be_a_fraction(main: httpx.Client) -> None:
    answer = main.get("/recommend-items/outside/ahead/w13?numResults=3")  # 2.5 times as many: 8
    assert items(answer.json()) == ["o7", "o6", "o5"]


def test_14_a_name_that_two_actions_have_belongs_to_one_conversion() -> None:
    metrics = "{method: builtin, metrics: {ctr: {}}}"
    lists = f"{{same: {{experiments: {{page: {metrics}}}, variations: {{a: {{type: engine, model: m}}}}}}}}"
    text = f"namespaces: {{shop: {{recommenders: {{recommend-items: {lists}, related-items: {lists}}}}}}}"
    shop = parse(text).namespaces["shop"]
    with pytest.raises(Invalid, match="write recommend-items/same or related-items/same"):
        resolved(shop, [Conversion("same")])
    assert resolved(shop, [Conversion("related-items/same")])[0].recommender == "related-items/same"


def test_15_new_metadata_replaces_all_of_the_old(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / "items.jsonl").write_text(json.dumps({"id": name, "price": 1}))
        build(f"{folder}/", "shop", out)
    found: list[list[str]] = [sorted(Table(path).of(["a", "b"])) for path in sorted(out.glob("*.db"))]
    assert ["b"] in found and ["a", "b"] not in found


def test_16_what_is_inherited_is_not_told_to_functions(world: World, main: httpx.Client) -> None:
    before = len(world.origin.asked)
    main.get("/recommend-items/levels/of-namespace/w16")
    heard(lambda asked: set(asked.json["recommender"]["config"]) == {"variations"}, world.origin.asked, before, "")
    heard(lambda asked: set(asked.json["variation"]) == {"type", "arn"}, world.origin.asked, before, "")


# ---- caching


def test_17_three_questions_are_one_call(world: World, tokens: httpx.Client) -> None:
    before = len(world.origin.asked)
    for _ in range(3):
        assert tokens.get("/recommend-items/shop/function/u1?numResults=17").status_code == 200
    assert len([each for each in world.origin.asked[before:] if b'"numResults":17' in each.body]) == 1


def test_18_what_is_a_user_s_own_is_for_no_shared_cache(main: httpx.Client) -> None:
    said = main.get("/recommend-items/shop/user-public/u1").headers["cache-control"]
    assert said == "private,max-age=10"  # of "public,s-maxage=60"


def test_19_what_context_and_filters_read_tells_answers_apart(main: httpx.Client) -> None:
    for country in ("SE", "NO"):
        answer = main.get(f"{POPULAR}/w19", headers={"cloudfront-viewer-country": country})
        assert answer.headers["x-cache"] == "miss"
    vary = main.get("/related-items/outside/filtered/i1").headers["vary"].lower()
    assert "cloudfront-viewer-metro-code" in vary  # only the filter reads it


@pytest.mark.parametrize("forged", ["0-9999999999999-99999999", "W/0-9999999999999-9", "9999999999999-9", "a-b", '"-"'])
def test_20_entity_tags_are_of_what_they_tag(forged: str, main: httpx.Client) -> None:
    assert main.get(f"{POPULAR}/w20", headers={"if-none-match": forged}).status_code == 200
    other = main.get(f"{POPULAR}/w20?numResults=2").headers["etag"]
    first = main.get(f"{POPULAR}/w20")
    assert main.get(f"{POPULAR}/w20", headers={"if-none-match": other}).status_code == 200
    again = main.get(f"{POPULAR}/w20", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.headers["etag"]) == (304, first.headers["etag"])


def test_21_vary_is_sent(main: httpx.Client) -> None:
    assert "cloudfront-viewer-country" in main.get(f"{POPULAR}/u1").headers["vary"].lower()


HOURLY = """
autoContext: {hour: {type: integer, rules: [{type: hour-of-day}]}}
cacheControl: {userSpecified: {maxAge: 1200, directives: private}}
namespaces: {shop: {recommenders: {recommend-items: {home: {variations: {only: {type: engine, model: home}}}}}}}
"""


def test_22_an_answer_of_the_morning_ends_with_it(tmp_path: Path) -> None:
    engine, clock = SmallEngine(tmp_path), Clock(1_700_002_800.0 - 30)  # half a minute before an hour
    with TestClient(app_over(engine, clock, HOURLY)) as client:
        assert client.get("/recommend-items/shop/home/u1").headers["cache-control"] == "private,max-age=30"
        clock.tick(31)
        assert client.get("/recommend-items/shop/home/u1").headers["x-cache"] == "miss"
    assert [asked.context["hour"] for asked in engine.asked] == ["22", "23"]


def test_23_an_event_outdates_the_user_s_answers(main: httpx.Client) -> None:
    fresh = "/recommend-items/shop/fresh/w23?numResults=40"
    assert "i3" in items(main.get(fresh).json())
    main.post("/events/shop", json={"sessionId": "w23", "userId": "w23", "eventList": [EVENT]})
    assert "i3" not in items(main.get(fresh).json())


def test_24_a_max_age_of_zero_keeps_nothing(main: httpx.Client) -> None:
    for _ in range(2):
        answer = main.get("/related-items/shop/c-store/i2")
        assert (answer.headers["x-cache"], answer.headers["cache-control"]) == ("miss", "no-store")


def test_25_hits_and_misses_are_counted(main: httpx.Client) -> None:
    def counted(outcome: str) -> float:
        base = base_of(main)
        pages = {f"{base}/metrics", url_of(base, "/metrics")}  # a gateway counts what it answers itself
        lines = [line for page in pages for line in main.get(page).text.splitlines()]
        return sum(float(line.split()[-1]) for line in lines if "lookups_total" in line and f'"{outcome}"' in line)

    before = counted("miss"), counted("hit")
    for _ in range(3):
        main.get("/rerank-items/shop/search/u25/i1,i2")  # u25 has a history: nobody shares the answer
    deadline = time.monotonic() + 5
    while counted("hit") < before[1] + 2 and time.monotonic() < deadline:  # hits are reported a few times a second
        time.sleep(0.05)
    assert (counted("miss"), counted("hit")) == (before[0] + 1, before[1] + 2)


# ---- robustness


def test_26_no_client_of_evidently_is_needed(main: httpx.Client) -> None:
    code = "import sys; sys.modules['boto3'] = None; import gateway.app"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert main.get("/related-items/tests/similar/i2?userId=u1").status_code == 200


def test_27_somebody_answers_when_an_origin_is_broken(main: httpx.Client) -> None:
    answer = main.get("/recommend-items/shop/falls/u1")
    assert (answer.status_code, answer.headers["x-cache"]) == (200, "fallback")


BAD = [
    f"{POPULAR}/u1?numResults=abc",
    f"{POPULAR}/u1?numResults=",
    f"{POPULAR}/u1?context=x",
    "/recommend-items/quiet/popular/u1?filterValues=x",
    f"{POPULAR}/%ff",
]


@pytest.mark.parametrize("path", BAD)
def test_28_a_client_s_mistake_is_no_failure_and_shows_nothing(path: str, main: httpx.Client) -> None:
    answer = main.get(path)
    assert (answer.status_code, set(answer.json())) == (400, {"type", "code", "message"})


@pytest.mark.parametrize("path", ["/recommend-items/shop/nowhere/u1", BAD[0], "/nowhere"])
def test_29_errors_can_be_read_by_browsers_and_say_the_version(path: str, main: httpx.Client) -> None:
    answer = main.get(path, headers={"origin": "https://shop.example"})
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["x-personalization-config-version"] == "42"


def test_30_events_are_all_delivered_or_none(world: World, main: httpx.Client) -> None:
    before = len(world.origin.asked)
    wrong = [{"recommender": "absent"}]
    bad = {"sessionId": "bad", "userId": "w30", "eventList": [EVENT], "experimentConversions": wrong}
    assert main.post("/events/tests", json=bad).status_code == 400
    many = {"sessionId": "good", "userId": "w30", "eventList": [EVENT] * 25}
    assert main.post("/events/tests", json=many).status_code == 200
    heard(lambda asked: records(asked)[-1]["body"]["sessionId"] == "good", world.origin.asked, before, "PutRecords")
    told = [each for each in world.origin.asked[before:] if "x-amz-target" in each.headers]
    assert "bad" not in {record["body"].get("sessionId") for each in told for record in records(each)}
    assert "i3" in items(main.get("/recommend-items/shop/fresh/w30b?numResults=40").json())


def test_31_a_function_that_raises_has_failed(main: httpx.Client) -> None:
    answer = main.get("/recommend-items/outside/raises/u1")
    assert (answer.status_code, answer.json()["code"]) == (502, "FunctionInvokeError")


def test_32_nobody_waits_for_what_is_told_to_others(world: World, main: httpx.Client) -> None:
    stuck = {"userId": "u1", "sessionId": "stuck", "experimentConversions": [{"recommender": "one"}]}
    answer = main.post("/events/tests", json=stuck)  # the origin takes three seconds for it
    assert (answer.status_code, answer.elapsed.total_seconds() < 2) == (200, True)


def test_33_metadata_that_failed_is_looked_for_again_soon(tmp_path: Path) -> None:
    file = tmp_path / "in" / "items.jsonl"
    file.parent.mkdir()
    kept = SyncedTable(LocalDb("shop", str(file), 3600), str(file), tmp_path / "out", itertools.count(1), time.time)

    async def story() -> None:
        file.write_text("no JSON")
        os.utime(file, (1_700_000_000, 1_700_000_000))
        assert await kept.look() <= 5  # seconds until the next look, not 3600
        file.write_text('{"id": "a", "price": 5}')
        os.utime(file, (1_700_000_001, 1_700_000_001))
        await kept.look()
        assert kept.table is not None and kept.table.of(["a"]) == {"a": {"price": 5}}

    asyncio.run(story())


def test_34_no_credential_is_written_to_the_log(world: World, main: httpx.Client, tokens: httpx.Client) -> None:
    main.get(f"{POPULAR}/u1", headers={"authorization": "Bearer very-secret", "x-api-key": "very-secret"})
    main.get(f"{POPULAR}/u1?numResults=x", headers={"cookie": "session=very-secret"})
    tokens.get(f"{POPULAR}/u1")
    logs = "".join(path.read_text() for path in world.folder.rglob("server.log"))
    assert "serves on" in logs
    assert not [secret for secret in ("very-secret", world.tokens["u1"], "web-key") if secret in logs]


# ---- security


def test_35_a_token_is_for_its_subject_alone(tokens: httpx.Client) -> None:
    assert tokens.get(f"{POPULAR}/u1").status_code == 200
    assert tokens.get(f"{POPULAR}/u2").status_code == 403
    refused = tokens.get(f"{POPULAR}/u1", headers={"authorization": "Digest x"})
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, refused.headers["www-authenticate"])
    assert refused.headers["www-authenticate"].startswith("Bearer")


def test_36_no_credential_reaches_a_stream(world: World, main: httpx.Client) -> None:
    before = len(world.origin.asked)
    headers = {"authorization": "Bearer very-secret", "x-api-key": "very-secret", "cookie": "a=very-secret"}
    main.post("/events/streams", json={"sessionId": "w36", "eventList": [EVENT]}, headers=headers)
    heard(lambda asked: records(asked)[-1]["body"]["sessionId"] == "w36", world.origin.asked, before, "PutRecords")
    told = [each for each in world.origin.asked[before:] if "x-amz-target" in each.headers]
    assert not [each for each in told if "very-secret" in json.dumps(records(each))]


def test_37_no_value_is_syntax_of_a_url(world: World, main: httpx.Client) -> None:
    before = len(world.origin.asked)
    main.get("/recommend-items/outside/http/u%26n=9%23?sku=..%2F%3Fx=1")
    heard(lambda asked: asked.query["u"] == "u&n=9#" and asked.path == "/page", world.origin.asked, before, "")
    host = "{variations: {m: {type: http, url: 'http://{host}/x'}}}"
    (fault,) = faults_of(f"namespaces: {{shop: {{recommenders: {{recommend-items: {{home: {host}}}}}}}}}")
    assert "has a {name} in its host" in fault


def test_38_the_page_of_the_api_loads_nothing_from_elsewhere(main: httpx.Client) -> None:
    page = main.get("/docs").text
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", page)


# ---- operations and product


def test_39_it_runs_without_aws(
    trained: Path, state: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))  # nor a profile
    config = tmp_path / "minimal.yaml"
    shutil.copy(FOLDER / "minimal.yaml", config)
    shutil.copytree(trained, tmp_path / "data")
    server = Server(tmp_path / "data", config, workers=1, environ=copied_state(state))
    with running(server), asked_through_gateway(server) as url:
        answer = httpx.get(f"{url}/recommend-items/bookshop/for-you/u1")
    assert len(items(answer.json())) == 25


@pytest.mark.parametrize(
    "wrong", ["text", "[]", "{variations: text}", "{variations: {m: {type: nothing}}}", "{varations: {}}"]
)
def test_40_recommenders_are_validated(wrong: str) -> None:
    (fault,) = faults_of(f"namespaces: {{shop: {{recommenders: {{recommend-items: {{home: {wrong}}}}}}}}}")
    assert fault.startswith("namespaces.shop.recommenders.recommend-items.home")


def test_41_checking_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(FOLDER / "cinema.yaml", tmp_path)
    assert CliRunner().invoke(check_config.command, ["cinema.yaml"]).exit_code == 0
    assert [path.name for path in tmp_path.rglob("*")] == ["cinema.yaml"]


def test_42_configurations_are_made_for_newer_recipes_too() -> None:
    text = configuration(Account(), "all", None)
    for recipe in ("user-personalization-v2", "personalized-ranking-v2", "trending-now", "recipe-of-tomorrow"):
        assert f"personalize-{recipe}: {{type: engine" in text
    assert "next of aws-next-best-action gives no list of items" in text


TESTED = {  # what upstream has no test of, and where ours are
    "the handler": ("tests/gateway/routes", "tests/gateway/serve"),
    "caching headers": ("tests/gateway/config/test_caching.py", "tests/gateway/routes/test_headers.py"),
    "events": ("tests/gateway/targets", "tests/gateway/outbox"),
    "experiments": ("tests/gateway/test_assign.py", "tests/gateway/test_conversions.py"),
    "decorators": ("tests/gateway/metadata", "tests/gateway/serve/test_shown.py"),
    "auth": ("tests/gateway/auth",),
}


@pytest.mark.parametrize("what", TESTED)
def test_43_every_part_has_tests(what: str) -> None:
    found = [ROOT / place for place in TESTED[what]]
    files = [path for place in found for path in (place.rglob("test_*.py") if place.is_dir() else [place])]
    tests = [
        node
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert len(tests) >= 10


def test_44_nothing_rests_on_a_runtime_that_has_ended() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"].startswith(">=3.11")
    assert [each for each in project["dependencies"] if not re.search("[><=~]", each)] == ["tzdata"]
    every = [path for package in ("gateway", "engine") for path in (ROOT / package).rglob("package.json")]
    manifests = [path for path in every if "node_modules" not in path.parts]  # `make page` fetches them
    scripts = {ROOT / "gateway" / name for name in ("snippet", "ui")}  # sources: browsers get what was built
    assert {manifest.parent for manifest in manifests} == scripts
    assert (ROOT / "gateway" / "ui" / "dist" / "index.html").exists()


def test_45_caches_latency_experiments_and_fallbacks_have_metrics(main: httpx.Client) -> None:
    main.get("/recommend-items/shop/falls/u1")
    main.post("/events/tests", json={"userId": "u1", "experimentConversions": [{"recommender": "one"}]})
    page = main.get(url_of(base_of(main), "/metrics")).text
    for line in (
        'recgate_cache_lookups_total{namespace="shop",outcome="fallback",recommender="falls"}',
        'recgate_request_seconds_bucket{le="0.005",route="recommend-items"}',
        'recgate_upstream_seconds_count{upstream="function"}',
        'recgate_upstream_failures_total{upstream="function"}',
        'recgate_conversions_total{feature="page",metric="ctr",namespace="tests",recommender="recommend-items/one"}',
        "recgate_event_lag_seconds",
        "recgate_model_age_seconds",
    ):
        assert line in page


def test_every_weakness_has_its_test() -> None:
    names = [name for name in globals() if re.match(r"test_\d\d_", name)]
    assert sorted(int(name[5:7]) for name in names) == list(range(1, 46))
