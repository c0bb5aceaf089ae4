"""AWS Lambda functions, invoked and waited for: as origins, and as post-processors of answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from gateway.body import encoded
from gateway.errors import UpstreamProblem
from gateway.outbound import Outbound, Peer, Sent
from gateway.outbound.signing import Signer
from gateway.plan.plan import Function

SERVICE = "lambda"


async def invoked(
    outbound: Outbound, signer: Signer, function: Function, payload: dict[str, Any]
) -> tuple[Peer, bytes]:
    """The function's reply. Raises `UpstreamProblem`; an exception of the function comes with status 200."""
    peer = Peer(function.arn, "Function", function.limits)
    base = signer.endpoint(SERVICE, function.region, function.endpoint_url)
    url = f"{base}/2015-03-31/functions/{quote(function.arn, safe='')}/invocations"
    body = encoded(payload)

    async def prepare() -> Sent:
        sent = Sent("POST", url, {"content-type": "application/json"}, body)
        return await signer.signed(peer, sent, SERVICE, function.region)

    try:
        got = await outbound.ask(peer, prepare)
    except UpstreamProblem as problem:
        if problem.status in (502, 503, 504, 429):
            raise
        raise UpstreamProblem(problem.message, status=502, type="Function", code="FunctionInvokeError") from problem
    if "x-amz-function-error" in got.headers:
        message = f"{function.arn} ended with an error ({got.headers['x-amz-function-error']})"
        raise UpstreamProblem(message, status=502, type="Function", code="FunctionInvokeError")
    return peer, got.body
