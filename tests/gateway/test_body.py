"""An answer's body, taken apart and put together again."""

from __future__ import annotations

import pytest

from gateway.body import Body, visible
from gateway.plan.experiment import FieldCondition


@pytest.mark.parametrize("score", ["1e-7", "0.1", "9.99", "1e22", "3"])
def test_numbers_go_out_as_they_came(score: str) -> None:
    body = b'{"itemList":[{"itemId":"a","score":%s}]}' % score.encode()
    assert Body.decode(body, "itemList").encode() == body
    assert Body.open(body, "itemList").encode() == body


def test_a_fraction_hides_what_equals_it() -> None:
    body = Body.decode(b'{"itemList":[{"itemId":"a","metadata":{"price":9.99}}]}', "itemList")
    rows = [item["metadata"] for item in body.items]
    assert visible(rows, [FieldCondition("price", "equals", 9.99)]) == []
    assert visible(rows, [FieldCondition("price", "equals", 9.98)]) == [0]
