"""Values from the environment."""

import pytest

from tests.gateway.config.documents import faults_of, plan_of, shop

ENVIRON = {"STAGE": "prod", "EMPTY": "", "SHARE": "0.5", "BRACE": "${STAGE}"}


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("${STAGE}", "prod"),
        ("${STAGE}-for-you", "prod-for-you"),
        ("${ABSENT:-test}-${STAGE}", "test-prod"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY}", ""),
        ("${ABSENT:-}", ""),
    ],
)
def test_a_text_is_filled(text, model):
    config = shop(f'{{variations: {{main: {{type: engine, model: "{text}"}}}}}}', environ=ENVIRON)
    assert plan_of(config).variations[0].model == model


def test_a_number_may_come_from_the_environment():
    config = shop('{variations: {main: {type: engine, model: m, weight: "${SHARE}"}}}', environ=ENVIRON)
    assert plan_of(config).variations[0].weight == 0.5


@pytest.mark.parametrize(
    ("text", "version"), [("$${STAGE}", "${STAGE}"), ("${BRACE}", "${STAGE}"), ("$STAGE", "$STAGE")]
)
def test_what_is_no_reference_stays(text, version):
    assert shop("{}", root=f'version: "{text}"', environ=ENVIRON).version == version


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("${ABSENT}", "version: the environment has no ABSENT; set it, or write ${ABSENT:-default}"),
        ("${A-B}", "version: write ${NAME} or ${NAME:-default}, and $${ for a plain ${"),
        ("${STAGE", "version: write ${NAME} or ${NAME:-default}, and $${ for a plain ${"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused_once(text, says):
    assert faults_of(f'version: "{text}"\nnamespaces: {{}}', ENVIRON) == [says]


def test_an_unset_number_is_refused_once():
    faults = faults_of('cacheControl: {userSpecified: {maxAge: "${AGE}"}}\nnamespaces: {}', {})
    assert faults == ["cacheControl.userSpecified.maxAge: the environment has no AGE; set it, or write ${AGE:-default}"]


def test_a_value_of_the_wrong_kind_is_refused():
    (fault,) = faults_of('cacheControl: {userSpecified: {maxAge: "${STAGE}"}}\nnamespaces: {}', ENVIRON)
    assert fault == "cacheControl.userSpecified.maxAge: must be whole seconds, 0 or more, not 'prod'"


HOME = {"RECGATE_ACCOUNT_ID": "111122223333", "RECGATE_REGION": "eu-west-1"}


@pytest.mark.parametrize(
    ("root", "account", "region"),
    [
        ("", "111122223333", "eu-west-1"),
        ("aws: {quotas: open}", "111122223333", "eu-west-1"),
        ("aws: {accountId: null, region: us-west-2}", "111122223333", "us-west-2"),
        ('aws: {accountId: "444455556666"}', "444455556666", "eu-west-1"),
    ],
)
def test_the_account_and_region_of_commands_are_those_of_a_server_that_says_none(root, account, region):
    aws = shop("{}", root=root, environ=HOME).aws
    assert (aws.account_id, aws.region) == (account, region)


def test_a_wrong_account_of_the_environment_is_refused():
    (fault,) = faults_of("namespaces: {}", {"RECGATE_ACCOUNT_ID": "12"})
    assert fault.startswith("aws.accountId: ")
