"""AWS Lambda functions, invoked and waited for: as origins, and as post-processors of answers."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from gateway.body import encoded
from gateway.errors import UpstreamProblem
from gateway.outbound import Outbound, OutboundRequest, Peer
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
    request = OutboundRequest("POST", url, {"content-type": "application/json"}, encoded(payload))
    try:
        response = await outbound.ask(peer, partial(signer.signed, peer, request, SERVICE, function.region))
    except UpstreamProblem as problem:
        if problem.status in (502, 503, 504, 429):
            raise
        raise UpstreamProblem(problem.message, status=502, type="Function", code="FunctionInvokeError") from problem
    if "x-amz-function-error" in response.headers:
        message = f"{function.arn} ended with an error ({response.headers['x-amz-function-error']})"
        raise UpstreamProblem(message, status=502, type="Function", code="FunctionInvokeError")
    return peer, response.body
