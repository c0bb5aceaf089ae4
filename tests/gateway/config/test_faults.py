"""A configuration that is wrong says all that is wrong, where, and what to write instead."""

import json

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from gateway.config import ConfigError, document, load, parse
from tests.gateway.config.documents import ARN, ONE, faults_of, plan_of, shop, warnings_of

PLACE = "namespaces.shop.recommenders.recommend-items.for-you"
MAIN = "{variations: {main: %s}}"
AUTO_C = "{C: {type: string, default: a, rules: []}}"


def in_shop(recommender: str) -> str:
    return f"namespaces: {{shop: {{recommenders: {{recommend-items: {{for-you: {recommender}}}}}}}}}"


VARIATIONS = [
    ("{type: engine, model: m, tmeout: 3}", ": unknown key 'tmeout'; one of: autoContext, "),
    ("{type: engine, model: m, wieght: 3}", "did you mean 'weight'?"),
    ("{model: m}", ": 'type' is required; one of: engine, function, http, lambda, personalize-campaign, "),
    ("{type: enigne}", ".type: unknown type 'enigne'; one of: engine, function, http, "),
    ("{type: [engine]}", ".type: unknown type \"['engine']\""),
    ("{type: engine, model: 7}", '.model: must be a text, not 7 (write it in quotes: "7")'),
    ("{type: engine, model: a b}", ".model: 'a b' is no campaign's name"),
    ("{type: engine, model: m, weight: -1}", ".weight: must be a number, 0 or more, not -1"),
    (
        '{type: engine, model: m, weight: "3"}',
        ".weight: must be a number, 0 or more, not '3' (write it without quotes: 3)",
    ),
    ("{type: engine, model: m, weight: .inf}", ".weight: must be a finite number"),
    ("{type: engine, model: m, weight: true}", ".weight: must be a number, 0 or more, not true"),
    ("{type: engine, model: m, weight: 0}", "s: all weights are 0: no variation could answer"),
    ("[]", ": must be a map of keys, not a list"),
    (
        "{type: engine, model: m, cacheControl: {userSpecified: {maxAge: -1}}}",
        ".maxAge: must be whole seconds, 0 or more",
    ),
    ("{type: engine, model: m, cacheControl: {userSpecified: {maxAge: 1.5}}}", ".maxAge: must be whole seconds, 0 or"),
    ('{type: engine, model: m, cacheControl: {noUserSpecified: {maxAge: "60"}}}', "(write it without quotes: 60)"),
    ("{type: engine, model: m, cacheControl: {noUserSpecifed: {}}}", "did you mean 'noUserSpecified'?"),
    ("{type: engine, model: m, objective: {column: PRICE}}", ".objective: 'weight' is required"),
    ("{type: engine, model: m, objective: {weight: 1}}", ".objective: 'column' is required"),
    (
        "{type: engine, model: m, objective: {column: A B, weight: 1}}",
        ".objective.column: must be a column of Items, as its schema spells it",
    ),
    ("{type: engine, model: m, objective: {column: A, weight: 11}}", ".weight: must be a number from -10 to 10, not"),
    ("{type: engine, model: m, objective: {column: A, weight: .nan}}", ".weight: must be a number from -10 to 10"),
    ("{type: engine, model: m, objectve: {column: A, weight: 1}}", "did you mean 'objective'?"),
    ("{type: engine, model: m, fatigue: {shown: -1}}", ".fatigue.shown: must be a whole number from 0 to 100, not -1"),
    ("{type: engine, model: m, fatigue: {shown: 3, weight: 1}}", ".weight: must be a number from 0 to below 1, not 1"),
    (
        "{type: engine, model: m, fatigue: {shown: 3, rest: 3}}",
        ".fatigue.rest: must be a time such as 30m, 12h or 7d, not 3",
    ),
    ("{type: engine, model: m, fatigue: {shown: 3, rest: soon}}", ".rest: must be a time such as 30m, 12h or 7d"),
    ("{type: engine, model: m, fatigue: {within: 3d}}", ".fatigue: 'shown' is required"),
    ("{type: engine, model: m, filters: [{}]}", ".filters[0]: needs 'arn' or 'expression'"),
    (
        f'{{type: engine, model: m, filters: [{{arn: "{ARN}:filter/x", expression: {ONE}}}]}}',
        ".filters[0]: has both 'arn' and 'expression'",
    ),
    (
        f"{{type: engine, model: m, filters: [{{expression: {ONE}, condition: user}}]}}",
        ".condition: cannot be 'user'; one of: user-",
    ),
    ("{type: engine, model: m, filters: {}}", ".filters: must be a list, not a map"),
    (
        f"{{type: engine, model: m, filters: [{{expression: {ONE}}}], filter: {{expression: {ONE}}}}}",
        ".filter: names a filter beside",
    ),
    (
        "{type: engine, model: m, filters: [{expression: INCLUDE ItemID WERE Items.A = 1}]}",
        (
            ".filters[0].expression: Invalid Expression at line 1, column 16:\nINCLUDE ItemID WERE Items.A = 1\n"
            "               ^\nexpected WHERE"
        ),
    ),
    (
        "{type: engine, model: m, filters: [{expression: INCLUDE ItemID WHERE Itms.A = 1}]}",
        "Itms.A: no dataset of that name; one of Items, Users",
    ),
    (
        "{type: engine, model: m, inferenceItemMetadata: {type: localdb, syncInterval: 4}}",
        ".inferenceItemMetadata.syncInterval: must be whole seconds, 5 to 3600, not 4",
    ),
    (
        "{type: engine, model: m, inferenceItemMetadata: {type: dynamodb, billingMode: CHEAP}}",
        ".inferenceItemMetadata.billingMode: cannot be 'CHEAP'; one of: PAY_PER_REQUEST, PROVISIONED",
    ),
]


