"""The framing, without an SDK in between: headers, statuses, paths and bodies that boto3 would never send."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from gateway.aws.protocol import LARGEST_BODY
from tests.aws.world import ACCOUNT, TRACKING_ID, Clients

SIGNED = "AWS4-HMAC-SHA256 Credential=AKID/20260101/{region}/personalize/aws4_request, SignedHeaders=host, Signature=0"
EVENT = {"eventType": "click", "itemId": "i1", "sentAt": 1_700_000_000}


@pytest.fixture(scope="session")
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url) as client:
        yield client


def call(http: httpx.Client, operation: str, body: object, *, path: str = "/", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"X-Amz-Target": f"AmazonPersonalize.{operation}", **headers}
    return http.post(path, content=content, headers=sent)


def test_a_success_is_framed_as_aws_frames_it(http: httpx.Client):
    answer = call(http, "CreateDatasetGroup", {"name": "shop"})
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert len(answer.headers["x-amzn-requestid"]) == 36
    group = call(http, "DescribeDatasetGroup", answer.json()).json()["datasetGroup"]
    assert isinstance(group["creationDateTime"], float)
    assert set(group) == {"name", "datasetGroupArn", "status", "creationDateTime", "lastUpdatedDateTime"}


def test_an_operation_without_output_has_an_empty_body(http: httpx.Client):
    arn = call(http, "CreateDatasetGroup", {"name": "shop"}).json()
    answer = call(http, "DeleteDatasetGroup", arn)
    assert (answer.status_code, answer.content) == (200, b"")


def test_an_error_says_its_type_in_header_and_body(http: httpx.Client):
    arn = f"arn:aws:personalize:us-east-1:{ACCOUNT}:filter/x"
    answer = call(http, "DescribeFilter", {"filterArn": arn})
    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"] == "ResourceNotFoundException"
    assert answer.json() == {
        "__type": "ResourceNotFoundException",
        "message": f"Resource Arn {arn} does not exist.",
    }


@pytest.mark.parametrize("target", ["AmazonPersonalize.CreateBook", "DynamoDB_20120810.ListTables", ""])
def test_an_unknown_operation_is_404(http: httpx.Client, target: str):
    answer = http.post("/", content=b"{}", headers={"X-Amz-Target": target})
    assert (answer.status_code, answer.json()["__type"]) == (404, "UnknownOperationException")


@pytest.mark.parametrize("path", ["/", "/recommendations", "/items"])
def test_a_body_over_the_limit_is_413(http: httpx.Client, path: str):
    answer = call(http, "CreateSchema", b" " * (LARGEST_BODY + 1), path=path)
    assert (answer.status_code, answer.json()["__type"]) == (413, "RequestEntityTooLargeException")
    assert answer.headers["x-amzn-errortype"] == "RequestEntityTooLargeException"


BODIES = [b"not json", b"[]", b"\xff\xfe", b'{"name": "\xff"}', b"[" * 100_000, b'"x"', b"{} {}", b'{"name": 7}']


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("path", ["/", "/recommendations", "/personalize-ranking", "/events", "/items", "/users"])
def test_a_body_that_is_no_request_is_refused(http: httpx.Client, path: str, body: bytes):
    answer = call(http, "CreateDatasetGroup", body, path=path)
    assert (answer.status_code, answer.json()["__type"]) == (400, "InvalidInputException")


def test_members_that_are_null_count_as_absent(http: httpx.Client):
    assert call(http, "CreateDatasetGroup", {"name": "shop", "domain": None, "roleArn": None}).status_code == 200
    body = {"campaignArn": f"arn:aws:personalize:us-east-1:{ACCOUNT}:campaign/c", "userId": "u", "context": None}
    assert http.post("/recommendations", json=body).status_code == 200


def test_the_content_type_is_never_asked(http: httpx.Client):
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = call(http, "ListSchemas", {}, **{"Content-Type": media_type})
        assert answer.json() == {"schemas": []}


def test_the_region_is_the_credential_scopes(http: httpx.Client):
    signed = {"Authorization": SIGNED.format(region="eu-west-1")}
    made = call(http, "CreateDatasetGroup", {"name": "shop"}, **signed).json()
    assert made["datasetGroupArn"] == f"arn:aws:personalize:eu-west-1:{ACCOUNT}:dataset-group/shop"
    assert call(http, "ListDatasetGroups", {}).json() == {"datasetGroups": []}
    assert len(call(http, "ListDatasetGroups", {}, **signed).json()["datasetGroups"]) == 1
    assert call(http, "DescribeDatasetGroup", made).status_code == 400


@pytest.mark.parametrize("authorization", ["", "Bearer x", SIGNED.format(region="../../x"), "AWS4-HMAC-SHA256"])
def test_without_a_scope_the_region_is_the_settings(http: httpx.Client, authorization: str):
    made = call(http, "CreateDatasetGroup", {"name": "shop"}, Authorization=authorization)
    assert made.json()["datasetGroupArn"].startswith("arn:aws:personalize:us-east-1:")


def test_a_fault_of_ours_is_an_internal_failure(http: httpx.Client):
    body = {"campaignArn": f"arn:aws:personalize:us-east-1:{ACCOUNT}:campaign/broken", "userId": "u"}
    answer = http.post("/recommendations", json=body)
    assert (answer.status_code, answer.json()["__type"]) == (500, "InternalFailure")
    assert "fault" not in answer.text


def test_milliseconds_are_named(http: httpx.Client):
    body = {"trackingId": TRACKING_ID, "sessionId": "s", "eventList": [{**EVENT, "sentAt": 1_700_000_000_000}]}
    answer = http.post("/events", json=body)
    assert answer.status_code == 400 and "millisecond" in answer.json()["message"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"properties": {"a": 1}},
        {"sentAt": "2026-01-01T00:00:00Z"},
        {"sentAt": True},
        {"eventValue": "1"},
        {"itemId": 7},
    ],
)
def test_events_have_strict_types(http: httpx.Client, wrong: dict[str, object]):
    body = {"trackingId": TRACKING_ID, "sessionId": "s", "eventList": [{**EVENT, **wrong}]}
    answer = http.post("/events", json=body)
    assert (answer.status_code, answer.json()["__type"]) == (400, "InvalidInputException")
    assert next(iter(wrong)) in answer.json()["message"]


def test_all_services_answer_below_the_prefix(url: str):
    aws = Clients(f"{url}/aws")
    assert aws.personalize.list_schemas()["schemas"] == []
    arn = f"arn:aws:personalize:us-east-1:{ACCOUNT}:campaign/home"
    assert len(aws.runtime.get_recommendations(campaignArn=arn, userId="u")["itemList"]) == 25
    aws.events.put_events(trackingId=TRACKING_ID, sessionId="s", eventList=[EVENT])
    aws.close()
