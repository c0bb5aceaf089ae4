"""SDKs as their users run them, each at a whole server: they find the arms that answers are made of."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import growthbook
import httpx
import pytest
from botocore.exceptions import ClientError
from growthbook.plugins import growthbook_tracking_plugin
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import Reason
from recgate_client import AsyncClient, Client, RecgateError
from recgate_client.models import EvaluationRequest, TextBody

from tests.docs.walkthrough import blocks
from tests.server.protocols import CONFIG, unpacked
from tests.server.world import Server, running

USERS = [f"user-{number}" for number in range(1000)]
ADULT = {"country": "DE", "age": 30}


@pytest.fixture(scope="module")
def served(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("protocols")
    shutil.copytree(trained, folder / "data")
    (folder / "shop.yaml").write_text(CONFIG)
    with running(Server(folder / "data", folder / "shop.yaml")) as started:
        yield started


@pytest.fixture(scope="module")
def answered(served: Server) -> dict[str, dict[str, str]]:
    """By experiment and unit, the variation of those whose answers are annotated with it."""
    with closing(HTTPConnection("127.0.0.1", served.port)) as client:
        return {
            "new-ranker": {user: arm for user in USERS if (arm := arm_of(client, f"home/{user}"))},
            "narrow": {
                user: arm
                for user in USERS
                if (arm := arm_of(client, f"detail/{user}", context=json.dumps({**ADULT, "age": "30"})))
            },
            "order": {user: arm for user in USERS if (arm := arm_of(client, f"classic/{user}"))},
        }


def arm_of(client: HTTPConnection, place: str, **query: str) -> str | None:
    """By the standard library's client: thousands ask, and httpx takes longer than the server."""
    client.request("GET", f"/recommend-items/shop/{place}?{urlencode({'numResults': '1', **query})}")
    answer = client.getresponse()
    assert answer.status == 200
    matched = json.load(answer).get("matchedExperiment")
    return matched and matched["details"]["variation"]


def test_the_world_has_arms_to_tell_apart(answered: dict[str, dict[str, str]]) -> None:
    shares = {name: Counter(arms.values()) for name, arms in answered.items()}
    assert 600 < shares["new-ranker"]["old"] < 730 and 230 < shares["new-ranker"]["new"] < 340
    assert 300 < sum(shares["narrow"].values()) < 520 and len(shares["narrow"]) == 3  # .95 × .9 × .8 × .6 = .41
    assert min(shares["order"].values()) > 400


def test_openfeature_finds_the_arms_that_answers_have(served: Server, answered: dict[str, dict[str, str]]) -> None:
    api.set_provider(OFREPProvider(served.url))
    client = api.get_client()
    for number, user in enumerate(USERS[::2]):
        plain = client.get_string_details("shop.home.new-ranker", "none", EvaluationContext(user))
        assert plain.value == plain.variant == answered["new-ranker"].get(user, "old")
        assert plain.reason == (Reason.SPLIT if user in answered["new-ranker"] else Reason.DEFAULT)
        if number % 2:
            continue
        narrow = client.get_string_details("shop.detail.narrow", "none", EvaluationContext(user, ADULT))
        assert narrow.value == answered["narrow"].get(user, "a")
        assert narrow.reason == (Reason.TARGETING_MATCH if user in answered["narrow"] else Reason.DEFAULT)
    assert client.get_string_value("shop.detail.narrow", "none", EvaluationContext("tester")) == "c"
    missing = client.get_string_details("shop.home.old-ranker", "none", EvaluationContext("user-1"))
    assert (missing.value, missing.error_code) == ("none", "FLAG_NOT_FOUND")
    nobody = client.get_string_details("shop.home.new-ranker", "none", EvaluationContext())
    assert (nobody.value, nobody.error_code) == ("none", "TARGETING_KEY_MISSING")


def test_growthbook_finds_the_arms_that_answers_have(served: Server, answered: dict[str, dict[str, str]]) -> None:
    sdk = growthbook.GrowthBook(api_host=served.url, client_key="any")
    sdk.load_features()
    for user in USERS:
        sdk.set_attributes({"id": user, **ADULT})
        plain = sdk.eval_feature("shop.home.new-ranker")
        assert plain.value == answered["new-ranker"].get(user, "old")
        assert (plain.source == "experiment") == (user in answered["new-ranker"])
        narrow = sdk.eval_feature("shop.detail.narrow")
        assert narrow.value == answered["narrow"].get(user, "a")
        assert (narrow.source == "experiment") == (user in answered["narrow"])
    sdk.set_attributes({"id": "tester"})
    assert sdk.eval_feature("shop.detail.narrow").value == "c"
    sdk.set_attributes({"id": next(iter(answered["narrow"])), "country": "FR", "age": 30})
    assert sdk.eval_feature("shop.detail.narrow").source == "defaultValue"
    sdk.destroy()


