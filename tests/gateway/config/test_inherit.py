"""What a plan inherits, and what an ARN means."""

import pytest

from engine import Fatigue, NegativeEvent, ServingObjective
from gateway.ask import Ask
from gateway.config import parse
from gateway.errors import NotConfigured
from gateway.plan.plan import EngineTracker, EventTarget, FilterChoice, Metadata
from tests.gateway.config.documents import ARN, ONE, faults_of, plan_of, shop, warnings_of

ENGINE = "type: engine, model: m"


def header_field(name: str) -> str:
    return f"{{{name}: {{type: string, rules: [{{type: header-value, header: X-{name}}}]}}}}"


LEVELS = [
    # where autoContext is said, which field the variation has
    ("", "", "", "", []),
    ("root", "", "", "", ["root"]),
    ("root", "namespace", "", "", ["namespace"]),
    ("root", "namespace", "recommender", "", ["recommender"]),
    ("root", "", "", "variation", ["variation"]),
]


@pytest.mark.parametrize(("root", "namespace", "recommender", "variation", "names"), LEVELS)
def test_the_nearest_level_replaces_the_others(root, namespace, recommender, variation, names):
    def said(name: str) -> str:
        return f"autoContext: {header_field(name)}" if name else "autoContext: null"

    config = shop(
        f"{{{said(recommender)}, variations: {{main: {{{ENGINE}, {said(variation)}}}}}}}",
        root=said(root),
        namespace=said(namespace),
    )
    (found,) = plan_of(config).variations
    assert [field.name for field in found.auto_context] == names
    assert [field.headers for field in found.auto_context] == [{f"x-{name}"} for name in names]


def test_an_objective_is_inherited_and_a_weight_of_0_stands():
    root = "objective: {column: MARGIN, weight: 0.3}"
    variations = f"a: {{{ENGINE}, weight: 1}}, b: {{{ENGINE}, weight: 1, objective: {{column: MARGIN, weight: 0}}}}"
    above, none = plan_of(shop(f"{{variations: {{{variations}}}}}", root=root)).variations
    assert above.objective == ServingObjective(column="MARGIN", weight=0.3)
    assert none.objective == ServingObjective(column="MARGIN", weight=0)  # in place of a campaign's own, too
    assert plan_of(shop(f"{{variations: {{m: {{{ENGINE}}}}}}}")).variations[0].objective is None


def test_an_empty_map_is_said_and_null_is_not():
    root = f"autoContext: {header_field('root')}"
    assert (
        plan_of(shop(f"{{autoContext: {{}}, variations: {{m: {{{ENGINE}}}}}}}", root=root)).variations[0].auto_context
        == ()
    )
    assert (
        plan_of(shop(f"{{autoContext: null, variations: {{m: {{{ENGINE}}}}}}}", root=root)).variations[0].auto_context
    )


def test_cache_control_is_inherited_by_kind():
    root = "cacheControl: {userSpecified: {maxAge: 1}, noUserSpecified: {maxAge: 2}}"
    config = shop(f"{{cacheControl: {{noUserSpecified: {{maxAge: 3}}}}, variations: {{m: {{{ENGINE}}}}}}}", root=root)
    ages = {kind: policy.max_age_s for kind, policy in plan_of(config).variations[0].policies.items()}
    assert ages == {"userSpecified": 1, "noUserSpecified": 3}


def test_filters_and_metadata_are_inherited_from_the_root():
    root = f"filters: [{{expression: {ONE}}}]\ninferenceItemMetadata: {{type: engine, itemColumns: [TITLE]}}"
    (found,) = plan_of(shop(f"{{variations: {{m: {{{ENGINE}}}}}}}", root=root)).variations
    assert found.filters == (FilterChoice(expression=ONE),)
    assert found.metadata == Metadata("engine", ("TITLE",), "m")