@pytest.mark.parametrize(("variation", "says"), VARIATIONS)
def test_a_wrong_variation_is_refused_with_its_place(variation, says):
    (fault,) = faults_of(in_shop(MAIN % variation))
    assert fault.startswith(f"{PLACE}.variations")
    assert says in fault


FIELDS = [
    ("device_type: {type: string, rules: []}", ".autoContext: a key must be letters and digits: "),
    ("d: {rules: []}", ".autoContext.d: 'type' is required"),
    ("d: {type: text, rules: []}", ".autoContext.d.type: cannot be 'text'; one of: float, integer, long, string"),
    ("d: {type: string}", ".autoContext.d: 'rules' is required"),
    ("d: {type: string, rules: [{type: moon}]}", ".rules[0].type: unknown type 'moon'; one of: cookie, date-range, "),
    ("d: {type: string, rules: [{type: cookie}]}", ".rules[0]: 'cookie' is required"),
    ("d: {type: string, rules: [{type: jwt-claim, claim: a..b}]}", ".claim: must be a claim, or a path of claims"),
    ("d: {type: string, rules: [{type: user-agent, part: brand}]}", ".part: cannot be 'brand'; one of: browser, "),
    ("d: {type: string, rules: [{type: holiday, country: Germany}]}", ".country: must be a country's two letters"),
    ("d: {type: string, rules: [{type: holiday, country: QQ}]}", ".rules[0]: has no holidays: "),
    (
        "d: {type: string, rules: [{type: date-range, start: 27.11.2026, end: 2026-11-28}]}",
        ".start: must be a date such as 2026-11-27",
    ),
    (
        "d: {type: string, rules: [{type: date-range, start: 2026-02-30, end: 2026-11-28}]}",
        ".start: is no date or time: ",
    ),
    (
        "d: {type: string, rules: [{type: date-range, start: 2026-11-28, end: 2026-11-26}]}",
        ".rules[0]: ends at 2026-11-26, before it starts at 2026-11-28",
    ),
    ("d: {type: string, rules: [{type: header-value}]}", ".rules[0]: 'header' is required"),
    ("d: {type: string, rules: [{type: header-value, header: a b}]}", ".rules[0].header: must be a header's name"),
    ("d: {type: string, rules: [{type: hour-of-day, header: h}]}", ".rules[0]: unknown key 'header'"),
    (
        "d: {type: string, rules: [{type: hour-of-day, valueMappings: [{operator: equal, value: 1, mapTo: x}]}]}",
        ".valueMappings[0].operator: cannot be 'equal'; one of: contains, ends-with, equals, greater-than, less-than, ",
    ),
    (
        "d: {type: string, rules: [{type: hour-of-day, valueMappings: [{operator: equals, value: 1, mapTo: yes}]}]}",
        ".mapTo: must be a text or a whole number or a number, not true (YAML reads yes, no, on and off as true and",
    ),
    (
        "d: {type: string, rules: [{type: hour-of-day, valueMappings: [{operator: equals, value: .nan, mapTo: 1}]}]}",
        ".valueMappings[0].value: must be a finite number",
    ),
    (
        "d: {type: string, rules: [{type: hour-of-day, valueMappings: [{operator: equals, value: 1}]}]}",
        ".valueMappings[0]: 'mapTo' is required",
    ),
]