def test_growthbook_hears_of_a_new_configuration(served: Server) -> None:
    sdk = growthbook.GrowthBook(api_host=served.url, client_key="any", streaming=True, cache_ttl=3600)
    sdk.load_features()
    sdk.set_attributes({"id": "user-1"})
    assert sdk.eval_feature("shop.home.new-ranker").value in ("old", "new")
    assert served.config is not None
    served.config.write_text(CONFIG.replace("new-ranker", "newer-ranker"))
    wait_until(lambda: sdk.eval_feature("shop.home.newer-ranker").value is not None)
    served.config.write_text(CONFIG)
    wait_until(lambda: sdk.eval_feature("shop.home.new-ranker").value is not None)
    sdk.stop_auto_refresh(timeout=1)
    sdk.destroy()


@pytest.fixture(scope="module")
def evidently(served: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The client as ever: the environment alone leads it here."""
    environ = {
        "AWS_DATA_PATH": str(unpacked(tmp_path_factory.mktemp("model"))),
        "AWS_ENDPOINT_URL_EVIDENTLY": served.url,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        yield boto3.Session().client("evidently")


def test_evidently_finds_the_arms_that_answers_have(evidently: Any, answered: dict[str, dict[str, str]]) -> None:
    for start in range(0, len(USERS), 20):
        asked = [{"entityId": user, "feature": "order"} for user in USERS[start : start + 20]]
        for result in evidently.batch_evaluate_feature(project="my-project", requests=asked)["results"]:
            user, is_in = result["entityId"], result["entityId"] in answered["order"]
            assert result["value"] == {"stringValue": answered["order"].get(user, "left")}
            assert result["reason"] == ("EXPERIMENT_RULE_MATCH" if is_in else "DEFAULT")
    arn = evidently.get_project(project="my-project")["project"]["arn"]
    assert arn == "arn:aws:evidently:eu-west-1:000000000000:project/my-project"
    one = evidently.evaluate_feature(project=arn, feature="order", entityId=next(iter(answered["order"])))
    assert json.loads(one["details"]) == {"experiment": "order"}


def test_evidently_reads_the_configuration_and_leaves_it_alone(evidently: Any) -> None:
    assert [each["name"] for each in evidently.list_projects()["projects"]] == ["shop", "my-project", "trials"]
    first = evidently.list_projects(maxResults=1)
    assert [each["name"] for each in first["projects"]] == ["shop"]
    assert evidently.list_projects(nextToken=first["nextToken"])["projects"][0]["name"] == "my-project"
    (experiment,) = evidently.list_experiments(project="my-project")["experiments"]
    assert experiment == evidently.get_experiment(project="my-project", experiment="order")["experiment"]
    assert experiment["onlineAbDefinition"]["treatmentWeights"] == {"left": 50_000, "right": 50_000}
    assert (experiment["status"], experiment["samplingRate"]) == ("RUNNING", 100_000)
    assert experiment["metricGoals"][0]["metricDefinition"]["valueKey"] == "details.clicked"
    assert evidently.list_experiments(project="my-project", status="CREATED")["experiments"] == []
    narrow = evidently.get_feature(project="shop", feature="narrow")["feature"]
    assert [each["name"] for each in narrow["variations"]] == ["a", "b", "c"]
    assert (narrow["defaultVariation"], narrow["entityOverrides"]) == ("a", {"tester": "c"})
    assert [each["name"] for each in evidently.list_features(project="shop")["features"]][:2] == [
        "new-ranker",
        "narrow",
    ]
    assert evidently.list_launches(project="shop")["launches"] == []
    assert code(evidently.get_launch, project="shop", launch="l") == (404, "ResourceNotFoundException")
    assert code(evidently.get_project, project="nowhere") == (404, "ResourceNotFoundException")
    assert code(evidently.create_project, name="new") == (403, "AccessDeniedException")
    assert code(evidently.delete_feature, project="shop", feature="narrow") == (403, "AccessDeniedException")
    asked = {"project": "my-project", "experiment": "order"}
    assert code(evidently.stop_experiment, **asked) == (403, "AccessDeniedException")


def test_evidently_takes_events_one_by_one(evidently: Any) -> None:
    clicked = {"userDetails": {"userId": "user-1"}, "details": {"clicked": 1.0000001}}
    events = [
        custom(clicked),
        custom({"userDetails": {"userId": 5}, "details": {"clicked": 1.0}}),
        custom({"of": "nothing that is configured"}),
    ]
    told = evidently.put_project_events(project="my-project", events=events)
    assert told["failedEventCount"] == 1
    good, bad, other = told["eventResults"]
    assert good["eventId"] and other["eventId"] and bad["errorCode"] == "ValidationException"
    assert bad["errorMessage"] == "data.userDetails.userId must be a text that is not empty"


# --- from assignment to verdict: those of arm b click more, and whoever is held out clicks, too, and does not count


FEW = USERS[:400]


def clicks(user: str, arm: str) -> bool:
    return FEW.index(user) % 10 < (7 if arm == "b" else 3)


def test_openfeature_from_assignment_to_verdict(served: Server, evidently: Any) -> None:
    api.set_provider(OFREPProvider(served.url))
    flags, arms = api.get_client(), {}
    with httpx.Client(base_url=served.url) as client:
        for user in FEW:
            shown = flags.get_string_details("shop.by-openfeature.tried", "none", EvaluationContext(user))
            if shown.reason == Reason.SPLIT:
                arms[user] = shown.value
            if clicks(user, shown.value):
                told = {"userId": user, "experimentConversions": [{"recommender": "by-openfeature", "value": 1.0}]}
                assert client.post("/events/shop", json=told).status_code == 200
    # whoever only looks at all flags, or says that nothing will be shown, is not exposed
    flags.get_string_value("shop.by-openfeature.tried", "none", EvaluationContext("looks-only", {"exposure": False}))
    with_all = {"context": {"targetingKey": "lists-all"}}
    assert httpx.post(f"{served.url}/ofrep/v1/evaluate/flags", json=with_all).status_code == 200
    assert_verdict(evidently, "shop", "tried", arms)
    assert units(served, "by-openfeature") == Counter(arms.values())


def test_growthbook_from_assignment_to_verdict(served: Server, evidently: Any) -> None:
    plugin = growthbook_tracking_plugin(ingestor_host=served.url, track_feature_evaluated=False, batch_size=50)
    sdk = growthbook.GrowthBook(api_host=served.url, client_key="any", plugins=[plugin])
    sdk.load_features()
    arms = {}
    for user in FEW:
        sdk.set_attributes({"id": user})
        shown = sdk.eval_feature("shop.by-growthbook.tried")
        if shown.source == "experiment":
            arms[user] = shown.value
        if clicks(user, shown.value):
            sdk.log_event("taps", {"value": 1.0})
    sdk.destroy()
    assert_verdict(evidently, "shop", "by-growthbook.tried", arms, "taps")
    assert units(served, "by-growthbook") == Counter(arms.values())


def test_evidently_from_assignment_to_verdict(served: Server, evidently: Any) -> None:
    shown, arms = {}, {}
    for user in FEW:
        shown[user] = evidently.evaluate_feature(project="trials", feature="tried", entityId=user)
        if shown[user]["reason"] == "EXPERIMENT_RULE_MATCH":
            arms[user] = shown[user]["variation"]
    exposed = [custom({"who": {"id": user}, "did": {"click": 0.0000001}}) for user in FEW]
    clicked = [
        custom({"who": {"id": user}, "did": {"click": 1.0}}) for user in FEW if clicks(user, shown[user]["variation"])
    ]
    for start in range(0, 400, 50):
        for events in (exposed[start : start + 50], clicked[start : start + 50]):
            told = evidently.put_project_events(project="trials", events=events)
            assert (told["failedEventCount"], len(told["eventResults"])) == (0, len(events))
    assert_verdict(evidently, "trials", "tried", arms)
    assert units(served, "by-evidently") == Counter(arms.values())
    asked = {"project": "trials", "experiment": "tried", "treatmentNames": ["a", "b"]}
    assert code(evidently.get_experiment_results, **asked, metricNames=["sales"]) == (404, "ResourceNotFoundException")
    told = evidently.get_experiment_results(**asked, metricNames=["clicks"], reportNames=["BayesianInference"])
    (report,) = told["reports"]
    assert (report["metricName"], report["treatmentName"], report["reportName"]) == ("clicks", "b", "BayesianInference")
    content = json.loads(report["content"])
    assert content["probabilityOfBeatingControl"] > 0.99 and content["credibleIntervalLowerBound"] > 0


def test_evidently_has_no_results_of_few(evidently: Any) -> None:
    asked = {"metricNames": ["clicks"], "treatmentNames": ["x", "y"]}
    told = evidently.get_experiment_results(project="shop", experiment="by-visit", **asked)
    assert told["details"] == "Not enough events to generate results"


def units(served: Server, recommender: str) -> dict[str, int]:
    """How many were exposed to each arm."""
    answer = httpx.get(f"{served.url}/experiments/shop/{recommender}/tried").raise_for_status()
    return dict(answer.json()["units"])


def assert_verdict(evidently: Any, project: str, experiment: str, arms: dict[str, str], metric: str = "clicks") -> None:
    """The means are those of the units that were shown the arms, and the effect is told from none."""
    assert 350 < len(arms) < 400
    wanted = {}
    for arm in ("a", "b"):
        units = [user for user in arms if arms[user] == arm]
        wanted[arm] = sum(clicks(user, arm) for user in units) / len(units)
    told: dict[tuple[str, str], float] = {}

    def is_told() -> bool:
        asked = {"metricNames": [metric], "treatmentNames": ["a", "b"]}
        results = evidently.get_experiment_results(project=project, experiment=experiment, **asked)
        for each in results.get("resultsData", []):
            told[each["treatmentName"], each["resultStat"]] = each["values"][0]
        return all(told.get((arm, "Mean")) == pytest.approx(mean) for arm, mean in wanted.items())

    wait_until(is_told)
    assert told["b", "TreatmentEffect"] == pytest.approx(wanted["b"] - wanted["a"])
    assert 0 < told["b", "ConfidenceIntervalLowerBound"] < told["b", "TreatmentEffect"]
    assert told["b", "PValue"] < 0.01


def custom(data: dict[str, Any]) -> dict[str, Any]:
    return {"type": "aws.evidently.custom", "timestamp": time.time(), "data": json.dumps(data)}


def code(call: Any, **asked: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**asked)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def wait_until(holds: Any, most_s: float = 10) -> None:
    deadline = time.monotonic() + most_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_python_client_does_what_its_page_shows(served: Server, capsys: pytest.CaptureFixture[str]) -> None:
    (snippet,) = [block.text for block in blocks("docs/clients.md") if block.kind == "python"]
    shown: dict[str, Any] = {}
    exec(snippet.replace("http://127.0.0.1:8080", served.url), shown)
    assert len(shown["answer"].item_list) == 3 and shown["answer"].recommendation_id
    assert shown["flag"].variant == shown["flag"].value == shown["answer"].variation
    assert {"new-ranker", "narrow"} <= {each.feature for each in shown["experiments"]}
    assert capsys.readouterr().out.startswith("404 ")
    stored = httpx.get(f"{served.url}/admin/users/shop/user-1").json()
    history = [entry["item"]["itemId"] for group in stored["groups"] for entry in group["history"]]
    assert shown["first"].item_id in history


def test_the_python_client_writes_the_configuration_that_it_has_seen(served: Server) -> None:
    assert served.config is not None
    with Client(served.url) as client:
        seen = client.admin.get_configuration_text()
        client.admin.replace_configuration(seen.etag, TextBody(text=f"{seen.text}\n", comment="by a client"))
        with pytest.raises(RecgateError) as refusal:
            client.admin.replace_configuration(seen.etag, TextBody(text=seen.text))
    assert refusal.value.status == 412 and served.config.read_text() == f"{CONFIG}\n"


def test_the_python_client_of_asyncio(served: Server) -> None:
    async def asked() -> tuple[int, str]:
        async with AsyncClient(served.url) as client:
            answer = await client.recommend_items("shop", "home", "user-1", num_results=2)
            with pytest.raises(RecgateError) as refusal:
                await client.evaluate_flag("shop.home.none", EvaluationRequest(context={"targetingKey": "user-1"}))
            return len(answer.item_list), refusal.value.code

    assert asyncio.run(asked()) == (2, "FLAG_NOT_FOUND")
