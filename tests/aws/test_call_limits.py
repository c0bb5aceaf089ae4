"""Rate limits of the configuration on the wires of AWS, as boto3 meets them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from litestar.testing import TestClient

from tests.flows.site import site
from tests.gateway.routes.experiments import CONFIG as SHOP
from tests.gateway.serve.world import SmallEngine, app_over
from tests.server.protocols import unpacked
from tests.services import redis_server

DAY_S = 86_400
KEYS = ("AKIDRUNTIME", "AKIDEVENTS", "AKIDCONTROL", "AKIDEVIDENTLY", "AKIDREPORTS", "AKIDMANY", "AKIDWAITS")
ACCESS = "".join(f"\n    - {{accessKeyId: {key}, secretAccessKey: s, accountId: '000000000000'}}" for key in KEYS)
CONFIG = f"{SHOP}\naws:\n  accessKeys:{ACCESS}\nrateLimits: {{perKey: 3/day, perAddress: 1000/day}}\n"
MISSING = "arn:aws:personalize:us-east-1:000000000000:campaign/missing"
EVENT = {"eventType": "View", "itemId": "i1", "sentAt": 1_700_000_000}
EVALUATION = {"feature": "look", "entityId": "u1"}

Client = Callable[..., Any]  # of a service, for an access key


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("limits")
    with pytest.MonkeyPatch.context() as patch, site(folder, CONFIG) as shop, ExitStack() as opened:
        patch.setenv("AWS_DATA_PATH", str(unpacked(folder)))
        session = boto3.Session(region_name="us-east-1")

        def of(service: str, key: str, attempts: int = 1) -> Any:
            options = Config(inject_host_prefix=False, retries={"mode": "standard", "total_max_attempts": attempts})
            made = session.client(
                service,
                endpoint_url=shop.personalize.meta.endpoint_url,
                aws_access_key_id=key,
                aws_secret_access_key="s",
                config=options,
            )
            opened.callback(made.close)
            return made

        yield of


UNKNOWN = {"ResourceNotFoundException", "InvalidInputException"}  # campaigns and trackers that there are not


def refusal(call: Callable[..., Any], arguments: dict[str, Any]) -> ClientError | None:
    """The exception of a call that comes too often; None for one that is answered."""
    try:
        call(**arguments)
    except ClientError as error:
        return None if error.response["Error"]["Code"] in UNKNOWN else error
    return None


CALLS = {
    "runtime": ("personalize-runtime", "get_recommendations", {"campaignArn": MISSING, "userId": "u1"}, 429),
    "events": ("personalize-events", "put_events", {"trackingId": "t", "sessionId": "s", "eventList": [EVENT]}, 429),
    "control": ("personalize", "list_campaigns", {}, 400),
    "evidently": ("evidently", "evaluate_feature", {"project": "shop", **EVALUATION}, 429),
    "reports": ("evidently", "put_project_events", {"project": "shop", "events": []}, 429),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_key_that_calls_too_often_is_throttled(name: str, client: Client):
    service, operation, arguments, status = CALLS[name]
    called = client(service, f"AKID{name.upper()}")
    refused = [refusal(getattr(called, operation), arguments) for _ in range(4)]
    assert refused[:3] == [None] * 3 and refused[3] is not None
    response = refused[3].response
    assert response["Error"]["Code"] == "ThrottlingException"
    assert response["Error"]["Message"] == "more than 3 per 1 day from this key"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert 1 <= int(response["ResponseMetadata"]["HTTPHeaders"]["retry-after"]) <= DAY_S
    if service == "evidently":
        assert isinstance(refused[3], called.exceptions.ThrottlingException)


def test_each_evaluation_of_a_batch_counts(client: Client):
    evaluate = client("evidently", "AKIDMANY").batch_evaluate_feature
    counts = (2, 2, 1, 1)  # the second batch is counted once, and refused
    refused = [refusal(evaluate, {"project": "shop", "requests": [EVALUATION] * count}) for count in counts]
    assert [error is None for error in refused] == [True, False, False, False]


def test_boto3_tries_again_by_itself(client: Client):
    runtime = client("personalize-runtime", "AKIDWAITS", attempts=2)
    arguments = {"campaignArn": MISSING, "userId": "u1"}
    refused = [refusal(runtime.get_recommendations, arguments) for _ in range(4)]
    assert refused[3] is not None and refused[3].response["ResponseMetadata"]["RetryAttempts"] == 1


# ---- by address, and over workers

HOME = "/recommend-items/shop/home/u1"
PATH = "/projects/shop/evaluations/look"
UNIT = {"entityId": "u1"}


def test_an_address_is_counted_over_all_protocols(tmp_path: Path):
    config = SHOP + "rateLimits: {perAddress: 3/day}\n"
    with TestClient(app_over(SmallEngine(tmp_path), config=config)) as asked:
        assert asked.get(HOME).status_code == 200
        assert [asked.post(PATH, json=UNIT).status_code for _ in range(3)] == [200, 200, 429]
        assert asked.get(HOME).status_code == 429


def test_workers_count_together_in_redis(tmp_path: Path):
    config = SHOP + "rateLimits: {perAddress: 3/day}\n"
    with redis_server(tmp_path) as redis:
        environ = {"RECGATE_REDIS_URL": redis.url}
        first, second = (app_over(SmallEngine(tmp_path / name), config=config, environ=environ) for name in ("a", "b"))
        with TestClient(first) as one, TestClient(second) as two:
            statuses = [asked.post(PATH, json=UNIT).status_code for asked in (one, two, one, two)]
            assert statuses == [200, 200, 200, 429]