@pytest.mark.parametrize(("field", "says"), FIELDS)
def test_a_wrong_field_is_refused_with_its_place(field, says):
    (fault,) = faults_of(in_shop(f"{{autoContext: {{{field}}}, variations: {{main: {{type: engine, model: m}}}}}}"))
    assert fault.startswith(PLACE)
    assert says in fault


KEY = "{accessKeyId: AKIA1, secretAccessKey: s3cret, accountId: '000000000001'}"

ROOTS = [
    ("{}", ": 'namespaces' is required"),
    ("namespaces: []", "namespaces: must be a map of keys, not a list"),
    ("namespaces: {a b: {}}", "namespaces: a key must be letters, digits, - and _, not 'a b'"),
    ("namespaces: {1: {}}", 'namespaces: a key must be letters, digits, - and _, not 1 (write it in quotes: "1")'),
    ("version: |\n  42\nnamespaces: {}", "version: must be a text of one line, not '42\\n'"),
    ('version: "a\\r\\nset-cookie: b"\nnamespaces: {}', "version: must be a text of one line, not 'a\\r\\n"),
    ("version: 10\nnamespaces: {}", 'version: must be a text of one line, not 10 (write it in quotes: "10")'),
    (
        "namespaces: {a: {recommenders: {recommend: {}}}}",
        "a key cannot be 'recommend'; one of: recommend-items, related-",
    ),
    ("namespaces: {a: {eventTargets: [{type: kinesis-stream}]}}", "eventTargets[0]: 'streamName' is required"),
    ("namespaces: {a: {eventTargets: [{type: personalize-event-tracker}]}}", "'trackingId' is required"),
    (
        "namespaces: {a: {eventTargets: [{type: kinesis-firehose, streamName: /}]}}",
        "streamName: must be a stream's name: letters",
    ),
    ("namespaces: {a: {eventTargets: [{type: http}]}}", "eventTargets[0]: 'url' is required"),
    ("namespaces: {a: {eventTargets: [{type: http, url: 'http://x', method: PUT}]}}", "cannot be 'PUT'; one of: POST"),
    ("namespaces: {a: {eventTargets: [{type: http, url: 'http://{id}/'}]}}", "has a {name} in its host"),
    ("namespaces: {a: {eventTargets: [{type: http, url: 'http://x/{itemId}'}]}}", "{itemId} has no value here"),
    (
        "namespaces: {a: {eventTargets: [{type: http, url: 'http://x/', batchSize: 2, headers: {k: '{userId}'}}]}}",
        "headers.k: {userId} has no value here; one of: namespace",
    ),
    ("namespaces: {a: {eventTargets: [{type: http, url: 'http://x/{'}]}}", "a brace that belongs to no {name}"),
    (
        "namespaces: {a: {eventTargets: [{type: http, url: 'http://x/', batchSize: 501}]}}",
        "a whole number from 1 to 500",
    ),
    (
        "namespaces: {a: {eventTargets: [{type: redis-stream, stream: s, url: 'http://x'}]}}",
        "must be a URL of Redis",
    ),
    ("namespaces: {a: {eventTargets: [{type: kafka, topic: t}]}}", "'bootstrapServers' is required"),
    (
        "namespaces: {a: {eventTargets: [{type: kafka, topic: t, bootstrapServers: b, properties: {acks: '0'}}]}}",
        "properties.acks: is set by recgate",
    ),
    ("namespaces: {}\noutbox: {maxBytes: 10}", "outbox.maxBytes: must be a number of bytes, 65536 or more"),
    ("namespaces: {}\naws: {accountId: 000000000000}", "aws.accountId: must be twelve digits, not 0"),
    ("namespaces: {}\naws: {quotas: closed}", "aws.quotas: cannot be 'closed'; one of: aws, open"),
    ("namespaces: {}\naws: {accessKeys: []}", "aws.accessKeys: has no key: nobody could call"),
    (f"namespaces: {{}}\naws: {{accessKeys: [{KEY}, {KEY}]}}", "aws.accessKeys: has the accessKeyId 'AKIA1' 2 times"),
    (
        f"namespaces: {{}}\naws: {{accessKeys: [{KEY.replace('s3cret', '53')}]}}",
        "aws.accessKeys[0].secretAccessKey: must be a text that is not empty, in quotes",
    ),
    (
        f"namespaces: {{}}\naws: {{accessKeys: [{KEY[:-1]}, expiration: 2030-01-32T00:00:00Z}}]}}",
        "aws.accessKeys[0].expiration: is no time: ",
    ),
    (
        f"namespaces: {{}}\naws: {{accessKeys: [{KEY[:-1]}, expiration: tomorrow}}]}}",
        "aws.accessKeys[0].expiration: must be a time with its zone, such as 2030-01-31T12:00:00Z",
    ),
    ("namespaces: {}\ntrustedProxies: [10.0.0.1/8]", "trustedProxies[0]: 10.0.0.1/8 has host bits set"),
    ("namespaces: {}\ngeoip: {file: nowhere.mmdb}", "geoip.file: can't be read as a GeoIP file: "),
]


