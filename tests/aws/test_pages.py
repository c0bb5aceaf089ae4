"""Lists a page at a time (specification §1.6)."""

from __future__ import annotations

import pytest
from botocore import xform_name

from engine.control import OPERATIONS
from tests.aws.flow import INTERACTIONS, Flow
from tests.aws.world import Clients

NAMES = [f"s{n}" for n in range(7)]


@pytest.fixture
def schemas(aws: Clients) -> Clients:
    for name in NAMES:
        aws.personalize.create_schema(name=name, schema=INTERACTIONS)
    return aws


def test_every_page_and_each_name_once(schemas: Clients):
    pages = list(schemas.personalize.get_paginator("list_schemas").paginate(PaginationConfig={"PageSize": 3}))
    assert [[schema["name"] for schema in page["schemas"]] for page in pages] == [NAMES[:3], NAMES[3:6], NAMES[6:]]
    assert "nextToken" not in pages[-1]


def test_no_token_after_a_full_last_page(schemas: Clients):
    assert "nextToken" not in schemas.personalize.list_schemas(maxResults=7)
    assert "nextToken" in schemas.personalize.list_schemas(maxResults=6)


def test_what_is_deleted_between_pages_is_not_missed_or_doubled(schemas: Clients):
    p = schemas.personalize
    first = p.list_schemas(maxResults=3)
    p.delete_schema(schemaArn=first["schemas"][2]["schemaArn"])
    second = p.list_schemas(maxResults=10, nextToken=first["nextToken"])
    assert [schema["name"] for schema in second["schemas"]] == NAMES[3:]


def test_a_token_fits_its_own_list_only(schemas: Clients, flow: Flow):
    p = schemas.personalize
    token = p.list_schemas(maxResults=1)["nextToken"]
    for call in (
        lambda: p.list_dataset_groups(nextToken=token),
        lambda: p.list_datasets(nextToken=token, datasetGroupArn=flow.group),
        lambda: p.list_recipes(nextToken=token),
        lambda: p.list_schemas(nextToken=token[:-4]),
    ):
        with pytest.raises(p.exceptions.InvalidNextTokenException):
            call()


def test_recipes_have_pages_too(aws: Clients):
    paginator = aws.personalize.get_paginator("list_recipes")
    names = [r["name"] for page in paginator.paginate(PaginationConfig={"PageSize": 2}) for r in page["recipes"]]
    assert names == sorted(set(names)) and len(names) > 2
    assert names == [r["name"] for r in aws.personalize.list_recipes()["recipes"]]


PAGED = [name for name in OPERATIONS if name.startswith("List") and name != "ListTagsForResource"]


@pytest.mark.parametrize("operation", PAGED)
def test_every_list_refuses_a_token_that_it_never_gave(schemas: Clients, operation: str):
    p = schemas.personalize
    call = getattr(p, xform_name(operation))
    others = p.list_schemas(maxResults=1)["nextToken"] if operation != "ListSchemas" else "bm8="
    for token in ("x", "eA==", "", others):
        with pytest.raises(p.exceptions.InvalidNextTokenException, match="token"):
            call(nextToken=token)
    with pytest.raises(p.exceptions.InvalidInputException, match="maxResults"):
        call(maxResults=101)
    assert "nextToken" not in call(maxResults=100)
