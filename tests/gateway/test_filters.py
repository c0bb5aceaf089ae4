"""Which filter applies (specification §2.5), a row a case."""

import msgspec
import pytest

from gateway.answer.enrich import filtered
from gateway.ask import Ask
from gateway.caller import Caller
from gateway.context.autocontext import Bound, automatic
from gateway.context.rules import RULES
from gateway.plan.plan import FilterChoice, Moment, Variation
from tests.gateway.test_autocontext import NOON

ARN = "arn:aws:personalize:eu-west-1:111122223333"
COUNTRY = automatic("COUNTRY", "string", (Bound(RULES["header-value"], {"header": "country"}),), None, False)
UNSEEN = FilterChoice(filter="unseen", user_required=True)
LICENSED = FilterChoice(expression="INCLUDE …", values=(COUNTRY,))

CASES = [
    # configured, user, caller's filter and values, then what applies: filter, expression, values
    ((), "u", None, {}, None, None, {}),
    ((), "u", None, {"A": "1"}, None, None, {}),
    ((), "u", "mine", {"A": "1"}, "mine", None, {"A": "1"}),
    ((UNSEEN, LICENSED), "u", None, {"A": "1"}, "unseen", None, {"A": "1"}),
    ((UNSEEN, LICENSED), None, None, {}, None, "INCLUDE …", {"COUNTRY": '"DE"'}),
    ((UNSEEN, LICENSED), None, None, {"COUNTRY": '"FR"'}, None, "INCLUDE …", {"COUNTRY": '"FR"'}),
    ((LICENSED, UNSEEN), "u", None, {}, None, "INCLUDE …", {"COUNTRY": '"DE"'}),
    ((UNSEEN,), None, None, {"A": "1"}, None, None, {}),
    ((LICENSED,), "u", "mine", {}, "mine", None, {}),
    ((LICENSED,), "u", f"{ARN}:filter/mine", {}, "mine", None, {}),
]


@pytest.mark.parametrize(("filters", "user", "given", "values", "name", "expression", "found"), CASES)
def test_which_filter_applies(filters, user, given, values, name, expression, found):
    ask = Ask(
        action="related-items",
        namespace="s",
        recommender="r",
        user_id=user,
        item_id="i",
        filter=given,
        filter_values=values,
    )
    variation = Variation("main", 1.0, "engine", "m", filters=filters)
    answer = filtered(ask, variation, Moment(Caller({"country": "DE"}), NOON))
    assert answer == msgspec.structs.replace(ask, filter=name, expression=expression, filter_values=found)


def test_a_model_that_is_meant_by_arn_takes_filters_by_arn():
    ask = Ask(action="recommend-items", namespace="", recommender="", user_id="u", filter=f"{ARN}:filter/mine")
    variation = Variation("main", 1.0, "engine", f"{ARN}:campaign/m")
    assert filtered(ask, variation, Moment(Caller({}), NOON)).filter == f"{ARN}:filter/mine"