@pytest.mark.parametrize(("text", "says"), ROOTS)
def test_a_wrong_root_is_refused_with_its_place(text, says):
    (fault,) = faults_of(text)
    assert says in fault


EXPERIMENTS = [
    ("{t: {project: p, metrics: {}}}", ".t: 'method' is required; one of: bandit, builtin"),
    ("{t: {method: coin, metrics: {}}}", ".t.method: unknown method 'coin'; one of: bandit, builtin"),
    ("{t: {method: evidently, metrics: {}}}", ".t: 'project' is required"),
    ("{t: {method: evidently, project: p}}", ".t: 'metrics' is required"),
    ("{t: {method: builtin}}", ".t: 'metrics' is required"),
    ("{t: {method: evidently, project: p, metrics: {m: {valueKey: v}}}}", ".metrics.m: 'entityIdKey' is required"),
    ("{t: {method: evidently, project: p, metrics: {m: {entityIdKey: v}}}}", ".metrics.m: 'valueKey' is required"),
    ("{t: {method: builtin, metrics: {a b: {}}}}", ".metrics: a key must be a name without spaces, not 'a b'"),
    ("{a b: {method: builtin, metrics: {m: {}}}}", ".experiments: a key must be letters, digits, ., - and _"),
    (
        "{t: {method: evidently, project: p, metrics: {m: {entityIdKey: u, valueKey: v, trackExposures: 1}}}}",
        ".trackExposures: must be true or false, not 1",
    ),
    ("{t: {%s, confirmation: {event: view}}}", ".t.confirmation: unknown key 'event'"),
    ("{t: {%s, confirmation: {eventType: ''}}}", ".t.confirmation.eventType: must be"),
    ("{t: {%s, confirmation: {}}}", ".t.confirmation: nobody would be exposed: the namespace has no 'eventTargets'"),
    ("{t: {%s, weights: {main: -1}}}", ".t.weights.main: must be a number, 0 or more, not -1"),
    ("{t: {%s, weights: {main: half}}}", ".t.weights.main: must be a number, 0 or more, not 'half'"),
    ("{t: {%s, weights: {main: .nan, other: 1}}}", ".t.weights.main: must be"),
    ("{t: {%s, weights: {main: .inf}}}", ".t.weights.main: must be a finite number"),
    ("{t: {%s, weights: {main: 0, other: 0}}}", ".t.weights: all weights are 0: nobody could be in an arm; give one"),
    ("{t: {%s, weights: {mian: 1}}}", "there is no variation 'mian'; one of: main, other; did you mean 'main'?"),
    ("{t: {%s, overrides: {u: mian}}}", ".t.overrides.u: there is no variation 'mian'; one of: main, other; did you"),
    ("{t: {%s, traffic: 50}}", ".t.traffic: must be a number from 0 to 1, not 50"),
    ("{t: {%s, holdout: -0.1}}", ".t.holdout: must be a number from 0 to 1, not -0.1"),
    ("{t: {%s, unit: shop}}", ".t.unit: "),
    ("{t: {%s, schedule: {start: tomorrow}}}", ".t.schedule.start: must be a time with its zone"),
    ("{t: {%s, schedule: {start: '2030-02-30T00:00:00Z'}}}", ".t.schedule: is no time: day is out of range"),
    (
        "{t: {%s, schedule: {start: '2030-02-03T00:00:00Z', end: '2030-02-02T00:00:00Z'}}}",
        ".t.schedule: ends at 2030-02-02T00:00:00Z, not after it starts at 2030-02-03T00:00:00Z",
    ),
    (
        "{t: {%s, ramp: [{at: '2030-02-03T00:00:00Z', traffic: 1}, {at: '2030-02-02T00:00:00Z', traffic: 1}]}}",
        ".t.ramp[1].at: 2030-02-02T00:00:00Z is not after the step before it: put the steps in the order of ",
    ),
    ("{t: {%s, ramp: [{traffic: 1}]}}", ".t.ramp[0]: 'at' is required"),
    ("{t: {%s, ramp: [{at: '2030-02-03T00:00:00Z'}]}}", ".t.ramp[0]: changes nothing: give it 'traffic', 'weights' or"),
    (
        "{t: {%s, ramp: [{at: '2030-02-03T00:00:00Z', weights: {mian: 1}}]}}",
        ".t.ramp[0].weights.mian: there is no variation 'mian'; one of: main, other; did you mean 'main'?",
    ),
    (
        "{t: {%s, ramp: [{at: '2030-02-03T00:00:00Z', weights: {main: 0}}]}}",
        ".t.ramp[0].weights: all weights are 0: nobody could be in an arm",
    ),
    ("{t: {method: bandit, metrics: {}}}", ".t.metrics: has no metric: a bandit needs one to earn"),
    ("{t: {method: thompson, metrics: {m: {}}}}", ".t.method: "),
    (
        "{t: {method: bandit, metrics: {money: {}}, reward: mony}}",
        ".t.reward: there is no metric 'mony'; one of: money; did you mean 'money'?",
    ),
    ("{t: {method: bandit, metrics: {m: {}}, period: 3s}}", ".t.period: must be 4s or more: processes hear of new"),
    ("{t: {method: bandit, metrics: {m: {}}, period: hourly}}", ".t.period: must be a time such as 30m, 12h or 7d"),
    (
        "{t: {method: bandit, metrics: {m: {}}, minimumWeight: 0.51}}",
        ".t.minimumWeight: 0.51 for each of 2 variations is more than 1: give 0.5 or less",
    ),
    ("{t: {method: bandit, metrics: {m: {}}, minimumWeight: 2}}", ".t.minimumWeight: must be a number from 0 to 1"),
    ("{t: {method: bandit, metrics: {m: {}}, burnIn: 0}}", ".t.burnIn: must be a whole number, 1 or more"),
    (
        "{t: {method: bandit, metrics: {m: {}}, ramp: [{at: '2030-02-03T00:00:00Z', weights: {main: 1}}]}}",
        ".t.ramp[0].weights: a bandit finds the weights by itself: leave them to it, or take method 'builtin'",
    ),
    ("{t: {%s, exclusion: {group: g, range: [0.5, 0.5]}}}", ".t.exclusion.range: must be two numbers, the first less"),
    ("{t: {%s, exclusion: {group: g, range: [1]}}}", ".t.exclusion.range: must be two numbers, the first less than"),
    ("{t: {%s, exclusion: {range: [0, 1]}}}", ".t.exclusion: 'group' is required"),
    (
        "{t: {%s, exclusion: {group: g, range: [0, 0.5]}}, s: {%s, exclusion: {group: g, range: [0.4, 1]}}}",
        ".s.exclusion.range: overlaps [0, 0.5] of namespaces.shop.recommenders.recommend-items.for-you.experiments.t:",
    ),
    ("{t: {%s, audience: [{field: country, operator: is, value: DE}]}}", ".t.audience[0].operator: "),
    ("{t: {%s, audience: [{field: country, operator: less-than, value: .inf}]}}", ".value: must be a finite number"),
    ("{t: {%s, guardrails: {m: {eventType: click}}}}", ".t.guardrails.m: is a metric, too: give it another name"),
    (
        "{t: {method: builtin, metrics: {m: {eventType: a, valueKey: price}}}}",
        ".m.valueKey: 'price' is in no event: ev",
    ),
    ("{t: {method: builtin, metrics: {m: {window: 7 days}}}}", ".metrics.m.window: must be a time such as 30m, 12h or"),
    ("{t: {method: builtin, metrics: {m: {direction: up}}}}", ".metrics.m.direction: "),
    (
        "{t: {method: interleaving, weights: {main: 1, other: 1}, metrics: {m: {}}}}",
        ".t.weights: mean nothing where lists are interleaved: every variation has the same part in them; take them",
    ),
    (
        "{t: {method: interleaving, metrics: {m: {}}, ramp: [{at: '2030-02-03T00:00:00Z', weights: {main: 1}}]}}",
        ".t.ramp[0].weights: mean nothing where lists are interleaved",
    ),
    ("{t: {method: interleaving}}", ".t: 'metrics' is required"),
    ("{t: {method: interleaving, metrics: {}, overrides: {u: both}}}", ".t.overrides.u: there is no variation 'both'"),
]


