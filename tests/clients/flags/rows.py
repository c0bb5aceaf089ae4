"""Clients that ask which arm a unit is in: OpenFeature, GrowthBook, Optimizely, Evidently."""

from __future__ import annotations

from typing import Any

from tests.clients.rows import ClientRow, Language


def recommender(name: str, feature: str, values: list[Any], **more: Any) -> dict[str, Any]:
    """Of two variations, `a` and `b`, with the flag NAME-FEATURE."""
    experiment = {"flag": f"{name}-{feature}", "method": "builtin", "metrics": {"clicks": {}}, **more}
    variations = {
        arm: {"type": "engine", "model": "popular", "weight": 1, **({} if value is None else {"value": value})}
        for arm, value in zip(("a", "b"), values, strict=True)
    }
    return {"experiments": {feature: experiment}, "variations": variations}


def row(name: str, partner: str, language: Language, package: str, pointed: str, calls: str, script: str) -> ClientRow:
    more: dict[str, Any] = {"bucketing": "optimizely"} if partner == "Optimizely" else {}
    if partner == "GrowthBook":  # whose events count for all experiments that their sender may see
        more = {"metrics": {f"{name}-clicks": {}}}
    lists = {
        "look": recommender(
            name,
            "look",
            [{"layout": "grid", "columns": 4}, {"layout": "list", "columns": 1}],
            overrides={"tester": "b"},
            **more,
        ),
        "dark": recommender(name, "dark", [False, True], **more),
        "boost": recommender(name, "boost", [1, 0.5], **more),
        "places": recommender(name, "places", [4, 8], **more),
        "title": recommender(name, "title", [None, None], **more),
    }
    lists["look"]["flag"] = f"{name}-list"
    intake = {"optimizely": {"keys": [f"{name}-key"], "mapping": {"events": {"buy": "Purchase"}}}}
    return ClientRow(
        name,
        partner,
        language,
        package,
        pointed,
        calls,
        script,
        intake if partner == "Optimizely" else {},
        {"recommenders": {"recommend-items": lists}},
    )


ONE, ALL = "`POST /ofrep/v1/evaluate/flags/{key}`", "`POST /ofrep/v1/evaluate/flags`, each interval"
FEATURES = "`GET /api/features/{clientKey}`, `POST /api/eval/{clientKey}`, `POST /track`"
DATAFILE = "`GET /datafiles/{sdkKey}.json`, `POST /v1/events`"
EVIDENTLY = "`POST /projects/{project}/evaluations/{feature}`, `POST /events/projects/{project}`"
ROWS = [
    row(
        "flags-openfeature-python",
        "OpenFeature",
        "Python",
        "openfeature-provider-ofrep",
        "`OFREPProvider(url)`",
        ONE,
        "openfeature_client.py",
    ),
    row(
        "flags-openfeature-node",
        "OpenFeature",
        "Node",
        "@openfeature/ofrep-provider",
        "`{baseUrl}`",
        ONE,
        "openfeature_client.mjs",
    ),
    row(
        "flags-openfeature-web",
        "OpenFeature",
        "browser",
        "@openfeature/ofrep-web-provider",
        "`{baseUrl, pollInterval}`",
        ALL,
        "openfeature_page.mjs",
    ),
    row(
        "flags-growthbook-python",
        "GrowthBook",
        "Python",
        "growthbook",
        "`GrowthBook(api_host=)`",
        FEATURES,
        "growthbook_client.py",
    ),
    row(
        "flags-growthbook-asyncio",
        "GrowthBook",
        "Python",
        "growthbook",
        "asyncio: `GrowthBookClient(Options(api_host=))`",
        FEATURES,
        "growthbook_asyncio_client.py",
    ),
    row(
        "flags-growthbook-node",
        "GrowthBook",
        "Node",
        "@growthbook/growthbook",
        "`{apiHost}`",
        FEATURES,
        "growthbook_client.mjs",
    ),
    row(
        "flags-growthbook-web",
        "GrowthBook",
        "browser",
        "@growthbook/growthbook",
        "`{apiHost, streaming}`",
        f"{FEATURES}, `GET /sub/{{clientKey}}`",
        "growthbook_page.mjs",
    ),
    row(
        "flags-optimizely-python",
        "Optimizely",
        "Python",
        "optimizely-sdk",
        "`PollingConfigManager(url_template=)`, an event dispatcher",
        DATAFILE,
        "optimizely_client.py",
    ),
    row(
        "flags-optimizely-node",
        "Optimizely",
        "Node",
        "@optimizely/optimizely-sdk",
        "`{urlTemplate}`, an event dispatcher",
        DATAFILE,
        "optimizely_client.mjs",
    ),
    row(
        "flags-evidently-python",
        "CloudWatch Evidently",
        "Python",
        "boto3",
        "`endpoint_url`, the service's model of `botocore-a-la-carte-evidently`",
        EVIDENTLY,
        "evidently_client.py",
    ),
    row(
        "flags-evidently-node",
        "CloudWatch Evidently",
        "Node",
        "@aws-sdk/client-evidently",
        "`{endpoint, disableHostPrefix}`",
        EVIDENTLY,
        "evidently_client.mjs",
    ),
]
