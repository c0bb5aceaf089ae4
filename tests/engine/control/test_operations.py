"""Our requests against botocore's model: the same operations' members, the same ones required."""

from __future__ import annotations

import botocore.session
import msgspec
import pytest

from engine.control import OPERATIONS, UnknownOperation
from engine.errors import InvalidInput
from tests.engine.control.conftest import Plane

MODEL = botocore.session.get_session().get_service_model("personalize")


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_requests_have_the_members_of_the_model(name: str):
    theirs = MODEL.operation_model(name).input_shape
    ours = {field.encode_name: field.required for field in msgspec.structs.fields(OPERATIONS[name].request)}
    assert ours == {member: member in theirs.required_members for member in theirs.members}


def test_an_unknown_operation_is_refused_by_name(plane: Plane):
    with pytest.raises(UnknownOperation, match="CreateBook"):
        plane("CreateBook")


def test_a_missing_member_is_named(plane: Plane):
    with pytest.raises(InvalidInput, match="missing required field `name`"):
        plane("CreateDatasetGroup")


def test_unknown_members_are_left_aside(plane: Plane):
    assert plane("CreateDatasetGroup", name="shop", colour="red")["datasetGroupArn"]
