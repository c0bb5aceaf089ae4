"""boto3 against a server that has access keys: all three services ask who calls."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from gateway.aws.callers import Callers
from gateway.plan.plan import AccessKey
from tests.apart import behind
from tests.aws.world import ACCOUNT, TRACKING_ID, Clients, Stage, World, app_of, served

OTHER = "999999999999"
KEYS = {
    "AKIAFIRST": AccessKey(ACCOUNT, "first-secret"),
    "AKIAOTHER": AccessKey(OTHER, "other-secret"),
    "ASIATEMPORARY": AccessKey(ACCOUNT, "temporary-secret", session_token="the-token"),
    "ASIAEXPIRED": AccessKey(ACCOUNT, "expired-secret", session_token="the-token", expires=1_600_000_000.0),
}
CAMPAIGN = f"arn:aws:personalize:us-east-1:{ACCOUNT}:campaign/home"
EVENT = {"eventType": "click", "itemId": "i1", "sentAt": 1_700_000_000}
CALLS: list[Callable[[Clients], object]] = [
    lambda aws: aws.personalize.list_dataset_groups(),
    lambda aws: aws.runtime.get_recommendations(campaignArn=CAMPAIGN, userId="u"),
    lambda aws: aws.events.put_events(trackingId=TRACKING_ID, sessionId="s", eventList=[EVENT]),
]
each_service = pytest.mark.parametrize("call", CALLS, ids=["personalize", "runtime", "events"])


class Skew:
    seconds = 0.0

    def __call__(self) -> float:
        return time.time() + self.seconds


@pytest.fixture(scope="module")
def server_clock() -> Skew:
    return Skew()


@pytest.fixture(scope="module")
def locked(stage: Stage, server_clock: Skew) -> Iterator[str]:
    """The URL of a server that verifies."""
    callers = Callers(lambda: KEYS, stage.settings, server_clock)
    with served(app_of(stage, callers)) as url:
        yield url


@pytest.fixture
def client(locked: str, server_clock: Skew) -> Iterator[Callable[..., Clients]]:
    made: list[Clients] = []

    def make(key: str | None = "AKIAFIRST", **how: Any) -> Clients:
        how.setdefault("secret", KEYS[key].secret if key in KEYS else "none")
        made.append(Clients(locked, key=key, **how))
        return made[-1]

    yield make
    server_clock.seconds = 0.0
    for clients in made:
        clients.close()


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    answer = refused.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403
    return str(answer["Error"]["Code"])


@each_service
@pytest.mark.parametrize("who", [{}, {"key": "ASIATEMPORARY", "token": "the-token"}])
def test_a_good_key_may_call(client: Callable[..., Clients], call: Any, who: dict[str, str]):
    call(client(**who))


BAD = [
    ({"secret": "wrong"}, "InvalidSignatureException"),
    ({"key": "AKIANOBODY"}, "UnrecognizedClientException"),
    ({"key": "ASIATEMPORARY"}, "UnrecognizedClientException"),
    ({"key": "ASIATEMPORARY", "token": "another"}, "UnrecognizedClientException"),
    ({"key": "ASIAEXPIRED", "token": "the-token"}, "ExpiredTokenException"),
    ({"key": None}, "MissingAuthenticationToken"),
]


@each_service
@pytest.mark.parametrize(("who", "code"), BAD)
def test_a_bad_key_is_refused(
    client: Callable[..., Clients], world: World, call: Any, who: dict[str, str], code: str, caplog: Any
):
    assert refusal(lambda: call(client(**who))) == code
    assert not world.questions and not world.taken
    assert "secret" not in caplog.text


@each_service
@pytest.mark.parametrize("skew_s", [-400.0, 400.0])
def test_a_skewed_clock_is_refused(client: Callable[..., Clients], server_clock: Skew, call: Any, skew_s: float):
    server_clock.seconds = skew_s
    assert refusal(lambda: call(client())) == "InvalidSignatureException"


def _tampered(request: Any, **_: Any) -> None:
    request.body = bytes(request.body)[::-1]


@each_service
def test_a_tampered_body_is_refused(client: Callable[..., Clients], call: Any):
    aws = client()
    for service in (aws.personalize, aws.runtime, aws.events):
        service.meta.events.register("before-send", _tampered)
    assert refusal(lambda: call(aws)) == "InvalidSignatureException"


def test_a_presigned_request(locked: str):
    request = AWSRequest("POST", f"{locked}/", headers={"X-Amz-Target": "AmazonPersonalize.ListDatasetGroups"})
    SigV4QueryAuth(Credentials("AKIAFIRST", "first-secret"), "personalize", "us-east-1", 60).add_auth(request)
    target = {"X-Amz-Target": "AmazonPersonalize.ListDatasetGroups"}
    answer = httpx.post(request.url, headers=target)
    assert (answer.status_code, answer.json()) == (200, {"datasetGroups": []})
    other = httpx.post(request.url, headers={"X-Amz-Target": "AmazonPersonalize.ListSchemas"})
    assert (other.status_code, other.json()["__type"]) == (403, "InvalidSignatureException")


def test_the_account_is_the_keys(client: Callable[..., Clients], world: World):
    first, other = client(), client("AKIAOTHER")
    made = [aws.personalize.create_dataset_group(name="shop")["datasetGroupArn"] for aws in (first, other)]
    assert [arn.split(":")[4] for arn in made] == [ACCOUNT, OTHER]
    for aws, own, foreign in ((first, *made), (other, *reversed(made))):
        listed = aws.personalize.list_dataset_groups()["datasetGroups"]
        assert [group["datasetGroupArn"] for group in listed] == [own]
        with pytest.raises(aws.personalize.exceptions.ResourceNotFoundException):
            aws.personalize.describe_dataset_group(datasetGroupArn=foreign)
        aws.runtime.get_recommendations(campaignArn=CAMPAIGN, userId="u")
    assert [question.account for question in world.questions] == [ACCOUNT, OTHER]


STRANGERS = {
    "nobody": "",
    "an unknown key": "AKIANOBODY/{today}/us-east-1/personalize/aws4_request",
    "an old signature": "AKIAFIRST/20200101/us-east-1/personalize/aws4_request",
    "another service": "AKIAFIRST/{today}/us-east-1/s3/aws4_request",
    "a digest that was not signed": "AKIAFIRST/{today}/us-east-1/personalize/aws4_request",
}


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("path", ["/", "/events", "/recommendations"])
def test_a_stranger_is_refused_before_the_body_is_read(locked: str, who: str, path: str):
    """Of which nothing is ever sent."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = STRANGERS[who].format(today=now[:8])
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: h",
        "Content-Length: 900000",
        f"X-Amz-Date: {scope.split('/')[1] + now[8:] if scope else now}",
    ]
    if scope:
        signed = "host;x-amz-date"
        if who == "a digest that was not signed":
            lines.append(f"X-Amz-Content-Sha256: {'0' * 64}")
            signed = "host;x-amz-content-sha256;x-amz-date"
        lines.append(
            f"Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={'0' * 64}"
        )
    url = httpx.URL(behind(locked))  # a gateway reads a body before it asks
    with socket.create_connection((url.host, url.port), timeout=5) as caller:
        caller.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = caller.recv(65536)
    assert answer.startswith(b"HTTP/1.1 403 "), answer
