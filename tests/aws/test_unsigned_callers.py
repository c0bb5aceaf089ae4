"""boto3 against servers without access keys: who is let in by what the configuration says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from gateway.aws.callers import Callers, stranger
from gateway.aws.canonical import RawRequest
from gateway.config import Config, parse
from tests.aws.world import ACCOUNT, TRACKING_ID, Clients, Stage, app_of, served_directly

CAMPAIGN = f"arn:aws:personalize:us-east-1:{ACCOUNT}:campaign/home"
EVENT = {"eventType": "click", "itemId": "i1", "sentAt": 1_700_000_000}
AUTH = f"auth: {{type: api_key, keys: [{{name: web, sha256: {'ab' * 32}}}]}}\n"
OIDC = "auth: {type: oidc, issuer: https://id.example, audience: shop}\n"
CONTROL = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "AmazonPersonalize.ListDatasetGroups"}


@pytest.fixture(scope="module")
def clients(stage: Stage) -> Iterator[Callable[[str], Clients]]:
    """Three clients with keys that nobody knows, of a server with this configuration."""
    with ExitStack() as servers:
        made: dict[str, Clients] = {}

        def make(config: str) -> Clients:
            if config not in made:
                made[config] = Clients(servers.enter_context(served_directly(app_of(stage, callers(stage, config)))))
                servers.callback(made[config].close)
            return made[config]

        yield make


def callers(stage: Stage, text: str) -> Callers:
    config: Config = parse(f"{text}namespaces: {{}}")
    return Callers(lambda: config.access_keys, stage.settings, lambda: 0.0, lambda: config.unsigned)


def control(aws: Clients) -> object:
    return aws.personalize.list_campaigns()


def runtime(aws: Clients) -> object:
    return aws.runtime.get_recommendations(campaignArn=CAMPAIGN, userId="u")


def events(aws: Clients) -> object:
    return aws.events.put_events(trackingId=TRACKING_ID, sessionId="s", eventList=[EVENT])


def answered(call: Callable[[Clients], object], aws: Clients) -> str:
    """ "" or the code of the refusal, which says how to be let in."""
    try:
        call(aws)
    except ClientError as error:
        told: Any = error.response
        assert told["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert "aws.accessKeys" in told["Error"]["Message"] and "aws.unsignedCallers" in told["Error"]["Message"]
        return str(told["Error"]["Code"])
    return ""


@pytest.mark.parametrize(
    ("config", "is_open"),
    [
        ("", True),
        (AUTH, False),
        (OIDC, False),
        ("aws: {unsignedCallers: none}\n", False),
        ("aws: {unsignedCallers: anyone}\n", True),
        (f"{AUTH}aws: {{unsignedCallers: local}}\n", True),
        (f"{AUTH}aws: {{unsignedCallers: anyone}}\n", True),
    ],
)
@pytest.mark.parametrize("call", [control, runtime, events])
def test_a_caller_on_this_machine(
    config: str, is_open: bool, call: Callable[[Clients], object], clients: Callable[[str], Clients]
) -> None:
    assert answered(call, clients(config)) == ("" if is_open else "AccessDeniedException")


@pytest.mark.parametrize(
    ("config", "control", "runtime"),
    [
        ("", False, True),
        (AUTH, False, False),
        ("aws: {unsignedCallers: anyone}\n", True, True),
        (f"{AUTH}aws: {{unsignedCallers: local}}\n", False, False),
        (f"{AUTH}aws: {{unsignedCallers: anyone}}\n", True, True),
    ],
)
def test_a_caller_behind_a_proxy(config: str, control: bool, runtime: bool, clients: Callable[[str], Clients]) -> None:
    url = clients(config).personalize.meta.endpoint_url
    for path in ("/", "/aws/"):
        told = httpx.post(url + path, headers={**CONTROL, "x-forwarded-for": "127.0.0.1"}, content=b"{}")
        assert (told.status_code, told.headers.get("x-amzn-errortype")) == (
            (200, None) if control else (403, "AccessDeniedException")
        )
    body = {"campaignArn": CAMPAIGN, "userId": "u"}
    told = httpx.post(f"{url}/recommendations", headers={"forwarded": "for=127.0.0.1"}, json=body)
    assert told.status_code == (200 if runtime else 403)


def test_nothing_is_done_for_who_is_not_let_in(clients: Callable[[str], Clients]) -> None:
    aws, remote = clients(""), {**CONTROL, "x-real-ip": "203.0.113.5"}
    arn = aws.personalize.create_dataset_group(name="kept")["datasetGroupArn"]
    remote["x-amz-target"] = "AmazonPersonalize.DeleteDatasetGroup"
    told = httpx.post(aws.personalize.meta.endpoint_url, headers=remote, json={"datasetGroupArn": arn})
    assert told.status_code == 403
    assert aws.personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]["name"] == "kept"


@pytest.mark.parametrize(
    ("peer", "headers", "is_stranger"),
    [
        ("127.0.0.1", {"host": "127.0.0.1:8080"}, False),
        ("127.3.2.1", {"host": "localhost"}, False),
        ("::1", {"host": "[::1]:8080"}, False),
        ("::ffff:127.0.0.1", {"host": "recgate.localhost:1"}, False),
        (None, {"host": "anything"}, False),
        ("172.17.0.1", {"host": "127.0.0.1:8080"}, True),
        ("10.0.0.7", {"host": "localhost"}, True),
        ("2001:db8::1", {"host": "[::1]"}, True),
        ("127.0.0.1", {"host": "shop.example"}, True),
        ("127.0.0.1", {"host": "127.0.0.1.evil.example"}, True),
        ("127.0.0.1", {}, True),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": ""}, True),
        ("127.0.0.1", {"host": "localhost", "via": "1.1 varnish"}, True),
        (None, {"host": "localhost", "x-forwarded-proto": "https"}, True),
        ("127.0.0.1", {"host": "localhost", "origin": "http://localhost:3000"}, True),
    ],
)
def test_who_is_on_this_machine(peer: str | None, headers: dict[str, str], is_stranger: bool) -> None:
    assert bool(stranger(RawRequest("POST", "/", "", headers, b"", peer))) == is_stranger


def test_a_proxy_that_adds_nothing_is_known_by_its_version() -> None:
    assert "HTTP/1.0" in stranger(RawRequest("POST", "/", "", {"host": "localhost"}, b"", "127.0.0.1", "1.0"))
