"""An endpoint's URL with a path: all three services answer below it, and what others ask there stays as it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from botocore.exceptions import ClientError

from gateway.aws.callers import Callers
from tests.aws.test_access_keys import CALLS, KEYS
from tests.aws.test_protocol import SIGNED
from tests.aws.world import ACCOUNT, Clients, Stage, app_of, served

PREFIXES = ["/pfx", "/pfx/", "/deep/er/still", "/aws", "/with%20blank", "/pfx/events"]


@pytest.fixture(scope="module")
def locked(stage: Stage) -> Iterator[str]:
    """A server that verifies signatures, which cover the path as it is sent."""
    with served(app_of(stage, Callers(lambda: KEYS, stage.settings, time.time))) as url:
        yield url


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("call", CALLS, ids=["personalize", "runtime", "events"])
def test_signed_below_a_path(locked: str, prefix: str, call: Callable[[Clients], object]):
    aws = Clients(f"{locked}{prefix}", key="AKIAFIRST", secret="first-secret")
    assert call(aws)
    aws.close()


@pytest.mark.parametrize("key", ["AKIDEXAMPLE", None], ids=["signed", "unsigned"])
@pytest.mark.parametrize("call", CALLS, ids=["personalize", "runtime", "events"])
def test_below_a_path_without_keys(url: str, key: str | None, call: Callable[[Clients], object]):
    aws = Clients(f"{url}/pfx", key=key)
    assert call(aws)
    aws.close()


def test_a_signature_is_of_the_whole_path(locked: str):
    aws = Clients(f"{locked}/pfx", key="AKIAFIRST", secret="wrong")
    with pytest.raises(ClientError, match="signature we calculated"):
        aws.personalize.list_schemas()
    aws.close()


EVIDENTLY = SIGNED.format(region="us-east-1").replace("/personalize/", "/evidently/")
OTHERS = [  # of no SDK for Personalize
    ("POST", "/pfx/recommendations", {}),
    ("POST", "/pfx/recommendations", {"Authorization": "Bearer x"}),
    ("POST", "/projects/p/evaluations/items", {"Authorization": EVIDENTLY}),
    ("GET", "/pfx/recommendations", {"Authorization": SIGNED.format(region="us-east-1")}),
    ("POST", "/pfx/other", {"Authorization": SIGNED.format(region="us-east-1")}),
    ("POST", "/events/items", {"amz-sdk-invocation-id": "1"}),
]


@pytest.mark.parametrize(("method", "path", "headers"), OTHERS)
def test_what_others_ask_is_left_alone(url: str, method: str, path: str, headers: dict[str, str]):
    body = {"campaignArn": f"arn:aws:personalize:us-east-1:{ACCOUNT}:campaign/home", "userId": "u"}
    assert httpx.request(method, f"{url}{path}", json=body, headers=headers).status_code == 404