@pytest.mark.parametrize(
    ("variation", "model"),
    [
        ("{type: engine, model: for-you}", "for-you"),
        (f'{{type: engine, model: "{ARN}:campaign/books-up"}}', f"{ARN}:campaign/books-up"),
        (f'{{type: personalize-campaign, arn: "{ARN}:campaign/books-up"}}', "books-up"),
        (f'{{type: personalize-recommender, arn: "{ARN}:recommender/top"}}', "top"),
        (f'{{type: personalize-campaign, arn: "{ARN.replace(":aws:", ":aws-cn:")}:recommender/top"}}', "top"),
        ("{type: engine}", ""),
    ],
)
def test_an_arn_means_the_model_of_that_name(variation, model):
    (found,) = plan_of(shop(f"{{variations: {{main: {variation}}}}}")).variations
    assert (found.upstream, found.model) == ("engine", model)


def test_filters_are_by_name_with_their_condition():
    filters = f'[{{arn: "{ARN}:filter/unseen", condition: user-required}}, {{expression: {ONE}}}]'
    (found,) = plan_of(shop(f"{{filters: {filters}, variations: {{m: {{{ENGINE}}}}}}}")).variations
    assert found.filters == (FilterChoice(filter="unseen", user_required=True), FilterChoice(expression=ONE))


def test_the_old_filter_gives_its_values_to_every_filter():
    values = "autoDynamicFilterValues: {C: {type: string, default: old, rules: []}}"
    own = "autoDynamicFilterValues: {C: {type: string, default: new, rules: []}}"
    dynamic = "INCLUDE ItemID WHERE Items.A = $C"
    filters = f"[{{expression: {dynamic}, condition: user-required, {own}}}, {{expression: {dynamic}}}]"
    config = shop(f"{{filters: {filters}, variations: {{m: {{{ENGINE}, filter: {{{values}}}}}}}}}")
    defaults = [field.resolve(None) for each in plan_of(config).variations[0].filters for field in each.values]
    assert defaults == [("new",), ("old",)]


def test_the_old_filter_may_name_a_filter():
    other = "INCLUDE ItemID WHERE Items.B = 1"
    variations = f"{{m: {{{ENGINE}, filter: {{expression: {other}}}}}}}"
    config = shop(f"{{filters: [{{expression: {ONE}}}], variations: {variations}}}")
    assert plan_of(config).variations[0].filters == (FilterChoice(expression=other),)


@pytest.mark.parametrize(
    ("weights", "shares"), [([None, None], [1, 0]), ([80, 20], [80, 20]), ([0, 0.5], [0, 0.5]), ([None], [1])]
)
def test_without_weights_the_first_variation_answers(weights, shares):
    said = ["" if weight is None else f", weight: {weight}" for weight in weights]
    variations = ", ".join(f"v{index}: {{{ENGINE}{weight}}}" for index, weight in enumerate(said))
    assert [each.weight for each in plan_of(shop(f"{{variations: {{{variations}}}}}")).variations] == shares


TARGET = "personalize-event-tracker"
DOCUMENT = f"""
version: "3"
autoContext: {header_field("root")}
aws: {{accountId: "123456789012", region: eu-west-1, quotas: aws}}
namespaces:
  shop:
    name: The shop
    eventTargets: [{{type: {TARGET}, trackingId: abc-1}}]
    recommenders:
      recommend-items: {{for-you: {{variations: {{m: {{{ENGINE}}}}}}}, empty: {{}}}}
      related-items: {{similar: {{variations: {{m: {{{ENGINE}}}}}}}}}
  quiet: {{recommenders: {{related-items: {{similar: {{variations: {{m: {{{ENGINE}}}}}}}}}}}}}
"""


def test_the_rest_of_the_document():
    config = parse(DOCUMENT)
    assert (config.version, config.aws.account_id, config.aws.region, config.aws.quotas) == (
        "3",
        "123456789012",
        "eu-west-1",
        "aws",
    )
    shop_ = config.namespace("shop")
    assert (shop_.key, shop_.name, shop_.event_targets) == (
        "shop",
        "The shop",
        (EventTarget(f"shop/{TARGET}/abc-1", TARGET, EngineTracker("abc-1")),),
    )
    assert [field.name for field in shop_.event_context] == ["root"]
    assert parse(DOCUMENT).fingerprint == config.fingerprint
    assert parse(DOCUMENT.replace("abc-1", "abc-2")).fingerprint != config.fingerprint


