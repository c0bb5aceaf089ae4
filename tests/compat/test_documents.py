"""Configurations as they are written for upstream load as they are (specification §2.2, §2.10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Config, load
from gateway.plan.plan import Plan

FOLDER = Path(__file__).parent / "documents"
EXPECTED = ("grocer.inferenceItemMetadata",)  # what is left to others, and said
DOCUMENTS = sorted(path for path in FOLDER.iterdir())


def loaded(name: str) -> Config:
    return load(FOLDER / name, {})


def plan(config: Config, path: str) -> Plan:
    namespace, action, recommender = path.split("/")
    return next(
        found for (of, name), found in config.namespaces[namespace].plans.items() if (of, name) == (action, recommender)
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_of_upstream_loads(document: Path) -> None:
    config = load(document, {})
    told = [warning for warning in config.warnings if "old spelling" not in warning.message]
    assert document.stem == "legacy" or not [each for each in told if not each.place.endswith(EXPECTED)]


def test_a_generated_document_loads_without_a_warning() -> None:
    config = loaded("generated.json")
    assert config.warnings == ()
    assert [
        (space.key, sorted(plan.path for plan in space.plans.values())) for space in config.namespaces.values()
    ] == [
        (
            "garden",
            [
                "recommend-items/garden-for-you",
                "related-items/garden-similar",
                "related-items/garden-together",
                "rerank-items/garden-rank",
            ],
        ),
        ("tools", []),
    ]
    similar = plan(config, "garden/related-items/garden-similar").variations[0]
    assert (similar.name, similar.upstream, similar.model) == ("personalize-similar-items", "engine", "garden-similar")


def test_the_seed_document_loads() -> None:
    assert (loaded("seed.json").namespaces, loaded("seed.json").warnings) == ({}, ())


OLD = {
    "autoContext.season.rules[0].type": "old spelling 'season'",
    "boxes.autoContext.browser.rules[0].valueMappings[0].operator": "old spelling 'start-with'",
    "boxes.responsePostProcessor.arn": "old spelling 'function/NAME'",
    "boxes.variations.rules.type": "old spelling 'lambda'",
    "boxes.variations.rules-2.arn": "old spelling 'function/NAME'",
    "boxes.variations.up.arn": "it is taken for the engine's model '[NAME]'",
    "boxes.variations.up.filters[0].arn": "it is taken for the engine's filter '[NAME]'",
    "boxes.variations.up.filter": "old spelling 'filter'",
    "boxes.variations": "have no 'weight': only the first one answers",
    "eventTargets[0].trackingId": "is no tracking id",
}


def test_every_old_spelling_loads_and_is_warned_of() -> None:
    warnings = {warning.place: warning.message for warning in loaded("legacy.yaml").warnings}
    assert len(warnings) == len(OLD)
    for place, says in OLD.items():
        (found,) = [message for at, message in warnings.items() if at.endswith(place)]
        assert says in found


def test_every_old_spelling_means_what_the_new_one_means() -> None:
    boxes = plan(loaded("legacy.yaml"), "attic/recommend-items/boxes")
    assert boxes.post_processor is not None
    assert boxes.post_processor.function.arn == "arn:aws:lambda:eu-west-1:111122223333:function:sort"
    assert (boxes.post_processor.multiplier, boxes.post_processor.most) == (1.5, 60)
    rules, second, up = boxes.variations
    assert (rules.upstream, second.upstream, second.model[-17:]) == ("function", "function", ":function:rules-2")
    assert (rules.policies or {})["userSpecified"].header == "private, max-age=5"
    assert [field.name for field in rules.auto_context] == ["browser"]
    assert [field.name for field in up.auto_context] == ["hour"]
    assert rules.metadata is not None and rules.metadata.columns == ("PRICE",)
    assert up.metadata is not None and up.metadata.columns == ("YEAR",)
    assert [value.name for value in up.filters[0].values] == ["CITY"]
    assert (rules.filters, up.filters[0].filter) == ((), "[NAME]")