@pytest.mark.parametrize(("experiments", "says"), EXPERIMENTS)
def test_a_wrong_experiment_is_refused_with_its_place(experiments, says):
    variations = "{main: {type: engine, model: m}, other: {type: engine, model: m}}"
    experiments = experiments.replace("%s", "method: builtin, metrics: {m: {eventType: click}}")
    (fault,) = faults_of(in_shop(f"{{experiments: {experiments}, variations: {variations}}}"))
    assert fault.startswith(f"{PLACE}.experiments")
    assert says in fault


def test_one_list_alone_is_not_interleaved():
    experiments = "{t: {method: interleaving, metrics: {m: {eventType: click}}}}"
    (fault,) = faults_of(in_shop(f"{{experiments: {experiments}, variations: {{main: {{type: engine, model: m}}}}}}"))
    assert fault == f"{PLACE}.experiments.t: interleaves two variations or more, and the recommender has one"


def test_amazon_personalize_needs_its_own_arns():
    text = "origins: {{personalize: {{type: aws}}}}\n{}"
    for variation, says in [
        ("arn: books", "arn: 'books' is no ARN that Amazon Personalize could answer for"),
        (f"arn: '{ARN}:campaign/m', filters: [{{arn: x}}]", "has a filter whose 'arn' is none of Amazon Personalize"),
    ]:
        (fault,) = faults_of(text.format(in_shop(MAIN % f"{{type: personalize-campaign, {variation}}}")))
        assert says in fault