@pytest.mark.parametrize(
    ("place", "code", "says"),
    [
        (
            ("shpo", "recommend-items", "for-you"),
            "RecommenderNotConfigured",
            "no namespace 'shpo'; configured: quiet, shop",
        ),
        (
            ("shop", "recommend-items", "you"),
            "RecommenderNotConfigured",
            "namespace 'shop'; configured: empty, for-you",
        ),
        (
            ("shop", "rerank-items", "similar"),
            "RecommenderNotConfigured",
            "configured: none; there is one under related-items",
        ),
        (
            ("shop", "recommend-items", "empty"),
            "NoVariationsConfigured",
            "recommend-items/empty of namespace 'shop' has no",
        ),
    ],
)
def test_what_is_not_configured_is_answered_with_the_choices(place, code, says):
    namespace, action, recommender = place
    with pytest.raises(NotConfigured) as caught:
        parse(DOCUMENT).plan_for(Ask(action=action, namespace=namespace, recommender=recommender))
    assert (caught.value.status, caught.value.type, caught.value.code) == (404, "Configuration", code)
    assert says in caught.value.message


@pytest.mark.parametrize(("key", "code"), [("shpo", "NamespaceNotFound"), ("quiet", "NamespaceEventTargetsNotFound")])
def test_a_namespace_without_events_is_answered_with_404(key, code):
    with pytest.raises(NotConfigured) as caught:
        parse(DOCUMENT).namespace(key)
    assert (caught.value.status, caught.value.code) == (404, code)


def test_fatigue_is_inherited_and_replaced_whole():
    config = shop(
        "{fatigue: {shown: 2, weight: 0.5}, variations: {main: {type: engine, model: m}, "
        "other: {type: engine, model: n, weight: 0, fatigue: {shown: 0}}}}".replace(
            "model: m}", "model: m, weight: 1}"
        ),
        root="fatigue: {shown: 9, within: 1h}",
    )
    assert [each.fatigue for each in plan_of(config).variations] == [Fatigue(shown=2, weight=0.5), Fatigue(shown=0)]
    above = shop("{variations: {main: {type: engine, model: m}}}", root="fatigue: {shown: 9, within: 1h}")
    assert plan_of(above).variations[0].fatigue == Fatigue(shown=9, within="1h", rest="3d")
    assert plan_of(shop("{variations: {main: {type: engine, model: m}}}")).variations[0].fatigue is None


def test_fatigue_is_the_engines_alone():
    elsewhere = shop("{variations: {main: {type: http, url: 'http://a.example', fatigue: {shown: 3}}}}")
    assert any("nobody tires of this origin's lists" in warning for warning in warnings_of(elsewhere))
    text = (
        "namespaces: {s: {recommenders: {rerank-items: {r: {fatigue: {shown: 3}, variations: {m: {type: engine}}}}}}}"
    )
    assert any("rerank-items orders given items" in warning for warning in warnings_of(parse(text)))


def test_negative_events_are_a_namespaces():
    body = "{variations: {main: {type: engine, model: m}}}"
    config = shop(body, namespace="negativeEvents: [hide, {eventType: dislike, undoneBy: [like]}]")
    assert config.namespaces["shop"].negative_events == (
        NegativeEvent(event_type="hide"),
        NegativeEvent(event_type="dislike", undone_by=("like",)),
    )
    assert shop(body, namespace="negativeEvents: []").namespaces["shop"].negative_events == ()
    assert shop(body).namespaces["shop"].negative_events is None
    text = "namespaces: {shop: {negativeEvents: [3, {eventTyp: x, eventType: y}, {undoneBy: [z]}]}}"
    assert [fault.partition("negativeEvents")[2] for fault in faults_of(text)] == [
        "[0]: must be a text that is not empty, not 3",
        "[1]: unknown key 'eventTyp'; one of: eventType, undoneBy; did you mean 'eventType'?",
        "[2]: 'eventType' is required",
    ]
