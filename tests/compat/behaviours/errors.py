"""Every code of specification §1.8, and what is never a 500."""

from __future__ import annotations

from tests.compat.table import Row, get, query

POPULAR = "/recommend-items/shop/popular"


def of(kind: str) -> dict[str, object]:
    return {"body": lambda body: body["type"] == kind}


ROWS: list[Row] = [
    get("1.8", f"{POPULAR}/u1?context=nope", 400, "InvalidContextParameter", **of("Validation")),
    get("1.8", f"{POPULAR}/u1?context=[]", 400, "InvalidContextParameter"),
    get("1.8", f"{POPULAR}/u1{query(context={'a': 1})}", 400, "InvalidContextParameter"),
    get("1.8", f"{POPULAR}/u1?filterValues=nope", 400, "InvalidFilterParameter", **of("Validation")),
    get("1.8", f"{POPULAR}/u1{query(filterValues={'a': None})}", 400, "InvalidFilterParameter"),
    get("1.8", "/recommend-items/quiet/popular/u1?context=nope", 400, "InvalidContextParameter"),
    get("1.8", "/recommend-items/nowhere/popular/u1", 404, "RecommenderNotConfigured", **of("Configuration")),
    get("1.8", "/recommend-items/shop/nowhere/u1", 404, "RecommenderNotConfigured"),
    get("1.8", "/recommend-items/shop/near/i1", 404, "RecommenderNotConfigured"),
    get("1.8", "/recommend-items/shop/empty/u1", 404, "NoVariationsConfigured", **of("Configuration")),
    get("1.8", "/recommend-items/shop/no-arn/u1", 404, "RecommenderArnNotConfigured", **of("Personalize")),
    get("1.8", "/recommend-items/shop/no-function/u1", 404, "FunctionArnNotConfigured", **of("Function")),
    get("1.8", "/recommend-items/shop/no-post-processor/u1", 404, "FunctionArnNotConfigured", **of("Function")),
    get("1.8", "/recommend-items/shop/no-endpoint/u1", 404, "EndpointNameNotConfigured", **of("SageMaker")),
    get("1.8", "/recommend-items/shop/gone/u1", 404, "ResourceNotFoundException", **of("Personalize")),
    get("1.8", f"{POPULAR}/u1?filter=absent", 404, "ResourceNotFoundException", **of("Personalize")),
    get("1.8", f"{POPULAR}/u1?filter=kind", 400, "InvalidInputException", **of("Personalize")),
    get("1.8", "/recommend-items/outside/raises/u1", 502, "FunctionInvokeError", **of("Function")),
    get("1.8", "/recommend-items/outside/error-inside/u1", 502, "UpstreamError"),
    get("1.8", "/recommend-items/outside/broken/u1", 502, "UpstreamError"),
    get("1.8", "/recommend-items/outside/garbage/u1", 502, "UpstreamError"),
    get("1.8", "/recommend-items/outside/throttled/u1", 429, "UpstreamThrottled"),
    get("1.8", "/recommend-items/outside/missing/u1", 502, "FunctionInvokeError"),
    get("1.8", "/recommend-items/outside/slow/u1", 504, "UpstreamTimeout"),
    get("1.8", "/recommend-items/outside/http/u1", 400, "MissingParameter", **of("Validation")),
    get("1.8", f"{POPULAR}/u1?numResults=abc", 400, "ValidationError", says={"cache-control": "no-store"}),
    get("1.8", "/rerank-items/shop/search/u1/a,,b", 400, "ValidationError"),
    get("1.8", f"{POPULAR}/u%00", 400, "ValidationError"),
    get("1.8", f"/rerank-items/shop/search/u1/{','.join(['abc'] * 501)}", 400, "ValidationError"),
    Row("1.8", "/rerank-items/shop/search/u1", 413, "RequestTooLarge", "POST", content=b" " * (1024 * 1024 + 1)),
    get(
        "1.8", "/recommend-items/shop/nowhere/u1", 404, says={"x-request-id": None, "content-type": "application/json"}
    ),
]