@pytest.mark.parametrize(
    ("variations", "says"),
    [
        ("{a: {type: engine, model: m, weight: 1}, b: {type: engine, model: n}}", "give every one a weight"),
        ("{a: {type: engine, model: m, weight: 0}, b: {type: engine, model: n, weight: 0}}", "all weights are 0"),
    ],
)
def test_weights_that_leave_a_share_open_are_refused(variations, says):
    (fault,) = faults_of(in_shop(f"{{variations: {variations}}}"))
    assert fault.startswith(f"{PLACE}.variations: ")
    assert says in fault


def test_every_fault_is_told_with_its_line():
    text = """\
version: 10
cacheControl:
  userSpecified: {maxAge: "60"}
namespaces:
  shop:
    recommenders:
      recommend-items:
        for-you:
          variations:
            main: {type: engine, model: m, tmeout: 3, typ: 1}
            other: {type: http}
  "b b": {}
"""
    with pytest.raises(ConfigError) as caught:
        parse(text, "shop.yaml")
    assert [fault.line for fault in caught.value.faults] == [1, 3, 10, 10, 11, 12]
    assert str(caught.value).startswith("shop.yaml: 6 errors\n  line 1: version: must be a text of one line")


BILLION = "a: &a [x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 8)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)

TEXTS = [
    ("", "is empty"),
    ("# nothing\n", "is empty"),
    ("[]", "a configuration is a map of keys"),
    ("a: b: c", "line 1: mapping values are not allowed here, column 5"),
    ("namespaces: {}\nversion: [", "line 2: "),
    ("namespaces: {}\nnamespaces: {}", "line 2: the key 'namespaces' is there twice, column 1"),
    ('{"namespaces": {},\n\t"namespaces": {}}', "line 2: the key 'namespaces' is there twice, column 2"),
    ("namespaces: &all\n  shop: *all", "line 1: an alias of the map it is in"),
    ("namespaces: {}\n---\nnamespaces: {}", "line 2: expected a single document"),
    ("namespaces: !!python/object:os.system {}", "line 1: could not determine a constructor"),
    ("namespaces: !!int abc", "invalid literal for int()"),
    ("? [a]\n: b", "unhashable key"),
    ("[" * 5000, "nested too deeply"),
    ("\x00", "special characters are not allowed"),
    (BILLION, "too large"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), TEXTS)
def test_a_text_that_is_no_document_is_refused(text, says):
    with pytest.raises(ConfigError) as caught:
        parse(text, "shop.yaml")
    assert says in str(caught.value)


def test_json_is_read_as_json():
    text = '{"version": "\\ud83c\\udfac",\t"namespaces": {}}'
    assert parse(text, "shop.json").version == parse(text, "shop").version == "🎬"
    with pytest.raises(ConfigError, match="line 1: Expecting value, column 13"):
        parse('{"version": }', "shop.json")


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "absent.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "bytes.yaml")


