"""What is written is checked: every sample loads, the schema is the document's, and upstream's documents load."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import check_config, demo, print_schema
from gateway.cli.print_schema import schema
from gateway.config import load, parse
from tests.gateway.config.documents import ARN, plan_of, shop

FOLDER = Path(__file__).parents[3] / "config"
SAMPLES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_loads_without_a_warning(sample):
    config = load(sample, {})
    assert config.namespaces
    assert config.warnings == ()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_begins_with_what_it_shows(sample):
    assert sample.read_text("utf-8").startswith("# ")


def test_the_schema_is_up_to_date():
    assert (FOLDER / "schema.json").read_text("utf-8") == schema()
    assert CliRunner().invoke(print_schema.command).output == schema()


def test_the_demo_has_what_the_page_asks_for():
    config = load(demo.CONFIG, {})
    assert config.warnings == ()
    films = config.namespace("movies")
    assert list(films.plans) == [
        ("recommend-items", "for-you"),
        ("recommend-items", "popular"),
        ("recommend-items", "trending"),
        ("related-items", "more-like-this"),
        ("rerank-items", "search"),
    ]
    assert films.trackers == ["00000000-0000-4000-8000-000000000001"]


def test_a_minimal_document_of_upstream_loads():
    config = shop(f'{{variations: {{main: {{type: personalize-campaign, arn: "{ARN}:campaign/books-up"}}}}}}')
    assert plan_of(config).variations[0].model == "books-up"
    assert config.warnings == ()


MUSIC = f"""
version: "7"
namespaces:
  music:
    inferenceItemMetadata: {{type: personalize, itemColumns: [TITLE, ARTIST]}}
    recommenders:
      recommend-items: {{mix: {{variations: {{v1: {{type: personalize-campaign, arn: "{ARN}:campaign/mix"}}}}}}}}
  telemetry:
    eventTargets: [TARGET]
"""


def test_a_namespace_for_events_only_loads():
    config = parse(MUSIC.replace("TARGET", "{type: personalize-event-tracker, trackingId: abc}"))
    assert config.namespace("telemetry").plans == {}
    assert config.namespaces["music"].plans["recommend-items", "mix"].variations[0].metadata.columns == (
        "TITLE",
        "ARTIST",
    )


def test_check_config_shows_what_was_loaded():
    result = CliRunner().invoke(check_config.command, [str(FOLDER / "weights.yaml")])
    assert result.exit_code == 0
    assert "/recommend-items/my-store/for-you" in result.output
    assert "80%" in result.output
    assert result.output.endswith("weights.yaml: version 1, 0 warnings\n")


def test_check_config_tells_faults_and_warnings(tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text("namespaces: {shop: {}}\n")
    result = CliRunner().invoke(check_config.command, [str(file)])
    assert result.exit_code == 0
    assert result.output.startswith("warning line 1: namespaces.shop: has neither")
    file.write_text("namespaces: {shop: {evenTargets: []}}\n")
    result = CliRunner().invoke(check_config.command, [str(file)])
    assert result.exit_code == 1
    assert "error line 1: namespaces.shop: unknown key 'evenTargets'" in result.output
    assert "did you mean 'eventTargets'?" in result.output
