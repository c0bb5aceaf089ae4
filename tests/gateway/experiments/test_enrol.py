"""Who takes part, and in which arm: fair shares, and nobody moves who need not."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from math import sqrt

import pytest

from gateway.answer.assign import assign
from gateway.ask import Ask
from gateway.caller import Caller
from gateway.experiments.enrol import Enrolment, enrolled, takes
from gateway.plan.plan import Moment, Plan
from tests.gateway.config.documents import plan_of, shop

USERS = [f"user-{number}" for number in range(10_000)]
NOW = "2026-06-15T12:00:00+00:00"
VARIATIONS = "{a: {type: engine, model: m}, b: {type: engine, model: n}, c: {type: engine, model: o}}"


def plan(said: str = "", *, more: str = "", namespace: str = "", variations: str = VARIATIONS) -> Plan:
    events = "eventTargets: [{type: personalize-event-tracker, trackingId: t}]"
    test = f"page: {{method: builtin, metrics: {{ctr: {{eventType: click}}}}, {said}}}"
    config = shop(
        f"{{experiments: {{{test}{more}}}, variations: {variations}, autoContext: {{country: {{type: string, "
        "rules: [{type: header-value, header: x-country}]}}}",
        namespace=f"{events}\n    {namespace}",
    )
    assert config.warnings == ()
    return plan_of(config)


def ask(user: str | None = "u", **more: object) -> Ask:
    return Ask(action="recommend-items", namespace="shop", recommender="for-you", user_id=user, **more)  # type: ignore[arg-type]


def at(time: str = NOW, **headers: str) -> Moment:
    told = {f"x-{name}": value for name, value in headers.items()}
    return Moment(Caller(told), datetime.fromisoformat(time).astimezone(UTC))


def found(of: Plan, user: str | None = "u", when: Moment | None = None, **more: object) -> Enrolment | None:
    return enrolled(of, ask(user, **more), when or at(), lambda experiment, unit: None)


def arms(of: Plan, when: Moment | None = None) -> dict[str, str]:
    return {user: each.arm.variation for user in USERS if (each := found(of, user, when)) is not None}


def is_part(less: dict[str, str], more: dict[str, str]) -> bool:
    return len(less) < len(more) and all(more[user] == arm for user, arm in less.items())


@pytest.mark.parametrize(
    ("weights", "traffic"),
    [((1, 1, 1), 1.0), ((80, 20, 0), 1.0), ((0.1, 0.3, 0.6), 0.5), ((5, 5, 90), 0.1), ((50, 50, 0), 0.0)],
)
def test_10_000_users_split_within_the_99_percent_interval(weights: tuple[float, ...], traffic: float) -> None:
    said = ", ".join(f"{name}: {weight}" for name, weight in zip("abc", weights, strict=True))
    counts = Counter(arms(plan(f"weights: {{{said}}}, traffic: {traffic}")).values())
    for name, weight in zip("abc", weights, strict=True):
        expected = traffic * weight / sum(weights)
        half = 2.576 * sqrt(expected * (1 - expected) / len(USERS))
        assert abs(counts[name] / len(USERS) - expected) <= half


def test_weights_are_the_variations_own_or_equal() -> None:
    assert plan().experiments["page"].shares == (1 / 3, 1 / 3, 1 / 3)
    own = plan(variations="{a: {type: engine, model: m, weight: 3}, b: {type: engine, model: n, weight: 1}}")
    assert own.experiments["page"].shares == (0.75, 0.25)
    assert plan("weights: {c: 2}").experiments["page"].shares == (0, 0, 1)


def test_another_weight_moves_nobody_in_or_out_and_few_from_arm_to_arm() -> None:
    before = arms(plan("weights: {a: 50, b: 50}, traffic: 0.5"))
    after = arms(plan("weights: {a: 60, b: 40}, traffic: 0.5"))
    assert set(before) ^ set(after) == set()
    moved = [user for user in before if before[user] != after[user]]
    assert abs(len(moved) / len(before) - 0.1) < 0.02


def test_more_traffic_moves_nobody() -> None:
    less, more = arms(plan("traffic: 0.2")), arms(plan("traffic: 0.6"))
    assert is_part(less, more)


@pytest.mark.parametrize(("kept", "variation"), [("a", "a"), ("c", "c"), ("b", None), ("gone", None)])
def test_who_has_an_arm_keeps_it_unless_it_is_gone_or_gets_nobody(kept: str, variation: str | None) -> None:
    of = plan("weights: {a: 1, b: 0, c: 1}")
    drawn, got = found(of), enrolled(of, ask("u"), at(), lambda experiment, unit: kept)
    assert drawn is not None and got is not None
    assert got.arm.variation == (variation or drawn.arm.variation)


@pytest.mark.parametrize(
    ("said", "when", "takes_part"),
    [
        ("schedule: {start: '2026-06-15T12:00:00Z'}", NOW, True),
        ("schedule: {start: '2026-06-15T12:00:01Z'}", NOW, False),
        ("schedule: {end: '2026-06-15T12:00:00Z'}", NOW, False),
        ("schedule: {end: '2026-06-15T14:00:01+02:00'}", NOW, True),
        ("traffic: 0", NOW, False),
        ("ramp: [{at: '2026-06-15T12:00:01Z', traffic: 1}]", NOW, False),
        ("ramp: [{at: '2026-06-15T12:00:00Z', traffic: 1}]", NOW, True),
        ("traffic: 1, ramp: [{at: '2026-06-15T12:00:01Z', traffic: 0}]", NOW, True),
        (
            "ramp: [{at: '2026-06-01T00:00:00Z', traffic: 1}, {at: '2026-06-15T00:00:00Z', traffic: 0}]",
            NOW,
            False,
        ),
        ("holdout: 1", NOW, False),
    ],
)
def test_an_experiment_has_its_time_and_its_traffic(said: str, when: str, takes_part: bool) -> None:
    assert (found(plan(said), "u", at(when)) is not None) is takes_part


def test_a_ramp_takes_more_and_leaves_nobody_out() -> None:
    steps = ", ".join(f"{{at: '2026-06-0{day}T00:00:00Z', traffic: {0.2 * day}}}" for day in (1, 2, 3))
    of = plan(f"ramp: [{steps}]")
    days = [arms(of, at(f"2026-06-0{day}T12:00:00+00:00")) for day in (1, 2, 3)]
    assert is_part(days[0], days[1]) and is_part(days[1], days[2])
    assert [round(len(day) / len(USERS), 1) for day in days] == [0.2, 0.4, 0.6]


@pytest.mark.parametrize(("said", "namespace"), [("holdout: 0.1", ""), ("", "holdout: 0.1")])
def test_a_holdout_is_left_alone(said: str, namespace: str) -> None:
    whole, held = arms(plan()), arms(plan(said, namespace=namespace))
    assert is_part(held, whole)
    assert abs(1 - len(held) / len(USERS) - 0.1) < 0.01


def test_the_global_holdout_is_the_same_users_for_every_experiment() -> None:
    of = plan(
        "traffic: 0.9", more=", mail: {method: builtin, metrics: {ctr: {}}, seed: other}", namespace="holdout: 0.1"
    )
    now = at().now.timestamp()
    one, two = of.experiments.values()
    out = [{user for user in USERS if not takes(each, user, now)} for each in (one, two)]
    assert len(out[1] - out[0]) == 0 and len(out[0]) > len(out[1])


def test_two_experiments_of_a_group_share_nobody() -> None:
    group = "exclusion: {group: home, range: [%s]}"
    more = ", mail: {method: builtin, metrics: {ctr: {}}, %s}" % (group % "0.4, 1")
    of, now = plan(group % "0, 0.4", more=more), at().now.timestamp()
    one, two = ({user for user in USERS if takes(each, user, now)} for each in of.experiments.values())
    assert len(one & two) == 0 and len(one | two) == len(USERS)
    assert abs(len(one) / len(USERS) - 0.4) < 0.02
    for user in USERS[:50]:
        asked = found(of, user)
        assert asked is not None and asked.experiment.feature == ("page" if user in one else "mail")
        assert (found(of, user, feature="mail") is None) is (user in one)


@pytest.mark.parametrize(
    ("rule", "headers", "context", "takes_part"),
    [
        ("{field: country, operator: equals, value: DE}", {"country": "DE"}, {}, True),
        ("{field: country, operator: equals, value: DE}", {"country": "FR"}, {}, False),
        ("{field: country, operator: equals, value: DE}", {}, {}, False),
        ("{field: country, operator: equals, value: DE}", {"country": "FR"}, {"country": "DE"}, True),
        ("{field: age, operator: greater-than, value: 30}", {}, {"age": "31"}, True),
        ("{field: age, operator: greater-than, value: 30}", {}, {"age": "9"}, False),
        ("{field: age, operator: equals, value: 30}", {}, {"age": "30.0"}, True),
        ("{field: age, operator: equals, value: 30}", {}, {"age": "old"}, False),
        (
            "{field: age, operator: less-than, value: 30}, {field: country, operator: starts-with, value: D}",
            {"country": "DK"},
            {"age": "31"},
            False,
        ),
    ],
)
def test_an_audience_is_all_of_its_rules(
    rule: str, headers: dict[str, str], context: dict[str, str], takes_part: bool
) -> None:
    of = plan(f"audience: [{rule}]")
    assert (found(of, "u", at(**headers), context=context) is not None) is takes_part
    assert of.headers == ({"x-country"} if "country" in rule else set())


def test_an_override_answers_and_does_not_count() -> None:
    of = plan("overrides: {boss: c}, traffic: 0")
    told = found(of, "boss")
    assert told is not None and (told.arm.variation, told.counted) == ("c", False)


def test_nobody_without_a_unit_takes_part() -> None:
    assert found(plan(), None) is None
    assert found(plan("unit: session"), "u") is None
    in_session = found(plan("unit: session"), None, session_id="s")
    assert in_session is not None and in_session.unit == "s"


def test_synthetic_users_take_part_only_where_they_are_let_in() -> None:
    assert found(plan(), "u", synthetic=True) is None
    assert found(plan("includeSynthetic: true"), "u", synthetic=True) is not None


def test_whoever_takes_no_part_gets_the_first_variation_whatever_the_weights() -> None:
    variations = "{a: {type: engine, model: m, weight: 1}, b: {type: engine, model: n, weight: 99}}"
    of = plan("traffic: 0", variations=variations)
    assert {assign(of, user).name for user in USERS[:20]} == {"a"}
    assert assign(of, "u", None, "b").name == "b"


def test_a_failure_is_the_first_variation(caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> str:
        raise OSError("no ledger")

    assert enrolled(plan(), ask(), at(), broken) is None
    assert "can't be evaluated" in caplog.text


def test_another_seed_is_another_experiment() -> None:
    old, new = plan(), plan("seed: again")
    assert (old.experiments["page"].id, new.experiments["page"].id) == (
        "shop/recommend-items/for-you/page",
        "shop/recommend-items/for-you/page@again",
    )
    before, after = arms(old), arms(new)
    same = sum(before[user] == arm for user, arm in after.items())
    assert abs(same / len(USERS) - 1 / 3) < 0.02