RULE = "{autoContext: {d: {type: string, rules: [{%s}]}}, variations: {main: {type: engine, model: m}}}"

WARNINGS = [
    ("{}", f"{PLACE}: has no 'variations' yet: it answers 404 NoVariationsConfigured"),
    ("null", f"{PLACE}: has no 'variations' yet: it answers 404 NoVariationsConfigured"),
    (MAIN % "{type: engine}", "main: names no 'model' yet: it answers 404 RecommenderArnNotConfigured"),
    (MAIN % "{type: personalize-campaign}", "main: names no 'arn' yet: it answers 404 RecommenderArnNotConfigured"),
    (
        "{variations: {a: {type: engine, model: m}, b: {type: engine, model: n}}}",
        "have no 'weight': only the first one",
    ),
    ("{cacheControl: {userSpecified: {directives: public}}, %s}", "directives: 'public' is left out"),
    ("{cacheControl: {userSpecified: {directives: s-maxage=5}}, %s}", "directives: 's-maxage' is left out"),
    ("{cacheControl: {userSpecified: {directives: privat}}, %s}", "unknown directive 'privat'; one of: immutable, "),
    ("{cacheControl: {userSpecified: {maxAge: 9, directives: max-age=5}}, %s}", "max-age=5 among the directives wins"),
    ("{cacheControl: {noUserSpecified: {maxAge: 60000}}, %s}", "maxAge: maxAge is in seconds: 60000 looks like milli"),
    ("{autoContext: {d: {type: string, rules: []}}, %s}", "autoContext.d: has neither rules nor a default"),
    ("{autoContext: {d: {type: integer, rules: [], default: x}}, %s}", "d.default: 'x' is not of type integer"),
    (
        "{autoContext: {d: {type: string, rules: [{type: season}]}}, %s}",
        "old spelling 'season': write 'season-of-year'",
    ),
    (
        RULE % "type: header-value, header: h, valueMappings: [{operator: start-with, value: a, mapTo: b}]",
        "old spelling 'start-with': write 'starts-with'",
    ),
    (
        RULE % "type: header-value, header: h, valueMappings: [{operator: equals, value: 7, mapTo: b}]",
        "never holds, for header-value yields a text: write '7'",
    ),
    (
        RULE % 'type: hour-of-day, valueMappings: [{operator: equals, value: "7", mapTo: b}]',
        "never holds, for hour-of-day yields a number: write it without quotes",
    ),
    (MAIN % "{type: personalize-campaign, arn: books}", "it is taken for the engine's model 'books'"),
    (MAIN % f'{{type: personalize-campaign, arn: "{ARN}:filter/x"}}', "is no campaign's or recommender's ARN"),
    (
        MAIN % '{type: personalize-campaign, arn: "arn:aws:personalize:[REGION]:[ACCOUNT]:campaign/[NAME]"}',
        "it is taken for the engine's model '[NAME]'",
    ),
    (
        MAIN % "{type: http, url: http://x/y, objective: {column: A, weight: 1}}",
        "main.objective: only the built-in engine heeds an objective",
    ),
    ("{filters: [{arn: x}], %s}", ".filters[0].arn: 'x' is no filter's ARN"),
    (
        MAIN % '{type: function, arn: "arn:aws:lambda:eu-west-1:111122223333:function/f"}',
        "old spelling 'function/NAME': write 'function:NAME'",
    ),
    ("{cacheControl: {noUserSpecified: {directives: max-age=x}}, %s}", "max-age needs whole seconds: max-age=60: ans"),
    ("{cacheControl: {userSpecified: {directives: a b}}, %s}", "cannot be read as HTTP directives at 'a b': answers"),
    (
        "{responsePostProcessor: {type: lambda}, %s}",
        "responsePostProcessor: names no 'arn' yet: the recommender answers 404 FunctionArnNotConfigured",
    ),
    (
        RULE % "type: header-value, header: h, valueMappings: [{operator: equals, value: a, mapTo: b, note: c}]",
        "valueMappings[0].note: unknown key 'note': nothing reads it",
    ),
    (
        (
            "{experiments: {t: {method: builtin, metrics: {m: {eventType: click}}}}, "
            "variations: {a: {type: engine, model: m}, b: {type: engine, model: n}}}"
        ),
        ".experiments: nobody can send a metric: the namespace has no 'eventTargets', so it takes no events",
    ),
    (
        f"{{filters: [{{expression: {ONE}}}, {{expression: {ONE}}}], %s}}",
        "filters[1]: never applies: the filter before it has no",
    ),
    (
        f"{{filters: [{{expression: {ONE}, autoDynamicFilterValues: {AUTO_C}}}], %s}}",
        "filters[0].autoDynamicFilterValues.C: the expression has no $C",
    ),
    (
        MAIN % "{type: engine, model: m, filter: {autoDynamicFilterValues: {}}}",
        "main.filter: old spelling 'filter': write it as an entry of 'filters'",
    ),
]


