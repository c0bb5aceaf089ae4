"""Groups of the OpenAPI document's tags, by who needs them; /docs and the reference show them so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, PathItem

from gateway.routes.openapi_terms import ANY, TEXT, array, operation, record, response

OPERATIONS = "Operations"
ALIVE = record({"status": TEXT}, "status")
READINESS = record({"status": TEXT, "checks": ANY, "degraded": array(TEXT)}, "status", "checks")


class TagGroup(NamedTuple):
    """Tags with one of these ends, for somebody."""

    name: str
    description: str
    ends: tuple[str, ...]


GROUPS = (
    TagGroup(
        "Pages and apps",
        "Lists to show. boto3 asks the same models by Amazon Personalize's API at this address.",
        (": Recommend Items", ": Related Items", ": Rerank Items", ": Cohorts", ": App proxy"),
    ),
    TagGroup("Who sends events", "What people did; it counts for the next list.", (": Events",)),
    TagGroup("Who asks why", "Reasons of a list, and what an experiment shows.", (": Explain Items", "Experiments")),
    TagGroup(
        "Other tools",
        "Experiments as flags and features, by the protocols of other tools.",
        ("Experiments: OFREP", "Experiments: GrowthBook", "Experiments: Optimizely"),
    ),
    TagGroup("Operators", "The state of the server, and what changes it.", (OPERATIONS, "Operators")),
)


def grouped(document: dict[str, Any]) -> dict[str, Any]:
    """The document with `x-tagGroups`. A tag that no group has is in one of its own."""
    names: list[str] = [tag["name"] for tag in document.get("tags") or ()]
    by_group = {group: [name for name in names if name.endswith(group.ends)] for group in GROUPS}
    others = [name for name in names if not any(name in tags for tags in by_group.values())]
    groups = [
        {"name": group.name, "description": group.description, "tags": tags} for group, tags in by_group.items() if tags
    ]
    groups += [{"name": name, "description": "", "tags": [name]} for name in others]
    return {**document, "x-tagGroups": groups}


def operation_paths() -> Iterator[tuple[str, PathItem]]:
    """The routes by which a server is watched."""
    down = response("It should get no requests now; the body says what is wrong.", READINESS)
    page = OpenAPIResponse(description="All numbers.", content={"text/plain": OpenAPIMediaType(schema=TEXT)})
    for path, title, answers in (
        ("/health", "Alive", {"200": response("The process answers.", ALIVE)}),
        ("/ready", "Ready for requests", {"200": response("It can answer.", READINESS), "503": down}),
        ("/metrics", "Numbers for Prometheus", {"200": page}),
    ):
        yield path, PathItem(get=operation(path.strip("/"), title, OPERATIONS, answers))
