"""Requests to AWS: where a service is, and Signature Version 4 by the credentials that botocore finds in its usual
places (environment, profile, container, instance)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

from gateway.errors import UpstreamProblem
from gateway.outbound import OutboundRequest, Peer

ENDPOINTS = {  # a service's host, and the name by which AWS_ENDPOINT_URL_… knows it
    "personalize-runtime": ("personalize-runtime.{region}.amazonaws.com", "PERSONALIZE_RUNTIME"),
    "personalize-events": ("personalize-events.{region}.amazonaws.com", "PERSONALIZE_EVENTS"),
    "lambda": ("lambda.{region}.amazonaws.com", "LAMBDA"),
    "sagemaker": ("runtime.sagemaker.{region}.amazonaws.com", "SAGEMAKER_RUNTIME"),
    "kinesis": ("kinesis.{region}.amazonaws.com", "KINESIS"),
    "firehose": ("firehose.{region}.amazonaws.com", "FIREHOSE"),
    "cloudwatch": ("monitoring.{region}.amazonaws.com", "CLOUDWATCH"),
    "dynamodb": ("dynamodb.{region}.amazonaws.com", "DYNAMODB"),
}
SIGNED_AS = {"personalize-runtime": "personalize", "personalize-events": "personalize", "cloudwatch": "monitoring"}


class Signer:
    """Nothing is looked up before a request needs it, and then off the event loop: it may read files or ask a host."""

    def __init__(self, environ: Mapping[str, str], threads: Executor) -> None:
        self._environ, self._threads = environ, threads
        self._session: Any = None

    def endpoint(self, service: str, region: str, explicit: str | None = None) -> str:
        """`explicit` wins, then AWS_ENDPOINT_URL_<SERVICE>, then AWS_ENDPOINT_URL, then AWS itself."""
        host, name = ENDPOINTS[service]
        own = explicit or self._environ.get(f"AWS_ENDPOINT_URL_{name}") or self._environ.get("AWS_ENDPOINT_URL")
        return own.rstrip("/") if own else f"https://{host.format(region=region)}"

    async def signed(self, peer: Peer, sent: OutboundRequest, service: str, region: str) -> OutboundRequest:
        """Raises `UpstreamProblem` where there are no credentials."""
        loop = asyncio.get_running_loop()
        credentials = await loop.run_in_executor(self._threads, self._credentials)
        if credentials is None:
            message = f"no AWS credentials were found for {peer.name}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            raise UpstreamProblem(message, status=502, type=peer.type, code="NoCredentials")
        from botocore.auth import SigV4Auth  # loaded by now, off the event loop
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(sent.method, sent.url, dict(sent.headers), sent.body)
        SigV4Auth(credentials, SIGNED_AS.get(service, service), region).add_auth(request)
        return OutboundRequest(sent.method, sent.url, dict(request.headers.items()), sent.body)

    def _credentials(self) -> Any:
        if self._session is None:
            import botocore.auth  # a seventh of a worker's start, of which most servers have no use
            import botocore.session

            self._session = botocore.session.Session()
        credentials = self._session.get_credentials()
        return None if credentials is None else credentials.get_frozen_credentials()