@pytest.mark.parametrize(("recommender", "says"), WARNINGS)
def test_what_is_odd_loads_with_a_warning(recommender, says):
    whole = recommender.replace("%s", "variations: {main: {type: engine, model: m}}")
    (warning,) = warnings_of(shop(whole))
    assert says in warning


EVIDENTLY = "{t: {method: evidently, project: p, metrics: {m: {entityIdKey: u.id, valueKey: v..x, unit: 1}}}}"


def test_an_experiment_of_evidently_loads_and_says_what_is_odd():
    variations = "{a: {type: engine, model: m, weight: 1}, b: {type: engine, model: n, weight: 3}}"
    config = shop(f"{{experiments: {EVIDENTLY}, variations: {variations}}}")
    assert [warning.partition(".experiments")[2] for warning in warnings_of(config)] == [
        ".t.metrics.m.unit: unknown key 'unit': nothing reads it",
        ".t.metrics.m.valueKey: 'v..x' is no path of names with dots between them",
        ": nobody can send a metric: the namespace has no 'eventTargets', so it takes no events",
    ]
    assert plan_of(config).experiments["t"].shares == (0.25, 0.75)


def test_whole_numbers_may_be_written_as_json_writes_them():
    config = parse('{"cacheControl": {"noUserSpecified": {"maxAge": 60.0, "directives": ""}}, "namespaces": {}}')
    assert config.warnings == ()


def test_an_empty_name_loads_as_upstream_has_it():
    assert "has an empty key: nothing can ask for it" in warnings_of(parse('namespaces: {"": {eventTargets: []}}'))[0]


def test_a_namespace_with_nothing_in_it_loads_with_a_warning():
    assert warnings_of(parse("namespaces: {shop: }")) == [
        "namespaces.shop: has neither 'recommenders' nor 'eventTargets': it answers nothing"
    ]


@pytest.mark.parametrize("max_age", [0, 60, 3600, 86400, 7 * 86400, 30 * 86400, 365 * 86400])
def test_usual_ages_are_not_taken_for_milliseconds(max_age):
    config = shop(
        "{variations: {m: {type: engine, model: m}}}", root=f"cacheControl: {{noUserSpecified: {{maxAge: {max_age}}}}}"
    )
    assert config.warnings == ()


STRUCTS = [each for each in vars(document).values() if isinstance(each, type) and issubclass(each, document.Part)]
NAMES = {field.encode_name for struct in STRUCTS for field in msgspec.structs.fields(struct)}
KEYS = st.sampled_from(sorted(NAMES | {"type", "recommend-items"}))
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.sampled_from(["engine", "header-value", "hour-of-day", "equals", "string", "${A}", "${A:-1}", "max-age=1"]),
)  # fmt: skip
TREES = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=30
)


@settings(max_examples=150, deadline=None)
@given(TREES)
def test_whatever_a_document_says_it_loads_or_is_refused(tree):
    for text in (
        json.dumps({"namespaces": {"a": tree}}),
        json.dumps({"namespaces": {}, **(tree if isinstance(tree, dict) else {})}),
    ):
        try:
            parse(text, "any.json", {})
        except ConfigError as error:
            assert error.faults


@pytest.mark.parametrize("field", ["secretAccessKey", "sessionToken"])
@pytest.mark.parametrize("value", ["12345678", "[hidden-12345678]", "{hidden: 12345678}", "''"])
def test_a_secret_is_never_shown(field, value):
    key = {"accessKeyId": "AKIA1", "secretAccessKey": "s", "accountId": "'000000000001'", field: value}
    text = ", ".join(f"{name}: {said}" for name, said in key.items())
    (fault,) = faults_of(f"namespaces: {{}}\naws: {{accessKeys: [{{{text}}}]}}")
    assert field in fault
    assert "12345678" not in fault
