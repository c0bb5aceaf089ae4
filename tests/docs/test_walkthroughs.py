"""The pages of the docs are done as a reader would do them: every command and every snippet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import click
import httpx
import pytest
import yaml

from gateway.__main__ import main
from gateway.config import parse
from gateway.telemetry import FAMILIES
from tests.docs.walkthrough import ROOT, Block, Walkthrough, blocks
from tests.moto_server import moto_server, s3_environ

SHOP = (
    *("docs/getting-started.md", "docs/filters-and-rules.md", "docs/cache-rules.md", "docs/ab-test.md"),
    *("docs/operate.md", "docs/answers.md"),
)
ALONE = ("README.md", "docs/leave-aws.md", "docs/config-as-code.md")
ELSEWHERE = {  # a page: what tries its snippets
    "docs/clients.md": "tests/server/test_protocols.py and tests/clients/typescript",
    "docs/csv-to-page.md": "tests/ui/test_csv_to_page.py",
    "docs/experiments.md": "below",
    "docs/intake.md": "tests/test_docs.py",
    "docs/library.md": "tests/test_docs.py",
    "docs/local-personalize.md": "tests/installed/test_wheel.py",
    "docs/own-recipe.md": "tests/flows/test_own_recipe.py",
    "docs/operations.md": "below",
    "docs/origins-and-targets.md": "below",
}
QUIET = ("text", "mermaid", "diff", "toml")  # kinds that nobody runs, or that are files

# ---- the shop of Getting started


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(scope="module")
def shop(s3: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walkthrough]:
    """After the first page: data, a model and a server."""
    walkthrough = Walkthrough(tmp_path_factory.mktemp("shop"), {**s3_environ(s3), "RECGATE_PENDING_SECONDS": "0.02"})
    try:
        walkthrough.begun = walkthrough.do("docs/getting-started.md")
        yield walkthrough
    finally:
        walkthrough.close()


def answers(printed: str) -> list[dict[str, Any]]:
    """The JSON objects in what commands have printed."""
    decoder, place = json.JSONDecoder(), printed.find("{")
    found: list[dict[str, Any]] = []
    while place >= 0:
        try:
            answer, end = decoder.raw_decode(printed, place)
            found.append(answer)
        except json.JSONDecodeError:
            end = place + 1
        place = printed.find("{", end)
    return found


def lists(printed: str) -> list[list[str]]:
    return [[item["itemId"] for item in each["itemList"]] for each in answers(printed) if "itemList" in each]


def section(page: str, title: str) -> list[Block]:
    """The blocks below a heading."""
    text = (ROOT / page).read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return [block for block in blocks(page) if block.text in text]


def test_getting_started(shop: Walkthrough) -> None:
    before, after = lists(shop.begun)
    assert len(before) == len(after) == 3 and before != after
    assert "schema guessed: ITEM_ID" in shop.begun and "deployed as model for-you" in shop.begun
    assert re.search(r"\['\w+', '\w+', '\w+'\]$", shop.begun)  # what boto3 was answered


def test_filters_and_rules(shop: Walkthrough) -> None:
    printed = dict.fromkeys(headings("docs/filters-and-rules.md"), "")
    for title in printed:
        printed[title] = "".join(shop.do_block(block) for block in section("docs/filters-and-rules.md", title))
    assert "bread" not in lists(printed["Nothing that is sold out"])[0]
    assert "bread" in lists(ask(shop, "in-stock/ann"))[0]  # since the bakery has delivered
    new_to_her, not_bought = lists(printed["Nothing seen, nothing bought"])
    assert not {"tea", "honey", "bread"} & set(new_to_her) and "honey" not in not_bought and "tea" in not_bought
    assert set(lists(printed["By columns"])[0]) == {"tea", "milk"}
    assert set(lists(printed["With a value of the page's"])[0]) == {"honey", "jam", "butter", "biscuits", "bread"}
    assert httpx.get(f"{shop.url}/recommend-items/shop/one-category/ann").status_code == 400
    (ruled,) = answers(printed["Pin, boost, bury"])
    assert ruled["itemList"][0]["itemId"] == "jam" and ruled["itemList"][0]["pin"]["rule"] == "of-the-week"
    (mixed,) = lists(printed["Not three of a kind"])
    assert sorted(CATEGORIES[item] for item in mixed) == ["bakery", "drinks", "spreads"]
    here, absent = answers(printed["Why is this here, and why is that not"])
    assert (here["cause"], absent["cause"]) == ("relevance", "filtered")


CATEGORIES = {
    **dict.fromkeys(("tea", "coffee", "milk"), "drinks"),
    **dict.fromkeys(("honey", "jam", "butter"), "spreads"),
    **dict.fromkeys(("biscuits", "bread"), "bakery"),
}


def headings(page: str) -> list[str]:
    return re.findall(r"^## (.+)$", (ROOT / page).read_text(), re.MULTILINE)


def ask(walkthrough: Walkthrough, path: str) -> str:
    return httpx.get(f"{walkthrough.url}/recommend-items/shop/{path}").text


def test_cache_rules(shop: Walkthrough) -> None:
    printed = shop.do("docs/cache-rules.md").lower()
    assert re.findall(r"^x-cache: (\w+)", printed, re.MULTILINE) == ["miss", "hit", "miss"]
    assert re.findall(r"^cache-control: (.*?)\s*$", printed, re.MULTILINE)[0].startswith("private")


def test_ab_test(shop: Walkthrough) -> None:
    printed = shop.do("docs/ab-test.md")
    assert "units an arm" in printed
    assert any("matchedExperiment" in each for each in answers(printed))
    verdict = answers(printed)[-1]
    assert sum(verdict["units"].values()) >= 50 and verdict["trusted"], verdict


def test_operate(shop: Walkthrough) -> None:
    printed = shop.do("docs/operate.md")
    assert "0.70 cores" in printed or "cores" in printed
    assert "recgate_cache_lookups_total{" in printed and "recgate_upstream_seconds_count{" in printed


def test_snippets_of_answers(shop: Walkthrough) -> None:
    """They name what the reader has: a client, a campaign, a version of a model."""
    personalize = boto3.client(
        "personalize",
        endpoint_url=shop.url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    arn = "arn:aws:personalize:us-east-1:000000000000"
    version = personalize.describe_campaign(campaignArn=f"{arn}:campaign/for-you")["campaign"]["solutionVersionArn"]
    given = {"personalize": personalize, "campaign": f"{arn}:campaign/for-you", "version": version, "json": json}
    for block in blocks("docs/answers.md"):
        if block.kind == "python":
            exec(compile(block.text, block.page, "exec"), dict(given))
        elif block.kind == "liquid":  # tests/clients/braze renders it
            sample = Path("config/braze.yaml").read_text()
            assert all(f"# {line}\n" in sample for line in block.text.splitlines())
        else:
            assert not parse(f"namespaces: {{}}\n{block.text}", "shop.yaml", {}).warnings
    tags = personalize.list_tags_for_resource(resourceArn=given["campaign"])["tags"]
    assert {"recgate:rules", "recgate:diversity"} <= {tag["tagKey"] for tag in tags}


# ---- pages that begin anew


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Walkthrough]:
    walkthrough = Walkthrough(tmp_path)
    try:
        yield walkthrough
    finally:
        walkthrough.close()


def test_readme(alone: Walkthrough) -> None:
    printed = "".join(alone.do_block(block) for block in blocks("README.md") if "make demo" not in block.text)
    assert "x-cache: miss" in printed.lower()


def test_leave_aws(alone: Walkthrough, shop: Walkthrough, s3: str) -> None:
    """The shop's server plays AWS: it speaks the same API."""
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=s3, **keys).create_bucket(Bucket="my-bucket")
    account = {f"AWS_ENDPOINT_URL_{name}": shop.url for name in ("PERSONALIZE", "PERSONALIZE_RUNTIME")}
    alone.environ = {**s3_environ(s3), **account}
    printed = alone.do("docs/leave-aws.md")
    assert printed.count(" ACTIVE") == 2 and printed.count("of 3 in common") == 3


