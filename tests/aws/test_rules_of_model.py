"""Every rule of botocore's input shapes, broken one at a time: refused, the member named, nothing stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import boto3
import httpx
import pytest
import sqlalchemy as sa
from botocore.model import OperationModel

from engine.storage.tables import jobs, log, records
from tests.aws.rules import PATTERNS, Broken, broken, known, nulls, sample
from tests.aws.world import SERVICES, World

SESSION = boto3.Session()
MODELS = [SESSION.client(name, region_name="us-east-1").meta.service_model for name in SERVICES]
OPERATIONS = [model.operation_model(name) for model in MODELS for name in model.operation_names]
EXTENDED = {("[least]", "weight")}  # rules that are wider here: tests/aws/test_rules.py has ours and, by quotas, AWS's
REFUSED = "validation error detected"


@pytest.fixture(scope="module")
def http(url: str) -> Iterator[HTTPConnection]:
    """Of the standard library: thousands of requests would cost other clients more than the server."""
    with closing(HTTPConnection(url.removeprefix("http://"))) as connection:
        yield connection


def post(http: HTTPConnection, operation: OperationModel, body: Any) -> httpx.Response:
    target = f"{operation.service_model.metadata.get('targetPrefix', '')}.{operation.name}"
    headers = {} if operation.service_model.metadata["protocol"] == "rest-json" else {"X-Amz-Target": target}
    http.request("POST", operation.http["requestUri"], json.dumps(body).encode(), headers)
    answer = http.getresponse()
    return httpx.Response(answer.status, content=answer.read())


def stored(world: World) -> tuple[int, ...]:
    with world.database.read() as connection:
        rows = [connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in TABLES]
    return (*rows, len(world.taken), len(world.questions))


TABLES = (records, jobs, log)


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS])
def test_every_rule_is_kept(http: HTTPConnection, world: World, operation: OperationModel):
    before = stored(world)
    cases = (case for case in broken(operation) if (case.rule, case.member) not in EXTENDED)
    wrong = [fault for case in cases if (fault := _fault(post(http, operation, case.body), case))]
    assert not wrong, "\n".join(wrong)
    assert stored(world) == before


def _fault(answer: httpx.Response, case: Broken) -> str | None:
    said = answer.json() if answer.content else {}
    types = (
        {"InvalidInputException", "InvalidNextTokenException"}
        if case.member == "nextToken"
        else {"InvalidInputException"}
    )
    named = case.member == "the body" or case.member in said.get("message", "")
    if answer.status_code == 400 and said.get("__type") in types and named:
        return None
    return f"{case.rule} of {case.member}: {answer.status_code} {' '.join(map(str, said.values()))}"


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS])
def test_a_body_that_keeps_every_rule_gets_past_them(http: HTTPConnection, operation: OperationModel):
    whole = sample(operation.input_shape) if operation.input_shape else {}
    unknown = {**whole, "unknownMember": {"a": [1, None]}}
    for body in (whole, unknown, *(case.body for case in nulls(operation.input_shape))):
        answer = post(http, operation, body)
        assert answer.status_code < 500 and REFUSED not in answer.text, (body, answer.text)


def test_the_samples_keep_the_patterns_and_the_others_break_them():
    for pattern, (fit, others) in PATTERNS.items():
        if expression := known(pattern):
            assert expression.fullmatch(fit)
            assert not [other for other in others if expression.fullmatch(other)], pattern
