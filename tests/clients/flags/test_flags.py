"""Clients that ask which arm a unit is in, unmodified: they find the arms that the gateway has, and their exposures and
conversions are in the verdict."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Response

from tests.clients.flags.rows import ROWS
from tests.clients.pages import ClientPage, client_page
from tests.clients.rows import ClientRow
from tests.clients.world import Runs, Store, until
from tests.server.world import Server

Outcomes = MutableMapping[str, dict[str, str]]
VALUES = {"a": {"layout": "grid", "columns": 4}, "b": {"layout": "list", "columns": 1}}
POLL_MS = 1000


def of(partner: str) -> list[ClientRow]:
    return [row for row in ROWS if row.partner == partner and row.language != "browser"]


def by_name(name: str) -> ClientRow:
    return next(row for row in ROWS if row.name == name)


def decided(server: Server, row: ClientRow, units: list[str]) -> dict[str, str]:
    """The arm that the gateway has for each unit, by a question that is no exposure."""
    with httpx.Client(base_url=server.url) as client:
        contexts = {unit: {"context": {"targetingKey": unit, "exposure": False}} for unit in units}
        path = f"/ofrep/v1/evaluate/flags/{row.name}-look"
        return {unit: client.post(path, json=context).json()["variant"] for unit, context in contexts.items()}


def verdict(server: Server, row: ClientRow) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{server.url}/experiments/{row.name}/look/look").raise_for_status().json()
    return told


def assert_exposed(server: Server, row: ClientRow, arms: dict[str, str]) -> None:
    """Each unit counts once, in its arm."""
    until(
        lambda: Counter(verdict(server, row)["units"]) == Counter(arms.values()), f"{len(arms)} exposures of {row.name}"
    )


def clicks(server: Server, row: ClientRow) -> float:
    """The sum of the conversions of the metric of clicks."""
    told = verdict(server, row)
    return sum(each["mean"] * told["units"][each["arm"]] for each in told["rows"] if each["metric"].endswith("clicks"))


# ---- OpenFeature


@pytest.mark.parametrize("row", of("OpenFeature"), ids=lambda row: row.name)
def test_openfeature_gets_values_of_their_type(row: ClientRow, runs: Runs, server: Server, outcomes: Outcomes):
    told = runs.of(row)
    arms = {unit: arm for unit, (arm, *_) in told["arms"].items()}
    assert arms == decided(server, row, list(arms))
    assert all(each[1:] == [VALUES[each[0]], "SPLIT", None] for each in told["arms"].values())
    types = told["types"]
    assert set(types["dark"]) == {True, False} and set(types["title"]) == {"a", "b"}
    assert set(types["boost"]) == {1.0, 0.5} and set(types["places"]) == {4, 8}
    assert types["list"] == VALUES["b"]
    assert_exposed(server, row, arms)
    outcomes.setdefault(row.name, {})["success"] = (
        "value, variant and reason of 60 users; 60 exposures though asked twice"
    )


@pytest.mark.parametrize("row", of("OpenFeature"), ids=lambda row: row.name)
def test_openfeature_hears_of_refusals(row: ClientRow, runs: Runs, outcomes: Outcomes):
    told = runs.of(row)
    assert told["missing"] == "FLAG_NOT_FOUND"
    assert told["unknown"].startswith("GENERAL")
    assert told["invalid"] == "INVALID_CONTEXT"
    first, second, third = told["limited"]
    assert first is None and second is not None and third is not None
    outcomes.setdefault(row.name, {})["failure"] = (
        "`404`, `400` and `401` by its error code; after `429` it waits for `Retry-After`"
    )


# ---- GrowthBook


@pytest.mark.parametrize("row", of("GrowthBook"), ids=lambda row: row.name)
def test_growthbook_finds_the_arms_by_itself(row: ClientRow, runs: Runs, server: Server, outcomes: Outcomes):
    told = runs.of(row)
    arms = {unit: arm for unit, (arm, *_) in told["arms"].items()}
    assert arms == decided(server, row, list(arms))
    assert all(each[1:] == [VALUES[each[0]], "experiment"] for each in told["arms"].values())
    assert told["viewed"] >= 60
    for unit, values in told["remote"].items():
        assert values[0] == VALUES[arms[unit]]
        assert type(values[1]) is bool and values[2] in (1, 0.5) and values[3] in (4, 8) and values[4] in ("a", "b")
    assert told["types"]["list"] == [VALUES["b"]]
    assert_exposed(server, row, arms)
    until(lambda: clicks(server, row) == pytest.approx(2.0), "a conversion")
    success = (
        "`trackingCallback` of 60 users; 60 exposures though tracked twice, 1 conversion; evaluated here, the same"
    )
    outcomes.setdefault(row.name, {})["success"] = success


@pytest.mark.parametrize("row", of("GrowthBook"), ids=lambda row: row.name)
def test_growthbook_hears_of_refusals(row: ClientRow, runs: Runs, outcomes: Outcomes):
    told = runs.of(row)
    assert "401" in str(told["unknown"]) and "400" in str(told["invalid"])
    if row.name == "flags-growthbook-python":  # its HTTP client waits for Retry-After
        (first, soon), (second, late) = told["limited"]
        assert first == second == "defaultValue" and soon < 1 < late
        outcomes.setdefault(row.name, {})["failure"] = (
            "`400` and `401` in its log, and code defaults; `429` waited for, then loaded"
        )
        return
    before, between, after = map(str, told["limited"])
    assert "429" in between and "429" not in before and "429" not in after
    place = "`init`" if row.language == "Node" else "`initialize`, which is false, and its log"
    outcomes.setdefault(row.name, {})["failure"] = (
        f"`400`, `401` and `429` by {place}, and code defaults; loaded after the time"
    )


# ---- Optimizely


@pytest.mark.parametrize("row", of("Optimizely"), ids=lambda row: row.name)
def test_optimizely_decides_the_gateways_arm_for_a_thousand(
    row: ClientRow, runs: Runs, server: Server, store: Store, outcomes: Outcomes
):
    told = runs.of(row)
    arms = {unit: arm for unit, (arm, *_) in told["arms"].items()}
    assert len(arms) == 1000 and arms == decided(server, row, list(arms))
    assert 400 < Counter(arms.values())["a"] < 600
    assert all(each[1:] == [VALUES[each[0]], f"{row.name}-look"] for each in told["arms"].values())
    types = told["types"]
    assert types["list"] == VALUES["b"] and type(types["dark"]["value"]) is bool
    assert (types["boost"]["value"], types["places"]["value"], types["title"]["value"]) in [
        (boost, places, title) for boost in (1.0, 0.5) for places in (4, 8) for title in ("a", "b")
    ]
    assert told["polls"] >= 1  # answered 304
    assert told["sent"] >= 1 and set(told["statuses"]) == {204}
    assert_exposed(server, row, {unit: arms[unit] for unit in list(arms)[:60]})
    assert clicks(server, row) == pytest.approx(2.0)
    (event,) = store.events(row)
    assert (event.event_type, event.item, event.value, event.user, event.session, event.properties) == (
        "Purchase",
        "i1",
        12.5,
        "unit-0",
        "s-unit-0",
        {"SHELF": "top"},
    )
    success = (
        "the answers' arms for 1,000 users; `304` till news; 60 exposures, 1 conversion, 1 event, though sent twice"
    )
    outcomes.setdefault(row.name, {})["success"] = success


@pytest.mark.parametrize("row", of("Optimizely"), ids=lambda row: row.name)
def test_optimizely_hears_of_refusals(row: ClientRow, runs: Runs, limited_store: Store, outcomes: Outcomes):
    told = runs.of(row)
    assert "401" in str(told["unknown"]) or "status" in str(told["unknown"])
    assert 429 in told["limited"] and told["limited"][-1] == 204
    assert [each.item for each in limited_store.events(row)] == ["i1"]
    outcomes.setdefault(row.name, {})["failure"] = "`401` for the datafile; `429` waited for, then stored"


# ---- Evidently


@pytest.mark.parametrize("row", of("CloudWatch Evidently"), ids=lambda row: row.name)
def test_evidently_evaluates(row: ClientRow, runs: Runs, server: Server, outcomes: Outcomes):
    told = runs.of(row)
    arms = {unit: arm for unit, (arm, *_) in told["arms"].items()}
    assert arms == decided(server, row, list(arms))
    assert all(each[1:] == [VALUES[each[0]], "EXPERIMENT_RULE_MATCH"] for each in told["arms"].values())
    types = told["types"]
    assert types["dark"].keys() == {"boolValue"} and types["title"].keys() == {"stringValue"}
    assert types["boost"].keys() == {"doubleValue"} and types["places"].keys() == {"longValue"}
    assert json.loads(types["list"]["stringValue"]) == VALUES["b"]
    assert_exposed(server, row, arms)
    assert clicks(server, row) == pytest.approx(2.0)
    outcomes.setdefault(row.name, {})["success"] = "variation, value and reason of 60 users; 60 exposures, 1 conversion"


@pytest.mark.parametrize("row", of("CloudWatch Evidently"), ids=lambda row: row.name)
def test_evidently_hears_of_refusals(row: ClientRow, runs: Runs, outcomes: Outcomes):
    told = runs.of(row)
    assert told["failed"] == [None, "ValidationException"]
    assert told["missing"] == [404, "ResourceNotFoundException"]
    assert told["unknown"][0] in (401, 403)
    assert told["invalid"] == [400, "ValidationException"]
    assert told["large"] == [413, "RequestEntityTooLargeException"]
    assert told["limited"] == [429, "ThrottlingException", True]
    outcomes.setdefault(row.name, {})["failure"] = (
        "`400`, `403`, `404`, `413` and `429` as exceptions; of a batch the wrong event alone (`errorCode`); "
        "`429` tried again by itself, then answered"
    )


# ---- in a browser


@contextmanager
def reconfigured(server: Server, row: ClientRow, arm: str) -> Iterator[None]:
    """Another configuration, in which the unit `poller` has this arm."""
    assert server.config is not None
    before = server.config.read_text()
    document = json.loads(before)
    look = document["namespaces"][row.name]["recommenders"]["recommend-items"]["look"]["experiments"]["look"]
    look["overrides"]["poller"] = arm
    server.config.write_text(json.dumps(document))
    try:
        yield
    finally:
        server.config.write_text(before)


def opened(page: ClientPage, url: str, **more: Any) -> Any:
    return page.call("(told) => open_flags(told)", {"url": url, "unit": "poller", **more})


def test_openfeature_polls_from_another_origin(browser: Browser, server: Server, outcomes: Outcomes, tmp_path: Path):
    row = by_name("flags-openfeature-web")
    flag = f"{row.name}-look"
    with client_page(browser, row, tmp_path) as page:
        polls: list[int] = []
        began: list[float] = []  # in epoch seconds

        def note(response: Response) -> None:
            if response.request.method == "POST":
                polls.append(response.status)
                began.append(response.request.timing["startTime"] / 1000)

        page.page.on("response", note)
        assert opened(page, server.url, key="any", interval=POLL_MS) is None
        arm, value, reason, error = page.call("(flag) => value_of(flag)", flag)
        assert (value, reason, error) == (VALUES[arm], "SPLIT", None)
        page.wait(lambda: len(polls) >= 6, "five polls after the first answer")
        assert polls[0] == 200 and set(polls[1:6]) == {304}
        other = "b" if arm == "a" else "a"
        with reconfigured(server, row, other):
            until(lambda: decided(server, row, ["poller"])["poller"] == other, "the server's new configuration")
            since = time.time()
            page.wait(lambda: flag in page.call("() => changes", None), "news of the configuration")
            news = polls.index(200, 1)
            assert all(at <= since for at in began[1:news]), "the first poll from then on brings it"
            assert page.call("(flag) => value_of(flag)", flag) == [other, VALUES[other], "TARGETING_MATCH", None]
        assert page.call("() => flag_errors", None) == []
    success = "5 polls `304`, then `200` with a new configuration within an interval: `PROVIDER_CONFIGURATION_CHANGED`"
    outcomes.setdefault(row.name, {})["success"] = success


def test_openfeature_in_a_page_bears_refusals(
    browser: Browser, server: Server, limited: Server, outcomes: Outcomes, tmp_path: Path
):
    row = by_name("flags-openfeature-web")
    (tmp_path / "unknown").mkdir()
    with client_page(browser, row, tmp_path / "unknown") as page:
        assert opened(page, limited.url, key="nobody", interval=POLL_MS) is not None
        assert {status for _, status in page.statuses} == {401}
    (tmp_path / "wrong").mkdir()
    with client_page(browser, row, tmp_path / "wrong") as page:
        assert opened(page, server.url, key="any", unit="u" * 257, interval=POLL_MS) is not None
        assert {status for _, status in page.statuses} == {400}
    with client_page(browser, row, tmp_path) as page:
        assert opened(page, limited.url, key=f"{row.name}-key", interval=200) is None
        page.wait(lambda: 429 in [status for _, status in page.statuses], "429")
        page.wait(lambda: [status for _, status in page.statuses][-1] in (200, 304), "an answer after Retry-After")
        assert page.call("(flag) => value_of(flag)", f"{row.name}-look")[3] is None
    outcomes.setdefault(row.name, {})["failure"] = (
        "`401` and `400` by its error; after `429` it waits for `Retry-After`, with its values"
    )


def test_growthbook_in_a_page_streams_and_tracks(browser: Browser, server: Server, outcomes: Outcomes, tmp_path: Path):
    row = by_name("flags-growthbook-web")
    flag, arm = f"{row.name}-look", decided(server, row, ["poller"])["poller"]
    with client_page(browser, row, tmp_path) as page:
        assert opened(page, server.url, key="any", streaming=True) is None
        assert page.call("(flag) => value_of(flag)", flag) == [VALUES[arm], "experiment"]
        assert page.call("() => viewed", None) == [[flag, arm]]
        assert_exposed(server, row, {"poller": arm})
        other = "b" if arm == "a" else "a"
        with reconfigured(server, row, other):
            page.wait(
                lambda: page.call("(flag) => value_of(flag)", flag) == [VALUES[other], "force"],
                "news of the configuration",
            )
            assert opened(page, server.url, key="any", remoteEval=True) is None
            assert page.call("(flag) => value_of(flag)", flag) == [VALUES[other], "force"]
        assert_exposed(server, row, {"poller": arm})
    success = "`trackingCallback`; 1 exposure; a new configuration by its stream; evaluated here, the same"
    outcomes.setdefault(row.name, {})["success"] = success


def test_growthbook_in_a_page_bears_refusals(
    browser: Browser, server: Server, limited: Server, outcomes: Outcomes, tmp_path: Path
):
    row = by_name("flags-growthbook-web")
    with client_page(browser, row, tmp_path) as page:
        assert "401" in str(opened(page, limited.url, key="nobody"))
        wrong = {f"{row.name}-look": "b"}  # an arm is a number
        assert "400" in str(opened(page, server.url, key="any", remoteEval=True, forcedVariations=wrong))
        for _ in range(2):
            said = opened(page, limited.url, key=f"{row.name}-key", remoteEval=True)
        assert "429" in str(said)
        page.page.wait_for_timeout(2200)
        assert opened(page, limited.url, key=f"{row.name}-key", remoteEval=True) is None
    outcomes.setdefault(row.name, {})["failure"] = "`400`, `401` and `429` by `init`; loaded after the time"