def test_config_as_code(alone: Walkthrough) -> None:
    printed = alone.do("docs/config-as-code.md")
    assert printed.count("Plan: 16 to create.") == 3 and printed.count("No changes.") == 2
    assert (alone.folder / "letters" / "users.json.out").exists()


# ---- snippets that need what a test has not


def test_the_worker_of_operations_is_a_command() -> None:
    (block,) = [each for each in blocks("docs/operations.md") if each.kind == "sh"]
    _, _, arguments = block.text.strip().rpartition(" recgate ")
    with main.make_context("recgate", arguments.split(), resilient_parsing=True):
        name, command, rest = main.resolve_command(click.Context(main), arguments.split())
        assert name == "worker" and command is not None and command.make_context(name, rest)


def test_the_rule_of_prometheus_adapter_asks_for_a_number_that_there_is() -> None:
    (block,) = [each for each in blocks("docs/operations.md") if each.kind == "yaml"]
    (rule,) = yaml.safe_load(block.text)["rules"]
    assert rule["seriesQuery"].partition("{")[0] in FAMILIES


def test_the_event_target_and_the_source_are_some() -> None:
    target, source = (
        "".join(f"    {line}\n" for line in block.text.splitlines())
        for block in blocks("docs/origins-and-targets.md")
        if block.kind == "yaml"
    )
    tracker = "      - {type: personalize-event-tracker, trackingId: t}\n"
    config = parse(f"namespaces:\n  shop:\n{target}{tracker}{source}", "shop.yaml", {})
    assert config.sources and config.namespaces["shop"].exposure_targets


def test_the_flags_are_some() -> None:
    (block,) = [each for each in blocks("docs/experiments.md") if each.kind == "yaml"]
    assert list(parse(block.text, "flags.yaml", {}).flags) == ["home-layout", "home-list"]


def test_every_snippet_is_tried_somewhere() -> None:
    pages = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
    untried = {block.page for page in pages for block in blocks(page) if block.kind not in QUIET}
    assert untried == {*SHOP, *ALONE, *ELSEWHERE}
